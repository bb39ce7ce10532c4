package vm

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func testVM(t testing.TB, limit int64) *VM {
	t.Helper()
	vm := NewVM(NewBase(func(*BaseBuilder) {}), Config{Account: NewAccount(limit)})
	t.Cleanup(vm.Close)
	return vm
}

func str(s string) Value { return Const(s).Value() }

func mustTable(t testing.TB, vm *VM, arr, hash int) *Table {
	t.Helper()
	tb, err := vm.NewTable(arr, hash)
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

func mustSet(t testing.TB, vm *VM, tb *Table, k, v Value) {
	t.Helper()
	if err := tb.Set(vm, k, v); err != nil {
		t.Fatalf("set %v: %v", k, err)
	}
}

// keysOf gives the string and number keys in the order of traversal.
func keysOf(tb *Table) string {
	var all []string
	for i, k, v, ok := tb.NextIndex(0); ok; i, k, v, ok = tb.NextIndex(i) {
		_ = v
		if k.IsNumber() {
			all = append(all, strconv.FormatFloat(k.AsNumber(), 'g', -1, 64))
		} else {
			all = append(all, k.AsString().Str())
		}
	}
	return strings.Join(all, " ")
}

// The orders are those that the reference's conformance suite expects of scripts.
func TestTable_orderOfConstructors(t *testing.T) {
	tests := []struct {
		name string
		arr  int
		keys string
		want string
	}{
		{"nine names", 0, "Mountains Canyons Dunes Arctic Lavaflow Hills Plains Marsh Water",
			"Arctic Dunes Canyons Water Mountains Hills Lavaflow Plains Marsh"},
		{"three names", 0, "foo bar thing", "thing bar foo"},
		{"array and names", 3, "a b c", "1 2 3 a c b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			vm := testVM(t, 0)
			keys := strings.Fields(tt.keys)
			sized := mustTable(t, vm, tt.arr, len(keys))
			fromTemplate, err := template(keys).Clone(vm)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range keys {
				mustSet(t, vm, sized, str(k), True)
				mustSet(t, vm, fromTemplate, str(k), True)
			}
			for i := range tt.arr {
				mustSet(t, vm, sized, Number(float64(i+1)), True)
				mustSet(t, vm, fromTemplate, Number(float64(i+1)), True)
			}
			if got := keysOf(sized); got != tt.want {
				t.Errorf("sized: got %q, want %q", got, tt.want)
			}
			if got := keysOf(fromTemplate); got != tt.want {
				t.Errorf("from a template: got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHashString(t *testing.T) {
	// By hand: the length, then for each byte from the last h ^= h<<5 + h>>2 + byte.
	a := uint32(1)
	a ^= a<<5 + a>>2 + 'a'
	ab := uint32(2)
	ab ^= ab<<5 + ab>>2 + 'b'
	ab ^= ab<<5 + ab>>2 + 'a'
	for s, want := range map[string]uint32{"": 0, "a": a, "ab": ab} {
		if got := hashString(s); got != want {
			t.Errorf("hash of %q: got %#x, want %#x", s, got, want)
		}
	}
	long := strings.Repeat("0123456789ab", 4)
	if hashString(long) == hashString("x"+long[1:]) {
		t.Error("the first block of a long string has no part in its hash")
	}
}

type sizes struct{ arr, nodes int }

func partsOf(tb *Table) sizes { return sizes{int(tb.asize), int(tb.nodeLen())} }

func pow2(n int) int {
	if n == 0 {
		return 0
	}
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

func num(i int) Value { return Number(float64(i)) }

func TestTable_growth(t *testing.T) {
	vm := testVM(t, 0)
	set := func(tb *Table, keys ...int) *Table {
		for _, k := range keys {
			mustSet(t, vm, tb, num(k), True)
		}
		return tb
	}
	check := func(what string, tb *Table, arr, nodes int) {
		t.Helper()
		if got := partsOf(tb); got != (sizes{arr, nodes}) {
			t.Errorf("%s: got %v, want %v", what, got, sizes{arr, nodes})
		}
	}
	empty := func() *Table { return mustTable(t, vm, 0, 0) }

	check("t[2]", set(empty(), 2), 0, 1)
	check("t[0]", set(empty(), 0), 0, 1)
	check("t[0] t[2]", set(empty(), 0, 2), 0, 2)
	check("t[0] t[1]", set(empty(), 0, 1), 1, 1)

	seq := empty()
	for i := 1; i <= 130; i++ {
		set(seq, i)
		if got := seq.Len(); got != i {
			t.Fatalf("length after %d appends: %d", i, got)
		}
		check(fmt.Sprintf("%d appends", i), seq, pow2(i), 0)
	}

	names := empty()
	for i := 1; i <= 130; i++ {
		mustSet(t, vm, names, str("a"+strconv.Itoa(i)), True)
		check(fmt.Sprintf("%d names", i), names, 0, pow2(i))
		if names.Len() != 0 {
			t.Fatal("a table of names has a length")
		}
	}

	for n := 1; n <= 130; n++ {
		down := empty()
		for i := n; i >= 1; i-- {
			set(down, i)
		}
		if got := down.Len(); got != n {
			t.Fatalf("length of %d filled downwards: %d", n, got)
		}
	}

	// 96..100 leave the array part once more than half of 1..128 is gone; 5..8 are not used either.
	thin := set(empty(), seqInts(100)...)
	for i := 5; i <= 95; i++ {
		mustSet(t, vm, thin, num(i), Nil)
	}
	check("before", thin, 128, 0)
	mustSet(t, vm, thin, str("x"), True)
	check("after", thin, 4, 8)
	if got := keysOf(thin); len(strings.Fields(got)) != 10 {
		t.Errorf("entries: %s", got)
	}
}

func seqInts(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i + 1
	}
	return all
}

func TestTable_border(t *testing.T) {
	vm := testVM(t, 0)
	created := func(n int, v Value) *Table {
		tb := mustTable(t, vm, n, 0)
		for i := 1; i <= n; i++ {
			mustSet(t, vm, tb, num(i), v)
		}
		return tb
	}
	step := func(tb *Table, k int, v Value, want int) {
		t.Helper()
		mustSet(t, vm, tb, num(k), v)
		if got := tb.Len(); got != want {
			t.Errorf("after t[%d]: length %d, want %d", k, got, want)
		}
	}

	full := created(10, True)
	step(full, 5, Nil, 10)
	step(full, 10, Nil, 9)
	mustSet(t, vm, full, num(9), Nil)
	step(full, 8, Nil, 7)

	empty := created(10, Nil)
	if empty.Len() != 0 {
		t.Error("an array of nils has a length")
	}
	step(empty, 1, True, 1)
	step(empty, 2, True, 2)
	mustSet(t, vm, empty, num(3), True)
	step(empty, 4, True, 4)

	last := created(5, Nil)
	step(last, 5, True, 5)

	rehashed := created(5, True)
	mustSet(t, vm, rehashed, num(1), Nil)
	mustSet(t, vm, rehashed, str("a"), True)
	if got := rehashed.Len(); got != 5 {
		t.Errorf("a rehash with t[1] absent: length %d, want 5", got)
	}

	reused := mustTable(t, vm, 0, 0)
	mustSet(t, vm, reused, str("a"), True)
	mustSet(t, vm, reused, str("a"), Nil)
	step(reused, 1, True, 1)

	fromEnd := mustTable(t, vm, 0, 0)
	for i := 5; i >= 2; i-- {
		step(fromEnd, i, True, 0)
	}
	step(fromEnd, 1, True, 5)
}

// Whatever is present or absent of 1..n, the length is a border and lies in the array part.
func TestTable_borderOfAnySet(t *testing.T) {
	vm := testVM(t, 0)
	const n = 12
	for set := range 1 << n {
		tb := mustTable(t, vm, 0, 0)
		for k := 1; k <= n; k++ {
			v := Nil
			if set>>(k-1)&1 == 1 {
				v = True
			}
			mustSet(t, vm, tb, num(k), v)
			b := tb.Len()
			if b > 0 && tb.GetInt(b).IsNil() || !tb.GetInt(b+1).IsNil() || b > int(tb.asize) {
				t.Fatalf("set %b up to %d: %d is not a border", set, k, b)
			}
		}
	}
}

func TestTable_keys(t *testing.T) {
	vm := testVM(t, 0)
	tb := mustTable(t, vm, 0, 0)
	same := mustTable(t, vm, 0, 0).Value()
	v1, _ := vm.NewVector(1, 0, 3)
	v2, _ := vm.NewVector(1, float32(math.Copysign(0, -1)), 3)
	runtime1, _ := vm.NewString("a key made at run time")
	runtime2, _ := vm.NewString("a key made at run time")
	nat := (&Native{Name: "f"}).Value()
	pairs := [][2]Value{
		{True, True}, {False, False}, {num(1), num(1)}, {Number(0), Number(math.Copysign(0, -1))},
		{Number(1.5), Number(1.5)}, {Number(math.Inf(1)), Number(math.Inf(1))}, {Integer(1), Integer(1)},
		{Number(1e300), Number(1e300)}, {Number(-1 << 31), Number(-1 << 31)}, {Number(1 << 53), Number(1 << 53)},
		{same, same}, {v1, v2}, {runtime1, runtime2}, {runtime2, str("a key made at run time")}, {nat, nat},
	}
	for i, p := range pairs {
		mustSet(t, vm, tb, p[0], num(i))
		if got := tb.Get(p[1]); !RawEqual(got, num(i)) {
			t.Errorf("pair %d: got %v", i, got)
		}
	}
	for _, p := range []Value{Nil, Number(math.NaN()), Number(2), Integer(2), mustTable(t, vm, 0, 0).Value(), str("no")} {
		if got := tb.Get(p); !got.IsNil() {
			t.Errorf("an absent key gives %v", got)
		}
	}
	nan, _ := vm.NewVector(float32(math.NaN()), 0, 0)
	for want, k := range map[error]Value{errIndexNil: Nil, errIndexNaN: Number(math.NaN()), errIndexHasNaN: nan} {
		if err := tb.Set(vm, k, True); err != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// TestTable_model runs random writes and traversals against a plain map.
func TestTable_model(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		vm := NewVM(NewBase(func(*BaseBuilder) {}), Config{})
		defer vm.Close()
		tb, err := vm.NewTable(rapid.IntRange(0, 9).Draw(rt, "arr"), rapid.IntRange(0, 9).Draw(rt, "hash"))
		if err != nil {
			rt.Fatal(err)
		}
		vm.globals.Set(vm, True, tb.Value())
		m := tableModel{vm: vm, t: tb, want: map[Value]Value{}, universe: keyUniverse(rt, vm)}
		rt.Repeat(map[string]func(*rapid.T){
			"set":      m.set,
			"append":   m.append,
			"traverse": m.traverse,
			"clear":    func(*rapid.T) { m.t.Clear(); clear(m.want) },
			"collect":  func(*rapid.T) { vm.Collect() },
			"clone": func(rt *rapid.T) {
				c, err := m.t.Clone(vm)
				if err != nil {
					rt.Fatal(err)
				}
				m.t = c
				vm.globals.Set(vm, True, c.Value())
			},
			"": m.check,
		})
	})
}

type tableModel struct {
	vm       *VM
	t        *Table
	want     map[Value]Value
	universe []Value
}

// keyUniverse gives the keys a run picks from: dense and sparse integers, other numbers, strings, objects.
func keyUniverse(rt *rapid.T, vm *VM) []Value {
	all := []Value{True, False, Number(0), Number(-1), Number(0.5), Number(1e18), Integer(7)}
	for i := 1; i <= 40; i++ {
		all = append(all, num(i))
		all = append(all, num(1<<(i%20)))
		all = append(all, str("k"+strconv.Itoa(i)))
	}
	for range 5 {
		t, err := vm.NewTable(0, 0)
		if err != nil {
			rt.Fatal(err)
		}
		ref := vm.NewRef(t.Value())
		all = append(all, ref.Value())
	}
	return all
}

func (m *tableModel) set(rt *rapid.T) {
	k := rapid.SampledFrom(m.universe).Draw(rt, "key")
	v := Nil
	if rapid.Bool().Draw(rt, "store") {
		v = num(rapid.IntRange(0, 1000).Draw(rt, "value"))
	}
	m.store(rt, k, v)
}

func (m *tableModel) append(rt *rapid.T) {
	for range rapid.IntRange(1, 40).Draw(rt, "n") {
		m.store(rt, num(m.t.Len()+1), True)
	}
}

func (m *tableModel) store(rt *rapid.T, k, v Value) {
	if err := m.t.Set(m.vm, k, v); err != nil {
		rt.Fatal(err)
	}
	if v.IsNil() {
		delete(m.want, k)
	} else {
		m.want[k] = v
	}
}

// traverse visits all entries with Next, removing or changing some on the way.
func (m *tableModel) traverse(rt *rapid.T) {
	seen := map[Value]bool{}
	before := len(m.want)
	k, v, ok, err := m.t.Next(Nil)
	for ; ok && err == nil; k, v, ok, err = m.vm.Next(m.t, k) {
		if seen[k] {
			rt.Fatalf("%v visited twice", k)
		}
		seen[k] = true
		if !RawEqual(m.want[k], v) {
			rt.Fatalf("%v: got %v, want %v", k, v, m.want[k])
		}
		switch rapid.IntRange(0, 4).Draw(rt, "what") {
		case 0:
			m.store(rt, k, Nil)
		case 1:
			m.store(rt, k, Nil)
			m.vm.Collect()
		case 2:
			m.store(rt, k, num(5))
		}
	}
	if err != nil {
		rt.Fatal(err)
	}
	if len(seen) != before {
		rt.Fatalf("visited %d of %d", len(seen), before)
	}
}

func (m *tableModel) check(rt *rapid.T) {
	for _, k := range m.universe {
		if got := m.t.Get(k); !RawEqual(got, m.want[k]) {
			rt.Fatalf("%v: got %v, want %v", k, got, m.want[k])
		}
	}
	b := m.t.Len()
	if b > 0 && m.t.GetInt(b).IsNil() || !m.t.GetInt(b+1).IsNil() {
		rt.Fatalf("%d is not a border", b)
	}
	if used, want := m.vm.Collect(), walk(m.vm); used != want {
		rt.Fatalf("used %d, the walk gives %d", used, want)
	}
}

func TestTable_invalidNext(t *testing.T) {
	vm := testVM(t, 0)
	tb := mustTable(t, vm, 0, 0)
	mustSet(t, vm, tb, str("a"), True)
	for _, k := range []Value{str("b"), num(3), True, tb.Value()} {
		if _, _, _, err := tb.Next(k); err != errInvalidNext {
			t.Errorf("after an absent key: %v", err)
		}
	}
	mustSet(t, vm, tb, str("a"), Nil)
	if _, _, ok, err := tb.Next(str("a")); ok || err != nil {
		t.Errorf("after a removed key: %v %v", ok, err)
	}
}

// collide gives n strings of one hash bucket in tables up to 2^bits nodes.
func collide(t *testing.T, vm *VM, n int, bits uint) []*String {
	t.Helper()
	var all []*String
	for i := 0; len(all) < n; i++ {
		s := strconv.Itoa(i)
		if hashString(s)&(1<<bits-1) != 7 {
			continue
		}
		v, err := vm.NewString(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v.AsString())
	}
	return all
}

func TestTable_longChainsCostFuel(t *testing.T) {
	vm := testVM(t, 0)
	tb := mustTable(t, vm, 0, 0)
	keys := collide(t, vm, 200, 8)
	for _, k := range keys {
		if err := tb.SetStr(vm, k, True); err != nil {
			t.Fatal(err)
		}
	}
	before := vm.FuelUsed()
	for _, k := range keys {
		if tb.GetStr(k).IsNil() {
			t.Fatal("a colliding key is lost")
		}
	}
	// Chains of 1, 2, ... 200 steps, eight of each free.
	if got := vm.FuelUsed() - before; got < 200*199/2-200*freeSteps {
		t.Errorf("200 lookups along chains cost %d", got)
	}
}

func TestTable_emptiedTablesCostFuel(t *testing.T) {
	vm := testVM(t, 0)
	tb := mustTable(t, vm, 100_000, 0)
	before := vm.FuelUsed()
	for range 10 {
		if _, _, ok, err := vm.Next(tb, Nil); ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if got := vm.FuelUsed() - before; got < 100_000 {
		t.Errorf("ten looks over 100000 empty slots cost %d", got)
	}
}

func TestTable_overflow(t *testing.T) {
	vm := testVM(t, 0)
	if _, err := vm.NewTable(maxPart+1, 0); err != errTableOverflow {
		t.Errorf("array part: %v", err)
	}
	if _, err := vm.NewTable(0, maxPart+1); err != errTableOverflow {
		t.Errorf("hash part: %v", err)
	}
}

// Room that came with a table stays in memory when the table grows out of it: it must not keep anything alive.
func TestTable_inlineRoomIsEmptied(t *testing.T) {
	vm := testVM(t, 0)
	for n := uint32(1); n <= 4; n++ {
		tb := mustTable(t, vm, int(n), 0)
		room := tb.arr.slice(n)
		for i := range 20 {
			mustSet(t, vm, tb, num(i+1), tb.Value())
		}
		for i, v := range room {
			if !v.IsNil() {
				t.Errorf("slot %d of %d still holds a value", i, n)
			}
		}
		if tb.inline&(inlineArray|inlineNodes) != 0 || tb.size() != tableSize(inlineFor(n, 0))+arraySize(32) {
			t.Errorf("a table made with %d slots counts %d", n, tb.size())
		}
	}
	for _, n := range []uint32{1, 2, 4} {
		tb := mustTable(t, vm, 0, int(n))
		room := tb.nodes.slice(n)
		for i := range 20 {
			mustSet(t, vm, tb, str("k"+strconv.Itoa(i)), tb.Value())
		}
		for i := range room {
			if room[i] != (node{}) {
				t.Errorf("node %d of %d still holds an entry", i, n)
			}
		}
		if tb.inline&(inlineArray|inlineNodes) != 0 || tb.size() != tableSize(inlineFor(0, n))+nodesSize(32, false) {
			t.Errorf("a table made with %d nodes counts %d", n, tb.size())
		}
	}
}

// Two equal long strings are compared byte by byte; that is paid for in tables of any size.
func TestTable_longKeysCostFuel(t *testing.T) {
	vm := testVM(t, 0)
	long := strings.Repeat("x", 1<<20)
	a, _ := vm.NewString(long)
	b, err := vm.NewString(long)
	if err != nil {
		t.Fatal(err)
	}
	made := mustTable(t, vm, 0, 2)
	mustSet(t, vm, made, str("first"), True)
	mustSet(t, vm, made, a, num(7))
	grown := mustTable(t, vm, 0, 0)
	mustSet(t, vm, grown, a, num(7))
	mustSet(t, vm, grown, str("second"), True)
	mustSet(t, vm, grown, str("third"), True)
	tmpl, err := template([]string{long, "other"}).Clone(vm)
	if err != nil {
		t.Fatal(err)
	}
	mustSet(t, vm, tmpl, a, num(7))
	cloned, err := made.Clone(vm)
	if err != nil {
		t.Fatal(err)
	}
	for name, tb := range map[string]*Table{"made": made, "grown": grown, "template": tmpl, "cloned": cloned} {
		ref := vm.NewRef(tb.Value())
		before := vm.FuelUsed()
		if got := tb.Get(b); !RawEqual(got, num(7)) {
			t.Errorf("%s: got %v", name, got)
		}
		if fuel := vm.FuelUsed() - before; fuel < 1<<20/64 {
			t.Errorf("%s: comparing a MiB cost %d", name, fuel)
		}
		if used, want := vm.Collect(), walk(vm); used != want {
			t.Errorf("%s: used %d, live %d", name, used, want)
		}
		ref.Release()
	}
}
