package compile

import (
	"sort"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// run executes one function. One flat list of cases: op.go in the same order.
func (m *model) run(cl *modelClosure, args []any) []any {
	p := cl.p
	r := make([]any, int(p.MaxStack))
	copy(r[:p.NumParams], args)
	var extra, open []any // open is the list from its register up to top
	if len(args) > int(p.NumParams) {
		extra = args[p.NumParams:]
	}
	list := func(first, n int) []any { // n == -1: up to top
		if n >= 0 {
			return append([]any(nil), r[first:first+n]...)
		}
		return append(append([]any(nil), r[first:]...), open...)
	}
	// give stores results; an open list is cut to the registers below its start.
	give := func(first, n int, vs []any) {
		if len(vs) > modelMax {
			fail("too many values")
		}
		if n < 0 {
			r, open = r[:first], vs
			return
		}
		for i := range n {
			r[first+i] = nil
			if i < len(vs) {
				r[first+i] = vs[i]
			}
		}
	}
	for pc := 0; ; pc++ {
		if m.steps--; m.steps <= 0 {
			fail("out of steps")
		}
		in := p.Code[pc]
		a, b, c, imm := int(in.A()), int(in.B()), int(in.C()), int(in.Imm())
		k := func() any { return constValue(p.Consts[imm]) }
		jump := func(when bool) {
			if when {
				pc += imm
			}
		}
		switch op := in.Op(); op {
		case bytecode.OpNop, bytecode.OpFuel, bytecode.OpCover:
		case bytecode.OpMove:
			r[a] = r[b]
		case bytecode.OpLoadNil:
			clear(r[a : a+b])
		case bytecode.OpLoadBool:
			r[a] = b != 0
		case bytecode.OpLoadN:
			r[a] = float64(imm)
		case bytecode.OpLoadK:
			r[a] = k()
		case bytecode.OpGetUp:
			r[a] = cl.ups[b]
		case bytecode.OpGetUpCell:
			r[a] = cl.ups[b].(*modelCell).v
		case bytecode.OpSetUpCell:
			cl.ups[b].(*modelCell).v = r[a]
		case bytecode.OpNewCell:
			r[a] = &modelCell{r[a]}
		case bytecode.OpGetCell:
			r[a] = r[b].(*modelCell).v
		case bytecode.OpSetCell:
			r[a].(*modelCell).v = r[b]
		case bytecode.OpGetGlobal:
			r[a] = m.env[k()]
		case bytecode.OpSetGlobal:
			m.env[k()] = r[a]
		case bytecode.OpGetImport:
			path := p.Consts[imm].Path
			v := m.env[path[0]]
			for _, name := range path[1:] {
				v = index(v, name)
			}
			r[a] = v
		case bytecode.OpGetTable:
			r[a] = index(r[b], r[c])
		case bytecode.OpSetTable:
			setIndex(r[b], r[c], r[a])
		case bytecode.OpGetField:
			r[a] = index(r[b], k())
		case bytecode.OpSetField:
			setIndex(r[b], k(), r[a])
		case bytecode.OpGetIndexN:
			r[a] = index(r[b], float64(c+1))
		case bytecode.OpSetIndexN:
			setIndex(r[b], float64(c+1), r[a])
		case bytecode.OpNameCall:
			r[a+1] = r[b]
			r[a] = index(r[a+1], k())
		case bytecode.OpNewTable, bytecode.OpDupTable:
			r[a] = &modelTable{m: map[any]any{}}
		case bytecode.OpSetList:
			vs := list(b, c-1)
			for i, v := range vs {
				setIndex(r[a], float64(imm+1+i), v)
			}
			r = r[:p.MaxStack]
		case bytecode.OpClosure:
			r[a] = m.closure(cl, r, p.Protos[imm])
		case bytecode.OpAdd, bytecode.OpSub, bytecode.OpMul, bytecode.OpDiv, bytecode.OpIDiv, bytecode.OpMod, bytecode.OpPow:
			r[a] = modelArith(op, r[b], r[c])
		case bytecode.OpAddK, bytecode.OpSubK, bytecode.OpMulK, bytecode.OpDivK, bytecode.OpIDivK, bytecode.OpModK, bytecode.OpPowK:
			r[a] = modelArith(op, r[b], k())
		case bytecode.OpRSubK:
			r[a] = modelArith(bytecode.OpSub, k(), r[b])
		case bytecode.OpRDivK:
			r[a] = modelArith(bytecode.OpDiv, k(), r[b])
		case bytecode.OpUnm:
			v, ok := r[b].(float64)
			if !ok {
				fail("negate %s", modelText(r[b]))
			}
			r[a] = -v
		case bytecode.OpNot:
			r[a] = !truthy(r[b])
		case bytecode.OpLen:
			r[a] = modelLength(r[b])
		case bytecode.OpConcat:
			text := ""
			for _, v := range r[b : c+1] {
				text += modelPart(v)
			}
			if len(text) > modelMax {
				fail("string is too long")
			}
			clear(r[b : c+1])
			r[a] = text
		case bytecode.OpJmp, bytecode.OpJmpBack:
			pc += imm
		case bytecode.OpJmpIf:
			jump(truthy(r[a]))
		case bytecode.OpJmpIfNot:
			jump(!truthy(r[a]))
		case bytecode.OpJmpEq:
			jump(r[a] == r[b])
		case bytecode.OpJmpNe:
			jump(r[a] != r[b])
		case bytecode.OpJmpLt:
			jump(less(r[a], r[b], false))
		case bytecode.OpJmpLe:
			jump(less(r[a], r[b], true))
		case bytecode.OpJmpNLt:
			jump(!less(r[a], r[b], false))
		case bytecode.OpJmpNLe:
			jump(!less(r[a], r[b], true))
		case bytecode.OpJmpEqK, bytecode.OpJmpNeK, bytecode.OpJmpLtK, bytecode.OpJmpLeK, bytecode.OpJmpGtK, bytecode.OpJmpGeK,
			bytecode.OpJmpNLtK, bytecode.OpJmpNLeK, bytecode.OpJmpNGtK, bytecode.OpJmpNGeK:
			jump(modelCompareK(op, r[a], constValue(p.Consts[in.BC()])))
		case bytecode.OpCall:
			call := list(a, b)
			if b == 0 {
				call = list(a, -1)
			}
			r = r[:p.MaxStack]
			give(a, c-1, m.call(call[0], call[1:]))
		case bytecode.OpReturn:
			return list(a, b-1)
		case bytecode.OpReturn0:
			return nil
		case bytecode.OpReturn1:
			return []any{r[a]}
		case bytecode.OpVararg:
			give(a, b-1, extra)
		case bytecode.OpForNPrep:
			for i, what := range []string{"limit", "step", "initial value"} {
				if _, ok := r[a+i].(float64); !ok {
					fail("for %s", what)
				}
			}
			jump(!modelTurn(r[a:]))
		case bytecode.OpForNLoop:
			r[a+2] = r[a+2].(float64) + r[a+1].(float64)
			jump(modelTurn(r[a:]))
		case bytecode.OpForGPrep:
			if t, ok := r[a].(*modelTable); ok {
				r[a] = modelPairs(t)
			}
			pc += imm
		case bytecode.OpForGLoop:
			give(a+3, b, m.call(r[a], list(a+1, 2)))
			r[a+2] = r[a+3]
			jump(r[a+3] != nil)
		default:
			panic("BUG: " + op.String())
		}
	}
}

// closure makes a function value as the captures of p say.
func (m *model) closure(cl *modelClosure, r []any, p *bytecode.Proto) *modelClosure {
	made := &modelClosure{p: p, ups: make([]any, len(p.Captures))}
	for i, c := range p.Captures {
		switch c.From {
		case bytecode.FromReg:
			made.ups[i] = r[c.Index]
		case bytecode.FromUp:
			made.ups[i] = cl.ups[c.Index]
		case bytecode.FromSelf:
			made.ups[i] = made
		}
	}
	return made
}

func modelTurn(r []any) bool {
	limit, step, i := r[0].(float64), r[1].(float64), r[2].(float64)
	if step > 0 {
		return i <= limit
	}
	return i >= limit
}

// modelPairs iterates over the keys in the order of their texts.
func modelPairs(t *modelTable) *modelNative {
	var keys []any
	for k := range t.m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return modelKey(keys[i]) < modelKey(keys[j]) })
	return native(func(*model, []any) []any {
		if len(keys) == 0 {
			return nil
		}
		k := keys[0]
		keys = keys[1:]
		return []any{k, t.m[k]}
	})
}

func modelLength(v any) any {
	switch v := v.(type) {
	case string:
		return float64(len(v))
	case *modelTable:
		return float64(v.length())
	}
	fail("length of %s", modelText(v))
	return nil
}

func modelPart(v any) string {
	switch v.(type) {
	case string, float64:
		return modelText(v)
	}
	fail("concatenate %s", modelText(v))
	return ""
}

func modelCompareK(op bytecode.Op, v, k any) bool {
	switch op {
	case bytecode.OpJmpEqK:
		return v == k
	case bytecode.OpJmpNeK:
		return v != k
	case bytecode.OpJmpLtK:
		return less(v, k, false)
	case bytecode.OpJmpLeK:
		return less(v, k, true)
	case bytecode.OpJmpGtK:
		return less(k, v, false)
	case bytecode.OpJmpGeK:
		return less(k, v, true)
	case bytecode.OpJmpNLtK:
		return !less(v, k, false)
	case bytecode.OpJmpNLeK:
		return !less(v, k, true)
	case bytecode.OpJmpNGtK:
		return !less(k, v, false)
	}
	return !less(k, v, true)
}
