package compile

import (
	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// target is a place to assign to, its prefix and key already evaluated.
type target struct {
	kind   targetKind
	object int // register of the table, or of the local; index of the upvalue
	key    int // targetIndex: a register; targetIndexN: the number
	name   string
	line   int32
}

type targetKind uint8

const (
	targetReg targetKind = iota
	targetCell
	targetUp
	targetGlobal
	targetField
	targetIndexN
	targetIndex
)

// regSet is a set of registers.
type regSet [4]uint64

func (s *regSet) add(reg int)      { s[reg>>6&3] |= 1 << (reg & 63) }
func (s *regSet) has(reg int) bool { return s[reg>>6&3]>>(reg&63)&1 != 0 }

// assign compiles targets = values: prefixes and keys first, left to right, then
// the values, then the stores, tables before locals.
func (f *function) assign(s *ast.Assign) {
	if len(s.Targets) == 1 && len(s.Values) == 1 {
		f.assignOne(s.Targets[0], s.Values[0])
		return
	}
	var written regSet // registers of locals that this statement assigns
	for _, e := range s.Targets {
		if ref, ok := e.(*ast.LocalRef); ok {
			if reg, ok := f.ownReg(ref); ok {
				written.add(reg)
			}
		}
	}
	targets := make([]target, len(s.Targets))
	for i, e := range s.Targets {
		targets[i] = f.target(e, &written)
	}
	values := f.assigned(s, targets, &written)
	for i, t := range targets {
		if t.kind != targetReg {
			top := f.top
			f.store(t, f.register(values[i], -1, s.At.Start))
			f.top = top
		}
	}
	for i, t := range targets {
		if t.kind == targetReg {
			f.line = t.line
			f.place(values[i], t.object)
		}
	}
}

// assigned evaluates the values of an assignment so that no store changes them.
func (f *function) assigned(s *ast.Assign, targets []target, written *regSet) []operand {
	values := make([]operand, 0, len(targets))
	for i, e := range s.Values {
		switch {
		case i >= len(targets):
			f.effects(e)
		case i == len(s.Values)-1 && isMulti(e) && len(targets) > len(s.Values):
			first := f.top
			f.tail(e, len(targets)-i)
			for reg := first; reg < f.top; reg++ {
				values = append(values, inRegister(reg))
			}
		case targets[i].kind == targetReg && f.direct(s, i):
			f.evalTo(e, targets[i].object)
			values = append(values, inRegister(targets[i].object))
		default:
			v := f.eval(e, -1)
			if !v.isConst() && !f.scratch(v.reg) && written.has(v.reg) {
				tmp := f.alloc(1, e.Span().Start)
				f.place(v, tmp)
				v = inRegister(tmp)
			}
			values = append(values, v)
		}
	}
	for f.err == nil && len(values) < len(targets) {
		values = append(values, operand{kind: opNil})
	}
	for len(values) < len(targets) {
		values = append(values, operand{})
	}
	return values
}

// direct tells that value i may be computed into its local at once: no later
// value reads that local. It gives up on long lists.
func (f *function) direct(s *ast.Assign, i int) bool {
	if len(s.Targets) > 8 {
		return false
	}
	l := s.Targets[i].(*ast.LocalRef).Local
	for _, e := range s.Values[i+1:] {
		if mentions(e, l) {
			return false
		}
	}
	return true
}

// assignOne compiles a = b.
func (f *function) assignOne(e, value ast.Expr) {
	var none regSet
	t := f.target(e, &none)
	if t.kind == targetReg {
		f.evalTo(value, t.object)
		return
	}
	f.store(t, f.evalReg(value))
}

// target evaluates the parts of a place to assign to. Parts that are locals in
// written are copied, for the statement changes them before it uses the place.
func (f *function) target(e ast.Expr, written *regSet) target {
	f.line = e.Span().Start.Line
	switch e := e.(type) {
	case *ast.LocalRef:
		return f.localTarget(e)
	case *ast.Global:
		return target{kind: targetGlobal, name: e.Name, line: f.line}
	case *ast.Field:
		object := f.stable(f.evalReg(e.X), written, e.At.Start)
		return target{kind: targetField, object: object, name: e.Name, line: e.NamePos.Line}
	case *ast.Index:
		object := f.stable(f.evalReg(e.X), written, e.At.Start)
		t := f.keyTarget(object, e.Key)
		if t.kind == targetIndex {
			t.key = f.stable(t.key, written, e.At.Start)
		}
		return t
	}
	panic("BUG: assignment to what is no place")
}

func (f *function) localTarget(e *ast.LocalRef) target {
	l := e.Local
	t := target{line: e.At.Start.Line}
	where := f.lookup(l)
	switch {
	case where.home == inExports:
		t = f.exportTarget(l)
	case e.Depth != l.Depth:
		t.kind, t.object = targetUp, f.upvalue(l)
	case where.home == inCell:
		t.kind, t.object = targetCell, int(where.reg)
	default:
		t.kind, t.object = targetReg, int(where.reg)
	}
	return t
}

// stable gives reg, or a copy of it if the statement writes it.
func (f *function) stable(reg int, written *regSet, pos ast.Pos) int {
	if f.scratch(reg) || !written.has(reg) {
		return reg
	}
	tmp := f.alloc(1, pos)
	f.place(inRegister(reg), tmp)
	return tmp
}

// keyTarget evaluates a key of the table in object.
func (f *function) keyTarget(object int, key ast.Expr) target {
	at := key.Span().Start
	k := f.eval(key, -1)
	if n, ok := smallIndex(k); ok {
		return target{kind: targetIndexN, object: object, key: n, line: at.Line}
	}
	if k.isString() {
		return target{kind: targetField, object: object, name: k.text, line: at.Line}
	}
	return target{kind: targetIndex, object: object, key: f.register(k, -1, at), line: at.Line}
}

// store writes the value in reg to t.
func (f *function) store(t target, reg int) {
	f.line = t.line
	switch t.kind {
	case targetReg:
		f.place(inRegister(reg), t.object)
	case targetCell:
		f.emit(bytecode.OpSetCell, t.object, reg, 0, 0)
	case targetUp:
		f.emit(bytecode.OpSetUpCell, reg, t.object, 0, 0)
	case targetGlobal:
		f.emit(bytecode.OpSetGlobal, reg, 0, int(bytecode.HashHint(t.name)), f.stringConst(t.name))
	case targetField:
		f.emit(bytecode.OpSetField, reg, t.object, int(bytecode.HashHint(t.name)), f.stringConst(t.name))
	case targetIndexN:
		f.emit(bytecode.OpSetIndexN, reg, t.object, t.key-1, 0)
	case targetIndex:
		f.emit(bytecode.OpSetTable, reg, t.object, t.key, 0)
	}
}

// load reads t into dst; of a local in a register it gives that register.
func (f *function) load(t target, dst int) int {
	f.line = t.line
	switch t.kind {
	case targetReg:
		return t.object
	case targetCell:
		f.emit(bytecode.OpGetCell, dst, t.object, 0, 0)
	case targetUp:
		f.emit(bytecode.OpGetUpCell, dst, t.object, 0, 0)
	case targetGlobal:
		f.getGlobal(dst, t.name)
	case targetField:
		f.getField(dst, t.object, t.name)
	case targetIndexN:
		f.emit(bytecode.OpGetIndexN, dst, t.object, t.key-1, 0)
	case targetIndex:
		f.emit(bytecode.OpGetTable, dst, t.object, t.key, 0)
	}
	return dst
}

// compound compiles target op= value: read, compute, write; the target's parts are evaluated once.
func (f *function) compound(s *ast.Compound) {
	at := s.At.Start
	var none regSet
	t := f.target(s.Target, &none)
	dst := t.object
	if t.kind != targetReg {
		dst = f.alloc(1, at)
	}
	if s.Op == ast.Concat {
		f.compoundConcat(s, t, dst)
		return
	}
	x := inRegister(f.load(t, dst))
	top := f.top
	y := f.eval(s.Value, -1)
	f.line = at.Line
	f.arith(s.Op, x, y, dst, top, at)
	if t.kind != targetReg {
		f.store(t, dst)
	}
}

func (f *function) compoundConcat(s *ast.Compound, t target, dst int) {
	at := s.At.Start
	first := dst
	if t.kind == targetReg {
		first = f.alloc(1, at)
	}
	f.place(inRegister(f.load(t, first)), first)
	last := f.concatRest(s.Value, first)
	f.line = at.Line
	f.emit(bytecode.OpConcat, dst, first, last, 0)
	if t.kind != targetReg {
		f.store(t, dst)
	}
}

// mentions tells that e reads l outside of function bodies; a local that those
// read and somebody writes is in a cell and never asked for.
func mentions(e ast.Expr, l *ast.Local) bool {
	switch e := e.(type) {
	case *ast.LocalRef:
		return e.Local == l
	case *ast.Paren:
		return mentions(e.X, l)
	case *ast.Field:
		return mentions(e.X, l)
	case *ast.Index:
		return mentions(e.X, l) || mentions(e.Key, l)
	case *ast.Call:
		return mentions(e.Func, l) || anyMentions(e.Args, l)
	case *ast.Unary:
		return mentions(e.X, l)
	case *ast.Binary:
		return mentions(e.X, l) || mentions(e.Y, l)
	case *ast.IfExpr:
		return mentions(e.Cond, l) || mentions(e.Then, l) || mentions(e.Else, l)
	case *ast.Interp:
		return anyMentions(e.Exprs, l)
	case *ast.Table:
		for i := range e.Items {
			it := &e.Items[i]
			if it.Key != nil && mentions(it.Key, l) || mentions(it.Value, l) {
				return true
			}
		}
	}
	return false
}

func anyMentions(list []ast.Expr, l *ast.Local) bool {
	for _, e := range list {
		if mentions(e, l) {
			return true
		}
	}
	return false
}
