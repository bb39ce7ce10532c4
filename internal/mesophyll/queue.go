package mesophyll

import (
	"encoding/binary"
	"sync"
)

const (
	lengthBytes = 4 // before each message inside a frame, little-endian
	// batchBytes is how much a frame collects before the next one is begun: as
	// much as the reader's buffer holds, so that a busy link never reallocates.
	batchBytes = readBufferBytes - maxHeaderBytes
	// keepBytes is the largest buffer that is kept for reuse.
	keepBytes = 2 * readBufferBytes
)

// appender is a message that can put its own bytes behind others.
type appender interface {
	// appendTo must not block: it runs under the queue's lock.
	appendTo(b []byte) []byte
	// leastBytes is a cheap lower bound of what appendTo adds.
	leastBytes() int
}

// writeOwner says who may write to the connection.
type writeOwner uint8

const (
	ownerNone   writeOwner = iota // nobody: the next sender wakes the writer
	ownerWriter                   // the writer goroutine, awake or being woken
	ownerReader                   // the reader, between two reads
)

// queue holds what waits to be written. Everybody may put, only the owner takes.
//
// A batch is one frame to be: maxHeaderBytes of room for the header, then
// messages, each behind its length.
//
//	| room for the header | len | message | len | message | ...
type queue struct {
	frameBytes   int
	pendingBytes int
	batchLimit   int           // what a batch may hold before the next is begun
	wake         chan struct{} // capacity 1; filled when owner goes from none to writer

	mu sync.Mutex
	// mu guards the fields below.
	owner   writeOwner
	corked  bool     // the reader is handling messages and will look here when done
	closed  bool     // nothing more may be put
	tail    []byte   // the batch being filled; its header room is always there
	full    [][]byte // batches before tail, oldest first
	spare   []byte   // an empty batch for reuse
	pending int      // bytes put and not yet written
	refused uint64   // messages refused for want of room
	pong    []byte   // payload of the newest ping not yet answered; nil if none
	beat    []byte   // the newest heartbeat not yet sent, a batch of one message; nil if none
	last    []byte   // the close frame that ends the stream; set by closeLocked, nil once taken
	putN    uint64   // messages put
}

func newQueue(frameBytes, pendingBytes int) *queue {
	return &queue{
		frameBytes:   frameBytes,
		pendingBytes: pendingBytes,
		batchLimit:   min(batchBytes, frameBytes),
		wake:         make(chan struct{}, 1),
		tail:         make([]byte, maxHeaderBytes, 4096),
	}
}

// put queues one message. always puts it even when the bound is reached: for
// messages that are small and whose number is bounded elsewhere.
func (q *queue) put(m appender, always bool) error {
	if m.leastBytes() > q.frameBytes-lengthBytes {
		return ErrTooLarge
	}
	q.mu.Lock()
	if err := q.admitLocked(m.leastBytes(), always); err != nil {
		q.mu.Unlock()
		return err
	}
	mark := len(q.tail)
	q.tail = m.appendTo(append(q.tail, 0, 0, 0, 0))
	err := q.commitLocked(mark, always)
	wake := q.wakeLocked()
	q.mu.Unlock()
	if wake {
		q.wake <- struct{}{}
	}
	return err
}

// putBytes is put for a message that is already encoded.
func (q *queue) putBytes(m []byte) error {
	if len(m) == 0 || len(m) > q.frameBytes-lengthBytes {
		return ErrTooLarge
	}
	n := lengthBytes + len(m)
	q.mu.Lock()
	if err := q.admitLocked(len(m), false); err != nil {
		q.mu.Unlock()
		return err
	}
	if len(q.tail)+n > maxHeaderBytes+q.batchLimit && len(q.tail) > maxHeaderBytes {
		q.splitLocked(len(q.tail))
	}
	q.tail = append(binary.LittleEndian.AppendUint32(q.tail, uint32(len(m))), m...)
	q.pending += n
	q.putN++
	wake := q.wakeLocked()
	q.mu.Unlock()
	if wake {
		q.wake <- struct{}{}
	}
	return nil
}

// putBeat queues a heartbeat in front of everything else and replaces one that
// has not gone out yet, so beats can neither wait behind data nor pile up.
func (q *queue) putBeat(m appender) {
	batch := m.appendTo(make([]byte, maxHeaderBytes+lengthBytes, 128))
	binary.LittleEndian.PutUint32(batch[maxHeaderBytes:], uint32(len(batch)-maxHeaderBytes-lengthBytes))
	q.mu.Lock()
	q.beat = batch
	wake := q.wakeLocked()
	q.mu.Unlock()
	if wake {
		q.wake <- struct{}{}
	}
}

