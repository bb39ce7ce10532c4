package vm

import (
	"strconv"
	"testing"
)

var sink Value

func BenchmarkTable_GetStr(b *testing.B) {
	vm := testVM(b, 0)
	tb := mustTable(b, vm, 0, 8)
	k := Const("position")
	for _, s := range []string{"position", "velocity", "mass", "name", "kind"} {
		mustSet(b, vm, tb, str(s), True)
	}
	for b.Loop() {
		sink = tb.GetStr(k)
	}
}

func BenchmarkTable_GetStr_absent(b *testing.B) {
	vm := testVM(b, 0)
	tb := mustTable(b, vm, 0, 8)
	k := Const("absent")
	for _, s := range []string{"position", "velocity", "mass", "name", "kind"} {
		mustSet(b, vm, tb, str(s), True)
	}
	for b.Loop() {
		sink = tb.GetStr(k)
	}
}

func BenchmarkTable_GetStr_otherObject(b *testing.B) {
	vm := testVM(b, 0)
	tb := mustTable(b, vm, 0, 8)
	mustSet(b, vm, tb, str("position"), True)
	k, err := vm.NewString("position")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		sink = tb.GetStr(k.AsString())
	}
}

func BenchmarkTable_GetInt(b *testing.B) {
	vm := testVM(b, 0)
	tb := mustTable(b, vm, 100, 0)
	i := 0
	for b.Loop() {
		sink = tb.GetInt(i%100 + 1)
		i++
	}
}

func BenchmarkTable_Get_number(b *testing.B) {
	vm := testVM(b, 0)
	tb := mustTable(b, vm, 100, 0)
	k := num(50)
	for b.Loop() {
		sink = tb.Get(k)
	}
}

func BenchmarkTable_SetStr(b *testing.B) {
	vm := testVM(b, 0)
	tb := mustTable(b, vm, 0, 8)
	k := Const("position")
	for b.Loop() {
		if err := tb.SetStr(vm, k, True); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTable_append1000(b *testing.B) {
	vm := testVM(b, 0)
	for b.Loop() {
		tb := mustTable(b, vm, 0, 0)
		for i := range 1000 {
			if err := tb.SetInt(vm, i+1, True); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/append")
}

func BenchmarkTable_names1000(b *testing.B) {
	vm := testVM(b, 0)
	var keys []*String
	for i := range 1000 {
		keys = append(keys, Const("name"+strconv.Itoa(i)))
	}
	for b.Loop() {
		tb := mustTable(b, vm, 0, 0)
		for _, k := range keys {
			if err := tb.SetStr(vm, k, True); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/key")
}

func BenchmarkTable_constructor3(b *testing.B) {
	vm := testVM(b, 0)
	tmpl := template([]string{"x", "y", "z"})
	x, y, z := Const("x"), Const("y"), Const("z")
	for b.Loop() {
		t, err := tmpl.Clone(vm)
		if err != nil {
			b.Fatal(err)
		}
		t.fieldNode(x).val = True
		_, _ = t.SetStr(vm, y, True), t.SetStr(vm, z, True)
		sink = t.Value()
	}
}

func BenchmarkTable_pair(b *testing.B) {
	vm := testVM(b, 0)
	for b.Loop() {
		t, err := vm.NewTable(2, 0)
		if err != nil {
			b.Fatal(err)
		}
		*t.arr.at(0), *t.arr.at(1) = True, True
		sink = t.Value()
	}
}

func BenchmarkTable_iterate1000(b *testing.B) {
	vm := testVM(b, 0)
	tb := mustTable(b, vm, 0, 0)
	for i := range 1000 {
		mustSet(b, vm, tb, str("name"+strconv.Itoa(i)), True)
	}
	for b.Loop() {
		for i, _, v, ok := tb.NextIndex(0); ok; i, _, v, ok = tb.NextIndex(i) {
			sink = v
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/entry")
}

func BenchmarkNewString(b *testing.B) {
	for _, n := range []int{8, 40, 400} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			vm := testVM(b, 0)
			s := string(make([]byte, n))
			b.ReportAllocs()
			for b.Loop() {
				v, err := vm.NewString(s)
				if err != nil {
					b.Fatal(err)
				}
				sink = v
			}
		})
	}
}

func BenchmarkConcat(b *testing.B) {
	vm := testVM(b, 0)
	x, y := Const("the first half "), Const("and the second")
	b.ReportAllocs()
	for b.Loop() {
		s, buf, err := vm.AllocString(x.Len() + y.Len())
		if err != nil {
			b.Fatal(err)
		}
		copy(buf, x.Str())
		copy(buf[x.Len():], y.Str())
		sink = s.Value()
	}
}

func BenchmarkCensus(b *testing.B) {
	vm := testVM(b, 0)
	root := mustTable(b, vm, 0, 0)
	ref := vm.NewRef(root.Value())
	defer ref.Release()
	for i := range 10_000 {
		t, err := vm.NewTable(0, 4)
		if err != nil {
			b.Fatal(err)
		}
		v, err := vm.NewString("value " + strconv.Itoa(i))
		if err != nil {
			b.Fatal(err)
		}
		mustSet(b, vm, t, str("name"), v)
		mustSet(b, vm, root, num(i+1), t.Value())
	}
	live := vm.Collect()
	for b.Loop() {
		vm.census()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(float64(live)/(1<<20)), "us/MiB")
}
