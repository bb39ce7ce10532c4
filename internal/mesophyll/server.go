package mesophyll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

const (
	// subprotocol names the protocol and its version in the upgrade.
	subprotocol = "mesophyll.v1"
	linkPath    = "/mesophyll"
	// Headers of the upgrade's answer: whose connection it is.
	headerWorker     = "Mesophyll-Worker"
	headerGeneration = "Mesophyll-Generation"

	maxHandshakeBytes = 8 << 10
	maxHandshakes     = 64 // at once
)

// Server accepts the connections of workers. A worker shows the token of its
// [Ticket] in the upgrade request; nobody else gets in.
type Server struct {
	cfg Config
	log *slog.Logger

	mu sync.Mutex
	// mu guards the fields below.
	tickets map[*Ticket]struct{} // not yet closed

	accepted, refused, reused atomic.Uint64
}

// NewServer makes a Server; cfg is that of every connection it accepts.
func NewServer(cfg Config, log *slog.Logger) *Server {
	return &Server{cfg: cfg.withDefaults(), log: log, tickets: make(map[*Ticket]struct{})}
}

// ServerStats is what a Server has counted so far.
type ServerStats struct {
	Accepted uint64 // upgrades that became a Conn
	Refused  uint64 // upgrades refused for whatever reason, reused tokens included
	Reused   uint64 // upgrades refused because their token had been used
}

// Stats returns the counters.
func (s *Server) Stats() ServerStats {
	return ServerStats{Accepted: s.accepted.Load(), Refused: s.refused.Load(), Reused: s.reused.Load()}
}

// Serve accepts connections on l until ctx ends or l fails, and returns when
// every handshake it has begun is over. It closes l. Connections that were
// handed to a ticket live on: they belong to whoever waits for the ticket.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer l.Close()
	var handshakes sync.WaitGroup
	defer handshakes.Wait()
	slots := make(chan struct{}, maxHandshakes)
	for {
		nc, err := accept(ctx, l)
		if err != nil {
			return err
		}
		slots <- struct{}{} // waits at most one handshake timeout
		handshakes.Go(func() {
			defer func() { <-slots }()
			s.handshake(ctx, nc)
		})
	}
}

// accept waits out errors that pass, such as too many open files.
func accept(ctx context.Context, l net.Listener) (net.Conn, error) {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		nc, err := l.Accept()
		if err == nil {
			return nc, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if errors.Is(err, net.ErrClosed) {
			return nil, fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// handshake makes a Conn of nc and hands it to its ticket, or closes it.
func (s *Server) handshake(ctx context.Context, nc net.Conn) {
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(longAgo) })
	defer stop()
	nc.SetDeadline(time.Now().Add(s.cfg.HandshakeTimeout))
	ticket, err := s.upgrade(nc)
	if err != nil {
		s.refused.Add(1)
		s.log.Warn("refuse worker connection", "remote", nc.RemoteAddr(), "err", err)
		nc.Close()
		return
	}
	if !stop() { // the deadline may be poisoned, and nobody wants the connection
		nc.Close()
		return
	}
	nc.SetDeadline(time.Time{})
	s.accepted.Add(1)
	ticket.deliver(newConn(NewPipe(nc, ServerSide, nil, s.cfg), ticket.id))
}

// upgrade answers the upgrade request on nc and returns the ticket whose token
// it has shown, which is thereby used.
func (s *Server) upgrade(nc net.Conn) (ticket *Ticket, err error) {
	var token string
	spoken := false
	u := ws.Upgrader{
		OnRequest: func(uri []byte) error {
			if string(uri) != linkPath {
				return refuse(http.StatusNotFound, "no such path")
			}
			return nil
		},
		Protocol: func(name []byte) bool {
			spoken = spoken || string(name) == subprotocol
			return string(name) == subprotocol
		},
		OnHeader: func(key, value []byte) error {
			if strings.EqualFold(string(key), "Authorization") {
				token, _ = strings.CutPrefix(string(value), "Bearer ")
			}
			return nil
		},
		OnBeforeUpgrade: func() (ws.HandshakeHeader, error) {
			if !spoken {
				return nil, refuse(http.StatusBadRequest, "want subprotocol "+subprotocol)
			}
			if ticket = s.redeem(token); ticket == nil {
				return nil, refuse(http.StatusUnauthorized, "unknown or used token")
			}
			return ws.HandshakeHeaderHTTP{
				headerWorker:     {strconv.Itoa(int(ticket.id.Worker))},
				headerGeneration: {strconv.FormatUint(uint64(ticket.id.Generation), 10)},
			}, nil
		},
	}
	bounded := struct {
		io.Reader
		io.Writer
	}{io.LimitReader(nc, maxHandshakeBytes), nc}
	if _, err := u.Upgrade(bounded); err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	return ticket, nil
}

func refuse(status int, reason string) error {
	return ws.RejectConnectionError(ws.RejectionStatus(status), ws.RejectionReason(reason))
}