// putPong queues the answer to a ping. Only the newest is answered (RFC 6455,
// 5.5.3), so pings cannot make this end collect memory.
func (q *queue) putPong(payload []byte) {
	q.mu.Lock()
	q.pong = append(make([]byte, maxHeaderBytes, maxHeaderBytes+maxControlBytes), payload...)
	wake := q.wakeLocked()
	q.mu.Unlock()
	if wake {
		q.wake <- struct{}{}
	}
}

// admitLocked says whether a message of at least n bytes may be put.
func (q *queue) admitLocked(n int, always bool) error {
	if q.closed {
		return ErrConnLost
	}
	if !always && q.pending+lengthBytes+n > q.pendingBytes {
		q.refused++
		return ErrPendingFull
	}
	return nil
}

// commitLocked finishes the message that begins with its empty length at mark,
// or takes it back.
func (q *queue) commitLocked(mark int, always bool) error {
	size := len(q.tail) - mark - lengthBytes
	if size+lengthBytes > q.frameBytes {
		q.tail = q.tail[:mark]
		return ErrTooLarge
	}
	if !always && q.pending+lengthBytes+size > q.pendingBytes {
		q.tail = q.tail[:mark]
		q.refused++
		return ErrPendingFull
	}
	binary.LittleEndian.PutUint32(q.tail[mark:], uint32(size))
	q.pending += lengthBytes + size
	q.putN++
	if len(q.tail) > maxHeaderBytes+q.batchLimit && mark > maxHeaderBytes {
		q.splitLocked(mark)
	}
	return nil
}

// splitLocked ends the current batch at mark and begins the next one with what
// lies behind it.
func (q *queue) splitLocked(mark int) {
	next := append(q.freshLocked(), q.tail[mark:]...)
	q.full = append(q.full, q.tail[:mark])
	q.tail = next
}

// freshLocked returns an empty batch.
func (q *queue) freshLocked() []byte {
	if b := q.spare; b != nil {
		q.spare = nil
		return b[:maxHeaderBytes]
	}
	return make([]byte, maxHeaderBytes, 4096)
}

// wakeLocked gives the connection to the writer if nobody has it, and says
// whether the caller must wake it. While the reader is handling messages it
// need not be: the reader looks into the queue itself when it is done.
func (q *queue) wakeLocked() bool {
	if q.owner != ownerNone || q.corked {
		return false
	}
	q.owner = ownerWriter
	return true
}

// emptyLocked says whether takeLocked would return nothing.
func (q *queue) emptyLocked() bool {
	return q.pong == nil && q.beat == nil && len(q.full) == 0 && len(q.tail) <= maxHeaderBytes && q.last == nil
}

// outgoing is one frame on its way out.
type outgoing struct {
	batch   []byte // room for the header, then the payload
	op      byte
	pending int // what it counts for in the bound
}

// takeLocked removes the frame that goes out next: control frames and beats
// first. The batch is nil if there is nothing to send.
func (q *queue) takeLocked() outgoing {
	switch {
	case q.pong != nil:
		o := outgoing{batch: q.pong, op: opPong}
		q.pong = nil
		return o
	case q.beat != nil:
		o := outgoing{batch: q.beat, op: opBinary}
		q.beat = nil
		return o
	case len(q.full) > 0:
		o := outgoing{batch: q.full[0], op: opBinary, pending: len(q.full[0]) - maxHeaderBytes}
		q.full[0] = nil
		q.full = q.full[1:]
		return o
	case len(q.tail) > maxHeaderBytes:
		o := outgoing{batch: q.tail, op: opBinary, pending: len(q.tail) - maxHeaderBytes}
		q.tail = q.freshLocked()
		return o
	case q.last != nil:
		o := outgoing{batch: q.last, op: opClose}
		q.last = nil
		return o
	}
	return outgoing{}
}

// doneLocked counts o as written and keeps its memory.
func (q *queue) doneLocked(o outgoing) {
	q.pending -= o.pending
	if o.pending > 0 && q.spare == nil && cap(o.batch) <= keepBytes {
		q.spare = o.batch
	}
}

// closeLocked refuses whatever is put from now on. last, if not nil, goes out
// as the final frame; what still waits goes out before it unless drop is set.
// It says whether the caller must wake the writer.
func (q *queue) closeLocked(last []byte, drop bool) (wake bool) {
	if !q.closed {
		q.closed = true
		q.last = last
	}
	if last == nil {
		q.last = nil
	}
	if drop {
		q.full, q.beat, q.pong = nil, nil, nil
		q.tail = q.tail[:maxHeaderBytes]
		q.pending = 0
	}
	if q.owner != ownerNone {
		return false
	}
	q.owner = ownerWriter
	return true
}
