package host

import (
	"maps"
	"slices"

	"github.com/template-worker/template-worker/luau"
)

// lazyMap is what a Lazy userdata holds: a map of strings that becomes a table
// only when a script looks at its data.
type lazyMap struct {
	strings map[string]string // never written
	bytes   int
}

var lazyType = &luau.UserType{
	Name: "Lazy",
	Fields: map[string]func(*luau.Call, *luau.Userdata) (luau.Value, error){
		"data": func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return stringTable(c, self.Data().(*lazyMap))
		},
	},
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "Lazy", nil },
}

func newLazy(vm *luau.VM, m map[string]string) (luau.Value, error) {
	bytes := 16
	for k, v := range m {
		bytes += len(k) + len(v) + 16
	}
	u, err := vm.NewUserdata(lazyType, &lazyMap{strings: m, bytes: bytes}, int64(bytes))
	if err != nil {
		return luau.Nil, err
	}
	return u.Value(), nil
}

// stringTable makes a table of a lazy map, filled in the order of its keys.
func stringTable(c *luau.Call, m *lazyMap) (luau.Value, error) {
	vm := c.VM()
	if err := c.Charge(int64(len(m.strings))); err != nil {
		return luau.Nil, err
	}
	t, err := vm.NewTable(0, len(m.strings))
	if err != nil {
		return luau.Nil, err
	}
	c.Hold(t.Value())
	for _, k := range slices.Sorted(maps.Keys(m.strings)) {
		if err := setText(vm, t, k, m.strings[k]); err != nil {
			return luau.Nil, err
		}
	}
	return t.Value(), nil
}

// setText stores a string under a string key.
func setText(vm *luau.VM, t *luau.Table, key, text string) error {
	k, err := vm.NewString(key)
	if err != nil {
		return err
	}
	v, err := vm.NewString(text)
	if err != nil {
		return err
	}
	return t.Set(vm, k, v)
}
