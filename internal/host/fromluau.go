package host

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/luau"
)

// FromLuau takes a value out of the script:
//
//	nil, boolean, string, buffer, vector   Null, Boolean, Text, Buffer, Vector
//	number                                 Integer if it is exactly one (but for -0), else Float
//	integer, I64; U64                      Integer; UnsignedInteger
//	DateTime, TimeDelta, Timezone, Lazy    Timestamptz, Interval, TimeZone, LazyStringMap
//	Blob                                   Buffer; the Blob keeps its bytes
//	table                                  List of t[1].. up to the first nil when #t > 0; an empty List when it
//	                                       carries the array metatable; else Map of all pairs
//
// Tables are read raw. Everything else, numbers that are not finite, values deeper
// than khronos.MaxDepth and values that are too large are refused; the error names the
// place, as in "value.items[3]: functions cannot leave the script".
func FromLuau(vm *luau.VM, v luau.Value) (khronos.Value, error) {
	room := limits.Default().FrameBytes
	if env, ok := vm.Host().(Env); ok {
		room = env.ValueBytes()
	}
	o := outward{vm: vm, root: "value", limit: room, charge: func(int64) error { return nil }}
	return o.value(v)
}

// fromLuau is FromLuau on the script's budget, for the value that messages call root.
func fromLuau(c *luau.Call, root string, v luau.Value) (khronos.Value, error) {
	o := outward{vm: c.VM(), root: root, limit: envOf(c).ValueBytes(), charge: c.Charge}
	return o.value(v)
}

// argFromLuau is fromLuau for an argument: a string that is not UTF-8 is refused
// and not mended. A value that is bounded by the limit of that name, if it is not
// empty, is refused as soon as it is larger, and the measuring of its JSON form,
// which is as long as what is counted here or longer, is paid for.
func argFromLuau(c *luau.Call, root string, v luau.Value, limitName string) (khronos.Value, error) {
	o := outward{vm: c.VM(), root: root, limit: envOf(c).ValueBytes(), charge: c.Charge, strict: true}
	if limitName == "" {
		return o.value(v)
	}
	if limit := envOf(c).Limits().Number(limitName); limit < o.limit {
		o.limit, o.limitName = limit, limitName
	}
	out, err := o.value(v)
	if err != nil {
		return khronos.Null(), err
	}
	return out, c.Charge(o.used)
}

// outward is one conversion.
type outward struct {
	vm        *luau.VM
	root      string
	limit     int64 // of used
	used      int64 // about the bytes of the value's encoded form
	charge    func(fuel int64) error
	limitName string       // of limit, if it is one of the installation
	strict    bool         // strings must be UTF-8
	path      []luau.Value // keys from the root
	open      []*luau.Table
}

// unfit says what is wrong with a value of the script.
type unfit struct{ text string }

func (e *unfit) Error() string { return e.text }

// unfitf makes an error of the script, which [scriptFault] gives its place and the
// name of the function that was called.
func unfitf(format string, args ...any) error { return &unfit{fmt.Sprintf(format, args...)} }

// value converts v, which lies at the end of the path.
func (o *outward) value(v luau.Value) (khronos.Value, error) {
	switch v.Kind() {
	case luau.KindNil:
		return khronos.Null(), o.spend(1)
	case luau.KindBoolean:
		return khronos.Boolean(v.AsBool()), o.spend(1)
	case luau.KindNumber:
		return o.number(v.AsNumber())
	case luau.KindInteger:
		return khronos.Integer(v.AsInteger()), o.spend(9)
	case luau.KindString:
		s := v.AsString().Str()
		if o.strict && !utf8.ValidString(s) {
			return khronos.Null(), o.refuse("the string is not UTF-8: use a buffer for bytes")
		}
		return khronos.Text(s), o.spend(5 + len(s))
	case luau.KindBuffer:
		b := v.AsBuffer().Bytes()
		if err := o.spend(5 + len(b)); err != nil {
			return khronos.Null(), err
		}
		return khronos.Buffer(append([]byte{}, b...)), nil
	case luau.KindVector:
		x, y, z := v.AsVector().XYZ()
		return o.vector(x, y, z)
	case luau.KindTable:
		return o.table(v.AsTable())
	case luau.KindUserdata:
		return o.userdata(v)
	}
	return khronos.Null(), o.refuse("%ss cannot leave the script", o.vm.TypeName(v))
}

func (o *outward) number(f float64) (khronos.Value, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return khronos.Null(), o.refuse("the number %s is not finite", luau.NumberString(f))
	}
	const two63 = 1 << 63
	if f == math.Trunc(f) && f >= -two63 && f < two63 && !(f == 0 && math.Signbit(f)) {
		return khronos.Integer(int64(f)), o.spend(9)
	}
	return khronos.Float(f), o.spend(9)
}

