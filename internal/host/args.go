package host

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// readArg checks an argument by its declaration and takes it out of the script;
// what cannot leave it gives Null. Sizes are the caller's to check.
func readArg(c *luau.Call, p registry.Param, v luau.Value) (khronos.Value, error) {
	kind := p.Type.Kind
	if v.IsNil() && kind != registry.KindAny && kind != registry.KindValue {
		if p.Optional {
			return khronos.Null(), nil
		}
		return khronos.Null(), &unfit{p.Missing().Error()}
	}
	if !fits(p.Type, v) {
		return khronos.Null(), &unfit{p.Wrong(withArticle(c.VM().TypeName(v))).Error()}
	}
	switch kind {
	case registry.KindText:
		return readText(c, p, v)
	case registry.KindNumber, registry.KindInteger:
		if err := p.Type.CheckNumber(p.Name, v.AsNumber()); err != nil {
			return khronos.Null(), &unfit{err.Error()}
		}
	}
	if !p.Type.Crosses() {
		return khronos.Null(), nil
	}
	limit := ""
	if kind == registry.KindValue {
		limit = p.Type.Limit
	}
	out, err := argFromLuau(c, p.Name, v, limit)
	if err != nil {
		return khronos.Null(), err
	}
	if kind == registry.KindList && out.Kind() == khronos.KindMap && out.Len() == 0 {
		out = khronos.List()
	}
	if err := p.Check(out); err != nil {
		return khronos.Null(), &unfit{err.Error()}
	}
	return out, nil
}

// lookAtArg is readArg for a function that runs inside the worker and reads the
// argument where it is: what has no inside to check is not taken out, and bytes need not be UTF-8.
// What it gives is for [registry.Param.CheckSize] alone.
func lookAtArg(c *luau.Call, p registry.Param, v luau.Value) (khronos.Value, error) {
	if v.IsNil() || !fits(p.Type, v) {
		return readArg(c, p, v)
	}
	switch p.Type.Kind {
	case registry.KindBytes, registry.KindBuffer:
		return khronos.Buffer(bytesOf(v)), nil
	case registry.KindObject:
		return khronos.Null(), nil
	case registry.KindList, registry.KindMap:
		if !p.Type.Item.Crosses() {
			return khronos.Null(), lookAtItems(c, p, v.AsTable())
		}
	}
	return readArg(c, p, v)
}

// lookAtItems checks the types of a list's items.
func lookAtItems(c *luau.Call, p registry.Param, t *luau.Table) error {
	if err := c.Charge(int64(t.Len()) / 4); err != nil {
		return err
	}
	for i := 1; i <= t.Len(); i++ {
		if v := t.GetInt(i); !fits(*p.Type.Item, v) {
			item := registry.Param{Name: fmt.Sprintf("%s[%d]", p.Name, i), Type: *p.Type.Item}
			return &unfit{item.Wrong(withArticle(c.VM().TypeName(v))).Error()}
		}
	}
	return nil
}

// bytesOf gives the bytes of a string, a buffer or a Blob, not to be changed.
func bytesOf(v luau.Value) []byte {
	if b := asBlob(v); b != nil {
		return b.bytes
	}
	if v.Kind() == luau.KindBuffer {
		return v.AsBuffer().Bytes()
	}
	return unsafe.Slice(unsafe.StringData(v.AsString().Str()), v.AsString().Len())
}

// readText takes a string, or a number as one.
func readText(c *luau.Call, p registry.Param, v luau.Value) (khronos.Value, error) {
	var s string
	if v.Kind() == luau.KindString {
		s = v.AsString().Str()
	} else {
		s = luau.NumberString(v.AsNumber())
	}
	if err := p.Type.CheckText(p.Name, s); err != nil {
		return khronos.Null(), &unfit{err.Error()}
	}
	return khronos.Text(s), c.Charge(int64(len(s)) / 64)
}

// fits tells whether a value that is not nil is of the type, its inside apart.
func fits(t registry.Type, v luau.Value) bool {
	kind := v.Kind()
	switch t.Kind {
	case registry.KindText:
		return kind == luau.KindString || kind == luau.KindNumber
	case registry.KindBytes:
		return kind == luau.KindString || kind == luau.KindBuffer || asBlob(v) != nil
	case registry.KindBuffer:
		return kind == luau.KindBuffer
	case registry.KindBoolean:
		return kind == luau.KindBoolean
	case registry.KindNumber, registry.KindInteger:
		return kind == luau.KindNumber
	case registry.KindWide:
		return kind == luau.KindNumber || kind == luau.KindInteger || kind == luau.KindString || isWide(v)
	case registry.KindTable, registry.KindList, registry.KindMap, registry.KindRecord:
		return kind == luau.KindTable
	case registry.KindFunction:
		return kind == luau.KindClosure || kind == luau.KindNative
	case registry.KindThread:
		return kind == luau.KindCoroutine
	case registry.KindRunnable:
		return kind == luau.KindClosure || kind == luau.KindNative || kind == luau.KindCoroutine
	case registry.KindObject:
		return kind == luau.KindUserdata && v.AsUserdata().Type() != nil && v.AsUserdata().Type().Name == t.Name
	}
	return true
}

func withArticle(typeName string) string {
	switch {
	case typeName == "nil":
		return typeName
	case strings.ContainsRune("aeiouI", rune(typeName[0])):
		return "an " + typeName
	}
	return "a " + typeName
}
