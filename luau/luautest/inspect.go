package luautest

import (
	"fmt"

	"github.com/template-worker/template-worker/luau"
)

// getCoverage gives, as coverage.luau wants it, a list of functions, each with
// its name, its line, its depth and, by line, the visits.
func getCoverage(c *luau.Call) error {
	fn, err := c.CheckFunction(0)
	if err != nil {
		return err
	}
	if fn.Kind() != luau.KindClosure {
		return c.TypeError(0, "function")
	}
	vm := c.VM()
	list, err := vm.NewTable(0, 0)
	if err != nil {
		return err
	}
	c.Hold(list.Value())
	for i, f := range fn.AsClosure().Coverage() {
		t, err := coverageTable(vm, f)
		if err != nil {
			return err
		}
		if err := list.Set(vm, num(i+1), t.Value()); err != nil {
			return err
		}
	}
	return c.Return1(list.Value())
}

func coverageTable(vm *luau.VM, f luau.Coverage) (*luau.Table, error) {
	t, err := vm.NewTable(0, 4)
	if err != nil {
		return nil, err
	}
	fields := []struct{ key, value luau.Value }{
		{luau.Const("linedefined"), num(f.Line)},
		{luau.Const("depth"), num(f.Depth)},
	}
	if f.Function != "" {
		name, err := vm.NewString(f.Function)
		if err != nil {
			return nil, err
		}
		fields = append(fields, struct{ key, value luau.Value }{luau.Const("name"), name})
	}
	for _, l := range f.Lines {
		fields = append(fields, struct{ key, value luau.Value }{num(l.Line), luau.Number(float64(l.Visits))})
	}
	for _, fd := range fields {
		if err := t.Set(vm, fd.key, fd.value); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// capturedFive is the host's part of ndebug_upvalues.luau: the function that has
// called yield holds one captured local with the number 5.
func capturedFive(_ *luau.VM, co *luau.Coroutine) error {
	fn := co.FunctionAt(1)
	if fn.Kind() != luau.KindClosure {
		return fmt.Errorf("a %s has called yield, want a function of the script", luau.TypeName(fn))
	}
	if got := fn.AsClosure().Captured(); len(got) != 1 || !luau.RawEqual(got[0], num(5)) {
		return fmt.Errorf("it has captured %v, want 5", got)
	}
	return nil
}
