package vm

import (
	"math"
	"unsafe"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// run executes the running coroutine until vm.outcome says why it stopped.
//
// It is one flat switch in a loop that changes nothing but pc: whatever else
// changes goes back to enter, so that the compiler need not save the other
// variables at each instruction. A case that is done says continue; one that took a slow
// path sets act and leaves the switch. Slow paths find the instruction's frame
// through vm.co, so its pc is saved before each. Numbers are stored word first,
// and the tag only if it differs, which saves the write barrier.
func (vm *VM) run() {
	var (
		co   *Coroutine
		f    *frame
		cl   *Closure
		code codeView
		k    constants
		w    window
		pc   int32
		act  action
	)
reload:
	co = vm.co
	f = &co.frames[co.nf-1]
	pc = f.pc
	if vm.fuel < 0 {
		goto drained
	}
enter:
	cl = f.cl
	code, k = codeOf(cl.proto.code), constantsOf(cl.proto.k)
	w = windowAt(co.stack, f.base)
	for {
		i := code.at(pc)
		pc++
		switch i.Op() {
		case bytecode.OpNop:
			continue

		case bytecode.OpMove:
			*w.at(i.A()) = *w.at(i.B())
			continue
		case bytecode.OpLoadNil:
			for a, n := i.A(), i.B(); n > 0; n-- {
				*w.at(a) = Value{}
				a++
			}
			continue
		case bytecode.OpLoadBool:
			*w.at(i.A()) = Value{unsafe.Pointer(&boolTag), uint64(KindBoolean) | uint64(i.B())<<8}
			continue
		case bytecode.OpLoadN:
			w.at(i.A()).setNumber(float64(i.Imm()))
			continue
		case bytecode.OpLoadK:
			*w.at(i.A()) = *k.at(i.Imm())
			continue

		case bytecode.OpGetUp:
			*w.at(i.A()) = cl.ups[i.B()]
			continue
		case bytecode.OpGetUpCell:
			*w.at(i.A()) = cl.ups[i.B()].asCell().v
			continue
		case bytecode.OpSetUpCell:
			cl.ups[i.B()].asCell().v.set(w.at(i.A()))
			continue
		case bytecode.OpNewCell:
			f.pc = pc
			act = vm.makeCell(i)
		case bytecode.OpGetCell:
			*w.at(i.A()) = w.at(i.B()).asCell().v
			continue
		case bytecode.OpSetCell:
			w.at(i.A()).asCell().v.set(w.at(i.B()))
			continue

		case bytecode.OpGetGlobal:
			key := k.at(i.Imm()).p
			n := cl.env.nodes.at(uint32(i.C()) & cl.env.mask)
			if n.key.p == key && n.val.p != nil {
				*w.at(i.A()) = n.val
				continue
			}
			if v := cl.env.chase((*String)(key)); v.p != nil {
				*w.at(i.A()) = v
				continue
			}
			f.pc = pc
			act = vm.get(i.A(), cl.env.Value(), *k.at(i.Imm()))
		case bytecode.OpSetGlobal:
			f.pc = pc
			act = vm.set(cl.env.Value(), *k.at(i.Imm()), *w.at(i.A()))
		case bytecode.OpGetImport:
			if v := k.at(i.Imm()); v.p != nil && cl.env.safeEnv {
				*w.at(i.A()) = *v
				continue
			}
			f.pc = pc
			act = vm.importPath(i)

		case bytecode.OpGetTable:
			b, c := w.at(i.B()), w.at(i.C())
			if b.isTable() {
				t := (*Table)(b.p)
				if c.IsNumber() {
					x := c.AsNumber()
					n := int32(x)
					if float64(n) == x && uint32(n-1) < t.asize {
						if v := t.arr.at(uint32(n - 1)); v.p != nil || t.meta == nil {
							*w.at(i.A()) = *v
							continue
						}
					} else if t.meta == nil {
						*w.at(i.A()) = t.getNumber(x)
						continue
					}
				} else if c.isString() {
					if v := t.chase((*String)(c.p)); v.p != nil {
						*w.at(i.A()) = v
						continue
					}
				}
			}
			f.pc = pc
			act = vm.get(i.A(), *b, *c)
		case bytecode.OpSetTable:
			b, c := w.at(i.B()), w.at(i.C())
			if b.isTable() && c.IsNumber() {
				t := (*Table)(b.p)
				x := c.AsNumber()
				n := int32(x)
				if float64(n) == x && uint32(n-1) < t.asize && !t.readonly {
					if v := t.arr.at(uint32(n - 1)); v.p != nil || t.meta == nil {
						v.set(w.at(i.A()))
						continue
					}
				}
			}
			f.pc = pc
			act = vm.setTable(b, c, w.at(i.A()))
		case bytecode.OpGetField:
			b := w.at(i.B())
			if b.isTable() {
				t := (*Table)(b.p)
				key := k.at(i.Imm()).p
				n := t.nodes.at(uint32(i.C()) & t.mask)
				if n.key.p == key && n.val.p != nil {
					*w.at(i.A()) = n.val
					continue
				}
				if v := t.chase((*String)(key)); v.p != nil {
					*w.at(i.A()) = v
					continue
				}
			}
			f.pc = pc
			act = vm.get(i.A(), *b, *k.at(i.Imm()))
		case bytecode.OpSetField:
			b := w.at(i.B())
			if b.isTable() {
				t := (*Table)(b.p)
				n := t.nodes.at(uint32(i.C()) & t.mask)
				if n.key.p == k.at(i.Imm()).p && n.val.p != nil && !t.readonly {
					n.val.set(w.at(i.A()))
					continue
				}
			}
			f.pc = pc
			act = vm.setTable(b, k.at(i.Imm()), w.at(i.A()))
		case bytecode.OpGetIndexN:
			b := w.at(i.B())
			if b.isTable() {
				t := (*Table)(b.p)
				if n := uint32(i.C()); n < t.asize {
					if v := t.arr.at(n); v.p != nil || t.meta == nil {
						*w.at(i.A()) = *v
						continue
					}
				} else if t.meta == nil {
					*w.at(i.A()) = t.GetInt(int(i.C()) + 1)
					continue
				}
			}
			f.pc = pc
			act = vm.get(i.A(), *b, Number(float64(i.C())+1))
		case bytecode.OpSetIndexN:
			b := w.at(i.B())
			if b.isTable() {
				t := (*Table)(b.p)
				if n := uint32(i.C()); n < t.asize && !t.readonly {
					if v := t.arr.at(n); v.p != nil || t.meta == nil {
						v.set(w.at(i.A()))
						continue
					}
				}
			}
			f.pc = pc
			act = vm.set(*b, Number(float64(i.C())+1), *w.at(i.A()))
		case bytecode.OpNameCall:
			b := w.at(i.B())
			if b.isTable() {
				if v := (*Table)(b.p).chase((*String)(k.at(i.Imm()).p)); v.p != nil {
					*w.at(i.A() + 1) = *b
					*w.at(i.A()) = v
					continue
				}
			}
			f.pc = pc
			act = vm.nameCall(i)

		case bytecode.OpNewTable, bytecode.OpDupTable:
			f.pc = pc
			act = vm.makeTable(i)
		case bytecode.OpSetList:
			f.pc = pc
			act = vm.setList(i)
		case bytecode.OpClosure:
			f.pc = pc
			act = vm.makeClosure(i)

		case bytecode.OpAdd:
			b, c := w.at(i.B()), w.at(i.C())
			if b.IsNumber() && c.IsNumber() {
				w.at(i.A()).setNumber(b.AsNumber() + c.AsNumber())
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpSub:
			b, c := w.at(i.B()), w.at(i.C())
			if b.IsNumber() && c.IsNumber() {
				w.at(i.A()).setNumber(b.AsNumber() - c.AsNumber())
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpMul:
			b, c := w.at(i.B()), w.at(i.C())
			if b.IsNumber() && c.IsNumber() {
				w.at(i.A()).setNumber(b.AsNumber() * c.AsNumber())
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpDiv:
			b, c := w.at(i.B()), w.at(i.C())
			if b.IsNumber() && c.IsNumber() {
				w.at(i.A()).setNumber(b.AsNumber() / c.AsNumber())
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpIDiv:
			b, c := w.at(i.B()), w.at(i.C())
			if b.IsNumber() && c.IsNumber() {
				w.at(i.A()).setNumber(math.Floor(b.AsNumber() / c.AsNumber()))
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpMod:
			b, c := w.at(i.B()), w.at(i.C())
			if b.IsNumber() && c.IsNumber() {
				x, y := b.AsNumber(), c.AsNumber()
				w.at(i.A()).setNumber(x - float64(math.Floor(x/y)*y))
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpAddK:
			if b := w.at(i.B()); b.IsNumber() {
				w.at(i.A()).setNumber(b.AsNumber() + k.at(i.Imm()).AsNumber())
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpSubK:
			if b := w.at(i.B()); b.IsNumber() {
				w.at(i.A()).setNumber(b.AsNumber() - k.at(i.Imm()).AsNumber())
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpMulK:
			if b := w.at(i.B()); b.IsNumber() {
				w.at(i.A()).setNumber(b.AsNumber() * k.at(i.Imm()).AsNumber())
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpDivK:
			if b := w.at(i.B()); b.IsNumber() {
				w.at(i.A()).setNumber(b.AsNumber() / k.at(i.Imm()).AsNumber())
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpIDivK:
			if b := w.at(i.B()); b.IsNumber() {
				w.at(i.A()).setNumber(math.Floor(b.AsNumber() / k.at(i.Imm()).AsNumber()))
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpModK:
			if b := w.at(i.B()); b.IsNumber() {
				x, y := b.AsNumber(), k.at(i.Imm()).AsNumber()
				w.at(i.A()).setNumber(x - float64(math.Floor(x/y)*y))
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpPow, bytecode.OpPowK:
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpRSubK:
			if b := w.at(i.B()); b.IsNumber() {
				w.at(i.A()).setNumber(k.at(i.Imm()).AsNumber() - b.AsNumber())
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpRDivK:
			if b := w.at(i.B()); b.IsNumber() {
				w.at(i.A()).setNumber(k.at(i.Imm()).AsNumber() / b.AsNumber())
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpUnm:
			if b := w.at(i.B()); b.IsNumber() {
				w.at(i.A()).setNumber(-b.AsNumber())
				continue
			}
			f.pc = pc
			act = vm.arith(i)
		case bytecode.OpNot:
			*w.at(i.A()) = Bool(!w.at(i.B()).Truthy())
			continue
		case bytecode.OpLen:
			if b := w.at(i.B()); b.isTable() && (*Table)(b.p).meta == nil {
				w.at(i.A()).setNumber(float64((*Table)(b.p).Len()))
				continue
			}
			f.pc = pc
			act = vm.length(i)
		case bytecode.OpConcat:
			f.pc = pc
			act = vm.concat(i)

		case bytecode.OpJmp:
			pc += i.Imm()
			continue
		case bytecode.OpJmpBack:
			pc += i.Imm()
			if vm.fuel += int64(i.Imm()); vm.fuel >= 0 {
				continue
			}
			f.pc = pc
			act = vm.safepoint()
		case bytecode.OpJmpIf:
			if w.at(i.A()).Truthy() {
				pc += i.Imm()
			}
			continue
		case bytecode.OpJmpIfNot:
			if !w.at(i.A()).Truthy() {
				pc += i.Imm()
			}
			continue

		case bytecode.OpJmpEq:
			a, b := w.at(i.A()), w.at(i.B())
			if a.IsNumber() && b.IsNumber() {
				if a.AsNumber() == b.AsNumber() {
					pc += i.Imm()
				}
				continue
			}
			if *a == *b && a.plainEqual() {
				pc += i.Imm()
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpNe:
			a, b := w.at(i.A()), w.at(i.B())
			if a.IsNumber() && b.IsNumber() {
				if a.AsNumber() != b.AsNumber() {
					pc += i.Imm()
				}
				continue
			}
			if *a == *b && a.plainEqual() {
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpLt:
			a, b := w.at(i.A()), w.at(i.B())
			if a.IsNumber() && b.IsNumber() {
				if a.AsNumber() < b.AsNumber() {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpLe:
			a, b := w.at(i.A()), w.at(i.B())
			if a.IsNumber() && b.IsNumber() {
				if a.AsNumber() <= b.AsNumber() {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpNLt:
			a, b := w.at(i.A()), w.at(i.B())
			if a.IsNumber() && b.IsNumber() {
				if !(a.AsNumber() < b.AsNumber()) {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpNLe:
			a, b := w.at(i.A()), w.at(i.B())
			if a.IsNumber() && b.IsNumber() {
				if !(a.AsNumber() <= b.AsNumber()) {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)

		case bytecode.OpJmpEqK:
			a, c := w.at(i.A()), k.at(int32(i.BC()))
			if a.IsNumber() && c.IsNumber() {
				if a.AsNumber() == c.AsNumber() {
					pc += i.Imm()
				}
			} else if *a == *c {
				pc += i.Imm()
			} else if a.isString() && c.isString() && vm.equalConst(a.AsString(), c.AsString()) {
				pc += i.Imm()
			}
			continue
		case bytecode.OpJmpNeK:
			a, c := w.at(i.A()), k.at(int32(i.BC()))
			if a.IsNumber() && c.IsNumber() {
				if a.AsNumber() != c.AsNumber() {
					pc += i.Imm()
				}
				continue
			} else if *a == *c {
				continue
			} else if a.isString() && c.isString() && vm.equalConst(a.AsString(), c.AsString()) {
				continue
			}
			pc += i.Imm()
			continue
		case bytecode.OpJmpLtK:
			if a := w.at(i.A()); a.IsNumber() {
				if a.AsNumber() < k.at(int32(i.BC())).AsNumber() {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpLeK:
			if a := w.at(i.A()); a.IsNumber() {
				if a.AsNumber() <= k.at(int32(i.BC())).AsNumber() {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpGtK:
			if a := w.at(i.A()); a.IsNumber() {
				if a.AsNumber() > k.at(int32(i.BC())).AsNumber() {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpGeK:
			if a := w.at(i.A()); a.IsNumber() {
				if a.AsNumber() >= k.at(int32(i.BC())).AsNumber() {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpNLtK:
			if a := w.at(i.A()); a.IsNumber() {
				if !(a.AsNumber() < k.at(int32(i.BC())).AsNumber()) {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpNLeK:
			if a := w.at(i.A()); a.IsNumber() {
				if !(a.AsNumber() <= k.at(int32(i.BC())).AsNumber()) {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpNGtK:
			if a := w.at(i.A()); a.IsNumber() {
				if !(a.AsNumber() > k.at(int32(i.BC())).AsNumber()) {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)
		case bytecode.OpJmpNGeK:
			if a := w.at(i.A()); a.IsNumber() {
				if !(a.AsNumber() >= k.at(int32(i.BC())).AsNumber()) {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.compare(i)

		case bytecode.OpCall:
			vm.fuel -= int64(i.Imm())
			f.pc = pc
			a := w.at(i.A())
			if a.isClosure() {
				callee := (*Closure)(a.p)
				p := callee.proto
				slot := f.base + int32(i.A())
				args := int32(i.B()) - 1
				if args < 0 {
					args = co.top - slot - 1
				}
				if !p.vararg && int(co.nf) < len(co.frames) && int(slot)+1+int(p.maxStack) <= len(co.stack) {
					f = &co.frames[co.nf]
					co.nf++
					if f.cl != callee {
						f.cl = callee
					}
					f.base, f.ret, f.pc, f.nvar = slot+1, slot, 0, 0
					f.want, f.kind, f.finish = int16(i.C())-1, frameScript, finishNone
					for n := args; n < int32(p.numParams); n++ {
						co.stack[slot+1+n] = Value{}
					}
					if pc = 0; vm.fuel >= 0 {
						goto enter
					}
					goto drained
				}
			} else if a.isNative() {
				if n := (*Native)(a.p); n.Fast != nil && i.B() != 0 {
					slot := int(f.base) + int(i.A())
					co.top = int32(slot + int(i.B()))
					if v, ok := n.Fast(vm, co.stack[slot+1:slot+int(i.B())]); ok {
						*w.at(i.A()) = v
						vm.fuel -= max(n.Cost, 1)
						if i.C() == 2 && vm.fuel >= 0 {
							continue
						}
						act = vm.fastDone(i)
						break
					}
				}
			}
			act = vm.callSlow(i)
		case bytecode.OpReturn1:
			vm.fuel -= int64(i.Imm())
			if f.finish == finishNone {
				ret, want := f.ret, f.want
				r := &co.stack[ret]
				r.set(w.at(i.A()))
				if want != 1 {
					co.adjust(step{slot: ret, n: 1, want: want})
				}
				co.nf--
				f = &co.frames[co.nf-1]
				if pc = f.pc; vm.fuel >= 0 {
					goto enter
				}
				goto drained
			}
			f.pc = pc
			act = vm.returnSlow(i)
		case bytecode.OpReturn0:
			vm.fuel -= int64(i.Imm())
			if f.finish == finishNone {
				if f.want != 0 {
					co.adjust(step{slot: f.ret, n: 0, want: f.want})
				}
				co.nf--
				f = &co.frames[co.nf-1]
				if pc = f.pc; vm.fuel >= 0 {
					goto enter
				}
				goto drained
			}
			f.pc = pc
			act = vm.returnSlow(i)
		case bytecode.OpReturn:
			vm.fuel -= int64(i.Imm())
			f.pc = pc
			act = vm.returnSlow(i)
		case bytecode.OpVararg:
			f.pc = pc
			act = vm.varargs(i)

		case bytecode.OpForNPrep:
			limit, by, v := w.at(i.A()), w.at(i.A()+1), w.at(i.A()+2)
			if limit.IsNumber() && by.IsNumber() && v.IsNumber() {
				if !forEnters(v.AsNumber(), limit.AsNumber(), by.AsNumber()) {
					pc += i.Imm()
				}
				continue
			}
			f.pc = pc
			act = vm.forPrep(i)
		case bytecode.OpForNLoop:
			by, v := w.at(i.A()+1).AsNumber(), w.at(i.A()+2)
			x := v.AsNumber() + by
			v.setNumber(x)
			if limit := w.at(i.A()).AsNumber(); by > 0 {
				if !(x <= limit) {
					continue
				}
			} else if !(limit <= x) {
				continue
			}
			pc += i.Imm()
			if vm.fuel += int64(i.Imm()); vm.fuel >= 0 {
				continue
			}
			goto drained
		case bytecode.OpForGPrep:
			f.pc = pc
			act = vm.iterate(i)
		case bytecode.OpForGLoop:
			vm.fuel += int64(i.Imm())
			g := w.at(i.A())
			if g.p == nil || g.p == unsafe.Pointer(&tags.light) {
				t, at := (*Table)(w.at(i.A()+1).p), w.at(i.A()+2)
				if n := uint32(at.w); n < t.asize && i.B() == 2 {
					if v := t.arr.at(n); v.p != nil {
						at.w++
						w.at(i.A() + 3).setNumber(float64(at.w))
						w.at(i.A() + 4).set(v)
						pc += i.Imm()
						if vm.fuel >= 0 {
							continue
						}
						goto drained
					}
				}
				first := int(f.base) + int(i.A())
				r := co.stack[first : first+3+int(i.B())]
				if g.p == nil && vm.walk(r, int(i.B())) || g.p != nil && vm.walkIndex(r, int(i.B())) {
					pc += i.Imm()
				}
				if vm.fuel >= 0 {
					continue
				}
				goto drained
			}
			f.pc = pc
			act = vm.generate(i)

		case bytecode.OpCover:
			cl.proto.visit(i.Imm())
			continue
		case bytecode.OpFuel:
			if vm.fuel -= int64(i.Imm()); vm.fuel >= 0 {
				continue
			}
			goto drained
		default:
			panic("BUG: unknown operation")
		}
		// A slow path was taken.
		switch act {
		case actNext:
			co = vm.co
			f = &co.frames[co.nf-1]
			goto enter
		case actReload:
			goto reload
		case actExit:
			return
		}
	}
drained:
	f.pc = pc
	if vm.safepoint() == actExit {
		return
	}
	goto reload
}

// setNumber stores a number.
func (v *Value) setNumber(x float64) {
	v.w = math.Float64bits(x)
	if v.p != unsafe.Pointer(&tags.number) {
		v.p = unsafe.Pointer(&tags.number)
	}
}

// set stores a value; the pointer only if it differs.
func (v *Value) set(o *Value) {
	v.w = o.w
	if v.p != o.p {
		v.p = o.p
	}
}

// plainEqual tells whether being the same object is enough to be equal: not for
// tables and userdata with an __eq, nor for a vector that holds a NaN.
func (v *Value) plainEqual() bool {
	switch Kind(v.w) {
	case KindTable:
		return v.isPlain() || (*Table)(v.p).meta == nil
	case KindUserdata, KindVector:
		return v.isPlain()
	}
	return true
}

// isTable, isString, isClosure and isNative look at the word first: only a
// number, an integer or a light userdata can hold a small one without being the object.
func (v *Value) isTable() bool   { return v.w == uint64(KindTable) && !v.isPlain() }
func (v *Value) isString() bool  { return v.w == uint64(KindString) && !v.isPlain() }
func (v *Value) isClosure() bool { return v.w == uint64(KindClosure) && !v.isPlain() }
func (v *Value) isNative() bool  { return v.w == uint64(KindNative) && !v.isPlain() }

// chase reads a string key through metatables whose __index is a table; Nil says
// no more than that the slow path must look.
func (t *Table) chase(s *String) Value {
	hash := s.Hash()
	for range 8 {
		n := t.nodes.at(hash & t.mask)
		if n.key.p != unsafe.Pointer(s) && (n.next != 0 || n.hash == hash) {
			n = t.findStrFrom(s, n)
		}
		if n != nil && n.key.p != nil && n.hash == hash && n.val.p != nil {
			return n.val
		}
		m := t.meta
		if m == nil || m.flags&(1<<metaIndex) != 0 {
			return Nil
		}
		x := m.nodes.at(metaNames[metaIndex].hash & m.mask)
		h := &x.val
		if x.key.p != unsafe.Pointer(metaNames[metaIndex]) {
			v := m.field(metaIndex)
			h = &v
		}
		if !h.isTable() {
			return Nil
		}
		t = (*Table)(h.p)
	}
	return Nil
}
