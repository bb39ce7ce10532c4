package luau_test

import (
	"errors"
	"fmt"

	"github.com/template-worker/template-worker/luau"
)

// run compiles and runs a source on a fresh machine and gives what it returned.
func run(base *luau.Base, cfg luau.Config, src string) ([]luau.Value, error) {
	code, err := luau.Compile("=example", []byte(src))
	if err != nil {
		return nil, err
	}
	vm := luau.NewVM(base, cfg)
	defer vm.Close()
	fn, err := vm.NewFunction(luau.Load(base, code), nil)
	if err != nil {
		return nil, err
	}
	co, err := vm.NewThread(fn)
	if err != nil {
		return nil, err
	}
	vm.SetFuel(1_000_000)
	if _, err := vm.Resume(co); err != nil {
		return nil, err
	}
	return co.Results(), nil
}

// A script runs to its end and gives values.
func Example() {
	out, err := run(luau.Standard(), luau.Config{}, `return 1 + 1, "two"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out[0].AsNumber(), out[1].AsString().Str())
	// Output: 2 two
}

// Errors tell the script's fault, its limits and bad source apart.
func Example_errors() {
	for _, src := range []string{`error("no")`, `while true do end`, `local = 1`} {
		_, err := run(luau.Standard(), luau.Config{}, src)
		var script *luau.ScriptError
		var limit *luau.LimitError
		var syntax *luau.SyntaxError
		switch {
		case errors.As(err, &script):
			fmt.Println("script:", script.Msg)
		case errors.As(err, &limit):
			fmt.Println("limit:", limit.Kind)
		case errors.As(err, &syntax):
			fmt.Println("syntax:", syntax.Error())
		}
	}
	// Output:
	// script: example:1: no
	// limit: cpu limit
	// syntax: example:1: Expected identifier when parsing variable name, got '='
}

// A base adds natives to the standard libraries, or takes globals away.
func ExampleNewBase() {
	double := &luau.Native{Name: "double", Fn: func(c *luau.Call) error {
		n, err := c.CheckNumber(0)
		if err != nil {
			return err
		}
		return c.Return1(luau.Number(2 * n))
	}}
	base := luau.NewBase(func(b *luau.BaseBuilder) {
		luau.OpenAll(b)
		b.Natives(double)
		b.Set("getfenv", luau.Nil)
	})
	print := func(line string) { fmt.Println(line) }
	if _, err := run(base, luau.Config{OnPrint: print}, `print(double(21), getfenv, pcall(double, {}))`); err != nil {
		fmt.Println(err)
	}
	// Output: 42	nil	false	invalid argument #1 to 'double' (number expected, got table)
}

// A native that waits hands the thread to the host, which resumes it with the answer.
func ExampleVM_Resume() {
	ask := &luau.Native{Name: "ask", Yieldable: true, Fn: func(c *luau.Call) error {
		return c.Suspend(nil, nil)
	}}
	base := luau.NewBase(func(b *luau.BaseBuilder) {
		luau.OpenAll(b)
		b.Natives(ask)
	})
	code, err := luau.Compile("=example", []byte(`return "answer: " .. ask()`))
	if err != nil {
		fmt.Println(err)
		return
	}
	vm := luau.NewVM(base, luau.Config{Account: luau.NewAccount(1 << 20)})
	defer vm.Close()
	fn, err := vm.NewFunction(luau.Load(base, code), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	co, err := vm.NewThread(fn)
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := vm.Resume(co)
	fmt.Println(status == luau.StatusSuspended, err)
	status, err = vm.Resume(co, luau.Number(42))
	fmt.Println(status == luau.StatusDone, err, co.Results()[0].AsString().Str())
	// Output:
	// true <nil>
	// true <nil> answer: 42
}
