package mesophyll

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"time"
)

// Side says which end of a WebSocket a Pipe is.
type Side uint8

const (
	ServerSide Side = iota // the master
	ClientSide             // the worker: it masks what it sends
)

func (s Side) other() Side { return ClientSide - s }

// Pipe carries opaque messages over a connection on which the upgrade is done.
//
// Messages arrive in the order in which they were sent. Send may be called from
// anywhere, also before Serve; Serve is called once. Pipe owns the connection.
type Pipe struct {
	nc   net.Conn
	side Side
	cfg  Config
	q    *queue
	in   *frameReader
	try  *tryWriter // nil: the reader never writes
	// ended is called once, as soon as the end is certain, from the goroutine
	// that caused it and with no lock held.
	ended func(cause error)

	// Only the owner of the queue touches the fields below.
	masks  *rand.ChaCha8
	rest   []byte // what the reader could not write without waiting
	restOf outgoing

	// Only the reader touches the fields below.
	handled   uint64 // messages handled since cork
	putBefore uint64 // messages that had been queued then

	closing atomic.Bool
	life    atomic.Uint32
	cause   error // written once before closing is set

	framesIn, messagesIn, bytesIn, framesOut, bytesOut atomic.Uint64
}

// NewPipe makes a Pipe of nc. early is what the handshake had already read
// behind its own end.
func NewPipe(nc net.Conn, side Side, early []byte, cfg Config) *Pipe {
	cfg = cfg.withDefaults()
	p := &Pipe{
		nc:    nc,
		side:  side,
		cfg:   cfg,
		q:     newQueue(cfg.FrameBytes, cfg.PendingBytes),
		in:    newFrameReader(nc, side == ServerSide, cfg.FrameBytes),
		try:   newTryWriter(nc),
		ended: func(error) {},
	}
	p.in.hi = copy(p.in.buf, early)
	if side == ClientSide {
		var seed [32]byte
		cryptorand.Read(seed[:]) // never fails: it ends the program rather than return an error
		p.masks = rand.NewChaCha8(seed)
	}
	return p
}

// Send queues a copy of m. It returns [ErrPendingFull], [ErrTooLarge], or a
// [LostError] after the end; it never blocks.
func (p *Pipe) Send(m []byte) error {
	return p.sendError(p.q.putBytes(m))
}

// sendError gives a refusal its cause.
func (p *Pipe) sendError(err error) error {
	if err == ErrConnLost {
		return &LostError{Cause: p.cause}
	}
	return err
}

// Serve runs the reader on the calling goroutine and the writer on one of its
// own. It calls handle with each message in order; the bytes are valid until
// handle returns, which must not block. An error of handle ends the Pipe.
//
// Serve returns a [LostError] when both have ended and the connection is
// closed. It ends when ctx does, after Close, when the other side closes or
// breaks the protocol, or when the connection fails.
func (p *Pipe) Serve(ctx context.Context, handle func(m []byte) error) error {
	if !p.life.CompareAndSwap(lifeNew, lifeServed) {
		if p.life.Load() == lifeServed {
			panic("BUG: Serve called twice")
		}
		return &LostError{Cause: p.cause}
	}
	ctxEnded := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ctxEnded)
		p.shut(context.Cause(ctx), shutFlush)
	})
	writerEnded := make(chan struct{})
	go func() {
		defer close(writerEnded)
		p.write()
	}()
	p.read(handle)
	<-writerEnded
	if !stop() {
		<-ctxEnded
	}
	p.nc.Close()
	return &LostError{Cause: p.cause}
}

// Close ends the Pipe: what is queued goes out, then a close frame, all within
// the close timeout. A nil cause means [ErrClosed]. It does not wait; Serve
// does. Only the first cause counts. A Pipe that nobody serves yet is closed at
// once, and Serve will only say why.
func (p *Pipe) Close(cause error) {
	if cause == nil {
		cause = ErrClosed
	}
	p.shut(cause, shutFlush)
	if p.life.CompareAndSwap(lifeNew, lifeClosed) {
		p.nc.Close() // Serve will not do it
	}
}

