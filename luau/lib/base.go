package lib

import (
	"math/bits"
	"strings"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

func openBase(b *vm.BaseBuilder) {
	b.Natives(vm.CoreNatives()...)
	b.Natives(
		native("print", basePrint),
		fast("rawequal", baseRawEqual, fastRawEqual),
		fast("rawget", baseRawGet, fastRawGet),
		fast("rawlen", baseRawLen, fastRawLen),
		fast("rawset", baseRawSet, nil),
		fast("select", baseSelect, fastSelect),
		fast("tonumber", baseToNumber, fastToNumber),
		fast("tostring", baseToString, fastToString),
		fast("type", baseType, fastType),
		fast("typeof", baseTypeOf, fastTypeOf),
		native("newproxy", baseNewProxy),
		fast("getmetatable", baseGetMetatable, fastGetMetatable),
		native("setmetatable", baseSetMetatable),
		native("unpack", tableUnpack),
	)
	b.Set("_VERSION", vm.Const("Luau").Value())
}

// print(...) gives one line to the host, arguments as tostring shows them with
// tabs between. Costs fuel for the bytes.
func basePrint(c *vm.Call) error { return c.Strings(printTexts) }

func printTexts(c *vm.Call, texts []string) error {
	var line strings.Builder
	for i, s := range texts {
		if err := payBytes(c, 4*len(s)); err != nil {
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
	if out := c.VM().Config().OnPrint; out != nil {
		out(line.String())
	}
	return c.Return0()
}

// rawequal(a, b) compares without metamethods. Long strings cost fuel.
func baseRawEqual(c *vm.Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	if err := c.CheckAny(1); err != nil {
		return err
	}
	a, b := c.Arg(0), c.Arg(1)
	if a.Kind() == vm.KindString && b.Kind() == vm.KindString {
		if err := payBytes(c, a.AsString().Len()); err != nil {
			return err
		}
	}
	return c.Return1(vm.Bool(vm.RawEqual(a, b)))
}

func fastRawEqual(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) != 2 || args[0].Kind() == vm.KindString {
		return vm.Nil, false
	}
	return vm.Bool(vm.RawEqual(args[0], args[1])), true
}

// rawget(t, k) reads without metamethods.
func baseRawGet(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	if err := c.CheckAny(1); err != nil {
		return err
	}
	return c.Return1(t.Get(c.Arg(1)))
}

func fastRawGet(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) != 2 || args[0].Kind() != vm.KindTable {
		return vm.Nil, false
	}
	return args[0].AsTable().Get(args[1]), true
}

// rawset(t, k, v) writes without metamethods and gives t.
func baseRawSet(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	for i := 1; i < 3; i++ {
		if err := c.CheckAny(i); err != nil {
			return err
		}
	}
	if t.Readonly() {
		return errReadonly(c)
	}
	if err := t.Set(c.VM(), c.Arg(1), c.Arg(2)); err != nil {
		return err
	}
	return c.Return1(t.Value())
}

// rawlen(v) gives the length of a table or string without metamethods.
func baseRawLen(c *vm.Call) error {
	switch v := c.Arg(0); v.Kind() {
	case vm.KindTable:
		return returnInt(c, v.AsTable().Len())
	case vm.KindString:
		return returnInt(c, v.AsString().Len())
	}
	return c.ArgError(0, "table or string expected")
}

func fastRawLen(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) == 1 && args[0].Kind() == vm.KindTable {
		return vm.Number(float64(args[0].AsTable().Len())), true
	}
	return vm.Nil, false
}

// select(n, ...) gives the arguments from the nth on; select("#", ...) their number.
func baseSelect(c *vm.Call) error {
	n := c.NArgs()
	if v := c.Arg(0); v.Kind() == vm.KindString && strings.HasPrefix(v.AsString().Str(), "#") {
		return returnInt(c, n-1)
	}
	i, err := c.CheckInt(0)
	if err != nil {
		return err
	}
	if i < 0 {
		i += n
	} else if i > n {
		i = n
	}
	if i < 1 {
		return c.ArgError(0, "index out of range")
	}
	return returnArgs(c, i)
}

