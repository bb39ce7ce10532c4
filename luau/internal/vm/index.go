package vm

import "github.com/template-worker/template-worker/luau/internal/bytecode"

// maxChain bounds the tables that one access may go through.
const maxChain = 100 // each costs two of fuel beyond the first

const errReadonly objectError = "attempt to modify a readonly table"

// lookup reads obj[key] through __index tables. If it meets an __index function,
// it gives that as h and the object it belongs to as self.
func (vm *VM) lookup(obj, key Value) (v, h, self Value, err error) {
	for range maxChain {
		if obj.Kind() == KindTable {
			t := obj.AsTable()
			if v = t.Get(key); v.p != nil || t.meta == nil {
				return v, Nil, Nil, nil
			}
			if h = t.meta.field(metaIndex); h.p == nil {
				return Nil, Nil, Nil, nil
			}
		} else {
			v, ok, err := vm.lookupHost(obj, key)
			if ok || err != nil {
				return v, Nil, Nil, err
			}
			if h = vm.Meta(obj).field(metaIndex); h.p == nil {
				return Nil, Nil, Nil, vm.indexError(obj, key)
			}
		}
		if k := h.Kind(); k == KindClosure || k == KindNative {
			return Nil, h, obj, nil
		}
		obj = h
		vm.fuel -= 2
	}
	return Nil, Nil, Nil, vm.errorAt(1, "'__index' chain too long; possible loop")
}

// lookupHost reads what values that are not tables have by themselves.
func (vm *VM) lookupHost(obj, key Value) (v Value, ok bool, err error) {
	if key.Kind() != KindString {
		return Nil, false, nil
	}
	switch obj.Kind() {
	case KindVector:
		v, ok = obj.AsVector().component(key.AsString().Str())
		return v, ok, nil
	case KindUserdata:
		if u := obj.AsUserdata(); u.typ != nil {
			return vm.userField(u, key.AsString().Str())
		}
	}
	return Nil, false, nil
}

func (v *Vector) component(name string) (Value, bool) {
	if len(name) != 1 {
		return Nil, false
	}
	switch name[0] | 0x20 {
	case 'x':
		return Number(float64(v.x)), true
	case 'y':
		return Number(float64(v.y)), true
	case 'z':
		return Number(float64(v.z)), true
	}
	return Nil, false
}

func (vm *VM) userField(u *Userdata, name string) (v Value, ok bool, err error) {
	if n := u.typ.Methods[name]; n != nil {
		return n.Value(), true, nil
	}
	if get := u.typ.Fields[name]; get != nil {
		v, err = get(vm.bareCall(), u)
		return v, true, err
	}
	if u.typ.Index != nil {
		v, err = u.typ.Index(vm, u, name)
		return v, true, err
	}
	return Nil, false, nil
}

// bareCall gives a call without arguments, for host code that runs in place of a native.
func (vm *VM) bareCall() *Call {
	c := vm.call
	vm.co.top = int32(vm.co.extent())
	c.native, c.base, c.n = hostNative, int(vm.co.top), 0
	return c
}

// hostNative stands for host code that has no record of its own.
var hostNative = &Native{header: sharedHeader(), Name: "host", Fn: func(c *Call) error { return c.Return0() }}

func (vm *VM) indexError(obj, key Value) error {
	if key.Kind() == KindString && key.AsString().Len() <= 64 {
		return vm.errorAt(1, "attempt to index %s with '%s'", vm.TypeName(obj), key.AsString().Str())
	}
	return vm.errorAt(1, "attempt to index %s with %s", vm.TypeName(obj), vm.TypeName(key))
}

// get is the slow path of every read: R[A] = obj[key].
func (vm *VM) get(a uint8, obj, key Value) action {
	v, h, self, err := vm.lookup(obj, key)
	if err != nil {
		return vm.raise(err)
	}
	if h.p != nil {
		return vm.callMeta(h, finishStore, 1, self, key)
	}
	co := vm.co
	co.stack[co.cur().base+int32(a)] = v
	return actNext
}

// set is the slow path of every write: obj[key] = v.
func (vm *VM) set(obj, key, v Value) action {
	h, self, err := vm.store(obj, key, v)
	if err != nil {
		return vm.raise(err)
	}
	if h.p != nil {
		return vm.callMeta(h, finishIgnore, 0, self, key, v)
	}
	return actNext
}

