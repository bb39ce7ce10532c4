package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"sync"

	"github.com/template-worker/template-worker/luau"
)

// base is the standard base with loadstring and require.
var base = sync.OnceValue(func() *luau.Base {
	return luau.NewBase(func(b *luau.BaseBuilder) {
		luau.OpenAll(b)
		b.Natives(luau.LoadString, &luau.Native{Name: "require", Fn: require, Yieldable: true})
	})
})

// runScript runs one file to its end.
func runScript(o options, path string, args []string, stdout, stderr io.Writer) int {
	out := bufio.NewWriter(stdout)
	err := execute(o, path, args, out)
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	if err == nil {
		return exitDone
	}
	writeError(stderr, err)
	return exitFailed
}

// writeError writes an error with the calls it came from.
func writeError(w io.Writer, err error) {
	fmt.Fprintln(w, err)
	var script *luau.ScriptError
	var limit *luau.LimitError
	switch {
	case errors.As(err, &script):
		fmt.Fprintf(w, "stacktrace:\n%s\n", script.Traceback)
	case errors.As(err, &limit):
		fmt.Fprintf(w, "stacktrace:\n%s\n", limit.Traceback)
	}
}

// gcPercent trades memory for time: one script has the whole process.
const gcPercent = 400

func execute(o options, path string, args []string, out *bufio.Writer) error {
	debug.SetGCPercent(gcPercent)
	m := &modules{dir: filepath.Dir(path), loaded: map[string]luau.Ref{}}
	vm := luau.NewVM(base(), luau.Config{
		Account: luau.NewAccount(o.limits.memory),
		Host:    m,
		OnPrint: func(line string) { _, _ = out.WriteString(line + "\n") }, // the last Flush reports what failed
	})
	defer vm.Close()
	globals := vm.Globals()
	if err := globals.Set(vm, luau.Const("_G"), globals.Value()); err != nil {
		return err
	}
	fn, err := load(vm, path)
	if err != nil {
		return err
	}
	values := make([]luau.Value, len(args))
	for i, a := range args {
		if values[i], err = vm.NewString(a); err != nil {
			return err
		}
	}
	co, err := vm.NewThread(fn, values...)
	if err != nil {
		return err
	}
	vm.SetFuel(unlimited(o.limits.fuel))
	vm.SetSlice(o.slice)
	if !o.profile {
		return finish(vm, co)
	}
	vm.StartProfile(profileEvery)
	err = finish(vm, co)
	return errors.Join(err, writeProfile(out, vm.StopProfile()))
}

// finish runs a thread to its end.
func finish(vm *luau.VM, co *luau.Coroutine) error {
	for {
		st, err := vm.Resume(co)
		switch {
		case err != nil:
			return err
		case st == luau.StatusDone:
			return nil
		case st != luau.StatusSliced:
			return errors.New("the main script yielded, and there is nobody to resume it")
		}
	}
}

// load compiles a file and makes its function.
func load(vm *luau.VM, path string) (luau.Value, error) {
	src, err := readSource(path)
	if err != nil {
		return luau.Nil, err
	}
	code, err := luau.Compile("="+path, src)
	if err != nil {
		return luau.Nil, err
	}
	return vm.NewFunction(luau.Load(vm.Base(), code), nil)
}
