package vm

import (
	"math"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// arithNames are the operations as messages name them.
var arithNames = [...]string{"add", "sub", "mul", "div", "idiv", "mod", "pow", "unm", "concat"}

// arithOps gives the operation of an instruction, counted from OpAdd, for the
// three groups register-register, register-constant, constant-register.
func arithOp(op bytecode.Op) ArithOp {
	switch {
	case op >= bytecode.OpAdd && op <= bytecode.OpPow:
		return ArithOp(op - bytecode.OpAdd)
	case op >= bytecode.OpAddK && op <= bytecode.OpPowK:
		return ArithOp(op - bytecode.OpAddK)
	case op == bytecode.OpRSubK:
		return ArithSub
	case op == bytecode.OpRDivK:
		return ArithDiv
	}
	return ArithUnm
}

// compute is arithmetic on numbers.
func compute(op ArithOp, a, b float64) float64 {
	switch op {
	case ArithAdd:
		return a + b
	case ArithSub:
		return a - b
	case ArithMul:
		return a * b
	case ArithDiv:
		return a / b
	case ArithIDiv:
		return math.Floor(a / b)
	case ArithMod:
		return mod(a, b)
	case ArithPow:
		return Pow(a, b)
	}
	return -a
}

// mod is a - floor(a/b)*b, the product rounded by itself on every machine.
func mod(a, b float64) float64 { return a - float64(math.Floor(a/b)*b) }

// Pow is x^y. Squares, roots and powers of ten come out as C's pow gives them.
func Pow(x, y float64) float64 {
	switch {
	case y == 2:
		return x * x
	case y == 0.5:
		return math.Sqrt(x)
	case x == 10 && y == math.Trunc(y) && y >= -323 && y <= 308:
		return powersOfTen[int(y)+323]
	}
	return math.Pow(x, y)
}

// arith is the slow path of every arithmetic instruction: strings that read as
// numbers, vectors, host types, metamethods.
func (vm *VM) arith(i bytecode.Instr) action {
	co := vm.co
	f := co.cur()
	op := arithOp(i.Op())
	a, b := arithOperands(co, f, i)
	v, ok, err := vm.arithValue(op, a, b)
	if err != nil {
		return vm.raise(err)
	}
	if ok {
		co.stack[f.base+int32(i.A())] = v
		return actNext
	}
	h := vm.metaValue(a, metaAdd+metaEvent(op))
	if h.p == nil {
		h = vm.metaValue(b, metaAdd+metaEvent(op))
	}
	if h.p == nil {
		return vm.raise(vm.arithError(op, a, b))
	}
	return vm.callMeta(h, finishStore, 1, a, b)
}

func arithOperands(co *Coroutine, f *frame, i bytecode.Instr) (a, b Value) {
	a = co.stack[f.base+int32(i.B())]
	op := i.Op()
	switch {
	case op >= bytecode.OpAdd && op <= bytecode.OpPow:
		b = co.stack[f.base+int32(i.C())]
	case op == bytecode.OpUnm:
		b = a
	default:
		b = f.cl.proto.k[i.Imm()]
		if op == bytecode.OpRSubK || op == bytecode.OpRDivK {
			a, b = b, a
		}
	}
	return a, b
}

// arithValue does what needs no metamethod; ok tells whether it could.
func (vm *VM) arithValue(op ArithOp, a, b Value) (v Value, ok bool, err error) {
	if err := vm.payDigits(a, b); err != nil {
		return Nil, false, err
	}
	if x, ok := ToNumber(a); ok {
		if y, ok := ToNumber(b); ok {
			return Number(compute(op, x, y)), true, nil
		}
	}
	if a.Kind() == KindVector || b.Kind() == KindVector {
		if v, ok, err = vm.arithVector(op, a, b); ok || err != nil {
			return v, ok, err
		}
	}
	for _, o := range [2]Value{a, b} {
		if o.Kind() != KindUserdata {
			continue
		}
		if u := o.AsUserdata(); u.typ != nil && u.typ.Arith != nil {
			v, err = u.typ.Arith(vm, op, a, b)
			return v, true, err
		}
	}
	return Nil, false, nil
}

// arithVector works by components. A number stands for a vector of three of it in products and quotients.
func (vm *VM) arithVector(op ArithOp, a, b Value) (Value, bool, error) {
	if op == ArithUnm {
		x, y, z := a.AsVector().XYZ()
		v, err := vm.NewVector(-x, -y, -z)
		return v, true, err
	}
	scale := op == ArithMul || op == ArithDiv || op == ArithIDiv
	if !scale && (op != ArithAdd && op != ArithSub || a.Kind() != b.Kind()) {
		return Nil, false, nil
	}
	p, ok := components(a)
	q, ok2 := components(b)
	if !ok || !ok2 {
		return Nil, false, nil
	}
	var r [3]float32
	for i := range r {
		switch op {
		case ArithAdd:
			r[i] = p[i] + q[i]
		case ArithSub:
			r[i] = p[i] - q[i]
		case ArithMul:
			r[i] = p[i] * q[i]
		case ArithDiv:
			r[i] = p[i] / q[i]
		case ArithIDiv:
			r[i] = float32(math.Floor(float64(p[i] / q[i])))
		}
	}
	v, err := vm.NewVector(r[0], r[1], r[2])
	return v, true, err
}

func components(v Value) (c [3]float32, ok bool) {
	if v.Kind() == KindVector {
		o := v.AsVector()
		return [3]float32{o.x, o.y, o.z}, true
	}
	x, ok := ToNumber(v)
	f := float32(x)
	return [3]float32{f, f, f}, ok
}

func (vm *VM) arithError(op ArithOp, a, b Value) error {
	s, t := vm.TypeName(a), vm.TypeName(b)
	if s == t {
		return vm.errorAt(1, "attempt to perform arithmetic (%s) on %s", arithNames[op], s)
	}
	return vm.errorAt(1, "attempt to perform arithmetic (%s) on %s and %s", arithNames[op], s, t)
}
