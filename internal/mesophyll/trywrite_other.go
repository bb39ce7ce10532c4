//go:build !unix

package mesophyll

import "net"

// tryWriter has no way to write without waiting on this system: the writer
// goroutine does all writes.
type tryWriter struct{}

func newTryWriter(net.Conn) *tryWriter { return nil }

func (*tryWriter) write([]byte) (int, error) { panic("BUG: write on a nil tryWriter") }
