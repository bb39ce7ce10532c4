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
	for _, n := range newNatives(a) {
		typ.Methods[n.Name] = n
	}
	if typ.Fields == nil {
		typ.Fields = map[string]field{}
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
