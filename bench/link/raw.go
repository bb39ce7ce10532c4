package main

import (
	"bufio"
	"encoding/binary"
	"net"
	"runtime"
	"sync"
)

// The anchor: four bytes of length before each message, nothing else. The
// client has a reader and a writer that yields once and then writes all that is
// queued; the server answers inline and writes when its buffer is used up.

const rawBuffer = 64 << 10

// listenAndStart listens, starts the server process and returns its connection.
func listenAndStart(in *invocation) (net.Conn, error) {
	l, err := net.Listen("unix", in.addr)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if err := in.startServer(in.addr); err != nil {
		return nil, err
	}
	return l.Accept()
}

func rawClient(in *invocation) (caller, error) {
	nc, err := listenAndStart(in)
	if err != nil {
		return nil, err
	}
	w := &rawWriter{nc: nc, wake: make(chan struct{}, 1)}
	s := newSlots(w.send, func() { nc.Close() })
	go w.run()
	go readRaw(nc, s.deliver)
	return s, nil
}

// readRaw calls handle with each message until the connection ends.
func readRaw(nc net.Conn, handle func(m []byte) error) error {
	r := bufio.NewReaderSize(nc, rawBuffer)
	for {
		m, err := nextRaw(r)
		if err != nil {
			return err
		}
		if err := handle(m); err != nil {
			return err
		}
	}
}

func nextRaw(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(4)
	if err != nil {
		return nil, err
	}
	n := 4 + int(binary.LittleEndian.Uint32(head))
	m, err := r.Peek(n)
	if err != nil {
		return nil, err
	}
	_, err = r.Discard(n)
	return m[4:], err
}

// rawWriter is the yielding writer.
type rawWriter struct {
	nc   net.Conn
	wake chan struct{}

	mu sync.Mutex
	// mu guards the fields below.
	queued, spare []byte
	woken         bool
}

func (w *rawWriter) send(m []byte) error {
	w.mu.Lock()
	w.queued = append(binary.LittleEndian.AppendUint32(w.queued, uint32(len(m))), m...)
	wake := !w.woken
	w.woken = true
	w.mu.Unlock()
	if wake {
		w.wake <- struct{}{}
	}
	return nil
}

func (w *rawWriter) run() {
	for range w.wake {
		runtime.Gosched()
		w.mu.Lock()
		b := w.queued
		w.queued, w.woken = w.spare[:0], false
		w.mu.Unlock()
		if _, err := w.nc.Write(b); err != nil {
			return
		}
		w.spare = b
	}
}

func rawServer(addr string) error {
	nc, err := net.Dial("unix", addr)
	if err != nil {
		return err
	}
	r := bufio.NewReaderSize(nc, rawBuffer)
	var out []byte
	for {
		if len(out) > 0 && !wholeRaw(r) {
			if _, err := nc.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
		m, err := nextRaw(r)
		if err != nil {
			return err
		}
		out = echo(binary.LittleEndian.AppendUint32(out, replyBytes), m)
	}
}

// wholeRaw says whether a whole message has been read already.
func wholeRaw(r *bufio.Reader) bool {
	if r.Buffered() < 4 {
		return false
	}
	head, err := r.Peek(4)
	return err == nil && r.Buffered() >= 4+int(binary.LittleEndian.Uint32(head))
}
