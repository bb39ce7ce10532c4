package mesophyll

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Identity says which life of which worker a connection belongs to.
type Identity struct {
	Worker     khronos.WorkerID
	Generation khronos.Generation
}

// Handler gets the messages that are no replies to calls, in the order in which
// they arrived, on the reader's goroutine. It must not block: while it runs
// nothing else is received, and what is sent may wait for it. The message and
// its bytes are the Handler's own.
type Handler interface{ Handle(m Message) }

// Conn is one end of the link between the master and a worker. It pairs replies
// with calls by number, so many calls may be in flight at once. Its methods are
// safe for concurrent use.
type Conn struct {
	pipe  *Pipe
	side  Side
	id    Identity
	calls *calls
	beats beats

	handler   Handler // set by Serve
	beatsIn   atomic.Uint64
	missed    atomic.Uint64 // in a row
	missedSum atomic.Uint64
	unknown   atomic.Uint64

	out, in [maxKinds]atomic.Uint64 // messages by kind
}

// newConn makes one end of a link of pipe, which nobody serves yet.
func newConn(pipe *Pipe, id Identity) *Conn {
	c := &Conn{pipe: pipe, side: pipe.side, id: id, calls: newCalls()}
	pipe.ended = c.calls.close
	c.beats.tick = c.checkBeat
	if c.side == ClientSide {
		c.beats.tick = c.sendBeat
	}
	return c
}

// Identity returns whose connection this is.
func (c *Conn) Identity() Identity { return c.id }

// Serve runs the connection until it ends and returns a [LostError] with the
// reason. It is called once. The reader runs on the calling goroutine, the
// writer on its own; both have ended when Serve returns, and every call that
// was in flight has its error well before.
func (c *Conn) Serve(ctx context.Context, h Handler) error {
	c.handler = h
	c.beats.start(c.pipe.cfg.Heartbeat)
	defer c.beats.stop()
	return c.pipe.Serve(ctx, c.receive)
}

// Send queues m and does not wait. It returns [ErrPendingFull], [ErrTooLarge],
// or a [LostError] after the end.
func (c *Conn) Send(m Message) error {
	return c.pipe.sendError(c.put(m, false))
}

// put queues m and counts it.
func (c *Conn) put(m Message, always bool) error {
	err := c.pipe.q.put(m, always)
	if err == nil {
		c.out[m.Kind()].Add(1)
	}
	return err
}

// Reserve gives m the number of a call, which is sent by [Pending.Send]: so a
// caller can note the number before the other end can have heard of it. The
// caller sends it in any case, and changes nothing in m until the call is over.
// The error is a [LostError].
func (c *Conn) Reserve(m Request) (*Pending, error) {
	p := c.calls.pool.Get().(*Pending)
	p.conn, p.request, p.wants = c, m, m.replyKind()
	if err := c.calls.add(p); err != nil {
		c.calls.recycle(p)
		return nil, err
	}
	m.setNumber(p.number)
	return p, nil
}

// Start sends m under a new number and does not wait for the reply. Its errors
// are those of [Conn.Send].
func (c *Conn) Start(m Request) (*Pending, error) {
	p, err := c.Reserve(m)
	if err != nil {
		return nil, err
	}
	if err := p.Send(); err != nil {
		return nil, err
	}
	return p, nil
}

// Call is [Conn.Start] and [Pending.Wait].
func (c *Conn) Call(ctx context.Context, m Request) (Reply, error) {
	p, err := c.Start(m)
	if err != nil {
		return nil, err
	}
	return p.Wait(ctx)
}

// cancel tells the worker that nobody waits any more. It is put even when the
// queue is full: there is at most one for each call that did find room. Host
// calls have no Cancel: they end with the dispatch they belong to.
func (c *Conn) cancel(m Request, number uint64) {
	if m.replyKind() == KindDispatchResponse {
		_ = c.put(&Cancel{ReqID: number}, true) // refused only after the end, when nobody runs it
	}
}

// Close ends the connection: every call in flight gets its [LostError] at once,
// what is queued goes out, then a close frame with the cause. A nil cause means
// [ErrClosed]. It does not wait; Serve does. Only the first cause counts.
func (c *Conn) Close(cause error) { c.pipe.Close(cause) }

