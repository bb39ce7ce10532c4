package compile

import (
	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// isCondition tells that e is best compiled as jumps: a comparison, and, or, or the negation of one.
func isCondition(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Paren:
		return isCondition(e.X)
	case *ast.Unary:
		return e.Op == ast.Not && isCondition(e.X)
	case *ast.Binary:
		return e.Op == ast.And || e.Op == ast.Or || isComparison(e.Op)
	}
	return false
}

func isComparison(op ast.BinaryOp) bool { return op >= ast.Eq && op <= ast.Ge }

// jumpUnless compiles e as a condition and gives the jumps taken when it is false.
func (f *function) jumpUnless(e ast.Expr) []int { return f.jumpWhen(e, false, nil) }

// jumpWhen compiles e as a condition: code that jumps when the truth of e is want
// and goes on when it is not. The jumps are appended to list.
func (f *function) jumpWhen(e ast.Expr, want bool, list []int) []int {
	if !f.enter(e.Span().Start) {
		return list
	}
	defer f.leave()
	switch e := e.(type) {
	case *ast.Paren:
		return f.jumpWhen(e.X, want, list)
	case *ast.Unary:
		if e.Op == ast.Not {
			return f.jumpWhen(e.X, !want, list)
		}
	case *ast.Binary:
		switch {
		case e.Op == ast.And || e.Op == ast.Or:
			return f.jumpAndOr(e, want, list)
		case isComparison(e.Op):
			return f.jumpCompare(e, want, list)
		}
	}
	top := f.top
	v := f.eval(e, -1)
	f.top = top
	if v.isConst() {
		return f.jumpConst(v, want, list)
	}
	return append(list, f.jumpOn(v.reg, want))
}

// jumpAndOr is jumpWhen for and, or.
func (f *function) jumpAndOr(e *ast.Binary, want bool, list []int) []int {
	decides := e.Op == ast.Or // the truth of X that settles the whole
	if decides == want {
		list = f.jumpWhen(e.X, want, list)
		return f.jumpWhen(e.Y, want, list)
	}
	settled := f.jumpWhen(e.X, decides, nil)
	list = f.jumpWhen(e.Y, want, list)
	f.patchAll(settled)
	return list
}

// jumpConst is jumpWhen for a constant: a jump always taken, or none.
func (f *function) jumpConst(v operand, want bool, list []int) []int {
	if v.isTrue() != want {
		return list
	}
	return append(list, f.emit(bytecode.OpJmp, 0, 0, 0, 0))
}

// jumpOn emits a jump taken when the truth of reg is want.
func (f *function) jumpOn(reg int, want bool) int {
	op := bytecode.OpJmpIfNot
	if want {
		op = bytecode.OpJmpIf
	}
	return f.emit(op, reg, 0, 0, 0)
}

// jumpCompare is jumpWhen for a comparison.
func (f *function) jumpCompare(e *ast.Binary, want bool, list []int) []int {
	top := f.top
	x := f.eval(e.X, -1)
	y := f.eval(e.Y, -1)
	f.line = e.OpPos.Line
	if v, ok := f.foldCompare(e.Op, x, y); ok {
		f.top = top
		return f.jumpConst(v, want, list)
	}
	list = append(list, f.compare(e, x, y, want))
	f.top = top
	return list
}

func (f *function) foldCompare(op ast.BinaryOp, x, y operand) (operand, bool) {
	if !f.fold {
		return operand{}, false
	}
	if op == ast.Eq || op == ast.Ne {
		equal, ok := foldEqual(x, y)
		return boolOperand(equal == (op == ast.Eq)), ok
	}
	if !x.isNumber() || !y.isNumber() {
		return operand{}, false
	}
	switch op {
	case ast.Lt:
		return boolOperand(x.num < y.num), true
	case ast.Le:
		return boolOperand(x.num <= y.num), true
	case ast.Gt:
		return boolOperand(x.num > y.num), true
	}
	return boolOperand(x.num >= y.num), true
}

