package host

import (
	"strings"
	"sync"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/luau"
)

// NewBase gives the globals of templates: the standard library without what
// reaches into other functions or makes code at run time (getfenv, setfenv,
// loadstring), and what package registry declares. It is made once per process
// and safe for concurrent use.
var NewBase = sync.OnceValue(func() *luau.Base {
	base := luau.NewBase(func(b *luau.BaseBuilder) {
		luau.OpenAll(b)
		for _, name := range []string{"getfenv", "setfenv", "loadstring"} {
			b.Set(name, luau.Nil)
		}
		for _, a := range registry.Areas() {
			switch a.Kind {
			case registry.Globals:
				b.Natives(newNatives(a)...)
			case registry.Library:
				b.Lib(a.Name, newNatives(a), constantFields(a)...)
			}
		}
	})
	for _, a := range registry.Areas() {
		switch a.Kind {
		case registry.Module:
			modules[strings.ToLower(a.Name)] = newModule(a)
			moduleNames = append(moduleNames, a.Name)
		case registry.Object:
			bind(a)
		}
	}
	return base
})

// modules are the platform's modules by their names in lower case. They are
// frozen and shared by all VMs; nothing is added once NewBase has returned.
var modules = map[string]luau.Value{}

// moduleNames are their names as they are written, in the order of the registry.
var moduleNames []string

func newModule(a *registry.Area) luau.Value {
	fields := constantFields(a)
	for _, n := range newNatives(a) {
		fields = append(fields, luau.Field{Name: n.Name, Value: n.Value()})
	}
	for _, part := range registry.Parts(a) {
		fields = append(fields, luau.Field{Name: strings.TrimPrefix(part.Name, a.Name+"."), Value: newModule(part)})
	}
	return luau.SharedTable(fields...).Value()
}

func constantFields(a *registry.Area) []luau.Field {
	fields := make([]luau.Field, len(a.Fields))
	for i, p := range a.Fields {
		v, ok := constants[a.Name+"."+p.Name]
		if !ok {
			panic("BUG: " + a.Name + "." + p.Name + " is declared and has no value")
		}
		fields[i] = luau.Field{Name: p.Name, Value: v}
	}
	return fields
}

// bind gives an object's type its declared methods and fields.
func bind(a *registry.Area) {
	typ := objectTypes[a.Type]
	if typ == nil {
		typ = newPluginType(a.Type)
		objectTypes[a.Type] = typ
	}
	typ.Methods = map[string]*luau.Native{}
	if typ.Fields == nil {
		typ.Fields = map[string]field{}
	}
	for i, n := range newNatives(a) {
		if a.Functions[i].Static && strings.HasPrefix(a.Name, "ctx.") {
			typ.Fields[n.Name] = boundTo(n)
			continue
		}
		typ.Methods[n.Name] = n
	}
	for _, p := range a.Fields {
		full := a.Name + "." + p.Name
		switch {
		case getters[full] != nil:
			typ.Fields[p.Name] = getters[full]
		case p.Type.Kind == registry.KindObject && a.Name == "ctx":
			typ.Fields[p.Name] = pluginField(p.Type.Name)
		case typ.Fields[p.Name] == nil:
			panic("BUG: " + full + " is declared and has no getter")
		}
	}
}

// boundTo makes the field of a ctx's plugin that gives a function which is called
// with a dot, and so knows by itself of which ctx it is.
func boundTo(n *luau.Native) field {
	return func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
		s := self.Data().(*scopeState)
		key := self.Type().Name + "." + n.Name
		if v, ok := s.plugins[key]; ok {
			return v, nil
		}
		own, err := c.VM().NewNative(luau.Native{Name: n.Name, Fn: n.Fn, Cost: n.Cost, Yieldable: n.Yieldable}, s, 0)
		if err != nil {
			return luau.Nil, err
		}
		s.plugins[key] = own.Value()
		return own.Value(), nil
	}
}

// newPluginType makes the type of what a ctx gives, whose methods work with the
// ctx's capabilities.
func newPluginType(name string) *luau.UserType {
	return &luau.UserType{Name: name, ToString: func(*luau.VM, *luau.Userdata) (string, error) { return name, nil }}
}

// library gives a function of a library that c's base has, such as coroutine.close.
func library(c *luau.Call, lib, name string) luau.Value {
	t := c.VM().Base().Globals().GetStr(luau.Const(lib).AsString())
	return t.AsTable().GetStr(luau.Const(name).AsString())
}
