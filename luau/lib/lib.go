// Package lib is Luau's standard library: the functions scripts find under
// string, table, math and so on, and the globals that need nothing but values.
//
// Functions that touch the machine's insides (pcall, coroutine.resume, ...) are
// the machine's; this package registers them beside its own. It owns no state:
// its natives and tables are shared by every machine. Each function pays fuel
// before work that depends on sizes, one unit per element or per 64 bytes, and
// memory before it takes it; its comment says what it costs beyond one unit.
// Times are UTC and come from the machine's clock.
package lib

import (
	"github.com/template-worker/template-worker/luau/internal/vm"
)

// OpenAll sets all globals and libraries.
func OpenAll(b *vm.BaseBuilder) {
	openBase(b)
	openString(b)
	openTable(b)
	openMath(b)
	openBit32(b)
	openBuffer(b)
	openVector(b)
	openUTF8(b)
	openOS(b)
	openInteger(b)
	b.Lib("coroutine", vm.CoroutineNatives())
	b.Lib("debug", vm.DebugNatives())
}

// The limits the functions share.
const (
	maxSlots  = 8000         // values that one native may return
	maxString = vm.MaxString // bytes of a string
)

// charCost is how many bytes copied take as long as one character that is read or made one by one.
const charCost = 16

// payBytes pays for looking at or copying n bytes.
func payBytes(c *vm.Call, n int) error {
	if n < 64 {
		return nil
	}
	return c.Charge(int64(n) / 64)
}

// payItems pays for n elements.
func payItems(c *vm.Call, n int) error {
	if n < 8 {
		return nil
	}
	return c.Charge(int64(n))
}

// returnString gives s as the only result.
func returnString(c *vm.Call, s string) error {
	v, err := c.VM().NewString(s)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// returnInt gives a number as the only result.
func returnInt(c *vm.Call, n int) error { return c.Return1(vm.Number(float64(n))) }

// throwText raises a text as it is, without a position.
func throwText(c *vm.Call, msg string) error { return c.Throw(vm.Const(msg).Value()) }

// errReadonly refuses to change a frozen table.
func errReadonly(c *vm.Call) error { return throwText(c, "attempt to modify a readonly table") }

// native makes a record of a function without a short cut.
func native(name string, fn vm.Func) *vm.Native { return &vm.Native{Name: name, Fn: fn} }

// fast makes a record of a function with a short cut.
func fast(name string, fn vm.Func, short vm.FastFunc) *vm.Native {
	return &vm.Native{Name: name, Fn: fn, Fast: short}
}
