package luau_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/template-worker/template-worker/luau"
)

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

// A native checks its arguments, states what a call of it costs, and pays for
// work and memory that depend on sizes before it does or takes them.
func ExampleNative() {
	repeated := &luau.Native{Name: "repeated", Cost: 20, Fn: func(c *luau.Call) error {
		word, err := c.CheckString(0)
		if err != nil {
			return err
		}
		times, err := c.OptInt(1, 2)
		if err != nil {
			return err
		}
		if times < 0 {
			return c.ArgError(1, "count can't be negative")
		}
		size := len(word) * times
		if err := c.Charge(int64(size) / 64); err != nil {
			return err
		}
		if err := c.Alloc(int64(size)); err != nil {
			return err
		}
		text, err := c.VM().NewString(strings.Repeat(word, times))
		if err != nil {
			return err
		}
		return c.Return(text, luau.Number(float64(size)))
	}}
	base := luau.NewBase(func(b *luau.BaseBuilder) {
		luau.OpenAll(b)
		b.Lib("words", []*luau.Native{repeated}, luau.Field{Name: "most", Value: luau.Number(1e6)})
	})
	for _, src := range []string{
		`return words.repeated("ha")`,
		`return words.repeated("ha", words.most / 1e5)`,
		`return words.repeated("ha", -1)`,
		`return words.repeated()`,
	} {
		out, err := run(base, luau.Config{}, src)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(out[0].AsString().Str(), out[1].AsNumber())
	}
	// Output:
	// haha 4
	// hahahahahahahahahaha 20
	// example:1: invalid argument #2 to 'repeated' (count can't be negative)
	// example:1: missing argument #1 to 'repeated' (string expected)
}

// counter is a host value that scripts get as a userdata.
type counter struct {
	name string
	n    float64
}

// A host type gives scripts methods, fields to read and to set, and operators.
func ExampleUserType() {
	var counterType *luau.UserType
	counterType = &luau.UserType{
		Name: "Counter",
		Methods: map[string]*luau.Native{
			"Add": {Name: "Add", Fn: func(c *luau.Call) error {
				u, err := c.CheckUserdata(0, counterType)
				if err != nil {
					return err
				}
				n, err := c.CheckNumber(1)
				if err != nil {
					return err
				}
				u.Data().(*counter).n += n
				return c.Return1(u.Value())
			}},
		},
		Fields: map[string]func(*luau.Call, *luau.Userdata) (luau.Value, error){
			"Count": func(_ *luau.Call, u *luau.Userdata) (luau.Value, error) {
				return luau.Number(u.Data().(*counter).n), nil
			},
			"Name": func(c *luau.Call, u *luau.Userdata) (luau.Value, error) {
				return c.VM().NewString(u.Data().(*counter).name)
			},
		},
		SetIndex: func(_ *luau.VM, u *luau.Userdata, key string, v luau.Value) error {
			if key != "Count" || !v.IsNumber() {
				return errors.New("only Count can be set, to a number")
			}
			u.Data().(*counter).n = v.AsNumber()
			return nil
		},
		Len: func(_ *luau.VM, u *luau.Userdata) (luau.Value, error) {
			return luau.Number(u.Data().(*counter).n), nil
		},
	}
	newCounter := &luau.Native{Name: "newCounter", Fn: func(c *luau.Call) error {
		name, err := c.CheckString(0)
		if err != nil {
			return err
		}
		const size = 40 // what a counter takes, for the account
		u, err := c.VM().NewUserdata(counterType, &counter{name: name}, size+int64(len(name)))
		if err != nil {
			return err
		}
		return c.Return1(u.Value())
	}}
	base := luau.NewBase(func(b *luau.BaseBuilder) {
		luau.OpenAll(b)
		b.Natives(newCounter)
	})
	_, err := run(base, luau.Config{OnPrint: func(line string) { fmt.Println(line) }}, `
		local c = newCounter("visits")
		c.Count = 10
		c:Add(1):Add(2)
		print(typeof(c), c.Name, c.Count, #c)
		print(pcall(function() c.Name = "x" end))
		print(pcall(c.Add, 1, 2))`)
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// Counter	visits	13	13
	// false	example:6: only Count can be set, to a number
	// false	invalid argument #1 to 'Add' (Counter expected, got number)
}
