package host

import (
	"time"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/luau"
)

// runtimeLimits is ctx.Runtime:limits() -> {[name]: number}.
func runtimeLimits(c *luau.Call) error {
	vm, l := c.VM(), envOf(c).Limits()
	names := registry.LimitNames()
	t, err := vm.NewTable(0, len(names))
	if err != nil {
		return err
	}
	c.Hold(t.Value())
	for _, name := range names {
		n := float64(l.Number(name))
		if limits.IsDuration(name) {
			n /= float64(time.Second)
		}
		if err := t.Set(vm, luau.Const(name), luau.Number(n)); err != nil {
			return err
		}
	}
	t.Freeze()
	return c.Return1(t.Value())
}

// runtimeUsage is ctx.Runtime:usage() -> Usage.
func runtimeUsage(c *luau.Call) error {
	vm, u := c.VM(), envOf(c).Usage(c)
	t, err := vm.NewTable(0, 8)
	if err != nil {
		return err
	}
	c.Hold(t.Value())
	for name, n := range map[string]float64{
		"memory_bytes": float64(u.MemoryBytes), "cpu_seconds": u.CPU.Seconds(), "dispatch_cpu_seconds": u.DispatchCPU.Seconds(),
		"events_waiting": float64(u.EventsWaiting), "handlers": float64(u.Handlers), "host_calls": float64(u.HostCalls), "threads": float64(u.Threads),
	} {
		if err := t.Set(vm, luau.Const(name), luau.Number(n)); err != nil {
			return err
		}
	}
	t.Freeze()
	return c.Return1(t.Value())
}

// runtimeEventList is ctx.Runtime:eventlist() -> {name}.
func runtimeEventList(c *luau.Call) error {
	names := registry.EventNames()
	t, err := c.VM().NewTable(len(names), 0)
	if err != nil {
		return err
	}
	c.Hold(t.Value())
	for i, name := range names {
		if err := t.SetInt(c.VM(), i+1, luau.Const(name)); err != nil {
			return err
		}
	}
	t.SetMeta(arrayMeta)
	t.Freeze()
	return c.Return1(t.Value())
}
