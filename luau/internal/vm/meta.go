package vm

import "github.com/template-worker/template-worker/luau/internal/bytecode"

// metaEvent is a metamethod. The first eight are remembered as absent in the flags of a metatable.
type metaEvent uint8

const (
	metaIndex metaEvent = iota
	metaNewIndex
	metaMode
	metaNameCall
	metaCall
	metaIter
	metaLen
	metaEq
	metaAdd // from here in the order of ArithOp
	metaSub
	metaMul
	metaDiv
	metaIDiv
	metaMod
	metaPow
	metaUnm
	metaConcat
	metaLt
	metaLe
	metaCount
)

// metaNames are the keys of the metamethods.
var metaNames = [metaCount]*String{
	Const("__index"), Const("__newindex"), Const("__mode"), Const("__namecall"), Const("__call"), Const("__iter"), Const("__len"), Const("__eq"),
	Const("__add"), Const("__sub"), Const("__mul"), Const("__div"), Const("__idiv"), Const("__mod"), Const("__pow"), Const("__unm"), Const("__concat"),
	Const("__lt"), Const("__le"),
}

// field gives a metamethod of a metatable and remembers its absence.
func (t *Table) field(e metaEvent) Value {
	if t == nil {
		return Nil
	}
	if e <= metaEq && t.flags&(1<<e) != 0 {
		return Nil
	}
	v := t.GetStr(metaNames[e])
	if v.p == nil && e <= metaEq && t.epoch != sharedEpoch {
		t.flags |= 1 << e
	}
	return v
}

// metaValue gives a metamethod of any value, Nil if it has none.
func (vm *VM) metaValue(v Value, e metaEvent) Value {
	if v.Kind() == KindUserdata {
		if u := v.AsUserdata(); u.typ != nil {
			return u.typ.metaNative(e)
		}
	}
	return vm.Meta(v).field(e)
}

// metaNative gives the native for calls of host userdata.
func (t *UserType) metaNative(e metaEvent) Value {
	if e == metaCall && t.Call != nil {
		return (&Native{header: sharedHeader(), Name: t.Name, Fn: t.Call}).Value()
	}
	return Nil
}

// callMeta calls a metamethod with arguments; fin says what becomes of its result.
func (vm *VM) callMeta(h Value, fin finish, want int16, args ...Value) action {
	return vm.drive(vm.metaStep(0, h, fin, want, args...))
}

// metaFuel is what the call of a metamethod costs beyond the instruction that makes it.
const metaFuel = 8

// metaStep puts a metamethod and its arguments above the running frame, offset slots further up.
func (vm *VM) metaStep(offset int32, h Value, fin finish, want int16, args ...Value) step {
	co := vm.co
	f := co.cur()
	vm.fuel -= metaFuel
	slot := f.base + int32(f.cl.proto.maxStack) + offset
	if err := co.grow(int(slot) + len(args) + 2); err != nil {
		return raising(err)
	}
	co.stack[slot] = h
	copy(co.stack[slot+1:], args)
	co.top = slot + 1 + int32(len(args))
	return step{kind: stepCall, slot: slot, n: int32(len(args)), want: want, finish: fin}
}

// finishMeta does what a metamethod was called for; the frame that needed it is on top again.
func (vm *VM) finishMeta(s step) step {
	co := vm.co
	f := co.cur()
	i := f.cl.proto.code[f.pc-1]
	a := f.base + int32(i.A())
	v := Nil
	if s.n > 0 {
		v = co.stack[s.slot]
	}
	switch s.finish {
	case finishStore:
		co.stack[a] = v
	case finishNameCall:
		if v.p == nil {
			return raising(vm.methodError(co.stack[a+1], f.cl.proto.k[i.Imm()]))
		}
		co.stack[a] = v
	case finishLen:
		if !v.IsNumber() {
			return raising(vm.errorAt(1, "'__len' must return a number"))
		}
		co.stack[a] = v
	case finishCompare:
		f.jump(i, v.Truthy())
	case finishNotLe:
		f.jump(i, !v.Truthy())
	case finishConcat:
		return vm.concatMore(f, i, s.slot, v)
	case finishImport:
		return vm.importFrom(f, i, int(s.want), v)
	case finishIter:
		return vm.iterStarted(f, i, s)
	case finishForG:
		co.adjust(s)
		if v := co.stack[a+3]; v.p != nil && s.n > 0 {
			co.stack[a+2] = v
			f.pc += i.Imm()
		}
	}
	return step{kind: stepReload}
}

// jump takes the conditional jump i of the frame if the comparison it stands for came out right.
func (f *frame) jump(i bytecode.Instr, result bool) {
	switch i.Op() {
	case bytecode.OpJmpNe, bytecode.OpJmpNLt, bytecode.OpJmpNLe:
		result = !result
	}
	if result {
		f.pc += i.Imm()
	}
}
