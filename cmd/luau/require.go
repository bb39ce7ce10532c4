package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/template-worker/template-worker/luau"
)

// modules is what require has loaded. Names are paths relative to the main script.
type modules struct {
	dir    string
	loaded map[string]luau.Ref
}

// find gives the file of a module name.
func (m *modules) find(name string) (string, bool) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(m.dir, name)
	}
	for _, suffix := range []string{"", ".luau", ".lua", "/init.luau", "/init.lua"} {
		if info, err := os.Stat(path + suffix); err == nil && info.Mode().IsRegular() {
			return path + suffix, true
		}
	}
	return "", false
}

// require(name) runs a module once and gives its result ever after.
func require(c *luau.Call) error {
	m := c.VM().Host().(*modules)
	name, err := c.CheckString(0)
	if err != nil {
		return err
	}
	path, ok := m.find(strings.TrimPrefix(name, "@self/"))
	if !ok {
		return c.Errorf("module '%s' not found", name)
	}
	if ref, ok := m.loaded[path]; ok {
		return c.Return1(ref.Value())
	}
	fn, err := load(c.VM(), path)
	if err != nil {
		return c.Errorf("%s", err.Error())
	}
	return c.CallThen(fn, nil, keepModule, path)
}

func keepModule(c *luau.Call, path any) error {
	v := c.Arg(0)
	if v.IsNil() {
		return c.Errorf("module '%s' must return a value", path)
	}
	c.VM().Host().(*modules).loaded[path.(string)] = c.VM().NewRef(v)
	return c.Return1(v)
}