// returnArgs gives the arguments from i on as the results.
func returnArgs(c *vm.Call, i int) error {
	rest := c.Args()[i:]
	if err := payItems(c, len(rest)/4); err != nil {
		return err
	}
	return c.Return(rest...)
}

func fastSelect(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) > 0 && args[0].Kind() == vm.KindString && args[0].AsString().Str() == "#" {
		return vm.Number(float64(len(args) - 1)), true
	}
	return vm.Nil, false
}

// tonumber(v, base) reads a number. Long strings cost fuel.
func baseToNumber(c *vm.Call) error {
	base, err := c.OptInt(1, 10)
	if err != nil {
		return err
	}
	if base != 10 {
		return toNumberBase(c, base)
	}
	v := c.Arg(0)
	if v.Kind() == vm.KindString {
		if err := payBytes(c, v.AsString().Len()*charCost); err != nil {
			return err
		}
	}
	if f, ok := vm.ToNumber(v); ok {
		return c.Return1(vm.Number(f))
	}
	if err := c.CheckAny(0); err != nil {
		return err
	}
	return c.Return1(vm.Nil)
}

func toNumberBase(c *vm.Call, base int) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	if base < 2 || base > 36 {
		return c.ArgError(1, "base out of range")
	}
	if err := payBytes(c, len(s)*charCost); err != nil {
		return err
	}
	n, rest, ok := parseUint(s, base)
	if !ok || trimSpace(rest) != "" {
		return c.Return1(vm.Nil)
	}
	return c.Return1(vm.Number(float64(n)))
}

func fastToNumber(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) == 1 && args[0].IsNumber() {
		return args[0], true
	}
	return vm.Nil, false
}

// parseUint reads an unsigned integer as C's strtoull does: a sign negates modulo
// 2^64, too many digits give the largest number. ok is false if there is no digit.
func parseUint(s string, base int) (n uint64, rest string, ok bool) {
	d := readDigits(s, base)
	n = d.n
	if d.over {
		n = ^uint64(0)
	} else if d.neg {
		n = -n
	}
	return n, d.rest, d.any
}

// digits is an integer as it was read.
type digits struct {
	n              uint64
	neg, over, any bool   // has a sign -; n has overflowed; there is a digit
	rest           string // what follows
}

// readDigits reads white space, a sign, 0x before base 16, and digits. A NUL ends s.
func readDigits(s string, base int) (d digits) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	s = strings.TrimLeft(s, spaces)
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.neg, s = s[0] == '-', s[1:]
	}
	if base == 16 && len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' && digitOf(s[2]) < 16 {
		s = s[2:]
	}
	i := 0
	for ; i < len(s) && digitOf(s[i]) < base; i++ {
		hi, lo := bits.Mul64(d.n, uint64(base))
		sum, carry := bits.Add64(lo, uint64(digitOf(s[i])), 0)
		d.over = d.over || hi != 0 || carry != 0
		d.n = sum
	}
	d.any, d.rest = i > 0, s[i:]
	return d
}

const spaces = " \t\n\v\f\r"

func trimSpace(s string) string { return strings.Trim(s, spaces) }

// digitOf gives the value of a digit in any base, 99 if it is none.
func digitOf(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return int(c|0x20-'a') + 10
	}
	return 99
}

// tostring(v) gives a text, by __tostring if there is one.
func baseToString(c *vm.Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	v := c.Arg(0)
	if v.Kind() == vm.KindString {
		return c.Return1(v)
	}
	s, handler, err := c.TryString(v)
	if err != nil {
		return err
	}
	if !handler.IsNil() {
		return c.CallThen(handler, []vm.Value{v}, stringGiven, nil)
	}
	return returnString(c, s)
}

// stringGiven takes what __tostring gave.
func stringGiven(c *vm.Call, _ any) error {
	s, err := c.HandlerText(c.Args())
	if err != nil {
		return err
	}
	return returnString(c, s)
}

