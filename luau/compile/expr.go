package compile

import (
	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// eval compiles e to one value. The result is a constant, the register of a local,
// or a register that holds the value: dst, or a new temporary if dst < 0. With dst
// given, top is as before.
func (f *function) eval(e ast.Expr, dst int) operand {
	at := e.Span().Start
	if !f.enter(at) {
		return operand{kind: opNil}
	}
	defer f.leave()
	f.line = at.Line
	switch e := e.(type) {
	case *ast.Nil:
		return operand{kind: opNil}
	case *ast.True:
		return operand{kind: opTrue}
	case *ast.False:
		return operand{kind: opFalse}
	case *ast.Number:
		return numberOperand(e.Value)
	case *ast.String:
		return stringOperand(e.Value)
	case *ast.Paren:
		return f.eval(e.X, dst)
	case *ast.LocalRef:
		return f.localRef(e, dst)
	case *ast.Call:
		return f.oneResult(e, dst)
	case *ast.Unary:
		return f.unary(e, dst)
	case *ast.Binary:
		return f.binary(e, dst)
	case *ast.Field:
		return f.field(e, dst)
	case *ast.Index:
		return f.indexed(e, dst)
	}
	return f.evalNew(e, dst)
}

// evalNew is eval for the expressions that always make a new value in a register.
func (f *function) evalNew(e ast.Expr, dst int) operand {
	switch e := e.(type) {
	case *ast.Interp:
		return f.interp(e, dst)
	case *ast.Table:
		return f.table(e, dst)
	case *ast.IfExpr:
		return f.ifExpr(e, dst)
	}
	dst = f.orNew(dst, e.Span().Start)
	switch e := e.(type) {
	case *ast.Integer:
		f.integer(e.Value, dst)
	case *ast.Vararg:
		f.emit(bytecode.OpVararg, dst, 2, 0, 0)
	case *ast.Global:
		f.global(e, dst)
	case *ast.Function:
		f.closure(e, nil, dst)
	default:
		panic("BUG: unknown expression")
	}
	return inRegister(dst)
}

// integer loads a 64-bit integer.
func (f *function) integer(n int64, dst int) {
	k := f.constant(constKey{kind: bytecode.ConstInteger, bits: uint64(n)}, bytecode.Const{Kind: bytecode.ConstInteger, Int: n})
	f.emit(bytecode.OpLoadK, dst, 0, 0, k)
}

// evalTo compiles e to one value in dst.
func (f *function) evalTo(e ast.Expr, dst int) {
	f.place(f.eval(e, dst), dst)
}

// evalReg compiles e to one value in some register.
func (f *function) evalReg(e ast.Expr) int {
	return f.register(f.eval(e, -1), -1, e.Span().Start)
}

// evalNext compiles e to one value in a new temporary at the top.
func (f *function) evalNext(e ast.Expr) int {
	reg := f.alloc(1, e.Span().Start)
	f.evalTo(e, reg)
	return reg
}

// effects compiles e for what it does; its value is dropped.
func (f *function) effects(e ast.Expr) {
	top := f.top
	if call, ok := e.(*ast.Call); ok {
		f.call(call, 0)
	} else {
		f.eval(e, -1)
	}
	f.top = top
}

func (f *function) localRef(e *ast.LocalRef, dst int) operand {
	l := e.Local
	where := f.lookup(l)
	if where.home == asConst {
		return f.known[where.index]
	}
	if where.home == inExports {
		top := f.top
		object := f.exportReg(f.early(dst))
		f.top = top
		dst = f.orNew(dst, e.At.Start)
		f.getField(dst, object, l.Name)
		return inRegister(dst)
	}
	if e.Depth != l.Depth {
		op := bytecode.OpGetUp
		if shared(l) {
			op = bytecode.OpGetUpCell
		}
		dst = f.orNew(dst, e.At.Start)
		f.emit(op, dst, f.upvalue(l), 0, 0)
		return inRegister(dst)
	}
	if where.home != inCell {
		return inRegister(int(where.reg))
	}
	dst = f.orNew(dst, e.At.Start)
	f.emit(bytecode.OpGetCell, dst, int(where.reg), 0, 0)
	return inRegister(dst)
}

func (f *function) global(e *ast.Global, dst int) {
	if f.importable(e.Name) {
		f.emit(bytecode.OpGetImport, dst, 0, 0, f.importConst([]string{e.Name}))
		return
	}
	f.getGlobal(dst, e.Name)
}

func (f *function) getGlobal(dst int, name string) {
	f.emit(bytecode.OpGetGlobal, dst, 0, int(bytecode.HashHint(name)), f.stringConst(name))
}

// importable tells that the global name may be resolved early. _G is the
// environment itself, which has no value before there is one.
func (f *function) importable(name string) bool {
	ch := f.compiler.parsed
	return f.fold && !ch.UsesFenv && name != "_G" && !ch.WrittenGlobals[name]
}

func (f *function) importConst(path []string) int32 {
	text := path[0]
	for _, p := range path[1:] {
		text += "." + p
	}
	return f.constant(constKey{kind: bytecode.ConstImport, text: text}, bytecode.Const{Kind: bytecode.ConstImport, Path: path})
}

// importPath gives the names of a chain such as math.max if all of it is one import, else nil.
func (f *function) importPath(e *ast.Field) []string {
	switch x := e.X.(type) {
	case *ast.Global:
		if f.importable(x.Name) {
			return []string{x.Name, e.Name}
		}
	case *ast.Field:
		if g, ok := x.X.(*ast.Global); ok && f.importable(g.Name) {
			return []string{g.Name, x.Name, e.Name}
		}
	}
	return nil
}

func (f *function) field(e *ast.Field, dst int) operand {
	if path := f.importPath(e); path != nil {
		dst = f.orNew(dst, e.At.Start)
		f.line = e.NamePos.Line
		f.emit(bytecode.OpGetImport, dst, 0, 0, f.importConst(path))
		return inRegister(dst)
	}
	top := f.top
	x := f.register(f.eval(e.X, f.early(dst)), f.early(dst), e.At.Start)
	f.top = top
	dst = f.orNew(dst, e.At.Start)
	f.line = e.NamePos.Line
	f.getField(dst, x, e.Name)
	return inRegister(dst)
}

func (f *function) getField(dst, x int, name string) {
	f.emit(bytecode.OpGetField, dst, x, int(bytecode.HashHint(name)), f.stringConst(name))
}

// early gives dst if it may be written before the expression is complete, else -1.
func (f *function) early(dst int) int {
	if dst >= 0 && f.scratch(dst) {
		return dst
	}
	return -1
}

func (f *function) indexed(e *ast.Index, dst int) operand {
	top := f.top
	x := f.register(f.eval(e.X, f.early(dst)), f.early(dst), e.At.Start)
	key := f.eval(e.Key, -1)
	line := e.Key.Span().Start.Line
	if n, ok := smallIndex(key); ok {
		f.top = top
		dst = f.orNew(dst, e.At.Start)
		f.line = line
		f.emit(bytecode.OpGetIndexN, dst, x, n-1, 0)
		return inRegister(dst)
	}
	if key.isString() {
		f.top = top
		dst = f.orNew(dst, e.At.Start)
		f.line = line
		f.getField(dst, x, key.text)
		return inRegister(dst)
	}
	k := f.register(key, -1, e.At.Start)
	f.top = top
	dst = f.orNew(dst, e.At.Start)
	f.line = line
	f.emit(bytecode.OpGetTable, dst, x, k, 0)
	return inRegister(dst)
}

// smallIndex gives a constant key that fits OpGetIndexN.
func smallIndex(key operand) (int, bool) {
	if !key.isNumber() || key.num < 1 || key.num > 256 {
		return 0, false
	}
	n := int(key.num)
	return n, float64(n) == key.num
}

// closure makes a function value in dst. self is the local that a local function
// statement declares, if the function may hold itself.
func (f *function) closure(e *ast.Function, self *ast.Local, dst int) {
	if len(f.protos) >= maxChildren {
		f.fail(e.At.Start, "Exceeded closure limit; simplify the code to compile")
		return
	}
	line := f.line
	inner := f.open(f, e)
	inner.self = self
	inner.stats(e.Body.Stats)
	f.protos = append(f.protos, inner.finish())
	f.line = line
	f.emit(bytecode.OpClosure, dst, 0, 0, int32(len(f.protos)-1))
}

func (f *function) ifExpr(e *ast.IfExpr, dst int) operand {
	dst = f.orNew(dst, e.At.Start)
	skip := f.jumpUnless(e.Cond)
	f.evalTo(e.Then, dst)
	end := f.emit(bytecode.OpJmp, 0, 0, 0, 0)
	f.patchAll(skip)
	f.evalTo(e.Else, dst)
	f.patch(end)
	return inRegister(dst)
}