// What has happened to a Pipe, in Pipe.life.
const (
	lifeNew uint32 = iota
	lifeServed
	lifeClosed // closed before it was served
)

// shutMode says what still goes out when a Pipe ends.
type shutMode uint8

const (
	shutFlush shutMode = iota // what is queued, then a close frame
	shutDrop                  // only a close frame
	shutDead                  // nothing: the connection is gone
)

var longAgo = time.Unix(1, 0)

// shut ends the Pipe for both goroutines. Only the first cause is kept.
func (p *Pipe) shut(cause error, mode shutMode) {
	var last []byte
	if mode != shutDead {
		body := closeBody(closeCodeOf(cause), cause.Error())
		last = append(make([]byte, maxHeaderBytes, maxHeaderBytes+maxControlBytes), body...)
	}
	p.q.mu.Lock()
	first := !p.q.closed
	if first {
		p.cause = cause
	}
	wake := p.q.closeLocked(last, mode != shutFlush)
	p.q.mu.Unlock()
	if mode == shutDead {
		p.nc.SetDeadline(longAgo)
	} else if first {
		p.nc.SetDeadline(time.Now().Add(p.cfg.CloseTimeout))
	}
	if wake {
		p.q.wake <- struct{}{}
	}
	if first {
		p.closing.Store(true)
		p.ended(cause)
	}
}

// read takes frames until the stream ends.
func (p *Pipe) read(handle func(m []byte) error) {
	for {
		op, payload, ok, err := p.in.poll()
		if err != nil {
			p.shut(err, shutDrop)
			p.discard()
			return
		}
		if ok {
			if p.frame(op, payload, handle) {
				return
			}
			continue
		}
		p.uncork()
		if err := p.in.fill(); err != nil {
			p.shut(p.readCause(err), shutDead)
			return
		}
		p.cork()
	}
}

// frame handles one frame and says whether it was the last.
func (p *Pipe) frame(op byte, payload []byte, handle func(m []byte) error) (last bool) {
	p.framesIn.Add(1)
	p.bytesIn.Add(uint64(len(payload)))
	switch op {
	case opBinary:
		if p.closing.Load() {
			return false
		}
		if err := p.deliver(payload, handle); err != nil {
			p.shut(err, shutDrop)
		}
	case opPing:
		p.q.putPong(payload)
	case opClose:
		code, reason, err := parseCloseBody(payload)
		if err == nil {
			err = &PeerClosedError{Code: code, Reason: reason}
		}
		p.shut(err, shutDrop)
		return true
	}
	return false
}

// deliver hands the messages of one frame to handle.
func (p *Pipe) deliver(b []byte, handle func(m []byte) error) error {
	if len(b) == 0 {
		return &protocolError{CloseBadMessage, "frame without a message"}
	}
	n := uint64(0)
	for len(b) > 0 {
		if len(b) < lengthBytes {
			return &protocolError{CloseBadMessage, fmt.Sprintf("%d stray bytes behind the last message", len(b))}
		}
		size := binary.LittleEndian.Uint32(b)
		b = b[lengthBytes:]
		if size == 0 || uint64(size) > uint64(len(b)) {
			return &protocolError{CloseBadMessage, fmt.Sprintf("message of %d bytes where %d are left", size, len(b))}
		}
		if err := handle(b[:size:size]); err != nil {
			return err
		}
		b = b[size:]
		n++
	}
	p.messagesIn.Add(n)
	p.handled += n
	return nil
}

// discard reads on until the other end has noticed, so that closing the
// connection does not wipe out the close frame on its way there.
func (p *Pipe) discard() {
	p.uncork()
	io.Copy(io.Discard, p.nc) // ends at the latest with the deadline that shut has set
	p.shut(p.cause, shutDead)
}

