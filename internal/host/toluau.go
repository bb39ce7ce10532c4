package host

import (
	"fmt"
	"math"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// arrayMeta is the metatable that marks a table as a list, also when it is empty.
// It is shared by all VMs, frozen and empty.
var arrayMeta = luau.SharedTable()

// maxExact is the largest integer up to which all integers are numbers.
const maxExact = 1<<53 - 1

// ToLuau brings a value into the script:
//
//	Null, Boolean, Float, Text, Buffer, Vector         nil, boolean, number, string, buffer, vector
//	Integer                                            number up to 2^53-1 either way, beyond that I64
//	UnsignedInteger                                    U64
//	Timestamptz, Interval, TimeZone, LazyStringMap     DateTime, TimeDelta, Timezone, Lazy
//	List                                               table with the array metatable, without its Nulls
//	Map                                                table without the Null values; the last of equal keys wins
//
// A key that is Null or NaN is an error. Memory is charged to vm.
func ToLuau(vm *luau.VM, v khronos.Value) (luau.Value, error) {
	in := inward{vm: vm}
	defer in.release()
	if err := in.visit(v); err != nil {
		return luau.Nil, err
	}
	return in.root, nil
}

// PayloadToLuau brings an event's data into the script. A Khronos value follows
// [ToLuau]. In plain JSON null is nil and leaves a hole in a list, arrays carry the
// array metatable, and all numbers are numbers.
func PayloadToLuau(vm *luau.VM, p khronos.Payload) (luau.Value, error) {
	in := inward{vm: vm, plain: p.Format == khronos.FormatJSON}
	defer in.release()
	if err := p.Walk(&in); err != nil {
		return luau.Nil, err
	}
	return in.root, nil
}

// inward builds a script's value piece by piece; it is a khronos.Visitor. A table
// is put in its place as soon as it is begun, so that the VM counts its memory
// while it grows.
type inward struct {
	vm    *luau.VM
	plain bool       // plain JSON
	null  luau.Value // what null becomes in it
	root  luau.Value
	stack []openTable
	refs  []luau.Ref            // to tables that nothing in the VM refers to yet
	keys  map[string]luau.Value // short keys that were met before
}

// openTable is a table that is being filled.
type openTable struct {
	t      *luau.Table
	isMap  bool
	n      int // items of a list so far
	hasKey bool
	key    luau.Value // of the next value
}

// The bounds of what a count in the input makes us allocate at once, and of the
// cache of keys.
const (
	maxPrealloc  = 64
	maxCachedKey = 40
	maxKeys      = 256
)

func (in *inward) release() {
	for _, ref := range in.refs {
		ref.Release()
	}
}

// put stores a value where the next one belongs.
func (in *inward) put(v luau.Value) error {
	if len(in.stack) == 0 {
		in.root = v
		return nil
	}
	top := &in.stack[len(in.stack)-1]
	switch {
	case !top.isMap:
		if v.IsNil() && !in.plain {
			return nil
		}
		top.n++
		if v.IsNil() {
			return nil
		}
		return top.t.SetInt(in.vm, top.n, v)
	case !top.hasKey:
		if v.IsNil() {
			return fmt.Errorf("a key is Null")
		}
		top.key, top.hasKey = v, true
		return nil
	}
	top.hasKey = false
	return top.t.Set(in.vm, top.key, v)
}

func (in *inward) begin(isMap bool, n int) error {
	n = min(max(n, 0), maxPrealloc)
	arr, hash := n, 0
	if isMap {
		arr, hash = 0, n
	}
	t, err := in.vm.NewTable(arr, hash)
	if err != nil {
		return err
	}
	if !isMap {
		t.SetMeta(arrayMeta)
	}
	if top := len(in.stack) - 1; top < 0 || in.stack[top].isMap && !in.stack[top].hasKey {
		in.refs = append(in.refs, in.vm.NewRef(t.Value()))
	}
	if err := in.put(t.Value()); err != nil {
		return err
	}
	in.stack = append(in.stack, openTable{t: t, isMap: isMap})
	return nil
}

func (in *inward) end() error {
	in.stack = in.stack[:len(in.stack)-1]
	return nil
}

// BeginList, EndList, BeginMap and EndMap are the visitor's tables.
func (in *inward) BeginList(n int) error { return in.begin(false, n) }
func (in *inward) EndList() error        { return in.end() }
func (in *inward) BeginMap(n int) error  { return in.begin(true, n) }
func (in *inward) EndMap() error         { return in.end() }

// Null and the methods below are the visitor's values.
func (in *inward) Null() error          { return in.put(in.null) }
func (in *inward) Boolean(b bool) error { return in.put(luau.Bool(b)) }
func (in *inward) Float(f float64) error {
	if math.IsNaN(f) && in.wantsKey() {
		return fmt.Errorf("a key is NaN")
	}
	return in.put(luau.Number(f))
}

func (in *inward) Integer(i int64) error {
	if in.plain || i >= -maxExact && i <= maxExact {
		return in.put(luau.Number(float64(i)))
	}
	return in.made(wide.newI64(in.vm, i))
}

func (in *inward) Unsigned(u uint64) error {
	if in.plain {
		return in.put(luau.Number(float64(u)))
	}
	return in.made(wide.newU64(in.vm, u))
}

func (in *inward) Text(b []byte) error {
	if !in.wantsKey() || len(b) > maxCachedKey {
		return in.made(in.vm.NewStringBytes(b))
	}
	if v, ok := in.keys[string(b)]; ok {
		return in.put(v)
	}
	v, err := in.vm.NewStringBytes(b)
	if err == nil && len(in.keys) < maxKeys {
		if in.keys == nil {
			in.keys = map[string]luau.Value{}
		}
		in.keys[string(b)] = v
	}
	return in.made(v, err)
}

func (in *inward) wantsKey() bool {
	top := len(in.stack) - 1
	return top >= 0 && in.stack[top].isMap && !in.stack[top].hasKey
}

func (in *inward) Buffer(b []byte) error {
	buf, err := in.vm.NewBuffer(len(b))
	if err != nil {
		return err
	}
	copy(buf.Bytes(), b)
	return in.put(buf.Value())
}

func (in *inward) Vector(x, y, z float32) error { return in.made(in.vm.NewVector(x, y, z)) }

func (in *inward) Timestamp(t time.Time) error { return in.made(times.newDateTime(in.vm, t.UTC())) }

func (in *inward) Interval(i khronos.Interval) error { return in.made(times.newTimeDelta(in.vm, i)) }

func (in *inward) TimeZone(name []byte) error {
	return in.made(times.newTimezone(in.vm, timezone(name)))
}

func (in *inward) LazyStringMap(m map[string]string) error { return in.made(newLazy(in.vm, m)) }

func (in *inward) made(v luau.Value, err error) error {
	if err != nil {
		return err
	}
	return in.put(v)
}

// visit walks a value as the decoders of package khronos walk bytes.
func (in *inward) visit(v khronos.Value) error {
	switch v.Kind() {
	case khronos.KindBoolean:
		b, _ := v.AsBoolean()
		return in.Boolean(b)
	case khronos.KindInteger:
		i, _ := v.AsInteger()
		return in.Integer(i)
	case khronos.KindUnsigned:
		u, _ := v.AsUnsigned()
		return in.Unsigned(u)
	case khronos.KindFloat:
		f, _ := v.AsFloat()
		return in.Float(f)
	case khronos.KindText:
		s, _ := v.AsText()
		return in.Text([]byte(s))
	case khronos.KindBuffer:
		b, _ := v.AsBuffer()
		return in.Buffer(b)
	case khronos.KindVector:
		xyz, _ := v.AsVector()
		return in.Vector(xyz[0], xyz[1], xyz[2])
	case khronos.KindTimestamptz:
		t, _ := v.AsTimestamp()
		return in.Timestamp(t)
	case khronos.KindInterval:
		i, _ := v.AsInterval()
		return in.Interval(i)
	case khronos.KindTimeZone:
		name, _ := v.AsTimeZone()
		return in.TimeZone([]byte(name))
	case khronos.KindLazyStringMap:
		m, _ := v.AsLazyStringMap()
		return in.LazyStringMap(m)
	case khronos.KindList:
		return in.visitList(v)
	case khronos.KindMap:
		return in.visitMap(v)
	}
	return in.Null()
}

func (in *inward) visitList(v khronos.Value) error {
	if err := in.BeginList(v.Len()); err != nil {
		return err
	}
	for _, item := range v.Items() {
		if err := in.visit(item); err != nil {
			return err
		}
	}
	return in.EndList()
}

func (in *inward) visitMap(v khronos.Value) error {
	if err := in.BeginMap(v.Len()); err != nil {
		return err
	}
	for _, pair := range v.Pairs() {
		if err := in.visit(pair.Key); err != nil {
			return err
		}
		if err := in.visit(pair.Value); err != nil {
			return err
		}
	}
	return in.EndMap()
}
