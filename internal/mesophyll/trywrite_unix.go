//go:build unix

package mesophyll

import (
	"net"
	"syscall"
)

// tryWriter writes as much as the kernel takes at once and never waits.
type tryWriter struct {
	raw     syscall.RawConn
	attempt func(fd uintptr) bool // made once: a closure for each write would be garbage
	b       []byte
	n       int
	err     error
}

// newTryWriter returns nil if nc is not a plain socket.
func newTryWriter(nc net.Conn) *tryWriter {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	t := &tryWriter{raw: raw}
	t.attempt = func(fd uintptr) bool {
		for {
			t.n, t.err = syscall.Write(int(fd), t.b)
			if t.err != syscall.EINTR {
				return true // also when nothing could be written: do not wait
			}
		}
	}
	return t
}

// write returns how much of b has gone out; less than all of it is no error.
func (t *tryWriter) write(b []byte) (int, error) {
	t.b = b
	err := t.raw.Write(t.attempt)
	t.b = nil
	if err == nil && t.err != syscall.EAGAIN {
		err = t.err
	}
	if err != nil {
		return 0, err
	}
	return max(t.n, 0), nil
}