// store writes obj[key] = v through __newindex tables, or gives the __newindex function it meets.
func (vm *VM) store(obj, key, v Value) (h, self Value, err error) {
	for range maxChain {
		if obj.Kind() == KindTable {
			t := obj.AsTable()
			if h = t.meta.field(metaNewIndex); h.p == nil || !t.Get(key).IsNil() {
				return Nil, Nil, vm.setRaw(t, key, v)
			}
		} else {
			if obj.Kind() == KindUserdata && key.Kind() == KindString {
				if u := obj.AsUserdata(); u.typ != nil && u.typ.SetIndex != nil {
					return Nil, Nil, u.typ.SetIndex(vm, u, key.AsString().Str(), v)
				}
			}
			if h = vm.Meta(obj).field(metaNewIndex); h.p == nil {
				return Nil, Nil, vm.indexError(obj, key)
			}
		}
		if k := h.Kind(); k == KindClosure || k == KindNative {
			return h, obj, nil
		}
		obj = h
		vm.fuel -= 2
	}
	return Nil, Nil, vm.errorAt(1, "'__newindex' chain too long; possible loop")
}

// setRaw writes into the table itself. A new global that hides a built-in one ends the use of resolved imports.
func (vm *VM) setRaw(t *Table, key, v Value) error {
	if t.readonly {
		return errReadonly
	}
	if t.safeEnv && key.Kind() == KindString && !vm.base.globals.GetStr(key.AsString()).IsNil() {
		t.safeEnv = false
	}
	return t.Set(vm, key, v)
}

// nameCall prepares a method call: R[A+1] = obj; R[A] = obj[key].
func (vm *VM) nameCall(i bytecode.Instr) action {
	co := vm.co
	f := co.cur()
	a := f.base + int32(i.A())
	obj, key := co.stack[f.base+int32(i.B())], f.cl.proto.k[i.Imm()]
	co.stack[a+1] = obj
	if obj.Kind() != KindTable {
		if h := vm.metaValue(obj, metaNameCall); h.p != nil {
			co.stack[a] = h
			return actNext
		}
	}
	v, h, self, err := vm.lookup(obj, key)
	switch {
	case err != nil:
		return vm.raise(err)
	case h.p != nil:
		return vm.callMeta(h, finishNameCall, 1, self, key)
	case v.p == nil:
		return vm.raise(vm.methodError(obj, key))
	}
	co.stack[a] = v
	return actNext
}

func (vm *VM) methodError(obj, key Value) error {
	return vm.errorAt(1, "attempt to call missing method '%s' of %s", key.AsString().Str(), vm.TypeName(obj))
}

// callError is the error of calling fn, which is not callable.
func (vm *VM) callError(fn Value) error {
	return vm.errorAt(1, "attempt to call a %s value", vm.TypeName(fn))
}

// importPath reads an import step by step: R[A] = K[Imm].
func (vm *VM) importPath(i bytecode.Instr) action {
	f := vm.co.cur()
	return vm.drive(vm.importFrom(f, i, 0, f.cl.env.Value()))
}

// importFrom reads the names of an import's path from n on, in v.
func (vm *VM) importFrom(f *frame, i bytecode.Instr, n int, v Value) step {
	path := f.cl.proto.paths[i.Imm()]
	for ; n < len(path); n++ {
		r, h, self, err := vm.lookup(v, path[n].Value())
		if err != nil {
			return raising(err)
		}
		if h.p != nil {
			return vm.metaStep(0, h, finishImport, int16(n+1), self, path[n].Value())
		}
		v = r
	}
	vm.co.stack[f.base+int32(i.A())] = v
	return step{kind: stepReload}
}

// TryIndex reads obj[key], or gives the __index function that must be called with self and key.
func (c *Call) TryIndex(obj, key Value) (v, handler, self Value, err error) {
	return c.vm.lookup(obj, key)
}

// Index reads obj[key] with metamethods, for natives; it runs an __index function as [Call.Call] does.
func (c *Call) Index(obj, key Value) (Value, error) {
	v, h, self, err := c.vm.lookup(obj, key)
	if err != nil || h.p == nil {
		return v, err
	}
	r, err := c.Call(h, self, key)
	if err != nil || len(r) == 0 {
		return Nil, err
	}
	return r[0], nil
}

// SetIndex writes obj[key] = v with metamethods, for natives; it runs a __newindex function as [Call.Call] does.
func (c *Call) SetIndex(obj, key, v Value) error {
	h, self, err := c.vm.store(obj, key, v)
	if err != nil || h.p == nil {
		return err
	}
	_, err = c.Call(h, self, key, v)
	return err
}
