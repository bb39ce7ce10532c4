package vm

import (
	"math/bits"
	"strconv"
)

// TryString gives a value's text as tostring does, or the __tostring handler that
// must be called with the value; [Call.HandlerText] then gives the text.
func (c *Call) TryString(v Value) (text string, handler Value, err error) {
	switch v.Kind() {
	case KindString:
		return v.AsString().Str(), Nil, nil
	case KindNumber:
		return NumberString(v.AsNumber()), Nil, nil
	case KindUserdata:
		if u := v.AsUserdata(); u.typ != nil && u.typ.ToString != nil {
			text, err = u.typ.ToString(c.vm, u)
			return text, Nil, err
		}
	}
	if h := c.vm.Meta(v).named(toStringName); h.p != nil {
		return "", h, nil
	}
	return c.vm.PlainString(v), Nil, nil
}

// HandlerText gives the text that a __tostring handler has given, which must be a
// string or a number: results are the handler's.
func (c *Call) HandlerText(results []Value) (string, error) {
	if len(results) > 0 && results[0].Kind() == KindString {
		return results[0].AsString().Str(), nil
	}
	if len(results) > 0 && results[0].IsNumber() {
		return NumberString(results[0].AsNumber()), nil
	}
	return "", c.Errorf("'__tostring' must return a string")
}

// ToString gives what tostring gives, running a handler as [Call.Call] does: a
// slice waits for its end. [Call.Strings] and [Call.TryString] do not.
func (c *Call) ToString(v Value) (string, error) {
	s, h, err := c.TryString(v)
	if err != nil || h.p == nil {
		return s, err
	}
	r, err := c.Call(h, v)
	if err != nil {
		return "", err
	}
	return c.HandlerText(r)
}

// Strings hands the texts of all arguments, as tostring gives them, to done, which
// gives the native's results. Handlers run as [Call.CallThen] does, and the
// arguments are gone then. The texts are charged while the native lasts. Use it as
// `return c.Strings(done)`.
func (c *Call) Strings(done func(c *Call, texts []string) error) error {
	if err := c.Alloc(int64(c.n) * sizeText); err != nil {
		return err
	}
	t := texts{done: done, list: make([]string, 0, c.n)}
	return t.run(c, c.Args())
}

// sizeText is what a Go string without its bytes takes.
const sizeText = 16

// texts is a [Call.Strings] in progress.
type texts struct {
	done func(c *Call, texts []string) error
	args []Value // copied once a handler has to be called
	list []string
}

// Trace visits the arguments.
func (t *texts) Trace(visit func(Value)) {
	for _, v := range t.args {
		visit(v)
	}
}

func (t texts) run(c *Call, args []Value) error {
	for len(t.list) < len(args) {
		v := args[len(t.list)]
		s, h, err := c.TryString(v)
		if err != nil {
			return err
		}
		if h.p != nil {
			return t.ask(c, args, h, v)
		}
		t.list = append(t.list, s)
	}
	return t.done(c, t.list)
}

// ask calls the handler of v and goes on with its text.
func (t texts) ask(c *Call, args []Value, h, v Value) error {
	if t.args == nil {
		if err := c.Alloc(int64(len(args)) * sizeValue); err != nil {
			return err
		}
		t.args = append([]Value(nil), args...)
	}
	held := t
	return c.CallThen(h, []Value{v}, textGiven, &held)
}

func textGiven(c *Call, state any) error {
	t := *state.(*texts)
	s, err := c.HandlerText(c.Args())
	if err != nil {
		return err
	}
	if err := c.Alloc(int64(len(s))); err != nil {
		return err
	}
	t.list = append(t.list, s)
	return t.run(c, t.args)
}

var toStringName = Const("__tostring")

// named gives a field of a metatable that may be nil.
func (t *Table) named(s *String) Value {
	if t == nil {
		return Nil
	}
	return t.GetStr(s)
}

// PlainString gives a value's text without running script code. Objects show a
// number that stands for their identity, never an address.
func (vm *VM) PlainString(v Value) string {
	switch k := v.Kind(); k {
	case KindNil, KindBoolean, KindNumber, KindInteger, KindString:
		return displayString(v)
	case KindVector:
		x, y, z := v.AsVector().XYZ()
		return floatString(x) + ", " + floatString(y) + ", " + floatString(z)
	case KindLight:
		return "userdata: " + hexID(scramble(v.w, vm.cfg.Seed))
	}
	return vm.TypeName(v) + ": " + hexID(scramble(uint64(vm.serialOf(v)), vm.cfg.Seed))
}

// floatString gives the shortest digits that read back as the same 32-bit float.
func floatString(f float32) string {
	g, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	if err != nil {
		return NumberString(float64(f)) // infinite or not a number
	}
	return NumberString(g)
}

func hexID(n uint64) string {
	const digits = "0123456789abcdef"
	b := []byte("0x0000000000000000")
	for i := len(b) - 1; i > 1; i-- {
		b[i] = digits[n&15]
		n >>= 4
	}
	return string(b)
}

// scramble is a permutation of the 48-bit numbers that depends on the seed, so that serials do not show.
func scramble(n, seed uint64) uint64 {
	const mask = 1<<48 - 1
	for i := range 3 {
		n = (n ^ bits.RotateLeft64(seed, i*21)) & mask
		n = n * 0x9e3779b97f4b & mask
		n ^= n >> 23
	}
	return n
}
