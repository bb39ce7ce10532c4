package luautest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/template-worker/template-worker/luau"
)

// resume calls a function of the script from the host, as a thread of its own, and gives its results.
func resume(vm *luau.VM, fn luau.Value, args ...luau.Value) ([]luau.Value, error) {
	co, err := vm.NewThread(fn, args...)
	if err != nil {
		return nil, err
	}
	st, err := vm.Resume(co)
	if err == nil && st != luau.StatusDone {
		err = fmt.Errorf("ended with status %d", st)
	}
	return co.Results(), err
}

// nest calls a function of the script from inside a native.
func nest(vm *luau.VM, fn luau.Value, args ...luau.Value) ([]luau.Value, error) {
	native := &luau.Native{Name: "nest", Fn: func(c *luau.Call) error {
		out, err := c.Call(fn, args...)
		if err != nil {
			return err
		}
		return c.Return(out...)
	}}
	return resume(vm, native.Value())
}

// global gives a global of the machine or a built-in one.
func global(vm *luau.VM, name string) luau.Value {
	if v := vm.Globals().Get(luau.Const(name)); !v.IsNil() {
		return v
	}
	return vm.Base().Globals().Get(luau.Const(name))
}

// hostCalls is the host's part of apicalls.luau: calls with values from threads
// and from natives, many results, equality by a metamethod, and refused memory
// with handlers of all sorts.
func hostCalls(vm *luau.VM) error {
	for _, call := range []func(*luau.VM, luau.Value, ...luau.Value) ([]luau.Value, error){resume, nest} {
		if out, err := call(vm, global(vm, "add"), num(40), num(2)); err != nil || len(out) != 1 || !luau.RawEqual(out[0], num(42)) {
			return fmt.Errorf("add: %v, %v", out, err)
		}
		if out, err := call(vm, global(vm, "getnresults"), num(200)); err != nil || len(out) != 200 {
			return fmt.Errorf("getnresults: %d results, %v", len(out), err)
		}
		out, err := call(vm, global(vm, "pcall"), global(vm, "getnresults"), num(200))
		if err != nil || len(out) != 201 || !luau.RawEqual(out[0], luau.True) {
			return fmt.Errorf("getnresults under pcall: %d results, %v", len(out), err)
		}
	}
	for i := range 4 {
		if out, err := resume(vm, global(vm, "incuv")); err != nil || len(out) != 1 || !luau.RawEqual(out[0], num(i+1)) {
			return fmt.Errorf("incuv, call %d: %v, %v", i+1, out, err)
		}
	}
	if err := equalByMeta(vm); err != nil {
		return err
	}
	if err := raises(vm, "largealloc", "not enough memory"); err != nil {
		return err
	}
	return refusals(vm)
}

// equalByMeta compares two tables with the script's __eq.
func equalByMeta(vm *luau.VM) error {
	compare := &luau.Native{Name: "compare", Fn: func(c *luau.Call) error {
		equal, err := c.Equal(c.Arg(0), c.Arg(1))
		if err != nil {
			return err
		}
		return c.Return1(luau.Bool(equal))
	}}
	for _, second := range []int{42, 43} {
		a, err := resume(vm, global(vm, "create_with_tm"), num(42))
		if err != nil {
			return err
		}
		b, err := resume(vm, global(vm, "create_with_tm"), num(second))
		if err != nil {
			return err
		}
		out, err := resume(vm, compare.Value(), a[0], b[0])
		if err != nil || len(out) != 1 || !luau.RawEqual(out[0], luau.Bool(second == 42)) {
			return fmt.Errorf("compare 42 with %d: %v, %v", second, out, err)
		}
	}
	return nil
}

// refusals lets functions fail under handlers that work, fail, and run out of memory themselves.
func refusals(vm *luau.VM) error {
	for _, tt := range []struct{ fn, handler, want string }{
		{"largealloc", "oops", "oops"},
		{"largealloc", "error", "error in error handling"},
		{"largealloc", "largealloc", "not enough memory"},
		{"error", "largealloc", "error in error handling"},
	} {
		out, err := resume(vm, global(vm, "xpcall"), global(vm, tt.fn), global(vm, tt.handler))
		if err != nil || len(out) != 2 || !luau.RawEqual(out[0], luau.False) || vm.PlainString(out[1]) != tt.want {
			return fmt.Errorf("%s handled by %s: %v, %v; want %q", tt.fn, tt.handler, texts(vm, out), err, tt.want)
		}
	}
	return nil
}

func texts(vm *luau.VM, vs []luau.Value) (list []string) {
	for _, v := range vs {
		list = append(list, vm.PlainString(v))
	}
	return list
}

// raises checks that a global function ends with an error of the script whose text ends as told.
func raises(vm *luau.VM, name, end string) error {
	_, err := resume(vm, global(vm, name))
	var script *luau.ScriptError
	if !errors.As(err, &script) || !strings.HasSuffix(script.Msg, end) {
		return fmt.Errorf("%s ended with %v, want an error that ends in %q", name, err, end)
	}
	return nil
}

// hostErrors is the host's part of exceptions.luau: what scripts raise reaches it whole.
func hostErrors(vm *luau.VM) error {
	if _, err := resume(vm, global(vm, "empty_function")); err != nil {
		return err
	}
	for name, end := range map[string]string{
		"infinite_recursion_error": "stack overflow",
		"pass_number_to_error":     "42",
		"pass_string_to_error":     "string argument",
		"pass_table_to_error":      "(error object is a table value)",
		"large_allocation_error":   "not enough memory",
	} {
		if err := raises(vm, name, end); err != nil {
			return err
		}
	}
	_, err := resume(vm, global(vm, "pass_table_to_error"))
	var script *luau.ScriptError
	if !errors.As(err, &script) || script.Value.Kind() != luau.KindTable {
		return fmt.Errorf("the table passed to error came as %v", err)
	}
	if v := script.Value.AsTable().Get(luau.Const("field")); vm.PlainString(v) != "value" {
		return fmt.Errorf("the field of the table passed to error is %s", vm.PlainString(v))
	}
	return nil
}
