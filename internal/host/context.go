package host

import (
	"fmt"
	"slices"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// Scope is what a ctx is made of.
type Scope struct {
	Event        khronos.Event
	Capabilities []string
	Store        luau.Value // ctx.store: a table
}

// scopeState is what a ctx holds. Tables are made when a script first asks for them.
type scopeState struct {
	Scope
	event luau.Value
	caps  luau.Value
}

// Trace visits the values that the ctx keeps alive.
func (s *scopeState) Trace(visit func(luau.Value)) {
	visit(s.Store)
	visit(s.event)
	visit(s.caps)
}

// NewContext makes the ctx of one handler or script. Its event's bytes count as
// memory of the VM for as long as the ctx lives.
func NewContext(vm *luau.VM, s Scope) (luau.Value, error) {
	size := int64(256 + len(s.Event.Data.Bytes))
	return newHostValue(vm, contextType, &scopeState{Scope: s}, size)
}

// contextType is the type of ctx.
var contextType = newContextType()

func newContextType() *luau.UserType {
	typ := &luau.UserType{
		Name:     "TemplateContext",
		ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "TemplateContext", nil },
		Fields: map[string]field{
			"store": func(_ *luau.Call, self *luau.Userdata) (luau.Value, error) {
				return self.Data().(*scopeState).Store, nil
			},
			"allowed_caps": allowedCaps,
		},
	}
	for _, p := range plugins {
		typ.Fields[p.name] = func(c *luau.Call, _ *luau.Userdata) (luau.Value, error) {
			return envOf(c).Loader().plugin(c.VM(), p.typ)
		}
	}
	typ.Methods = map[string]*luau.Native{}
	method := func(name string, cost int64, fn func(c *luau.Call, s *scopeState) error) {
		typ.Methods[name] = &luau.Native{Name: name, Cost: cost, Fn: func(c *luau.Call) error {
			self, err := c.CheckUserdata(0, typ)
			if err != nil {
				return err
			}
			return fn(c, self.Data().(*scopeState))
		}}
	}
	method("event", 5, contextEvent)
	method("has_cap", 5, contextHasCap)
	method("has_any_cap", 10, contextHasAnyCap)
	return typ
}

// contextEvent is ctx:event() -> {name, author?, data}: frozen, and the same table
// each time. Decoding the data costs a unit of fuel for 16 bytes.
func contextEvent(c *luau.Call, s *scopeState) error {
	if s.event.IsNil() {
		if err := c.Charge(int64(len(s.Event.Data.Bytes)) / 16); err != nil {
			return err
		}
		t, err := eventTable(c, s.Event)
		if err != nil {
			return err
		}
		s.event = t.Value()
	}
	return c.Return1(s.event)
}

func eventTable(c *luau.Call, ev khronos.Event) (*luau.Table, error) {
	vm := c.VM()
	t, err := vm.NewTable(0, 4)
	if err != nil {
		return nil, err
	}
	c.Hold(t.Value())
	if err := setText(vm, t, "name", ev.Name); err != nil {
		return nil, err
	}
	if ev.Author != "" {
		if err := setText(vm, t, "author", ev.Author); err != nil {
			return nil, err
		}
	}
	data, err := PayloadToLuau(vm, ev.Data)
	if err != nil {
		return nil, fmt.Errorf("data of event %s: %w", ev.Name, err)
	}
	if err := t.Set(vm, luau.Const("data"), data); err != nil {
		return nil, err
	}
	t.Freeze()
	return t, nil
}

// has tells whether the capability, or `*`, is held.
func (s *scopeState) has(capability string) bool {
	return slices.Contains(s.Capabilities, capability) || slices.Contains(s.Capabilities, "*")
}

// contextHasCap is ctx:has_cap(capability) -> boolean.
func contextHasCap(c *luau.Call, s *scopeState) error {
	capability, err := c.CheckString(1)
	if err != nil {
		return err
	}
	if err := c.Charge(int64(len(s.Capabilities)) / 8); err != nil {
		return err
	}
	return c.Return1(luau.Bool(s.has(capability)))
}

// contextHasAnyCap is ctx:has_any_cap({capability}) -> boolean.
func contextHasAnyCap(c *luau.Call, s *scopeState) error {
	t, err := c.CheckTable(1)
	if err != nil {
		return err
	}
	for i := 1; ; i++ {
		v := t.GetInt(i)
		if v.IsNil() {
			return c.Return1(luau.False)
		}
		if v.Kind() != luau.KindString {
			return c.ArgError(1, "list of strings expected, got %s at %d", c.VM().TypeName(v), i)
		}
		if err := c.Charge(1 + int64(len(s.Capabilities))/8); err != nil {
			return err
		}
		if s.has(v.AsString().Str()) {
			return c.Return1(luau.True)
		}
	}
}

// allowedCaps is ctx.allowed_caps: a frozen list.
func allowedCaps(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
	s := self.Data().(*scopeState)
	if !s.caps.IsNil() {
		return s.caps, nil
	}
	vm := c.VM()
	t, err := vm.NewTable(len(s.Capabilities), 0)
	if err != nil {
		return luau.Nil, err
	}
	t.SetMeta(arrayMeta)
	s.caps = t.Value()
	for i, capability := range s.Capabilities {
		v, err := vm.NewString(capability)
		if err == nil {
			err = t.SetInt(vm, i+1, v)
		}
		if err != nil {
			s.caps = luau.Nil
			return luau.Nil, err
		}
	}
	t.Freeze()
	return s.caps, nil
}
