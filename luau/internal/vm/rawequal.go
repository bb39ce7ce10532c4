package vm

// RawEqual tells whether two values are the same without metamethods: numbers
// and vectors by value (the zeros are equal, NaN is not itself), strings by
// content, everything else by identity.
func RawEqual(a, b Value) bool {
	if a == b {
		return a.p != numberP && a.w != uint64(KindVector) || equalsItself(a)
	}
	if a.p == numberP && b.p == numberP {
		return a.AsNumber() == b.AsNumber()
	}
	return rawEqualObjects(a, b)
}

// infBits are the bits of +Inf; larger ones without the sign are NaN.
const infBits = 0x7ff0000000000000

// equalsItself is false for NaN and for vectors that hold one.
func equalsItself(v Value) bool {
	switch v.Kind() {
	case KindNumber:
		return v.w&^(1<<63) <= infBits
	case KindVector:
		return !v.AsVector().isNaN()
	}
	return true
}

func rawEqualObjects(a, b Value) bool {
	k := a.Kind()
	if k != b.Kind() {
		return false
	}
	switch k {
	case KindString:
		return a.AsString().equal(b.AsString())
	case KindVector:
		return a.AsVector().equal(b.AsVector())
	}
	return false
}
