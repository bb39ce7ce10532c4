package compile

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// model is a small, slow machine for bytecode: what op.go says, in the plainest
// form. It has numbers, strings, tables without metatables and functions, so it
// can run what the tests of the code generator need without the real machine.
type model struct {
	env   map[any]any
	out   strings.Builder
	steps int // left
}

// modelMax bounds strings and lists of values; a hundred times as much is the bound of the output.
const modelMax = 1000

type (
	modelTable struct {
		m      map[any]any
		frozen bool
	}
	modelCell    struct{ v any }
	modelClosure struct {
		p   *bytecode.Proto
		ups []any
	}
	modelNative struct {
		fn func(m *model, args []any) []any
	}
	modelError struct{ text string } // panics with it end the run
)

func newModel(steps int) *model {
	m := &model{steps: steps, env: map[any]any{}}
	m.env["print"] = native(modelPrint)
	m.env["pcall"] = native(modelPcall)
	m.env["select"] = native(func(_ *model, a []any) []any { return []any{float64(max(len(a), 1) - 1)} })
	m.env["pairs"] = native(func(_ *model, a []any) []any { return a[:min(len(a), 1)] })
	m.env["table"] = &modelTable{m: map[any]any{"freeze": native(modelFreeze)}}
	return m
}

// runModel runs a program and gives what it printed, then "error: ..." if it ended in one.
func runModel(p *bytecode.Program, steps int) (out string) {
	m := newModel(steps)
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(modelError)
			if !ok {
				panic(r)
			}
			out = m.out.String() + "error: " + e.text + "\n"
		}
	}()
	results := m.call(&modelClosure{p: p.Main}, nil)
	modelPrint(m, append([]any{"->"}, results...))
	return m.out.String()
}

func native(fn func(m *model, args []any) []any) *modelNative { return &modelNative{fn} }

func modelPrint(m *model, args []any) []any {
	if m.out.Len() > 100*modelMax {
		fail("too much output")
	}
	for i, a := range args {
		if i > 0 {
			m.out.WriteByte(' ')
		}
		m.out.WriteString(modelText(a))
	}
	m.out.WriteByte('\n')
	return nil
}

func modelFreeze(_ *model, args []any) []any {
	if len(args) == 0 {
		fail("nothing to freeze")
	}
	t, ok := args[0].(*modelTable)
	if !ok {
		fail("freeze %s", modelText(args[0]))
	}
	t.frozen = true
	return args[:1]
}

func modelPcall(m *model, args []any) (results []any) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(modelError)
			if !ok || m.steps <= 0 {
				panic(r)
			}
			results = []any{false, e.text}
		}
	}()
	if len(args) == 0 {
		fail("nothing to call")
	}
	return append([]any{true}, m.call(args[0], args[1:])...)
}

func modelText(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case *modelTable:
		return v.text()
	}
	return "function"
}

// text lists the fields by key; tables inside are not shown, for there may be circles.
func (t *modelTable) text() string {
	var parts []string
	for k, v := range t.m {
		s := "table"
		if _, ok := v.(*modelTable); !ok {
			s = modelText(v)
		}
		parts = append(parts, modelKey(k)+"="+s)
	}
	sort.Strings(parts)
	return "{" + strings.Join(parts, " ") + "}"
}

func modelKey(k any) string {
	if _, ok := k.(*modelTable); ok {
		return "table"
	}
	return modelText(k)
}

func fail(format string, args ...any) { panic(modelError{fmt.Sprintf(format, args...)}) }

func truthy(v any) bool { return v != nil && v != false }

func (m *model) call(fn any, args []any) []any {
	switch fn := fn.(type) {
	case *modelNative:
		return fn.fn(m, args)
	case *modelClosure:
		return m.run(fn, args)
	}
	fail("call %s", modelText(fn))
	return nil
}

func index(t, k any) any {
	if s, ok := t.(string); ok && k == "format" {
		return native(func(_ *model, a []any) []any { return []any{modelFormat(s, a[min(len(a), 1):])} })
	}
	tab, ok := t.(*modelTable)
	if !ok {
		fail("index %s with %s", modelText(t), modelKey(k))
	}
	return tab.m[k]
}

func modelFormat(s string, args []any) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			out.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			break
		}
		if s[i] == '*' {
			if out.Len() > modelMax {
				fail("string is too long")
			}
			if len(args) == 0 {
				fail("bad format")
			}
			out.WriteString(modelText(args[0]))
			args = args[1:]
		} else {
			out.WriteByte(s[i])
		}
	}
	return out.String()
}

func setIndex(t, k, v any) {
	tab, ok := t.(*modelTable)
	if !ok {
		fail("index %s with %s", modelText(t), modelKey(k))
	}
	if tab.frozen {
		fail("frozen")
	}
	if k == nil || k != k {
		fail("key is %s", modelText(k))
	}
	if v == nil {
		delete(tab.m, k)
		return
	}
	tab.m[k] = v
}

func (t *modelTable) length() int {
	n := 0
	for t.m[float64(n+1)] != nil {
		n++
	}
	return n
}

func less(a, b any, orEqual bool) bool {
	switch x := a.(type) {
	case float64:
		if y, ok := b.(float64); ok {
			return x < y || orEqual && x == y
		}
	case string:
		if y, ok := b.(string); ok {
			return x < y || orEqual && x == y
		}
	}
	fail("compare %s < %s", modelText(a), modelText(b))
	return false
}

func modelArith(op bytecode.Op, a, b any) any {
	x, okX := a.(float64)
	y, okY := b.(float64)
	if !okX || !okY {
		fail("arithmetic on %s and %s", modelText(a), modelText(b))
	}
	switch op {
	case bytecode.OpAdd, bytecode.OpAddK:
		return x + y
	case bytecode.OpSub, bytecode.OpSubK:
		return x - y
	case bytecode.OpMul, bytecode.OpMulK:
		return x * y
	case bytecode.OpDiv, bytecode.OpDivK:
		return x / y
	case bytecode.OpIDiv, bytecode.OpIDivK:
		return math.Floor(x / y)
	case bytecode.OpMod, bytecode.OpModK:
		return x - math.Floor(x/y)*y
	}
	return math.Pow(x, y)
}

func constValue(c bytecode.Const) any {
	switch c.Kind {
	case bytecode.ConstFalse:
		return false
	case bytecode.ConstTrue:
		return true
	case bytecode.ConstNumber:
		return c.Number
	case bytecode.ConstString:
		return c.Str
	case bytecode.ConstInteger:
		return c.Int
	}
	return nil
}
