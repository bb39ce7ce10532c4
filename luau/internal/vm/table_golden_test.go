package vm

import (
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
)

// TestTable_golden runs thousands of random tables and compares a digest of all
// lengths and traversals on the way. The operations were also given to the
// reference implementation's tables (collector off: it forgets removed string keys
// at times of its own), and every line of output was the same. A difference here
// means that scripts would see another order or another length than they do there.
func TestTable_golden(t *testing.T) {
	for seed, want := range map[uint32]uint64{1: goldenDigest1, 2: goldenDigest2} {
		tr := tableTrace{t: t, vm: testVM(t, 0), rnd: seed}
		tr.run(500)
		h := fnv.New64a()
		h.Write([]byte(tr.out.String()))
		if got := h.Sum64(); got != want {
			t.Errorf("seed %d: digest %#x, want %#x", seed, got, want)
		}
	}
}

const (
	goldenDigest1 = 0xa42209e171f5068e
	goldenDigest2 = 0xbaff927319ceb84f
)

// tableTrace makes random tables. ops has one operation a line, out what the looking ones see.
type tableTrace struct {
	t        *testing.T
	vm       *VM
	tb       *Table
	rnd      uint32
	ops, out strings.Builder
}

func (tr *tableTrace) intn(n int) int {
	tr.rnd ^= tr.rnd << 13
	tr.rnd ^= tr.rnd >> 17
	tr.rnd ^= tr.rnd << 5
	return int(tr.rnd % uint32(n))
}

func (tr *tableTrace) op(format string, args ...any) { fmt.Fprintf(&tr.ops, format+"\n", args...) }

func (tr *tableTrace) run(tables int) {
	for range tables {
		arr, hash := tr.intn(12), tr.intn(12)
		if tr.intn(2) == 0 {
			arr, hash = 0, 0
		}
		tr.op("n %d %d", arr, hash)
		tr.tb = mustTable(tr.t, tr.vm, arr, hash)
		kind, span := tr.intn(6), 1+tr.intn(60)
		if tr.intn(20) == 0 {
			span *= 40
		}
		for range 10 + span*2 {
			tr.step(kind, span)
		}
		tr.length()
		tr.order()
	}
}

// step looks at the table or writes a key of one kind; kind 5 is a mixture.
func (tr *tableTrace) step(kind, span int) {
	switch tr.intn(20) {
	case 0:
		tr.length()
		return
	case 1:
		tr.order()
		return
	case 2:
		switch tr.intn(10) {
		case 0:
			tr.op("x")
			tr.tb.Clear()
		case 1, 2, 3:
			tr.op("c")
			c, err := tr.tb.Clone(tr.vm)
			if err != nil {
				tr.t.Fatal(err)
			}
			tr.tb = c
		}
		return
	}
	if kind == 5 {
		kind = tr.intn(5)
	}
	v := 0
	if tr.intn(100) < 65 {
		v = 1 + tr.intn(9)
	}
	tr.write(tr.key(kind, span, v), v)
}

func (tr *tableTrace) key(kind, span, v int) Value {
	switch kind {
	case 0:
		return tr.number(float64(1+tr.intn(span)), v)
	case 1:
		return tr.number(float64(tr.length()+1), v)
	case 2:
		s := fmt.Sprintf("key%d", tr.intn(span))
		if tr.intn(4) == 0 {
			s = strings.Repeat("longer_", 1+tr.intn(12)) + s
		}
		tr.op("t %s %d", s, v)
		return str(s)
	case 3:
		f := float64(tr.intn(span)) * 0.5
		switch tr.intn(4) {
		case 0:
			f = -f
		case 1:
			f *= 1e7
		case 2:
			f = float64(int64(1) << tr.intn(50))
		}
		return tr.number(f, v)
	}
	if tr.intn(3) == 0 {
		b := tr.intn(2)
		tr.op("b %d %d", b, v)
		return Bool(b == 1)
	}
	x, y, z := float32(tr.intn(10)-5), float32(tr.intn(10))*0.5, float32(tr.intn(3))
	tr.op("v %g %g %g %d", x, y, z, v)
	return ConstVector(x, y, z)
}

func (tr *tableTrace) number(f float64, v int) Value {
	tr.op("s %.17g %d", f, v)
	return Number(f)
}

func (tr *tableTrace) write(k Value, v int) {
	if v == 0 {
		mustSet(tr.t, tr.vm, tr.tb, k, Nil)
		return
	}
	mustSet(tr.t, tr.vm, tr.tb, k, num(v))
}

func (tr *tableTrace) length() int {
	n := tr.tb.Len()
	tr.op("l")
	fmt.Fprintln(&tr.out, n)
	return n
}

func (tr *tableTrace) order() {
	tr.op("o")
	for i, k, _, ok := tr.tb.NextIndex(0); ok; i, k, _, ok = tr.tb.NextIndex(i) {
		switch k.Kind() {
		case KindNumber:
			fmt.Fprintf(&tr.out, "%.17g ", k.AsNumber())
		case KindString:
			fmt.Fprintf(&tr.out, "%s ", k.AsString().Str())
		case KindBoolean:
			fmt.Fprintf(&tr.out, "b%d ", k.w>>8)
		case KindVector:
			x, y, z := k.AsVector().XYZ()
			fmt.Fprintf(&tr.out, "v%g,%g,%g ", x, y, z)
		}
	}
	tr.out.WriteByte('\n')
}