func (o *outward) vector(x, y, z float32) (khronos.Value, error) {
	for _, f := range []float32{x, y, z} {
		if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
			return khronos.Null(), o.refuse("a component of the vector is not finite")
		}
	}
	return khronos.Vector(x, y, z), o.spend(15)
}

func (o *outward) userdata(v luau.Value) (khronos.Value, error) {
	switch x := v.AsUserdata().Data().(type) {
	case int64:
		return khronos.Integer(x), o.spend(9)
	case uint64:
		return khronos.Unsigned(x), o.spend(10)
	case time.Time:
		return khronos.Timestamp(x), o.spend(15)
	case khronos.Interval:
		return khronos.IntervalValue(x), o.spend(15)
	case timezone:
		return khronos.TimeZone(string(x)), o.spend(3 + len(x))
	case *lazyMap:
		return khronos.LazyStringMap(x.strings), o.spend(x.bytes)
	case *blob:
		if err := o.spend(5 + len(x.bytes)); err != nil {
			return khronos.Null(), err
		}
		return khronos.Buffer(append([]byte{}, x.bytes...)), nil
	}
	return khronos.Null(), o.refuse("%ss cannot leave the script", o.vm.TypeName(v))
}

// table converts t by its raw length: a list, or all its pairs.
func (o *outward) table(t *luau.Table) (khronos.Value, error) {
	if err := o.spend(5); err != nil {
		return khronos.Null(), err
	}
	o.open = append(o.open, t)
	defer func() { o.open = o.open[:len(o.open)-1] }()
	if n := t.Len(); n > 0 || t.Meta() == arrayMeta {
		return o.list(t, n)
	}
	return o.pairs(t)
}

func (o *outward) list(t *luau.Table, n int) (khronos.Value, error) {
	items := make([]khronos.Value, 0, min(n, 1024))
	for i := 1; ; i++ {
		v := t.GetInt(i)
		if v.IsNil() {
			return khronos.List(items...), nil
		}
		item, err := o.at(luau.Number(float64(i)), v)
		if err != nil {
			return khronos.Null(), err
		}
		items = append(items, item)
	}
}

func (o *outward) pairs(t *luau.Table) (khronos.Value, error) {
	var pairs []khronos.Pair
	next, k, v, ok := t.NextIndex(0)
	for ; ok; next, k, v, ok = t.NextIndex(next) {
		key, err := o.at(k, k)
		if err != nil {
			return khronos.Null(), err
		}
		value, err := o.at(k, v)
		if err != nil {
			return khronos.Null(), err
		}
		pairs = append(pairs, khronos.Pair{Key: key, Value: value})
	}
	return khronos.Map(pairs...), nil
}

// at converts what lies under a key of the table at the end of the path.
func (o *outward) at(key, v luau.Value) (khronos.Value, error) {
	o.path = append(o.path, key)
	if len(o.path) > khronos.MaxDepth {
		if o.cyclic() {
			return khronos.Null(), o.refuse("nested more than %d deep: a table contains itself", khronos.MaxDepth)
		}
		return khronos.Null(), o.refuse("nested more than %d deep", khronos.MaxDepth)
	}
	item, err := o.value(v)
	o.path = o.path[:len(o.path)-1]
	return item, err
}

// cyclic tells whether a table of the path contains itself.
func (o *outward) cyclic() bool {
	for i, t := range o.open {
		if slices.Contains(o.open[:i], t) {
			return true
		}
	}
	return false
}

// spend counts n bytes of the encoded form and pays for the work.
func (o *outward) spend(n int) error {
	if o.used += int64(n); o.used > o.limit {
		if o.limitName != "" {
			return o.refuse("larger than %d bytes (%s)", o.limit, o.limitName)
		}
		return o.refuse("larger than %d bytes", o.limit)
	}
	return o.charge(1 + int64(n)/64)
}

func (o *outward) refuse(format string, args ...any) error {
	return &unfit{o.place() + ": " + fmt.Sprintf(format, args...)}
}

// place writes the path, as in value.items[3]["odd key"].
func (o *outward) place() string {
	var b strings.Builder
	b.WriteString(o.root)
	for _, key := range o.path {
		switch key.Kind() {
		case luau.KindString:
			writeName(&b, key.AsString().Str())
		case luau.KindNumber:
			b.WriteString("[" + luau.NumberString(key.AsNumber()) + "]")
		default:
			b.WriteString("[" + o.vm.TypeName(key) + "]")
		}
	}
	return b.String()
}

func writeName(b *strings.Builder, name string) {
	const most = 40
	if len(name) > most {
		name = name[:most] + "..."
	}
	if isName(name) {
		b.WriteString("." + name)
		return
	}
	b.WriteString("[" + strconv.Quote(name) + "]")
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
