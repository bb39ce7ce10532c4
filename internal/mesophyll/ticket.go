package mesophyll

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"sync"
)

const (
	tokenBytes = 48 // 384 random bits
	tokenChars = 64 // the same in base64: 48 * 4 / 3
)

// errTicketDropped is the cause of the end of a connection nobody waited for.
var errTicketDropped = errors.New("ticket closed before its connection was taken")

// Ticket lets one connection of one generation of a worker in, once.
type Ticket struct {
	server *Server
	id     Identity
	token  string
	used   bool          // guarded by server.mu
	conn   chan *Conn    // capacity 1
	closed chan struct{} // closed by Close
	once   sync.Once
}

// Expect makes the one-use token of a generation and waits for nothing. Every
// ticket stands for itself: one for a newer generation of the same worker does
// not touch an older one. The caller closes it.
func (s *Server) Expect(id Identity) (*Ticket, error) {
	var random [tokenBytes]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	t := &Ticket{
		server: s,
		id:     id,
		token:  base64.RawURLEncoding.EncodeToString(random[:]),
		conn:   make(chan *Conn, 1),
		closed: make(chan struct{}),
	}
	s.mu.Lock()
	s.tickets[t] = struct{}{}
	s.mu.Unlock()
	return t, nil
}

// redeem returns the open ticket with the given token and marks it used; nil if
// there is none or it has been used. It compares with every ticket in full, so
// that the time it takes says nothing about any token.
func (s *Server) redeem(token string) *Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *Ticket
	for t := range s.tickets {
		if subtle.ConstantTimeCompare([]byte(t.token), []byte(token)) == 1 {
			found = t
		}
	}
	if found == nil {
		return nil
	}
	if found.used {
		s.reused.Add(1)
		return nil
	}
	found.used = true
	return found
}

// Token returns the 64 characters that the worker has to show. They are secret.
func (t *Ticket) Token() string { return t.token }

// Wait returns the connection when it is there: the caller serves or closes it.
// It returns the cause of ctx when that ends first, and [ErrTicketClosed] after
// Close. It gives the connection to one caller only.
func (t *Ticket) Wait(ctx context.Context) (*Conn, error) {
	select {
	case c := <-t.conn:
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-t.closed:
		return nil, ErrTicketClosed
	}
}

// Close withdraws the token and closes a connection that nobody has taken. A
// connection that Wait has returned is not touched. It may be called often.
func (t *Ticket) Close() {
	t.once.Do(func() {
		t.server.mu.Lock()
		delete(t.server.tickets, t)
		t.server.mu.Unlock()
		close(t.closed)
	})
	t.drop()
}

// deliver hands c to whoever waits. A ticket that was closed meanwhile drops it.
func (t *Ticket) deliver(c *Conn) {
	t.conn <- c // one connection at most: the token is used
	select {
	case <-t.closed:
		t.drop()
	default:
	}
}

func (t *Ticket) drop() {
	select {
	case c := <-t.conn:
		c.Close(errTicketDropped)
	default:
	}
}
