package host

import (
	"slices"
	"unicode/utf8"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// function is one method of a plugin: a call to the broker. The broker checks
// capability, rate and sizes; here only the types of arguments are checked.
type function struct {
	name       string // after the plugin's, as scripts call it
	capability string // that it needs, for documentation; <x> stands for argument x
	op         string // of the broker
	cost       int64  // fuel, beside that of the arguments
	params     []param
	finish     Finish
}

// param is an argument, in the order of the call. They reach the broker in the same order.
type param struct {
	name string
	read func(c *luau.Call, name string, v luau.Value) (khronos.Value, error)
}

// Function describes a function that calls the broker, for documentation and tests.
type Function struct {
	Name       string // as scripts write it: "ctx.KV:get"
	Capability string
	Op         string
	Cost       int64
	Params     []string
}

// Functions lists all of them, by plugin.
func Functions() []Function {
	var all []Function
	for _, p := range plugins {
		for _, f := range p.functions {
			names := make([]string, len(f.params))
			for i, param := range f.params {
				names[i] = param.name
			}
			all = append(all, Function{"ctx." + p.name + ":" + f.name, f.capability, f.op, f.cost, names})
		}
	}
	return all
}

// plugin is a field of ctx that holds functions.
type plugin struct {
	name      string // ctx.<name>
	functions []function
	typ       *luau.UserType
}

// plugins are those that every ctx has.
var plugins = []*plugin{
	newPlugin("KV", kvFunctions),
	newPlugin("Runtime", runtimeFunctions),
}

func newPlugin(name string, functions []function) *plugin {
	p := &plugin{name: name, functions: functions, typ: &luau.UserType{Name: name, Methods: map[string]*luau.Native{}}}
	p.typ.ToString = func(*luau.VM, *luau.Userdata) (string, error) { return name, nil }
	for _, f := range functions {
		p.typ.Methods[f.name] = &luau.Native{Name: f.name, Cost: f.cost, Yieldable: true, Fn: func(c *luau.Call) error {
			return p.call(c, &f)
		}}
	}
	return p
}

// call checks the arguments of a method and makes the host call.
func (p *plugin) call(c *luau.Call, f *function) error {
	if self := c.Arg(0); self.Kind() != luau.KindUserdata || self.AsUserdata().Type() != p.typ {
		return c.Errorf("%s: call it with a colon: ctx.%s:%s(...)", f.op, p.name, f.name)
	}
	args := make([]khronos.Value, len(f.params))
	for i, param := range f.params {
		v, err := param.read(c, param.name, c.Arg(i+1))
		if err != nil {
			return scriptFault(c, f.op, err)
		}
		args[i] = v
	}
	return envOf(c).Exec(c, f.op, args, f.finish)
}

// textParam reads a string, or a number as one.
func textParam(c *luau.Call, name string, v luau.Value) (khronos.Value, error) {
	var s string
	switch v.Kind() {
	case luau.KindString:
		s = v.AsString().Str()
	case luau.KindNumber:
		s = luau.NumberString(v.AsNumber())
	default:
		return khronos.Null(), &unfit{name + " must be a string, not " + c.VM().TypeName(v)}
	}
	if !utf8.ValidString(s) {
		return khronos.Null(), &unfit{name + " is not UTF-8"}
	}
	return khronos.Text(s), c.Charge(int64(len(s)) / 64)
}

// textsParam reads a list of strings.
func textsParam(c *luau.Call, name string, v luau.Value) (khronos.Value, error) {
	if v.Kind() != luau.KindTable {
		return khronos.Null(), &unfit{name + " must be a list of strings, not " + c.VM().TypeName(v)}
	}
	list, err := fromLuau(c, name, v)
	if err != nil {
		return khronos.Null(), err
	}
	if list.Kind() == khronos.KindMap && list.Len() == 0 {
		return khronos.List(), nil
	}
	bad := func(item khronos.Value) bool { return item.Kind() != khronos.KindText }
	if list.Kind() != khronos.KindList || slices.ContainsFunc(list.Items(), bad) {
		return khronos.Null(), &unfit{name + " must be a list of strings"}
	}
	return list, nil
}

// valueParam reads any value that can leave the script.
func valueParam(c *luau.Call, name string, v luau.Value) (khronos.Value, error) {
	return fromLuau(c, name, v)
}

// finishNothing gives no result.
func finishNothing(c *luau.Call, _ khronos.Value) error { return c.Return0() }

// finishValue gives the result as it is.
func finishValue(c *luau.Call, result khronos.Value) error {
	v, err := ToLuau(c.VM(), result)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// finishPair gives the two items of a list as two results.
func finishPair(c *luau.Call, result khronos.Value) error {
	first, err := ToLuau(c.VM(), result.Index(0))
	if err != nil {
		return err
	}
	c.Hold(first)
	second, err := ToLuau(c.VM(), result.Index(1))
	if err != nil {
		return err
	}
	return c.Return(first, second)
}

// finishFrozen gives a table that the script cannot change.
func finishFrozen(c *luau.Call, result khronos.Value) error {
	v, err := ToLuau(c.VM(), result)
	if err != nil {
		return err
	}
	freeze(v)
	return c.Return1(v)
}

// finishFrozenItems gives a list whose items the script cannot change.
func finishFrozenItems(c *luau.Call, result khronos.Value) error {
	v, err := ToLuau(c.VM(), result)
	if err != nil {
		return err
	}
	if v.Kind() == luau.KindTable {
		for i := 1; i <= result.Len(); i++ {
			freeze(v.AsTable().GetInt(i))
		}
	}
	return c.Return1(v)
}

func freeze(v luau.Value) {
	if v.Kind() == luau.KindTable {
		v.AsTable().Freeze()
	}
}
