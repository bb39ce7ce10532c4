package host

import (
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// vfs is what a Vfs holds: files by path, never written.
type vfs struct {
	files map[string]string
	bytes int64
}

var vfsType = &luau.UserType{
	Name:     "Vfs",
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "Vfs", nil },
}

// newOverlay is Vfs.newoverlay({Vfs | Lazy | {[string]: string}}) -> Vfs.
func newOverlay(c *luau.Call) error {
	t := c.Arg(0).AsTable()
	v := &vfs{files: map[string]string{}}
	for i := 1; i <= t.Len(); i++ {
		files, ok, err := layer(c, t.GetInt(i))
		if err != nil {
			return err
		}
		if !ok {
			return unfitf("layers[%d] must be a Vfs, a Lazy or a table of strings", i)
		}
		if err := v.lay(c, files); err != nil {
			return err
		}
	}
	out, err := newHostValue(c.VM(), vfsType, v, v.bytes)
	if err != nil {
		return err
	}
	return c.Return1(out)
}

// lay puts files under those that are there. What it takes counts until the call ends.
func (v *vfs) lay(c *luau.Call, files map[string]string) error {
	for path, source := range files {
		n := int64(len(path)+len(source)) + mapEntryBytes
		if err := c.Charge(1 + n/64); err != nil {
			return err
		}
		if _, ok := v.files[path]; ok {
			continue
		}
		if err := c.Alloc(n); err != nil {
			return err
		}
		v.files[path] = source
		v.bytes += n
	}
	return nil
}

// layer gives the files of one layer; not ok when it is none.
func layer(c *luau.Call, v luau.Value) (files map[string]string, ok bool, err error) {
	if over, ok := hostData[*vfs](v); ok {
		return over.files, true, nil
	}
	if lazy, ok := hostData[*lazyMap](v); ok {
		return lazy.strings, true, nil
	}
	if v.Kind() != luau.KindTable {
		return nil, false, nil
	}
	for next, k, text, more := v.AsTable().NextIndex(0); more; next, k, text, more = v.AsTable().NextIndex(next) {
		if k.Kind() != luau.KindString || text.Kind() != luau.KindString {
			return nil, false, nil
		}
	}
	files, err = stringMap(c, v.AsTable())
	return files, true, err
}

// ownCode says how files that a script has brought run.
type ownCode struct {
	id  string // begins the names of their chunks
	env *luau.Table
}

// function compiles a file for this VM alone: the code is the script's to pay for.
func (o *ownCode) function(c *luau.Call, file, source string) (luau.Value, error) {
	return compileOwn(c, o.id+"/"+file, source, luau.Options{}, o.env)
}

// brought is the state of a require function of a Vfs.
type brought struct{ *Loader }

// Trace visits the globals and what modules have returned.
func (b brought) Trace(visit func(luau.Value)) {
	visit(b.own.env.Value())
	for _, m := range b.modules {
		visit(m.value)
	}
}

// from gives the file of b that calls, the top's init file for code from elsewhere.
func (b brought) from(c *luau.Call) string {
	if file, ok := strings.CutPrefix(callingFile(c), b.own.id+"/"); ok {
		if _, ok := b.files[file]; ok {
			return file
		}
	}
	return khronos.InitFile
}

// broughtBytes is what a require function takes beside its modules.
const broughtBytes = 512

// createRequire is vfs:createrequirefunction(id, globals) -> require.
func createRequire(c *luau.Call) error {
	v, id, globals := c.Arg(0).AsUserdata().Data().(*vfs), c.Arg(1).AsString().Str(), c.Arg(2)
	if err := checkChunkName("id", id); err != nil {
		return err
	}
	l := NewLoader(v.files, envOf(c).Loader().programs)
	l.own = &ownCode{id: strings.Trim(id, "/"), env: globals.AsTable()}
	n, err := c.VM().NewNative(luau.Native{Name: "require", Cost: 50, Yieldable: true, Fn: requireBrought}, brought{l}, broughtBytes+v.bytes)
	if err != nil {
		return err
	}
	c.Hold(n.Value())
	key := luau.Const("require")
	if t := globals.AsTable(); t.Get(key).IsNil() && !t.Readonly() {
		if err := c.SetIndex(globals, key, n.Value()); err != nil {
			return err
		}
	}
	return c.Return1(n.Value())
}

func requireBrought(c *luau.Call) error {
	b := c.State().(brought)
	return b.require(c, b.from(c))
}
