package vm

// Base is the frozen set of built-in globals that VMs share.
type Base struct {
	globals    *Table
	stringMeta *Table
	vectorMeta *Table
	envMeta    *Table // of globals tables: reads fall through to globals
}

// BaseBuilder fills a base; it is valid only inside [NewBase].
type BaseBuilder struct {
	base *Base
}

// Field is one named value of a library.
type Field struct {
	Name  string
	Value Value
}

// NewBase makes a base: build sets the globals, then everything is frozen.
func NewBase(build func(*BaseBuilder)) *Base {
	b := &Base{globals: SharedTable(0, 8)}
	build(&BaseBuilder{base: b})
	b.globals.Freeze()
	b.envMeta = SharedTable(0, 2)
	b.envMeta.setShared("__index", b.globals.Value())
	b.envMeta.setShared("__metatable", Const("The metatable is locked").Value())
	b.envMeta.Freeze()
	return b
}

// Set sets a global.
func (b *BaseBuilder) Set(name string, v Value) { b.base.globals.setShared(name, v) }

// Natives sets each native as a global under its name.
func (b *BaseBuilder) Natives(ns ...*Native) {
	for _, n := range ns {
		b.Set(n.Name, n.Value())
	}
}

// Lib makes a frozen table of natives and other values and sets it as a global.
func (b *BaseBuilder) Lib(name string, ns []*Native, fields ...Field) *Table {
	t := SharedTable(0, 8)
	for _, n := range ns {
		t.setShared(n.Name, n.Value())
	}
	for _, f := range fields {
		t.setShared(f.Name, f.Value)
	}
	t.Freeze()
	b.Set(name, t.Value())
	return t
}

// SetStringMeta and SetVectorMeta set the metatables of strings and vectors; they must be shared tables.
func (b *BaseBuilder) SetStringMeta(t *Table) { b.base.stringMeta = t }

// SetVectorMeta sets the metatable of vectors.
func (b *BaseBuilder) SetVectorMeta(t *Table) { b.base.vectorMeta = t }

// Globals gives the frozen table of built-in globals.
func (b *Base) Globals() *Table { return b.globals }

// lookup resolves an import path such as math.max against the built-in globals.
func (b *Base) lookup(path []string) (Value, bool) {
	v := b.globals.Value()
	for _, name := range path {
		if v.Kind() != KindTable {
			return Nil, false
		}
		v = v.AsTable().GetStr(Const(name))
	}
	return v, v.p != nil
}

// Meta gives a value's metatable, nil if it has none. It does not look at __metatable.
func (vm *VM) Meta(v Value) *Table {
	switch v.Kind() {
	case KindTable:
		return v.AsTable().meta
	case KindUserdata:
		return v.AsUserdata().meta
	case KindString:
		return vm.base.stringMeta
	case KindVector:
		return vm.base.vectorMeta
	}
	return nil
}

// NewEnv makes a table of globals: writable, with nothing in it but itself as _G, and reads of absent names fall
// through to the base.
func (vm *VM) NewEnv() (*Table, error) {
	t, err := vm.NewTable(0, 1)
	if err != nil {
		return nil, err
	}
	if err := t.SetStr(vm, envName, t.Value()); err != nil {
		return nil, err
	}
	t.meta, t.safeEnv = vm.base.envMeta, true
	return t, nil
}

var envName = Const("_G")
