package host

import (
	"fmt"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// Scope is what a ctx is made of.
type Scope struct {
	Event khronos.Event
	Held  registry.Grants // its capabilities
	Store luau.Value      // ctx.store: a table
}

// scopeState is what a ctx holds, and what its plugins share. Tables are made
// when a script first asks for them.
type scopeState struct {
	Scope
	event   luau.Value
	caps    luau.Value
	plugins map[string]luau.Value // by type
}

// Trace visits the values that the ctx keeps alive.
func (s *scopeState) Trace(visit func(luau.Value)) {
	visit(s.Store)
	visit(s.event)
	visit(s.caps)
	for _, plugin := range s.plugins {
		visit(plugin)
	}
}

// NewContext makes the ctx of one handler or script. Its event's bytes count as
// memory of the VM for as long as the ctx lives.
func NewContext(vm *luau.VM, s Scope) (luau.Value, error) {
	size := int64(256 + len(s.Event.Data.Bytes))
	return newHostValue(vm, contextType, &scopeState{Scope: s}, size)
}

// contextType is the type of ctx.
var contextType = &luau.UserType{
	Name:     "TemplateContext",
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "TemplateContext", nil },
}

// scopeOf gives the state of the ctx that a method is called on.
func scopeOf(c *luau.Call) *scopeState { return c.Arg(0).AsUserdata().Data().(*scopeState) }

// pluginField makes the field of ctx that gives the object of a type: one for
// each ctx, as it holds that one's capabilities.
func pluginField(typeName string) field {
	return func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
		s := self.Data().(*scopeState)
		if v, ok := s.plugins[typeName]; ok {
			return v, nil
		}
		v, err := newHostValue(c.VM(), objectTypes[typeName], s, 0)
		if err != nil {
			return luau.Nil, err
		}
		if s.plugins == nil {
			s.plugins = map[string]luau.Value{}
		}
		s.plugins[typeName] = v
		return v, nil
	}
}

func contextStore(_ *luau.Call, self *luau.Userdata) (luau.Value, error) {
	return self.Data().(*scopeState).Store, nil
}

// contextMemoryLimit is ctx.memory_limit: bytes.
func contextMemoryLimit(c *luau.Call, _ *luau.Userdata) (luau.Value, error) {
	return luau.Number(float64(c.VM().Config().Account.Limit())), nil
}

// contextCurrentUser is ctx.current_user: a frozen table, one for the VM, or nil.
func contextCurrentUser(c *luau.Call, _ *luau.Userdata) (luau.Value, error) {
	l := envOf(c).Loader()
	if l.botUser != (luau.Ref{}) {
		return l.botUser.Value(), nil
	}
	user := envOf(c).BotUser()
	if err := c.Charge(int64(len(user.Bytes)) / 16); err != nil {
		return luau.Nil, err
	}
	v, err := PayloadToLuau(c.VM(), user)
	if err != nil || v.Kind() != luau.KindTable {
		return luau.Nil, err
	}
	v.AsTable().Freeze()
	l.botUser = c.VM().NewRef(v)
	return v, nil
}

// contextEvent is ctx:event() -> {name, author?, data}: frozen, and the same table
// each time. Decoding the data costs a unit of fuel for 16 bytes.
func contextEvent(c *luau.Call) error {
	s := scopeOf(c)
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

// contextHasCap is ctx:has_cap(capability) -> boolean.
func contextHasCap(c *luau.Call) error {
	capability, err := c.CheckString(1)
	if err != nil {
		return err
	}
	return c.Return1(luau.Bool(scopeOf(c).Held.Has(capability)))
}

// contextHasAnyCap is ctx:has_any_cap({capability}) -> boolean.
func contextHasAnyCap(c *luau.Call) error {
	held, t := scopeOf(c).Held, c.Arg(1).AsTable()
	for i := 1; i <= t.Len(); i++ {
		if held.Has(t.GetInt(i).AsString().Str()) {
			return c.Return1(luau.True)
		}
	}
	return c.Return1(luau.False)
}

// contextWith is ctx:with({capabilities, event?}) -> a ctx with those
// capabilities, which must be held.
func contextWith(c *luau.Call) error {
	s := scopeOf(c)
	changes, err := argFromLuau(c, "changes", c.Arg(1), "")
	if err != nil {
		return scriptFault(c, "ctx:with", err)
	}
	wanted, _ := changes.Get("capabilities")
	list := make([]string, wanted.Len())
	for i, item := range wanted.Items() {
		list[i], _ = item.AsText()
		if !s.Held.Has(list[i]) {
			return c.Errorf("ctx:with: changes.capabilities[%d]: capability %q is not held", i+1, list[i])
		}
	}
	narrow := Scope{Event: s.Event, Held: registry.NewGrants(list), Store: s.Store}
	if ev, ok := changes.Get("event"); ok {
		if narrow.Event, err = eventOf(ev); err != nil {
			return c.Errorf("ctx:with: changes.event: %s", khronos.AsError(err).Text)
		}
	}
	if err := c.Charge(int64(len(narrow.Event.Data.Bytes)) / 16); err != nil {
		return err
	}
	ctx, err := NewContext(c.VM(), narrow)
	if err != nil {
		return err
	}
	return c.Return1(ctx)
}

// eventOf makes the event of an EventSpec.
func eventOf(spec khronos.Value) (ev khronos.Event, err error) {
	text := func(field string) string {
		v, _ := spec.Get(field)
		s, _ := v.AsText()
		return s
	}
	ev = khronos.Event{Name: text("name"), Author: text("author")}
	if err := ev.Validate(); err != nil {
		return ev, err
	}
	data, _ := spec.Get("data")
	ev.Data, err = khronos.ValuePayload(data)
	return ev, err
}

// allowedCaps is ctx.allowed_caps: a frozen list.
func allowedCaps(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
	s := self.Data().(*scopeState)
	if !s.caps.IsNil() {
		return s.caps, nil
	}
	vm := c.VM()
	t, err := vm.NewTable(len(s.Held.List()), 0)
	if err != nil {
		return luau.Nil, err
	}
	t.SetMeta(arrayMeta)
	s.caps = t.Value()
	for i, capability := range s.Held.List() {
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
