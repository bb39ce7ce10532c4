package compile

import (
	"math"

	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// operand is the result of compiling an expression: a register that holds the
// value, or a constant for which nothing has been emitted yet.
type operand struct {
	kind operandKind
	reg  int
	num  float64
	text string
}

type operandKind uint8

const (
	opReg operandKind = iota
	opNil
	opFalse
	opTrue
	opNumber
	opString
)

func inRegister(reg int) operand      { return operand{kind: opReg, reg: reg} }
func numberOperand(n float64) operand { return operand{kind: opNumber, num: n} }
func stringOperand(s string) operand  { return operand{kind: opString, text: s} }
func (o operand) isConst() bool       { return o.kind != opReg }
func (o operand) isNumber() bool      { return o.kind == opNumber }
func (o operand) isString() bool      { return o.kind == opString }
func (o operand) isTrue() bool        { return o.kind != opNil && o.kind != opFalse }

func boolOperand(b bool) operand {
	if b {
		return operand{kind: opTrue}
	}
	return operand{kind: opFalse}
}

// place puts o into reg.
func (f *function) place(o operand, reg int) {
	switch o.kind {
	case opReg:
		if o.reg != reg {
			f.emit(bytecode.OpMove, reg, o.reg, 0, 0)
		}
	case opNil:
		f.emit(bytecode.OpLoadNil, reg, 1, 0, 0)
	case opFalse:
		f.emit(bytecode.OpLoadBool, reg, 0, 0, 0)
	case opTrue:
		f.emit(bytecode.OpLoadBool, reg, 1, 0, 0)
	case opNumber:
		if n, ok := shortNumber(o.num); ok {
			f.emit(bytecode.OpLoadN, reg, 0, 0, n)
			return
		}
		f.emit(bytecode.OpLoadK, reg, 0, 0, f.numberConst(o.num))
	case opString:
		f.emit(bytecode.OpLoadK, reg, 0, 0, f.stringConst(o.text))
	}
}

// shortNumber gives n as the immediate of OpLoadN if it fits; -0 does not.
func shortNumber(n float64) (int32, bool) {
	if n >= math.MinInt32 && n <= math.MaxInt32 {
		if i := int32(n); float64(i) == n && (i != 0 || !math.Signbit(n)) {
			return i, true
		}
	}
	return 0, false
}

// register gives the register of o, loading a constant into hint, or into a new temporary if hint < 0.
func (f *function) register(o operand, hint int, pos ast.Pos) int {
	if o.kind == opReg {
		return o.reg
	}
	hint = f.orNew(hint, pos)
	f.place(o, hint)
	return hint
}

// orNew gives dst, or a new temporary if dst < 0.
func (f *function) orNew(dst int, pos ast.Pos) int {
	if dst >= 0 {
		return dst
	}
	return f.alloc(1, pos)
}

// constIndex gives o as a constant of the function.
func (f *function) constIndex(o operand) int32 {
	switch o.kind {
	case opNumber:
		return f.numberConst(o.num)
	case opString:
		return f.stringConst(o.text)
	}
	kind := bytecode.ConstNil
	switch o.kind {
	case opFalse:
		kind = bytecode.ConstFalse
	case opTrue:
		kind = bytecode.ConstTrue
	}
	return f.constant(constKey{kind: kind}, bytecode.Const{Kind: kind})
}

// foldArith computes x op y for constant numbers as the machine would, if it can
// do so exactly: powers are left to the machine's own function.
func foldArith(op ast.BinaryOp, x, y operand) (operand, bool) {
	if !x.isNumber() || !y.isNumber() {
		return operand{}, false
	}
	a, b := x.num, y.num
	switch op {
	case ast.Add:
		return numberOperand(a + b), true
	case ast.Sub:
		return numberOperand(a - b), true
	case ast.Mul:
		return numberOperand(a * b), true
	case ast.Div:
		return numberOperand(a / b), true
	case ast.IDiv:
		return numberOperand(math.Floor(a / b)), true
	case ast.Mod:
		// The product is rounded on its own: no fused multiply-add.
		return numberOperand(a - float64(math.Floor(a/b)*b)), true
	}
	return operand{}, false
}

// foldEqual tells whether two constants are equal; ok is always true for constants.
func foldEqual(x, y operand) (equal, ok bool) {
	if !x.isConst() || !y.isConst() {
		return false, false
	}
	if x.kind != y.kind {
		return false, true
	}
	return x.num == y.num && x.text == y.text, true
}