// readCause explains why the stream of bytes ended.
func (p *Pipe) readCause(err error) error {
	what := fmt.Errorf("read: %w", err)
	if errors.Is(err, io.EOF) {
		what = errors.New("the other end went away without a close frame")
	}
	if cut := p.in.cut(); cut != nil {
		return fmt.Errorf("%w: %w", what, cut)
	}
	return what
}

// write is the writer: whenever it is woken it writes until the queue is empty.
// It yields once before each look, so that everybody who is about to send can
// do so and it all goes out in one system call: system calls, not frames or
// codecs, decide what a link can carry.
func (p *Pipe) write() {
	for range p.q.wake {
		for step := wrote; step == wrote; {
			runtime.Gosched()
			var err error
			if step, err = p.writeNext(); err != nil {
				p.shut(err, shutDead)
				return
			}
			if step == finished {
				return
			}
		}
	}
}

// writeStep is what one look into the queue led to.
type writeStep uint8

const (
	wrote    writeStep = iota // one frame went out
	drained                   // nothing to do: the connection was given up
	finished                  // nothing to do, and nothing will come
)

// writeNext writes one frame.
func (p *Pipe) writeNext() (writeStep, error) {
	o, b := p.restOf, p.rest
	if b == nil {
		p.q.mu.Lock()
		o = p.q.takeLocked()
		if o.batch == nil {
			defer p.q.mu.Unlock()
			if p.q.closed {
				return finished, nil
			}
			p.q.owner = ownerNone
			return drained, nil
		}
		p.q.mu.Unlock()
		b = p.seal(o)
	}
	p.rest, p.restOf = nil, outgoing{}
	if n, err := p.nc.Write(b); err != nil {
		return finished, fmt.Errorf("write: frame cut after %d of %d bytes: %w", n, len(b), err)
	}
	p.written(o)
	return wrote, nil
}

// seal puts the frame header before the payload of o and masks it.
func (p *Pipe) seal(o outgoing) []byte {
	mask := uint32(0)
	if p.masks != nil {
		mask = uint32(p.masks.Uint64())
		applyMask(o.batch[maxHeaderBytes:], mask)
	}
	at := putHeader(o.batch, o.op, len(o.batch)-maxHeaderBytes, p.masks != nil, mask)
	return o.batch[at:]
}

// written counts o.
func (p *Pipe) written(o outgoing) {
	p.framesOut.Add(1)
	p.bytesOut.Add(uint64(len(o.batch) - maxHeaderBytes))
	p.q.mu.Lock()
	p.q.doneLocked(o)
	p.q.mu.Unlock()
}

// cork tells senders that the reader is handling messages and will send what
// they queue meanwhile.
func (p *Pipe) cork() {
	p.q.mu.Lock()
	p.q.corked = true
	p.putBefore = p.q.putN
	p.q.mu.Unlock()
	p.handled = 0
}

// uncork sends what was queued while the reader was handling messages, as far
// as that is possible without waiting. A reader must never wait for the other
// end to read: both ends doing so would wait for ever. What is left goes to the
// writer.
//
// When fewer messages were queued than handled it yields first, as the writer
// does: whoever was woken by what the reader has handled gets its answer into
// the same write. A yield in vain would cost the waking of a thread.
func (p *Pipe) uncork() {
	q := p.q
	q.mu.Lock()
	if q.putN-p.putBefore < p.handled {
		q.mu.Unlock()
		runtime.Gosched()
		q.mu.Lock()
	}
	q.corked = false
	if q.owner != ownerNone || q.emptyLocked() {
		q.mu.Unlock()
		return
	}
	q.owner = ownerReader
	for p.try != nil && !q.closed {
		o := q.takeLocked()
		if o.batch == nil {
			q.owner = ownerNone
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		b := p.seal(o)
		n, err := p.try.write(b)
		if err != nil || n < len(b) {
			p.rest, p.restOf = b[n:], o // the writer meets the error again
			q.mu.Lock()
			break
		}
		p.written(o)
		q.mu.Lock()
	}
	q.owner = ownerWriter
	q.mu.Unlock()
	q.wake <- struct{}{}
}