// receive takes one message off the wire, on the reader's goroutine.
func (c *Conn) receive(b []byte) error {
	m, err := Decode(b, c.side.other())
	if err != nil {
		c.countUnknown(err)
		return err
	}
	c.in[m.Kind()].Add(1)
	switch m := m.(type) {
	case Reply:
		return c.calls.answer(m)
	case *Started:
		c.calls.start(m.ReqID)
	case *Heartbeat:
		c.beatsIn.Add(1)
	case *Hello:
		if m.Protocol != ProtocolVersion {
			return &protocolError{CloseWrongVersion, fmt.Sprintf("the master speaks protocol %d, this worker %d", m.Protocol, ProtocolVersion)}
		}
		c.beats.setInterval(m.Heartbeat)
	}
	c.handler.Handle(m)
	return nil
}

func (c *Conn) countUnknown(err error) {
	var violation *protocolError
	if errors.As(err, &violation) && violation.code == CloseUnknownKind {
		c.unknown.Add(1)
	}
}

// sendBeat is the tick of a worker.
func (c *Conn) sendBeat() (again bool) {
	beat := Heartbeat{}
	if count := c.pipe.cfg.Counters; count != nil {
		beat = count()
	}
	c.pipe.q.putBeat(&beat)
	c.out[KindHeartbeat].Add(1)
	return true
}

// checkBeat is the tick of the master.
func (c *Conn) checkBeat() (again bool) {
	if c.beatsIn.Swap(0) > 0 {
		c.missed.Store(0)
		return true
	}
	c.missedSum.Add(1)
	if c.missed.Add(1) < uint64(c.pipe.cfg.MissedBeats) {
		return true
	}
	silent := time.Duration(c.pipe.cfg.MissedBeats) * c.pipe.cfg.Heartbeat
	c.pipe.shut(fmt.Errorf("%w: %d in a row, none for %v", ErrHeartbeat, c.pipe.cfg.MissedBeats, silent), shutDrop)
	return false
}

// ConnStats is what a connection has counted so far.
type ConnStats struct {
	MessagesOut, FramesOut, BytesOut uint64
	MessagesIn, FramesIn, BytesIn    uint64
	PendingBytes                     int    // queued and not yet written
	RefusedFull                      uint64 // messages refused with ErrPendingFull
	InFlight                         int    // calls that wait
	LateReplies                      uint64
	MissedBeats                      uint64 // in all
	UnknownKinds                     uint64 // messages that ended the link by their kind

	KindsOut, KindsIn [maxKinds]uint64 // messages by [Kind]
}

// maxKinds is above every kind's number.
const maxKinds = 128

// Add adds the numbers of another connection.
func (s *ConnStats) Add(o ConnStats) {
	s.MessagesOut += o.MessagesOut
	s.FramesOut += o.FramesOut
	s.BytesOut += o.BytesOut
	s.MessagesIn += o.MessagesIn
	s.FramesIn += o.FramesIn
	s.BytesIn += o.BytesIn
	s.PendingBytes += o.PendingBytes
	s.RefusedFull += o.RefusedFull
	s.InFlight += o.InFlight
	s.LateReplies += o.LateReplies
	s.MissedBeats += o.MissedBeats
	s.UnknownKinds += o.UnknownKinds
	for k := range maxKinds {
		s.KindsOut[k] += o.KindsOut[k]
		s.KindsIn[k] += o.KindsIn[k]
	}
}

// Stats returns the counters. They are not taken at one instant.
func (c *Conn) Stats() ConnStats {
	p := c.pipe
	s := ConnStats{
		FramesOut: p.framesOut.Load(), BytesOut: p.bytesOut.Load(),
		MessagesIn: p.messagesIn.Load(), FramesIn: p.framesIn.Load(), BytesIn: p.bytesIn.Load(),
		MissedBeats: c.missedSum.Load(), UnknownKinds: c.unknown.Load(),
	}
	for k := range maxKinds {
		s.KindsOut[k], s.KindsIn[k] = c.out[k].Load(), c.in[k].Load()
	}
	s.InFlight, s.LateReplies = c.calls.counts()
	p.q.mu.Lock()
	defer p.q.mu.Unlock()
	s.MessagesOut, s.PendingBytes, s.RefusedFull = p.q.putN, max(p.q.pending, 0), p.q.refused
	return s
}