func fastToString(m *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) != 1 {
		return vm.Nil, false
	}
	switch v := args[0]; v.Kind() {
	case vm.KindString:
		return v, true
	case vm.KindNumber:
		var buf [32]byte
		s, err := m.NewStringBytes(vm.AppendNumber(buf[:0], v.AsNumber()))
		return s, err == nil
	}
	return vm.Nil, false
}

// kindNames are what type gives, as strings that cost nothing.
var kindNames = makeKindNames()

func makeKindNames() (names [vm.KindCell]vm.Value) {
	for k, s := range map[vm.Kind]string{
		vm.KindNil: "nil", vm.KindBoolean: "boolean", vm.KindNumber: "number", vm.KindInteger: "integer",
		vm.KindLight: "userdata", vm.KindString: "string", vm.KindVector: "vector", vm.KindTable: "table",
		vm.KindClosure: "function", vm.KindNative: "function", vm.KindCoroutine: "thread",
		vm.KindBuffer: "buffer", vm.KindUserdata: "userdata", vm.KindClass: "class", vm.KindObject: "object",
	} {
		names[k] = vm.Const(s).Value()
	}
	return names
}

// TypeName gives what type gives.
func TypeName(v vm.Value) string { return kindNames[v.Kind()].AsString().Str() }

// type(v) names the kind of a value; typeof(v) also tells host types apart.
func baseType(c *vm.Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	return c.Return1(kindNames[c.Arg(0).Kind()])
}

func fastType(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) == 0 {
		return vm.Nil, false
	}
	return kindNames[args[0].Kind()], true
}

func baseTypeOf(c *vm.Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	if v := c.Arg(0); v.Kind() != vm.KindUserdata {
		return c.Return1(kindNames[v.Kind()])
	}
	return returnString(c, c.VM().TypeName(c.Arg(0)))
}

func fastTypeOf(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) == 0 || args[0].Kind() == vm.KindUserdata {
		return vm.Nil, false
	}
	return kindNames[args[0].Kind()], true
}

// newproxy(meta) makes a userdata without content, with an empty metatable if meta is true.
func baseNewProxy(c *vm.Call) error {
	v := c.Arg(0)
	if k := v.Kind(); k != vm.KindNil && k != vm.KindBoolean {
		return c.TypeError(0, "nil or boolean")
	}
	u, err := c.VM().NewUserdata(nil, nil, 0)
	if err != nil {
		return err
	}
	if v.Truthy() {
		t, err := c.VM().NewTable(0, 0)
		if err != nil {
			return err
		}
		u.SetMeta(t)
	}
	return c.Return1(u.Value())
}

var metatableKey = vm.Const("__metatable")

// getmetatable(v) gives the metatable, or what its __metatable hides it behind.
func baseGetMetatable(c *vm.Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	return c.Return1(visibleMeta(c.VM().Meta(c.Arg(0))))
}

func fastGetMetatable(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) == 1 && args[0].Kind() == vm.KindTable {
		return visibleMeta(args[0].AsTable().Meta()), true
	}
	return vm.Nil, false
}

func visibleMeta(t *vm.Table) vm.Value {
	if t == nil {
		return vm.Nil
	}
	if v := t.GetStr(metatableKey); !v.IsNil() {
		return v
	}
	return t.Value()
}

// protected tells whether a table's metatable is locked.
func protected(t *vm.Table) bool {
	m := t.Meta()
	return m != nil && !m.GetStr(metatableKey).IsNil()
}

// setmetatable(t, meta) sets or removes the metatable and gives t.
func baseSetMetatable(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	v := c.Arg(1)
	if k := v.Kind(); c.NArgs() < 2 || k != vm.KindNil && k != vm.KindTable {
		return c.TypeError(1, "nil or table")
	}
	if protected(t) {
		return c.Errorf("cannot change a protected metatable")
	}
	if t.Readonly() {
		return errReadonly(c)
	}
	var m *vm.Table
	if !v.IsNil() {
		m = v.AsTable()
	}
	t.SetMeta(m)
	return c.Return1(t.Value())
}
