package lib

import (
	"sync"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

// text is a string under construction. It begins in a small buffer that costs
// nothing; what it grows to beyond that is charged to the machine, and a length
// beyond any string is refused.
type text struct {
	c     *vm.Call
	b     []byte
	small *[smallText]byte // where b began
	taken int64            // bytes charged
}

const smallText = 1024

// smallTexts keeps idle first buffers.
var smallTexts = sync.Pool{New: func() any { return new([smallText]byte) }}

func newText(c *vm.Call) text {
	small := smallTexts.Get().(*[smallText]byte)
	return text{c: c, b: small[:0], small: small}
}

// add appends s. Costs fuel for the bytes.
func (t *text) add(s string) error {
	if err := payBytes(t.c, len(s)); err != nil {
		return err
	}
	if err := t.room(len(s)); err != nil {
		return err
	}
	t.b = append(t.b, s...)
	return nil
}

// fill appends n zero bytes. Costs fuel for them.
func (t *text) fill(n int) error {
	if n <= 0 {
		return nil
	}
	if err := payBytes(t.c, n); err != nil {
		return err
	}
	if err := t.room(n); err != nil {
		return err
	}
	end := len(t.b)
	t.b = t.b[:end+n]
	clear(t.b[end:])
	return nil
}

// room makes sure that n more bytes fit in what is charged.
func (t *text) room(n int) error {
	need := len(t.b) + n
	if need <= cap(t.b) {
		return nil
	}
	if need > maxString {
		return throwText(t.c, "not enough memory")
	}
	size := max(2*cap(t.b), need)
	if err := t.c.Alloc(int64(size) - t.taken); err != nil {
		return err
	}
	t.taken = int64(size)
	b := make([]byte, len(t.b), size)
	copy(b, t.b)
	t.b = b
	return nil
}

// value makes the string and drops the text.
func (t *text) value() (vm.Value, error) {
	v, err := t.c.VM().NewStringBytes(t.b)
	t.drop()
	return v, err
}

// drop gives the buffers back. A text that ended in an error leaves them to Go and to the native's return.
func (t *text) drop() {
	smallTexts.Put(t.small)
	if t.taken > 0 {
		t.c.Free(t.taken)
	}
	*t = text{}
}
