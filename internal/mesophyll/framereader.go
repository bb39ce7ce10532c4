package mesophyll

import (
	"fmt"
	"io"
)

const readBufferBytes = 64 << 10

// frameReader cuts frames out of a stream of bytes. It belongs to the reader.
type frameReader struct {
	r          io.Reader
	fromClient bool
	maxPayload int
	buf        []byte
	lo, hi     int // buf[lo:hi] has been read and not yet taken
}

func newFrameReader(r io.Reader, fromClient bool, maxPayload int) *frameReader {
	return &frameReader{r: r, fromClient: fromClient, maxPayload: maxPayload, buf: make([]byte, readBufferBytes)}
}

// poll takes the next frame, unmasked, if all of it has been read already. The
// payload is valid until the next fill.
func (f *frameReader) poll() (op byte, payload []byte, ok bool, err error) {
	h, ok, err := parseHeader(f.buf[f.lo:f.hi], f.fromClient, f.maxPayload)
	if err != nil || !ok || f.hi-f.lo < h.size+h.payload {
		return 0, nil, false, err
	}
	start := f.lo + h.size
	f.lo = start + h.payload
	payload = f.buf[start:f.lo:f.lo]
	if h.masked {
		applyMask(payload, h.mask)
	}
	return h.op, payload, true, nil
}

// fill blocks in one read after poll has found no whole frame.
func (f *frameReader) fill() error {
	f.makeRoom()
	n, err := f.r.Read(f.buf[f.hi:])
	f.hi += n
	if n > 0 {
		return nil // an error beside bytes comes again with the next read
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// makeRoom moves the frame that has only half arrived to the front of a buffer
// that can hold all of it.
func (f *frameReader) makeRoom() {
	want := readBufferBytes
	if h, ok, err := parseHeader(f.buf[f.lo:f.hi], f.fromClient, f.maxPayload); ok && err == nil {
		want = max(want, h.size+h.payload)
	}
	if want != len(f.buf) {
		grown := make([]byte, want)
		f.hi = copy(grown, f.buf[f.lo:f.hi])
		f.lo, f.buf = 0, grown
		return
	}
	if f.lo > 0 {
		f.hi = copy(f.buf, f.buf[f.lo:f.hi])
		f.lo = 0
	}
}

// cut describes what is left of a frame that will never be whole; nil when the
// stream ended between frames.
func (f *frameReader) cut() error {
	have := f.hi - f.lo
	if have == 0 {
		return nil
	}
	h, ok, err := parseHeader(f.buf[f.lo:f.hi], f.fromClient, f.maxPayload)
	if err != nil || !ok {
		return fmt.Errorf("frame cut after %d bytes of its header", have)
	}
	return fmt.Errorf("frame cut after %d of %d bytes", have, h.size+h.payload)
}
