package vm

import "github.com/template-worker/template-worker/luau/internal/bytecode"

const errStringLength objectError = "string length overflow"

// concat is R[A] = R[B] .. ... .. R[C].
func (vm *VM) concat(i bytecode.Instr) action {
	base := vm.co.cur().base
	return vm.drive(vm.concatRange(i, base+int32(i.B()), base+int32(i.C())))
}

// concatRange joins the values in the slots first..last from the right, as many
// strings and numbers at a time as stand side by side.
func (vm *VM) concatRange(i bytecode.Instr, first, last int32) step {
	co := vm.co
	for last > first {
		n, size := co.joinable(first, last)
		if n >= 2 {
			v, err := vm.join(co.stack[last-n+1:last+1], size)
			if err != nil {
				return raising(err)
			}
			last -= n - 1
			co.stack[last] = v
			continue
		}
		a, b := co.stack[last-1], co.stack[last]
		h := vm.metaValue(a, metaConcat)
		if h.p == nil {
			h = vm.metaValue(b, metaConcat)
		}
		if h.p == nil {
			v, done, err := vm.hostConcat(a, b)
			if err != nil {
				return raising(err)
			}
			if !done {
				return raising(vm.errorAt(1, "attempt to concatenate %s with %s", vm.TypeName(a), vm.TypeName(b)))
			}
			last--
			co.stack[last] = v
			continue
		}
		return vm.metaStep(last-first, h, finishConcat, 1, a, b)
	}
	f := co.cur()
	co.stack[f.base+int32(i.A())] = co.stack[first]
	return step{kind: stepNext}
}

// concatMore goes on once a metamethod has joined two operands. Which two they
// were follows from the slot it ran in.
func (vm *VM) concatMore(f *frame, i bytecode.Instr, slot int32, v Value) step {
	first := f.base + int32(i.B())
	last := first + slot - f.base - int32(f.cl.proto.maxStack) - 1
	vm.co.stack[last] = v
	s := vm.concatRange(i, first, last)
	if s.kind == stepNext {
		s.kind = stepReload
	}
	return s
}

// joinable counts the strings and numbers at the end of a range and the bytes of the strings among them.
func (co *Coroutine) joinable(first, last int32) (n int32, size int) {
	for i := last; i >= first; i-- {
		switch v := co.stack[i]; v.Kind() {
		case KindString:
			size += v.AsString().Len()
		case KindNumber:
		default:
			return n, size
		}
		n++
	}
	return n, size
}

// join makes one string of strings and numbers; size is the bytes of the strings.
func (vm *VM) join(vs []Value, size int) (Value, error) {
	var buf [96]byte
	nums := buf[:0]
	for _, v := range vs {
		if v.IsNumber() {
			nums = AppendNumber(nums, v.AsNumber())
		}
	}
	total := size + len(nums)
	if total > MaxString {
		return Nil, errStringLength
	}
	if total <= 1 {
		return vm.joinShort(vs, nums), nil
	}
	if total > 1024 {
		if err := vm.burn(int64(total / 64)); err != nil {
			return Nil, err
		}
	}
	s, b, err := vm.AllocString(total)
	if err != nil {
		return Nil, err
	}
	var num [32]byte
	for _, v := range vs {
		if v.IsNumber() {
			n := AppendNumber(num[:0], v.AsNumber())
			copy(b, n)
			b = b[len(n):]
			continue
		}
		b = b[copy(b, v.AsString().Str()):]
	}
	return s.Value(), nil
}

func (vm *VM) joinShort(vs []Value, nums []byte) Value {
	if len(nums) == 1 {
		return ByteString(nums[0])
	}
	for _, v := range vs {
		if v.Kind() == KindString && v.AsString().Len() == 1 {
			return v
		}
	}
	return shortString("")
}

// hostConcat asks the type of a host userdata.
func (vm *VM) hostConcat(a, b Value) (Value, bool, error) {
	for _, o := range [2]Value{a, b} {
		if o.Kind() != KindUserdata {
			continue
		}
		if u := o.AsUserdata(); u.typ != nil && u.typ.Arith != nil {
			v, err := u.typ.Arith(vm, ArithConcat, a, b)
			return v, true, err
		}
	}
	return Nil, false, nil
}