// orderOps gives, for an order comparison, the jump on a constant right operand
// and the one with the operands swapped, each taken when true and when false.
// With NaN "not <" differs from ">=", hence the N forms.
var orderOps = [...]struct{ right, rightNot, left, leftNot bytecode.Op }{
	ast.Lt: {bytecode.OpJmpLtK, bytecode.OpJmpNLtK, bytecode.OpJmpGtK, bytecode.OpJmpNGtK},
	ast.Le: {bytecode.OpJmpLeK, bytecode.OpJmpNLeK, bytecode.OpJmpGeK, bytecode.OpJmpNGeK},
	ast.Gt: {bytecode.OpJmpGtK, bytecode.OpJmpNGtK, bytecode.OpJmpLtK, bytecode.OpJmpNLtK},
	ast.Ge: {bytecode.OpJmpGeK, bytecode.OpJmpNGeK, bytecode.OpJmpLeK, bytecode.OpJmpNLeK},
}

// compare emits the jump of comparison e on the operands x and y, taken when the result is want.
func (f *function) compare(e *ast.Binary, x, y operand, want bool) int {
	if e.Op == ast.Eq || e.Op == ast.Ne {
		return f.compareEqual(x, y, want == (e.Op == ast.Eq), e.At.Start)
	}
	ops := orderOps[e.Op]
	if k, ok := f.shortConst(y); ok && y.isNumber() && !x.isConst() {
		return f.jumpK(ops.right, ops.rightNot, x.reg, k, want)
	}
	if k, ok := f.shortConst(x); ok && x.isNumber() && !y.isConst() {
		return f.jumpK(ops.left, ops.leftNot, y.reg, k, want)
	}
	rx := f.register(x, -1, e.At.Start)
	ry := f.register(y, -1, e.At.Start)
	if e.Op == ast.Gt || e.Op == ast.Ge {
		rx, ry = ry, rx
	}
	op, not := bytecode.OpJmpLt, bytecode.OpJmpNLt
	if e.Op == ast.Le || e.Op == ast.Ge {
		op, not = bytecode.OpJmpLe, bytecode.OpJmpNLe
	}
	if !want {
		op = not
	}
	return f.emit(op, rx, ry, 0, 0)
}

func (f *function) compareEqual(x, y operand, want bool, pos ast.Pos) int {
	if x.isConst() {
		x, y = y, x
	}
	if k, ok := f.shortConst(y); ok && !x.isConst() {
		return f.jumpK(bytecode.OpJmpEqK, bytecode.OpJmpNeK, x.reg, k, want)
	}
	rx := f.register(x, -1, pos)
	ry := f.register(y, -1, pos)
	op := bytecode.OpJmpNe
	if want {
		op = bytecode.OpJmpEq
	}
	return f.emit(op, rx, ry, 0, 0)
}

// shortConst gives the index of a constant if it fits the comparing jumps. NaN
// does not: they may take values with the same bits for equal.
func (f *function) shortConst(o operand) (int, bool) {
	if !o.isConst() || o.num != o.num {
		return 0, false
	}
	k := f.constIndex(o)
	return int(k), k < 1<<16
}

// jumpK emits op, or its opposite not, comparing reg with a constant.
func (f *function) jumpK(op, not bytecode.Op, reg, k int, want bool) int {
	if !want {
		op = not
	}
	return f.emit(op, reg, k&0xff, k>>8, 0)
}

// truth compiles a condition to true or false.
func (f *function) truth(e ast.Expr, dst int) operand {
	top := f.top
	at := e.Span().Start
	if dst >= 0 && !f.scratch(dst) {
		yes := f.jumpWhen(e, true, nil)
		f.emit(bytecode.OpLoadBool, dst, 0, 0, 0)
		end := f.emit(bytecode.OpJmp, 0, 0, 0, 0)
		f.patchAll(yes)
		f.emit(bytecode.OpLoadBool, dst, 1, 0, 0)
		f.patch(end)
		return inRegister(dst)
	}
	if v, ok := f.constTruth(e); ok {
		return v
	}
	fresh := dst < 0
	dst = f.orNew(dst, at)
	f.emit(bytecode.OpLoadBool, dst, 1, 0, 0)
	yes := f.jumpWhen(e, true, nil)
	f.emit(bytecode.OpLoadBool, dst, 0, 0, 0)
	f.patchAll(yes)
	f.top = top
	if fresh {
		f.top = dst + 1
	}
	return inRegister(dst)
}

