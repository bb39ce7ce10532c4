package host

import "github.com/template-worker/template-worker/luau"

// output is a text that a function builds. It is charged as it grows.
type output struct {
	c   *luau.Call
	out []byte
}

// room makes room for n bytes more.
func (o *output) room(n int) error {
	need := len(o.out) + n
	if need <= cap(o.out) {
		return nil
	}
	size := max(2*cap(o.out), need, 64)
	if err := o.c.Alloc(int64(size)); err != nil {
		return err
	}
	held := int64(cap(o.out))
	grown := make([]byte, len(o.out), size)
	copy(grown, o.out)
	o.out = grown
	o.c.Free(held)
	return nil
}

// text writes s; eight bytes cost a unit of fuel.
func (o *output) text(s string) error {
	if err := o.room(len(s)); err != nil {
		return err
	}
	o.out = append(o.out, s...)
	return o.c.Charge(1 + int64(len(s))/8)
}

// give makes the text the call's result.
func (o *output) give() error {
	v, err := o.c.VM().NewStringBytes(o.out)
	if err != nil {
		return err
	}
	return o.c.Return1(v)
}
