package luau

import "github.com/template-worker/template-worker/luau/internal/vm"

// LoadString is the global loadstring(source, chunkname) for bases that want to
// offer it; [Standard] does not. It gives a function, or nil and a message. It
// costs fuel and, while it compiles, memory in proportion to the source.
var LoadString = &Native{Name: "loadstring", Fn: loadString}

// getfenv gives the coroutine's globals to what is loaded; they may be changed
// from then on, so its imports are looked up each time.
var getfenv = func() Value {
	for _, n := range vm.CoreNatives() {
		if n.Name == "getfenv" {
			return n.Value()
		}
	}
	panic("BUG: no getfenv")
}()

const (
	compileFuelPerByte  = 8
	compileBytesPerByte = 100 // tree, code and constants
)

func loadString(c *Call) error {
	src, err := c.CheckString(0)
	if err != nil {
		return err
	}
	name, err := c.OptString(1, src)
	if err != nil {
		return err
	}
	if err := c.Charge(int64(len(src)) * compileFuelPerByte); err != nil {
		return err
	}
	if err := c.Alloc(int64(len(src)) * compileBytesPerByte); err != nil {
		return err
	}
	code, err := Compile(name, []byte(src))
	if err != nil {
		msg, err := c.VM().NewString(err.Error())
		if err != nil {
			return err
		}
		return c.Return(Nil, msg)
	}
	env, err := c.Call(getfenv, Number(0))
	if err != nil {
		return err
	}
	fn, err := c.VM().NewFunction(Load(c.VM().Base(), code), env[0].AsTable())
	if err != nil {
		return err
	}
	return c.Return1(fn)
}
