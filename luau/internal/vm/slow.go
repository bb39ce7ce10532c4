package vm

import (
	"strconv"
	"unsafe"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// safepoint is reached when the fuel of the grant is used up: the slice may be over.
// The running frame's pc is saved and the instruction that charged is done.
func (vm *VM) safepoint() action {
	sliced, err := vm.outOfFuel()
	if err != nil {
		return vm.raise(err)
	}
	if !sliced {
		return actReload
	}
	vm.outcome = outcome{kind: outSliced}
	return actExit
}

// makeClosure is R[A] = closure of child Imm.
func (vm *VM) makeClosure(i bytecode.Instr) action {
	co := vm.co
	f := co.cur()
	p := f.cl.proto.protos[i.Imm()]
	cl, err := vm.newClosure(p, f.cl.env)
	if err != nil {
		return vm.raise(err)
	}
	for n, c := range p.captures {
		switch c.From {
		case bytecode.FromReg:
			cl.ups[n] = co.stack[f.base+int32(c.Index)]
		case bytecode.FromUp:
			cl.ups[n] = f.cl.ups[c.Index]
		case bytecode.FromSelf:
			cl.ups[n] = cl.Value()
		}
	}
	co.stack[f.base+int32(i.A())] = cl.Value()
	return actNext
}

// makeCell is R[A] = new cell holding R[A].
func (vm *VM) makeCell(i bytecode.Instr) action {
	co := vm.co
	r := &co.stack[co.cur().base+int32(i.A())]
	c, err := vm.newCell(*r)
	if err != nil {
		return vm.raise(err)
	}
	*r = c.Value()
	return actNext
}

// makeTable is OpNewTable and OpDupTable.
func (vm *VM) makeTable(i bytecode.Instr) action {
	co := vm.co
	f := co.cur()
	var t *Table
	var err error
	if i.Op() == bytecode.OpDupTable {
		t, err = f.cl.proto.k[i.Imm()].AsTable().Clone(vm)
	} else {
		hash := 0
		if b := i.B(); b > 0 {
			hash = 1 << (b - 1)
		}
		t, err = vm.NewTable(int(i.Imm()), hash)
	}
	if err != nil {
		return vm.raise(err)
	}
	co.stack[f.base+int32(i.A())] = t.Value()
	return actNext
}

// setList is R[A][Imm+1+i] = R[B+i].
func (vm *VM) setList(i bytecode.Instr) action {
	co := vm.co
	f := co.cur()
	t := co.stack[f.base+int32(i.A())].AsTable()
	from := f.base + int32(i.B())
	n := int32(i.C()) - 1
	if n < 0 {
		n = co.top - from
	}
	if err := vm.burn(int64(n) / 8); err != nil {
		return vm.raise(err)
	}
	first := int(i.Imm()) + 1
	if err := t.GrowArray(vm, first+int(n)-1); err != nil {
		return vm.raise(err)
	}
	for j := range int(n) {
		if err := t.SetInt(vm, first+j, co.stack[int(from)+j]); err != nil {
			return vm.raise(err)
		}
	}
	return actNext
}

// length is R[A] = #R[B] for anything but a table without metatable.
func (vm *VM) length(i bytecode.Instr) action {
	co := vm.co
	f := co.cur()
	v := co.stack[f.base+int32(i.B())]
	var n Value
	switch v.Kind() {
	case KindTable:
		if h := v.AsTable().meta.field(metaLen); h.p != nil {
			return vm.callMeta(h, finishLen, 1, v)
		}
		n = Number(float64(v.AsTable().Len()))
	case KindString:
		n = Number(float64(v.AsString().Len()))
	default:
		r, ok, err := vm.hostLen(v)
		if err != nil {
			return vm.raise(err)
		}
		if !ok {
			if h := vm.metaValue(v, metaLen); h.p != nil {
				return vm.callMeta(h, finishLen, 1, v)
			}
			return vm.raise(vm.errorAt(1, "attempt to get length of a %s value", vm.TypeName(v)))
		}
		n = r
	}
	co.stack[f.base+int32(i.A())] = n
	return actNext
}

func (vm *VM) hostLen(v Value) (Value, bool, error) {
	if v.Kind() != KindUserdata {
		return Nil, false, nil
	}
	u := v.AsUserdata()
	if u.typ == nil || u.typ.Len == nil {
		return Nil, false, nil
	}
	n, err := u.typ.Len(vm, u)
	return n, true, err
}

// varargs is R[A .. A+B-2] = ...
func (vm *VM) varargs(i bytecode.Instr) action {
	co := vm.co
	f := co.cur()
	a := f.base + int32(i.A())
	n := int32(i.B()) - 1
	have := f.nvar
	if n < 0 {
		n = have
		if err := co.grow(int(a+n) + 1); err != nil {
			return vm.raise(err)
		}
		co.top = a + n
	}
	from := f.ret + 1
	if m := copy(co.stack[a:a+n], co.stack[from:from+have]); int32(m) < n {
		clear(co.stack[a+int32(m) : a+n])
	}
	vm.fuel -= int64(have) / 8
	return actNext
}

// forPrep is OpForNPrep for bounds that are not all numbers.
func (vm *VM) forPrep(i bytecode.Instr) action {
	co := vm.co
	f := co.cur()
	r := co.stack[f.base+int32(i.A()):]
	for _, b := range forBounds {
		if err := vm.payDigits(r[b.reg], Nil); err != nil {
			return vm.raise(err)
		}
		x, ok := ToNumber(r[b.reg])
		if !ok {
			return vm.raise(vm.errorAt(1, "invalid 'for' %s (number expected, got %s)", b.name, vm.TypeName(r[b.reg])))
		}
		r[b.reg] = Number(x)
	}
	if !forEnters(r[2].AsNumber(), r[0].AsNumber(), r[1].AsNumber()) {
		f.pc += i.Imm()
	}
	return actReload
}

// forBounds are the registers of a numeric loop in the order they are checked.
var forBounds = [3]struct {
	reg  int
	name string
}{{2, "initial value"}, {0, "limit"}, {1, "step"}}

// forEnters tells whether a numeric loop has a first turn.
func forEnters(first, limit, by float64) bool {
	if by > 0 {
		return first <= limit
	}
	return limit <= first
}

// The generator of a generic loop that the machine runs by itself: R[A] is
// walkAll with the table in R[A+1] and a position in the word of R[A+2], or
// walkArray for ipairs.
var (
	walkAll   = Nil
	walkArray = light(1)
)

// light makes a light userdata of a number.
func light(n uint64) Value { return Value{unsafe.Pointer(&tags.light), n} }

// iterate is OpForGPrep: it finds out how the generator works and goes to the loop's end.
func (vm *VM) iterate(i bytecode.Instr) action {
	co := vm.co
	f := co.cur()
	r := co.stack[f.base+int32(i.A()):][:3]
	switch g := r[0]; g.Kind() {
	case KindClosure:
	case KindNative:
		if r[1].Kind() != KindTable {
			break
		}
		if g.AsNative() == nativeNext && r[2].IsNil() {
			r[0], r[2] = walkAll, light(0)
		} else if g.AsNative() == nativeIPairsNext && r[2] == Number(0) {
			r[0], r[2] = walkArray, light(0)
		}
	default:
		if h := vm.metaValue(g, metaIter); h.p != nil {
			return vm.callMeta(h, finishIter, 3, g)
		}
		if vm.metaValue(g, metaCall).p != nil {
			break
		}
		if g.Kind() != KindTable {
			return vm.raise(vm.errorAt(1, "attempt to iterate over a %s value", vm.TypeName(g)))
		}
		r[0], r[1], r[2] = walkAll, g, light(0)
	}
	f.pc += i.Imm()
	return actReload
}

// iterStarted takes what __iter gave.
func (vm *VM) iterStarted(f *frame, i bytecode.Instr, s step) step {
	co := vm.co
	co.adjust(s)
	a := f.base + int32(i.A())
	copy(co.stack[a:a+3], co.stack[s.slot:s.slot+3])
	if g := co.stack[a]; g.p == nil || g.Kind() == KindLight {
		return raising(vm.callError(g))
	}
	f.pc += i.Imm()
	return step{kind: stepReload}
}

// generate calls the generator of a generic loop: R[A+3 ..] = R[A](R[A+1], R[A+2]).
func (vm *VM) generate(i bytecode.Instr) action {
	co := vm.co
	a := co.cur().base + int32(i.A())
	if err := co.grow(int(a) + 8); err != nil {
		return vm.raise(err)
	}
	copy(co.stack[a+3:a+6], co.stack[a:a+3])
	co.top = a + 6
	return vm.drive(step{kind: stepCall, slot: a + 3, n: 2, want: int16(i.B()), finish: finishForG})
}

// walk is one turn of the machine's own iteration when it must look further than the next array slot.
// It tells whether there is a turn.
func (vm *VM) walk(r []Value, vars int) bool {
	t := r[1].AsTable()
	from := uint32(r[2].w)
	next, k, v, ok := t.NextIndex(from)
	if skipped := next - from; skipped > 16 {
		vm.fuel -= int64(skipped / 8)
	}
	if !ok {
		return false
	}
	r[2].w = uint64(next)
	r[3] = k
	if vars > 1 {
		r[4] = v
		if vars > 2 {
			clear(r[5 : 3+vars])
		}
	}
	return true
}

// walkIndex is one turn of ipairs.
func (vm *VM) walkIndex(r []Value, vars int) bool {
	n := int(r[2].w) + 1
	v := r[1].AsTable().GetInt(n)
	if v.IsNil() {
		return false
	}
	r[2].w = uint64(n)
	r[3] = Number(float64(n))
	if vars > 1 {
		r[4] = v
		if vars > 2 {
			clear(r[5 : 3+vars])
		}
	}
	return true
}

// powersOfTen are the correctly rounded 10^-323 .. 10^308.
var powersOfTen = makePowersOfTen()

func makePowersOfTen() (all [632]float64) {
	for i := range all {
		f, err := strconv.ParseFloat("1e"+strconv.Itoa(i-323), 64)
		if err != nil {
			panic("BUG: power of ten: " + err.Error())
		}
		all[i] = f
	}
	return all
}

// setTable is the slow path of OpSetTable and OpSetField.
func (vm *VM) setTable(obj, key, v *Value) action {
	if obj.isTable() {
		t := (*Table)(obj.p)
		if t.meta == nil && !t.readonly && !t.safeEnv {
			var err error
			if key.isString() {
				err = t.SetStr(vm, (*String)(key.p), *v)
			} else {
				err = t.Set(vm, *key, *v)
			}
			if err != nil {
				return vm.raise(err)
			}
			return actNext
		}
	}
	return vm.set(*obj, *key, *v)
}

// callSlow is OpCall for everything the loop does not do itself.
func (vm *VM) callSlow(i bytecode.Instr) action {
	co := vm.co
	slot := co.cur().base + int32(i.A())
	n, want := int32(i.B())-1, int16(i.C())-1
	if n < 0 {
		n = co.top - slot - 1
	}
	fn := &co.stack[slot]
	if !fn.isNative() {
		return vm.drive(step{kind: stepCall, slot: slot, n: n, want: want})
	}
	c, native := vm.call, (*Native)(fn.p)
	c.native, c.base, c.n, c.ret, c.nret = native, int(slot)+1, int(n), int(slot), 0
	co.top = slot + 1 + n
	vm.fuel -= max(native.Cost, 1)
	if err := native.Fn(c); err != nil {
		c.forget()
		return vm.raise(vm.nativeError(err))
	}
	switch c.after {
	case afterNothing:
	case afterPCall:
		return vm.enterPCall(c, want)
	case afterYield:
		return vm.yieldFast(c, want)
	case afterResume, afterWrap:
		return vm.resumeFast(c, want)
	default:
		return vm.drive(vm.afterNative(c, want, finishNone))
	}
	if nret := int32(c.nret); want < 0 {
		vm.co.top = slot + nret
	} else if nret < int32(want) {
		clear(vm.co.stack[slot+nret : slot+int32(want)])
	}
	return actNext
}

// fastDone makes the results the caller wants of the one that a short cut gave.
func (vm *VM) fastDone(i bytecode.Instr) action {
	co := vm.co
	slot := co.cur().base + int32(i.A())
	co.adjust(step{slot: slot, n: 1, want: int16(i.C()) - 1})
	return actReload
}

// returnSlow is OpReturn, OpReturn0 and OpReturn1 in full.
func (vm *VM) returnSlow(i bytecode.Instr) action {
	co := vm.co
	f := co.cur()
	from, n := f.base+int32(i.A()), int32(0)
	switch i.Op() {
	case bytecode.OpReturn:
		if n = int32(i.B()) - 1; n < 0 {
			n = co.top - from
		}
	case bytecode.OpReturn1:
		n = 1
	}
	s := step{kind: stepReturn, slot: f.ret, n: n, want: f.want, finish: f.finish}
	if n == 1 {
		co.stack[f.ret] = co.stack[from]
	} else if n > 1 {
		copy(co.stack[f.ret:], co.stack[from:from+n])
	}
	if s.finish.isMeta() {
		co.inner--
	}
	co.nf--
	if s.finish == finishNative {
		switch p := co.cur(); {
		case p.kind == framePCall && p.finish == finishNone:
			co.stack[p.ret] = True
			co.nf--
			s = step{slot: p.ret, n: s.n + 1, want: p.want}
		case p.kind == frameBoundary:
			vm.outcome = outcome{kind: outReturned, ret: int(s.slot), n: int(s.n)}
			return actExit
		case p.kind == frameCont && p.finish == finishNone:
			return vm.continueNative(s.slot, s.n)
		}
	}
	if s.finish == finishNone {
		co.adjust(s)
		return actReload
	}
	return vm.drive(s)
}
