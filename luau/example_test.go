package luau_test

import (
	"errors"
	"fmt"

	"github.com/template-worker/template-worker/luau"
)

// start compiles a source and makes a machine with a thread that will run it with args.
func start(base *luau.Base, cfg luau.Config, src string, args ...luau.Value) (*luau.VM, *luau.Coroutine, error) {
	code, err := luau.Compile("=example", []byte(src))
	if err != nil {
		return nil, nil, err
	}
	vm := luau.NewVM(base, cfg)
	fn, err := vm.NewFunction(luau.Load(base, code), nil)
	if err != nil {
		return nil, nil, err
	}
	co, err := vm.NewThread(fn, args...)
	return vm, co, err
}

// run runs a source on a fresh machine to its end and gives what it returned.
func run(base *luau.Base, cfg luau.Config, src string, args ...luau.Value) ([]luau.Value, error) {
	vm, co, err := start(base, cfg, src, args...)
	if err != nil {
		return nil, err
	}
	defer vm.Close()
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
