package host

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/luau"
)

// desk is an Env without tenant: host calls answer at once with what the test
// says, nothing waits.
type desk struct {
	loader   *Loader
	room     int64
	limits   limits.Limits
	answer   khronos.Value
	asked    []khronos.Value // arguments of the last host call
	op       string
	returned khronos.Value
	lines    []string
}

func (d *desk) Exec(c *luau.Call, op string, args []khronos.Value, finish Finish) error {
	d.op, d.asked = op, args
	return finish(c, d.answer)
}
func (d *desk) Work(c *luau.Call, w Work) error          { return w.Done(c, w.Do(context.Background())) }
func (d *desk) Wait(c *luau.Call, _ time.Duration) error { return c.Errorf("nothing waits here") }
func (d *desk) Park(c *luau.Call, _ string, _ time.Duration, _ Parked) (Waiter, error) {
	return nil, c.Errorf("nothing waits here")
}
func (d *desk) Schedule(c *luau.Call, _ time.Duration, _ luau.Value, _ []luau.Value) (luau.Value, error) {
	return luau.Nil, c.Errorf("nothing waits here")
}
func (d *desk) CancelThread(*luau.Coroutine) bool           { return false }
func (d *desk) Returned(_ *luau.Coroutine, v khronos.Value) { d.returned = v }
func (d *desk) ThreadFailed(message string)                 { d.lines = append(d.lines, message) }
func (d *desk) Print(line string)                           { d.lines = append(d.lines, line) }
func (d *desk) Loader() *Loader                             { return d.loader }
func (d *desk) Limits() *limits.Limits                      { return &d.limits }
func (d *desk) BotUser() khronos.Payload                    { return khronos.Payload{} }
func (d *desk) Usage(*luau.Call) Usage                      { return Usage{} }
func (d *desk) ValueBytes() int64                           { return d.room }

func newDesk(t testing.TB) (*desk, *luau.VM) {
	t.Helper()
	d := &desk{loader: NewLoader(nil, NewPrograms()), room: 1 << 20, limits: limits.Default()}
	vm := luau.NewVM(NewBase(), luau.Config{Account: luau.NewAccount(16 << 20), Host: d})
	t.Cleanup(vm.Close)
	return d, vm
}

// run calls a script with args and gives its first result.
func run(d *desk, vm *luau.VM, code string, args ...luau.Value) (khronos.Value, error) {
	fn, err := d.loader.Script(vm, "script", code)
	if err != nil {
		return khronos.Null(), err
	}
	co, err := vm.NewThread(Main, append([]luau.Value{fn}, args...)...)
	if err != nil {
		return khronos.Null(), err
	}
	d.returned = khronos.Null()
	st, err := vm.Resume(co)
	if err == nil && st != luau.StatusDone {
		err = errors.New("the script has not ended")
	}
	return d.returned, err
}

// mustRun is run for scripts that work; v reaches the script as its argument.
func mustRun(t testing.TB, code string, v khronos.Value) khronos.Value {
	t.Helper()
	d, vm := newDesk(t)
	arg, err := ToLuau(vm, v)
	if err != nil {
		t.Fatal(err)
	}
	got, err := run(d, vm, code, arg)
	if err != nil {
		t.Fatalf("%s: %v", code, err)
	}
	return got
}
