package host

import (
	"strings"
	"sync"

	"github.com/template-worker/template-worker/luau"
)

// NewBase gives the globals of templates: the standard library without what
// reaches into other functions or makes code at run time (getfenv, setfenv,
// loadstring), and print, require and task. It is made once per process and safe
// for concurrent use.
var NewBase = sync.OnceValue(func() *luau.Base {
	return luau.NewBase(func(b *luau.BaseBuilder) {
		luau.OpenAll(b)
		for _, name := range []string{"getfenv", "setfenv", "loadstring"} {
			b.Set(name, luau.Nil)
		}
		b.Natives(
			&luau.Native{Name: "print", Fn: printLine, Cost: 50},
			&luau.Native{Name: "require", Fn: require, Cost: 50, Yieldable: true},
		)
		b.Lib("task", taskNatives())
	})
})

// printLine is print(...): one line of the tenant's log, arguments as tostring
// shows them with tabs between. It costs a unit of fuel for 16 bytes, as each
// byte travels to the master.
func printLine(c *luau.Call) error {
	var line strings.Builder
	for i := range c.NArgs() {
		s, err := c.ToString(c.Arg(i))
		if err != nil {
			return err
		}
		if err := c.Charge(int64(len(s)) / 16); err != nil {
			return err
		}
		if err := c.Alloc(int64(len(s)) + 1); err != nil {
			return err
		}
		if i > 0 {
			line.WriteByte('\t')
		}
		line.WriteString(s)
	}
	envOf(c).Print(line.String())
	return c.Return0()
}

// library gives a function of a library that c's base has, such as coroutine.close.
func library(c *luau.Call, lib, name string) luau.Value {
	t := c.VM().Base().Globals().GetStr(luau.Const(lib).AsString())
	return t.AsTable().GetStr(luau.Const(name).AsString())
}