// constTruth gives the value of a comparison of two plain constants.
func (f *function) constTruth(e ast.Expr) (operand, bool) {
	b, ok := e.(*ast.Binary)
	if !ok || !isComparison(b.Op) {
		return operand{}, false
	}
	x, okX := f.plainConst(b.X)
	y, okY := f.plainConst(b.Y)
	if !okX || !okY {
		return operand{}, false
	}
	return f.foldCompare(b.Op, x, y)
}

// plainConst gives the value of a literal or of a constant local, without emitting anything.
func (f *function) plainConst(e ast.Expr) (operand, bool) {
	switch e := e.(type) {
	case *ast.Nil:
		return operand{kind: opNil}, true
	case *ast.True:
		return operand{kind: opTrue}, true
	case *ast.False:
		return operand{kind: opFalse}, true
	case *ast.Number:
		return numberOperand(e.Value), true
	case *ast.String:
		return stringOperand(e.Value), true
	case *ast.Paren:
		return f.plainConst(e.X)
	case *ast.Unary:
		v, ok := f.plainConst(e.X)
		if ok && e.Op == ast.Not && f.fold {
			return boolOperand(!v.isTrue()), true
		}
		if ok {
			return f.foldUnary(e.Op, v)
		}
	case *ast.LocalRef:
		if where := f.locals[e.Local]; where.home == asConst {
			return f.known[where.index], true
		}
	}
	return operand{}, false
}

// andOr compiles and, or for their value.
func (f *function) andOr(e *ast.Binary, dst int) operand {
	if dst >= 0 && !f.scratch(dst) {
		return f.andOrLocal(e, dst)
	}
	top, given := f.top, dst
	decides := e.Op == ast.Or // the truth of X that makes it the result
	dst = f.orNew(dst, e.At.Start)
	var list []int
	if isCondition(e.X) {
		list = f.valueWhen(e.X, dst, decides, nil)
	} else {
		x := f.eval(e.X, dst)
		if x.isConst() {
			f.top = top
			if x.isTrue() == decides {
				return x
			}
			return f.eval(e.Y, given)
		}
		f.place(x, dst)
		list = append(list, f.jumpOn(dst, decides))
	}
	f.evalTo(e.Y, dst)
	f.patchAll(list)
	return inRegister(dst)
}

// andOrLocal is andOr into the register of a local, which the operands may still read.
func (f *function) andOrLocal(e *ast.Binary, dst int) operand {
	if ref, ok := e.X.(*ast.LocalRef); ok && f.lives(ref, dst) {
		end := f.jumpOn(dst, e.Op == ast.Or)
		f.evalTo(e.Y, dst)
		f.patch(end)
		return inRegister(dst)
	}
	top := f.top
	v := f.andOr(e, f.alloc(1, e.At.Start))
	f.place(v, dst)
	f.top = top
	return inRegister(dst)
}

// valueWhen compiles e: when its truth is want, its value is in dst and the code
// jumps; otherwise the code goes on and dst is undefined. dst is a temporary. The
// jumps are appended to list.
func (f *function) valueWhen(e ast.Expr, dst int, want bool, list []int) []int {
	if !f.enter(e.Span().Start) {
		return list
	}
	defer f.leave()
	switch b := e.(type) {
	case *ast.Paren:
		return f.valueWhen(b.X, dst, want, list)
	case *ast.Binary:
		if b.Op == ast.And || b.Op == ast.Or {
			return f.valueAndOr(b, dst, want, list)
		}
	}
	if isCondition(e) {
		f.emit(bytecode.OpLoadBool, dst, boolByte(want), 0, 0)
		return f.jumpWhen(e, want, list)
	}
	v := f.eval(e, dst)
	if v.isConst() && v.isTrue() != want {
		return list
	}
	f.place(v, dst)
	if v.isConst() {
		return append(list, f.emit(bytecode.OpJmp, 0, 0, 0, 0))
	}
	return append(list, f.jumpOn(dst, want))
}

// valueAndOr is valueWhen for and, or.
func (f *function) valueAndOr(e *ast.Binary, dst int, want bool, list []int) []int {
	decides := e.Op == ast.Or
	if decides == want {
		list = f.valueWhen(e.X, dst, want, list)
		return f.valueWhen(e.Y, dst, want, list)
	}
	settled := f.jumpWhen(e.X, decides, nil)
	list = f.valueWhen(e.Y, dst, want, list)
	f.patchAll(settled)
	return list
}

func boolByte(b bool) int {
	if b {
		return 1
	}
	return 0
}
