package host

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/template-worker/template-worker/luau"
)

// chunk is what a Chunk holds.
type chunk struct {
	code, name string
	env        luau.Value // a table, or nil for globals of its own
	level      luau.Value // 0, 1, 2 or nil
	fn         luau.Value // compiled of the above; nil once that has changed
}

// Trace visits the globals and the function.
func (k *chunk) Trace(visit func(luau.Value)) {
	visit(k.env)
	visit(k.fn)
}

const (
	chunkBytes       = 192
	maxChunkName     = 200
	compileBytes     = 100 // that a byte of source takes while it is compiled
	defaultChunkName = "chunk"
)

var chunkType = &luau.UserType{
	Name:     "Chunk",
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "Chunk", nil },
	Fields: map[string]field{
		"code": func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return c.VM().NewString(self.Data().(*chunk).code)
		},
		"chunk_name": func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
			if name := self.Data().(*chunk).name; name != "" {
				return c.VM().NewString(name)
			}
			return luau.Nil, nil
		},
		"environment": func(_ *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return self.Data().(*chunk).env, nil
		},
		"optimization_level": func(_ *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return self.Data().(*chunk).level, nil
		},
	},
	SetIndex: setChunkField,
}

// setChunkField is chunk.field = value.
func setChunkField(vm *luau.VM, self *luau.Userdata, key string, v luau.Value) error {
	k := self.Data().(*chunk)
	switch key {
	case "code":
		if v.Kind() != luau.KindString {
			return fmt.Errorf("code must be a string, not %s", withArticle(vm.TypeName(v)))
		}
		code := v.AsString().Str()
		if most := vm.Host().(Env).Limits().TemplateBytes; int64(len(code)) > most || !utf8.ValidString(code) {
			return fmt.Errorf("code must be UTF-8 and at most %d bytes long (template_bytes)", most)
		}
		if err := vm.Resize(self, chunkBytes+int64(len(code))); err != nil {
			return err
		}
		k.code = code
	case "chunk_name":
		if v.Kind() != luau.KindString && !v.IsNil() {
			return fmt.Errorf("chunk_name must be a string, not %s", withArticle(vm.TypeName(v)))
		}
		name := ""
		if !v.IsNil() {
			name = v.AsString().Str()
		}
		if err := checkChunkName("chunk_name", name); err != nil {
			return err
		}
		k.name = name
	case "environment":
		if v.Kind() != luau.KindTable && !v.IsNil() {
			return fmt.Errorf("environment must be a table, not %s", withArticle(vm.TypeName(v)))
		}
		k.env = v
	case "optimization_level":
		if !v.IsNil() && (!v.IsNumber() || v.AsNumber() != 0 && v.AsNumber() != 1 && v.AsNumber() != 2) {
			return fmt.Errorf("optimization_level must be 0, 1 or 2")
		}
		k.level = v
	default:
		return fmt.Errorf("a Chunk has no field %q", key[:min(len(key), 40)])
	}
	k.fn = luau.Nil
	return nil
}

// checkChunkName wants a name that fits into a line of a message.
func checkChunkName(what, name string) error {
	if len(name) > maxChunkName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return unfitf("%s must be one line of at most %d bytes", what, maxChunkName)
	}
	return nil
}

// loadChunk is luau.load(code) -> Chunk.
func loadChunk(c *luau.Call) error {
	code := c.Arg(0)
	var text string
	if code.Kind() == luau.KindString {
		text = code.AsString().Str()
	} else {
		text = luau.NumberString(code.AsNumber())
	}
	v, err := newHostValue(c.VM(), chunkType, &chunk{code: text}, chunkBytes+int64(len(text)))
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// callChunk is chunk:call(...) -> what it returns.
func callChunk(c *luau.Call) error {
	k := c.Arg(0).AsUserdata().Data().(*chunk)
	if k.fn.IsNil() {
		if err := k.compile(c); err != nil {
			return err
		}
	}
	return c.CallThen(k.fn, c.Args()[1:], chunkReturned, nil)
}

func chunkReturned(c *luau.Call, _ any) error { return c.Return(slices.Clone(c.Args())...) }

func (k *chunk) compile(c *luau.Call) error {
	if err := c.Charge(int64(len(k.code)) * compileFuel); err != nil {
		return err
	}
	env := k.env
	if env.IsNil() {
		own, err := c.VM().NewEnv()
		if err != nil {
			return err
		}
		env = own.Value()
		c.Hold(env)
	}
	name := strings.TrimPrefix(strings.TrimLeft(k.name, "=@"), "/")
	if name == "" {
		name = defaultChunkName
	}
	var options luau.Options
	if k.level.IsNumber() && k.level.AsNumber() == 0 {
		options.Optimize = luau.NoOptimize
	}
	fn, err := compileOwn(c, name, k.code, options, env.AsTable())
	if bad, ok := err.(*sourceError); ok {
		return c.Errorf("%s", bad.Error())
	}
	k.fn = fn
	return err
}

// compileOwn compiles what a script has brought: its memory counts while it is
// compiled, and then as long as a function of it lives. The fuel is the caller's
// to take.
func compileOwn(c *luau.Call, name, source string, options luau.Options, env *luau.Table) (luau.Value, error) {
	room := int64(len(source)) * compileBytes
	if err := c.Alloc(room); err != nil {
		return luau.Nil, err
	}
	code, err := options.Compile("="+name, []byte(source))
	c.Free(room)
	if err != nil {
		return luau.Nil, newSourceError(name, err)
	}
	program, err := c.VM().NewProgram(code)
	if err != nil {
		return luau.Nil, err
	}
	return c.VM().NewFunction(program, env)
}
