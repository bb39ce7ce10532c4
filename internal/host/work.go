package host

import (
	"context"

	"github.com/template-worker/template-worker/luau"
)

// Work is something that takes long and touches no VM, such as to compress.
type Work struct {
	Name string                          // as messages call it
	Fuel int64                           // what has been paid for it; it may take a few times as long, not more
	Do   func(ctx context.Context) error // runs on another goroutine; it must end soon after ctx
	// Done goes on with the script when Do has returned, with its error.
	Done func(c *luau.Call, err error) error
	// Drop is called instead of Done when the script does not go on.
	Drop func()
	Keep []luau.Value // stay alive meanwhile
}

// smallBytes is up to what size of its input a piece of work is done at once: to
// hand it over would take longer.
const smallBytes = 64 << 10

// task is a piece of work of a script with its input.
type task struct {
	label string // the function's name in messages
	ins   []input
}

// input is an argument of bytes that a task reads.
type input struct {
	value luau.Value
	bytes []byte
}

// newTask takes the arguments of bytes at those places, those that are nil left out.
func newTask(c *luau.Call, label string, places ...int) (*task, error) {
	t := &task{label: label}
	for _, i := range places {
		v := c.Arg(i)
		if b := asBlob(v); b != nil && b.lent > 0 {
			return nil, errLent
		}
		t.ins = append(t.ins, input{value: v, bytes: bytesOf(v)})
	}
	return t, nil
}

// size gives the bytes of all inputs.
func (t *task) size() int64 {
	var n int64
	for _, in := range t.ins {
		n += int64(len(in.bytes))
	}
	return n
}

// run pays for the work and does it: at once when it is small, else by
// [Env.Work]. do gives only errors that are [unfit]; done makes the results.
func (t *task) run(c *luau.Call, fuel int64, small bool, do func(context.Context) error, done func(c *luau.Call) error) error {
	if err := c.Charge(fuel); err != nil {
		return err
	}
	if small {
		if err := do(context.Background()); err != nil {
			return err
		}
		return done(c)
	}
	return t.start(c, fuel, do, done)
}

// start hands work over that has been paid for. Until it has ended nobody changes
// what it reads: a Blob is lent to it, a buffer is copied.
func (t *task) start(c *luau.Call, fuel int64, do func(context.Context) error, done func(c *luau.Call) error) error {
	keep := make([]luau.Value, len(t.ins))
	for i := range t.ins {
		in := &t.ins[i]
		keep[i] = in.value
		if in.value.Kind() != luau.KindBuffer {
			continue
		}
		if err := hold(c, int64(len(in.bytes))); err != nil {
			return err
		}
		in.bytes = append([]byte{}, in.bytes...)
		in.value = luau.Nil // the copy is what goes on
	}
	t.lend(1)
	err := envOf(c).Work(c, Work{
		Name: t.label, Fuel: fuel, Do: do, Keep: keep,
		Done: func(c *luau.Call, err error) error {
			t.lend(-1)
			if err == nil {
				err = done(c)
			}
			return scriptFault(c, t.label, err)
		},
		Drop: func() { t.lend(-1) },
	})
	if err != nil {
		t.lend(-1)
	}
	return err
}

func (t *task) lend(n int) {
	for _, in := range t.ins {
		if b := asBlob(in.value); b != nil {
			b.lent += n
		}
	}
}

// take empties the Blobs among the inputs, whose bytes have been used.
func (t *task) take(c *luau.Call) error {
	for _, in := range t.ins {
		if asBlob(in.value) == nil {
			continue
		}
		if _, err := empty(c, in.value); err != nil {
			return err
		}
	}
	return nil
}
