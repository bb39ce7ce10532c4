package luau_test

import (
	"errors"
	"fmt"

	"github.com/template-worker/template-worker/luau"
)

// A source is compiled and loaded once; each machine that runs it has globals of its own.
func ExampleLoad() {
	code, err := luau.Compile("=visits.luau", []byte(`
		visits = (visits or 0) + 1
		return visits`))
	if err != nil {
		fmt.Println(err)
		return
	}
	program := luau.Load(luau.Standard(), code)
	for _, tenant := range []string{"a", "b"} {
		vm := luau.NewVM(luau.Standard(), luau.Config{})
		fn, err := vm.NewFunction(program, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		for range 2 {
			co, err := vm.NewThread(fn)
			if err != nil {
				fmt.Println(err)
				return
			}
			if _, err := vm.Resume(co); err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(tenant, co.Results()[0].AsNumber())
		}
		vm.Close()
	}
	// Output:
	// a 1
	// a 2
	// b 1
	// b 2
}

// A function that a script has defined is called with values: a thread for each call.
func ExampleVM_NewThread() {
	vm, main, err := start(luau.Standard(), luau.Config{}, `
		function greet(name, times)
			return string.rep("hello " .. name .. " ", times), times
		end`)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vm.Close()
	if _, err := vm.Resume(main); err != nil {
		fmt.Println(err)
		return
	}
	name, err := vm.NewString("world")
	if err != nil {
		fmt.Println(err)
		return
	}
	call, err := vm.NewThread(vm.Globals().Get(luau.Const("greet")), name, luau.Number(2))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := vm.Resume(call); err != nil {
		fmt.Println(err)
		return
	}
	out := call.Results()
	fmt.Println(out[0].AsString().Str(), out[1].AsNumber())
	// Output: hello world hello world  2
}

// asking is a base with a native that waits for the host to answer.
var asking = luau.NewBase(func(b *luau.BaseBuilder) {
	luau.OpenAll(b)
	b.Natives(&luau.Native{Name: "ask", Yieldable: true, Fn: func(c *luau.Call) error {
		return c.Suspend(nil, nil)
	}})
})

// A native that waits hands the thread to the host, which resumes it with the answer.
func ExampleVM_Resume() {
	vm, co, err := start(asking, luau.Config{}, `return "answer: " .. ask()`)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vm.Close()
	status, err := vm.Resume(co)
	fmt.Println(status == luau.StatusSuspended, err)
	status, err = vm.Resume(co, luau.Number(42))
	fmt.Println(status == luau.StatusDone, err, co.Results()[0].AsString().Str())
	// Output:
	// true <nil>
	// true <nil> answer: 42
}

// What a native waited for may have failed: the script gets an error that it can catch.
func ExampleVM_ResumeError() {
	vm, co, err := start(asking, luau.Config{OnPrint: func(line string) { fmt.Println(line) }}, `print(pcall(ask))`)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vm.Close()
	if _, err := vm.Resume(co); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := vm.ResumeError(co, luau.Const("nobody answers")); err != nil {
		fmt.Println(err)
	}
	// Output: false	nobody answers
}

// In slices a long script takes turns with others; between two the host sees where it stands.
func ExampleVM_SetSlice() {
	vm, co, err := start(luau.Standard(), luau.Config{}, `local n = 0
while n < 25_000 do
	n += 1
end
return n`)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vm.Close()
	vm.SetSlice(10_000)
	slices := 0
	for {
		status, err := vm.Resume(co)
		if err != nil {
			fmt.Println(err)
			return
		}
		if status == luau.StatusDone {
			break
		}
		if slices++; slices == 1 {
			chunk, line := co.CurrentLine()
			fmt.Println("stands at", chunk, line)
		}
	}
	fmt.Println("in slices:", slices > 1, "result:", co.Results()[0].AsNumber())
	// Output:
	// stands at example 2
	// in slices: true result: 25000
}

// The host reads what a machine has used of its budgets, and gives more if it likes.
func ExampleVM_FuelUsed() {
	account := luau.NewAccount(1 << 20)
	vm, co, err := start(luau.Standard(), luau.Config{Account: account}, `
		local list = {}
		for i = 1, 1000 do
			list[i] = i
		end
		return list`)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vm.Close()
	vm.SetFuel(1_000)
	_, err = vm.Resume(co)
	var limit *luau.LimitError
	if errors.As(err, &limit) {
		fmt.Println(limit.Kind, limit.Limit, limit.Used == vm.FuelUsed())
	}

	vm.SetFuel(100_000)
	again, err := vm.NewThread(luau.Standard().Globals().Get(luau.Const("math")).AsTable().Get(luau.Const("abs")), luau.Number(-1))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = vm.Resume(again)
	fmt.Println("with more fuel:", err, again.Results()[0].AsNumber())
	fmt.Println("memory:", account.Used() > 0, account.Used() <= account.Limit(), vm.MemoryUsed() == account.Used())
	// Output:
	// cpu limit 1000 true
	// with more fuel: <nil> 1
	// memory: true true true
}

// Kill ends a script from outside, for a deadline or because its caller has gone.
// The script can not catch that.
func ExampleVM_Kill() {
	vm, co, err := start(luau.Standard(), luau.Config{}, `while true do pcall(function() while true do end end) end`)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vm.Close()
	vm.SetSlice(10_000)
	if status, err := vm.Resume(co); err != nil || status != luau.StatusSliced {
		fmt.Println(status, err)
		return
	}
	done := make(chan struct{})
	go func() { // Kill alone may be called from other goroutines
		vm.Kill(luau.LimitDeadline, "took longer than 5 seconds")
		close(done)
	}()
	<-done
	_, err = vm.Resume(co)
	var limit *luau.LimitError
	if errors.As(err, &limit) {
		fmt.Println(limit.Kind == luau.LimitDeadline, limit)
	}
	// Output: true deadline: took longer than 5 seconds
}

// An error tells whose fault it was, where it was raised and through which calls.
func ExampleScriptError() {
	const src = `local function check(order)
	if order.total < 0 then
		error({code = 400})
	end
	return order.total
end
local function pay(order)
	check(order)
end
pay(...)`
	for _, order := range []luau.Value{luau.Nil, luau.SharedTable(luau.Field{Name: "total", Value: luau.Number(-1)}).Value()} {
		_, err := run(luau.Standard(), luau.Config{}, src, order)
		var script *luau.ScriptError
		if !errors.As(err, &script) {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s, line %d: %s\n", script.Chunk, script.Line, script.Msg)
		if script.Value.Kind() == luau.KindTable {
			fmt.Println("code", script.Value.AsTable().Get(luau.Const("code")).AsNumber())
		}
		fmt.Print(script.Traceback)
	}
	// Output:
	// example, line 2: example:2: attempt to index nil with 'total'
	// example:2 function check
	// example:8 function pay
	// example:10
	// example, line 3: (error object is a table value)
	// code 400
	// example:3 function check
	// example:8 function pay
	// example:10
}

// Code compiled with counters tells which of its lines have run.
func ExampleProgram_Coverage() {
	code, err := luau.Options{Cover: true}.Compile("=covered.luau", []byte(`local function sign(n)
	if n < 0 then
		return "minus"
	end
	return "plus"
end
return sign(1) .. sign(2)`))
	if err != nil {
		fmt.Println(err)
		return
	}
	program := luau.Load(luau.Standard(), code)
	vm := luau.NewVM(luau.Standard(), luau.Config{})
	defer vm.Close()
	fn, err := vm.NewFunction(program, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	co, err := vm.NewThread(fn)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := vm.Resume(co); err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range program.Coverage() {
		for _, l := range f.Lines {
			fmt.Printf("line %d: %d\n", l.Line, l.Visits)
		}
	}
	// Output:
	// line 1: 1
	// line 7: 1
	// line 2: 2
	// line 3: 0
	// line 5: 2
}
