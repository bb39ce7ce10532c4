package compile

import (
	"strings"

	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// arithOps gives the operation on two registers and the one whose right operand is a constant.
var arithOps = [...]struct{ rr, rk bytecode.Op }{
	ast.Add:  {bytecode.OpAdd, bytecode.OpAddK},
	ast.Sub:  {bytecode.OpSub, bytecode.OpSubK},
	ast.Mul:  {bytecode.OpMul, bytecode.OpMulK},
	ast.Div:  {bytecode.OpDiv, bytecode.OpDivK},
	ast.IDiv: {bytecode.OpIDiv, bytecode.OpIDivK},
	ast.Mod:  {bytecode.OpMod, bytecode.OpModK},
	ast.Pow:  {bytecode.OpPow, bytecode.OpPowK},
}

func (f *function) binary(e *ast.Binary, dst int) operand {
	switch e.Op {
	case ast.And, ast.Or:
		return f.andOr(e, dst)
	case ast.Eq, ast.Ne, ast.Lt, ast.Le, ast.Gt, ast.Ge:
		return f.truth(e, dst)
	case ast.Concat:
		return f.concat(e, dst)
	}
	top := f.top
	x := f.eval(e.X, f.early(dst))
	y := f.eval(e.Y, -1)
	f.line = e.OpPos.Line
	if f.fold {
		if v, ok := foldArith(e.Op, x, y); ok {
			f.top = top
			return v
		}
	}
	return inRegister(f.arith(e.Op, x, y, dst, top, e.At.Start))
}

// arith emits x op y into dst, or into a new temporary at top if dst < 0. What
// was allocated above top is freed.
func (f *function) arith(op ast.BinaryOp, x, y operand, dst, top int, pos ast.Pos) int {
	ops := arithOps[op]
	switch {
	case y.isNumber():
		r := f.register(x, f.early(dst), pos)
		f.top = top
		dst = f.orNew(dst, pos)
		f.emit(ops.rk, dst, r, 0, f.numberConst(y.num))
	case x.isNumber() && (op == ast.Sub || op == ast.Div):
		r := f.register(y, -1, pos)
		f.top = top
		dst = f.orNew(dst, pos)
		rk := bytecode.OpRSubK
		if op == ast.Div {
			rk = bytecode.OpRDivK
		}
		f.emit(rk, dst, r, 0, f.numberConst(x.num))
	default:
		rx := f.register(x, f.early(dst), pos)
		ry := f.register(y, -1, pos)
		f.top = top
		dst = f.orNew(dst, pos)
		f.emit(ops.rr, dst, rx, ry, 0)
	}
	return dst
}

func (f *function) unary(e *ast.Unary, dst int) operand {
	if e.Op == ast.Not {
		return f.not(e, dst)
	}
	if n, ok := negated(e); ok {
		dst = f.orNew(dst, e.At.Start)
		f.integer(n, dst)
		return inRegister(dst)
	}
	top := f.top
	x := f.eval(e.X, f.early(dst))
	f.line = e.At.Start.Line
	op := bytecode.OpUnm
	if e.Op == ast.Length {
		op = bytecode.OpLen
	}
	if v, ok := f.foldUnary(e.Op, x); ok {
		f.top = top
		return v
	}
	r := f.register(x, f.early(dst), e.At.Start)
	f.top = top
	dst = f.orNew(dst, e.At.Start)
	f.emit(op, dst, r, 0, 0)
	return inRegister(dst)
}

// negated gives the value of a minus straight before a 64-bit integer literal.
// Integers have no arithmetic at run time, so this is part of the literal at every
// level; in -(5i) it is an operator, and an error.
func negated(e *ast.Unary) (int64, bool) {
	n, ok := e.X.(*ast.Integer)
	if !ok || e.Op != ast.Minus {
		return 0, false
	}
	return -n.Value, true
}

func (f *function) foldUnary(op ast.UnaryOp, x operand) (operand, bool) {
	switch {
	case !f.fold:
	case op == ast.Minus && x.isNumber():
		return numberOperand(-x.num), true
	case op == ast.Length && x.isString():
		return numberOperand(float64(len(x.text))), true
	}
	return operand{}, false
}

// not compiles a negation: of a plain value by OpNot, of a condition by turning it round.
func (f *function) not(e *ast.Unary, dst int) operand {
	if isCondition(e.X) {
		return f.truth(e, dst)
	}
	top := f.top
	x := f.eval(e.X, f.early(dst))
	f.line = e.At.Start.Line
	if x.isConst() && f.fold {
		f.top = top
		return boolOperand(!x.isTrue())
	}
	r := f.register(x, f.early(dst), e.At.Start)
	f.top = top
	dst = f.orNew(dst, e.At.Start)
	f.emit(bytecode.OpNot, dst, r, 0, 0)
	return inRegister(dst)
}

// concat compiles a chain a .. b .. c as one operation on a run of registers.
// Constants at the end of the chain are joined: nobody else can see their results.
func (f *function) concat(e *ast.Binary, dst int) operand {
	if v, ok := f.foldConcat(e); ok {
		return v
	}
	top := f.top
	first := f.runStart(dst, e.At.Start)
	f.evalTo(e.X, first)
	last := f.concatRest(e.Y, first)
	f.top = top
	dst = f.orNew(dst, e.At.Start)
	f.line = e.OpPos.Line
	f.emit(bytecode.OpConcat, dst, first, last, 0)
	return inRegister(dst)
}

// concatRest puts the operands of the rest of a chain into the registers after first and gives the last one.
func (f *function) concatRest(e ast.Expr, first int) int {
	for {
		b, ok := e.(*ast.Binary)
		if !ok || b.Op != ast.Concat {
			return f.evalNext(e)
		}
		if v, ok := f.foldConcat(b); ok {
			last := f.alloc(1, b.At.Start)
			f.place(v, last)
			return last
		}
		f.evalNext(b.X)
		e = b.Y
	}
}

// runStart gives the first register of a run that is built at the top: dst if
// that is the topmost temporary, else a new one.
func (f *function) runStart(dst int, pos ast.Pos) int {
	if dst >= 0 && dst == f.top-1 && f.scratch(dst) {
		return dst
	}
	return f.alloc(1, pos)
}

// foldConcat joins a chain of constant strings.
func (f *function) foldConcat(e *ast.Binary) (operand, bool) {
	var parts []string
	size := 0
	for rest := ast.Expr(e); f.fold && f.err == nil; {
		b, ok := rest.(*ast.Binary)
		chain := ok && b.Op == ast.Concat
		if chain {
			rest = b.X
		}
		s, ok := f.constString(rest)
		if size += len(s); !ok || size > maxFolded {
			break
		}
		parts = append(parts, s)
		if !chain {
			return stringOperand(strings.Join(parts, "")), true
		}
		rest = b.Y
	}
	return operand{}, false
}

// constString gives the value of a string literal or of a local that is one.
func (f *function) constString(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.String:
		return e.Value, true
	case *ast.Paren:
		return f.constString(e.X)
	case *ast.LocalRef:
		if where := f.locals[e.Local]; where.home == asConst && f.known[where.index].isString() {
			return f.known[where.index].text, true
		}
	}
	return "", false
}
