package vm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// walk adds up what is reachable from the globals and references, in another way than the census does.
func walk(vm *VM) int64 {
	seen := map[unsafe.Pointer]bool{}
	var sum int64
	queue := append([]Value{}, vm.refs...)
	vm.roots(func(v Value) { queue = append(queue, v) })
	for len(queue) > 0 {
		v := queue[0]
		queue = queue[1:]
		if !v.isObject() || seen[v.p] || isShared(v) {
			continue
		}
		seen[v.p] = true
		switch v.Kind() {
		case KindString:
			sum += bytesSize(sizeString + v.AsString().Len())
		case KindVector:
			sum += sizeVector
		case KindBuffer:
			sum += sizeBuffer + bytesSize(v.AsBuffer().Len())
		case KindUserdata:
			sum += v.AsUserdata().size
		case KindCell:
			sum += sizeCell
			queue = append(queue, v.asCell().v)
		case KindNative:
			sum += sizeNative + v.AsNative().size
		case KindClosure:
			c := v.AsClosure()
			sum += closureSize(len(c.ups))
			queue = append(queue, c.ups...)
			if c.env != nil {
				queue = append(queue, c.env.Value())
			}
		case KindTable:
			t := v.AsTable()
			sum += t.size()
			if t.meta != nil {
				queue = append(queue, t.meta.Value())
			}
			for i, k, v, ok := t.NextIndex(0); ok; i, k, v, ok = t.NextIndex(i) {
				queue = append(queue, k, v)
			}
		case KindCoroutine:
			co := v.AsCoroutine()
			sum += co.size()
			co.trace(func(v Value) { queue = append(queue, v) })
		}
	}
	return sum + vm.held + int64(len(vm.refs))*sizeRef
}

// TestHeap_census builds random graphs: right after a census used is what is
// reachable, and before it is never less.
func TestHeap_census(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		vm := NewVM(NewBase(func(*BaseBuilder) {}), Config{})
		defer vm.Close()
		g := graph{vm: vm, objects: []Value{vm.globals.Value()}}
		rt.Repeat(map[string]func(*rapid.T){
			"make":   g.make,
			"link":   g.link,
			"unlink": g.unlink,
			"hold": func(rt *rapid.T) {
				if err := vm.hold(100); err != nil {
					rt.Fatal(err)
				}
			},
			"": func(rt *rapid.T) {
				if live := walk(vm); vm.used < live {
					rt.Fatalf("used %d is less than the %d that are live", vm.used, live)
				}
			},
		})
		vm.Collect()
		if live := walk(vm); vm.used != live {
			rt.Fatalf("used %d after a census, %d are live", vm.used, live)
		}
	})
}

type graph struct {
	vm      *VM
	objects []Value // some may be garbage; the last ones are the likeliest to be used
}

func (g *graph) pick(rt *rapid.T, what string) Value {
	return g.objects[rapid.IntRange(0, len(g.objects)-1).Draw(rt, what)]
}

func (g *graph) make(rt *rapid.T) {
	var v Value
	var err error
	n := rapid.IntRange(0, 100).Draw(rt, "size")
	switch rapid.IntRange(0, 6).Draw(rt, "kind") {
	case 0:
		v, err = g.vm.NewString(strings.Repeat("x", n))
	case 1:
		v, err = g.vm.NewVector(1, 2, 3)
	case 2:
		var b *Buffer
		if b, err = g.vm.NewBuffer(n * 100); err == nil {
			v = b.Value()
		}
	case 3:
		var c *Closure
		if c, err = g.vm.newClosure(&Proto{numUps: uint8(n % 10)}, nil); err == nil {
			v = c.Value()
			for i := range c.ups {
				c.ups[i] = g.pick(rt, "up")
			}
		}
	case 4:
		var c *cell
		if c, err = g.vm.newCell(g.pick(rt, "cell")); err == nil {
			v = c.Value()
		}
	case 5:
		var u *Userdata
		if u, err = g.vm.NewUserdata(nil, nil, int64(n)); err == nil {
			v = u.Value()
		}
	default:
		var t *Table
		if t, err = g.vm.NewTable(n%10, n/10); err == nil {
			v = t.Value()
		}
	}
	if err != nil {
		rt.Fatal(err)
	}
	g.objects = append(g.objects, v)
	g.store(rt, v)
}

// store puts a value into some table, so that most objects are reachable.
func (g *graph) store(rt *rapid.T, v Value) {
	t := g.pick(rt, "table")
	if t.Kind() != KindTable {
		t = g.objects[0]
	}
	k := num(rapid.IntRange(1, 50).Draw(rt, "key"))
	if rapid.Bool().Draw(rt, "as key") && !v.IsNil() && v.Kind() != KindCell {
		k, v = v, True
	}
	if err := t.AsTable().Set(g.vm, k, v); err != nil {
		rt.Fatal(err)
	}
}

func (g *graph) link(rt *rapid.T) { g.store(rt, g.pick(rt, "object")) }

func (g *graph) unlink(rt *rapid.T) {
	t := g.pick(rt, "table")
	if t.Kind() != KindTable {
		return
	}
	_, k, _, ok := t.AsTable().NextIndex(uint32(rapid.IntRange(0, 20).Draw(rt, "at")))
	if ok {
		if err := t.AsTable().Set(g.vm, k, Nil); err != nil {
			rt.Fatal(err)
		}
	}
}

func TestHeap_deepChain(t *testing.T) {
	vm := testVM(t, 0)
	first := vm.globals
	for range 200_000 {
		next := mustTable(t, vm, 1, 0)
		mustSet(t, vm, next, num(1), first.Value())
		first = next
	}
	ref := vm.NewRef(first.Value())
	before := vm.FuelUsed()
	live := vm.Collect()
	if live < 200_000*(sizeTable+sizeValue) {
		t.Errorf("a chain of 200000 tables counts %d bytes", live)
	}
	if fuel := vm.FuelUsed() - before; fuel < 200_000 {
		t.Errorf("counting 200000 tables cost %d fuel", fuel)
	}
	ref.Release()
	if live := vm.Collect(); live > 1000 {
		t.Errorf("the chain is gone and %d bytes are live", live)
	}
}

func TestHeap_limit(t *testing.T) {
	vm := testVM(t, 1<<20)
	keep := mustTable(t, vm, 0, 0)
	ref := vm.NewRef(keep.Value())
	defer ref.Release()
	var err error
	n := 0
	for ; err == nil && n < 100_000; n++ {
		var v Value
		if v, err = vm.NewString(fmt.Sprintf("string number %d", n)); err == nil {
			err = keep.SetInt(vm, n+1, v)
		}
	}
	var limit *LimitError
	if !errors.As(err, &limit) || limit.Kind != LimitMemory {
		t.Fatalf("got %v, want the memory limit", err)
	}
	if used := vm.used; used > 1<<20 {
		t.Errorf("used %d is over the limit", used)
	}
	// 16 bytes of the array, doubled while it grows, and 48 of each string.
	if n < 10_000 {
		t.Errorf("only %d strings fit into a MiB", n)
	}
}

func TestHeap_garbageIsNoUse(t *testing.T) {
	vm := testVM(t, 1<<20)
	for i := range 1_000_000 {
		if _, err := vm.NewString("garbage " + strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if fuel := vm.FuelUsed(); fuel < 1_000_000*32/allocPerFuel*9/10 {
		t.Errorf("allocating 32 MB cost %d fuel", fuel)
	}
}

func TestHeap_oneObjectTooLarge(t *testing.T) {
	vm := NewVM(NewBase(func(*BaseBuilder) {}), Config{MaxObjectBytes: 1 << 20})
	defer vm.Close()
	_, _, errString := vm.AllocString(1 << 21)
	_, errBuffer := vm.NewBuffer(1 << 21)
	_, errTable := vm.NewTable(1<<20, 0)
	_, errNodes := vm.NewTable(0, 1<<16)
	for i, err := range []error{errString, errBuffer, errTable, errNodes} {
		if err != errNoMemory {
			t.Errorf("%d: got %v", i, err)
		}
	}
	if vm.Collect() > 1000 {
		t.Error("refused objects are charged")
	}
}

func TestAccount_sharedByVMs(t *testing.T) {
	acc := NewAccount(4 << 20)
	base := NewBase(func(*BaseBuilder) {})
	a := NewVM(base, Config{Account: acc})
	b := NewVM(base, Config{Account: acc})
	defer a.Close()
	buf, err := a.NewBuffer(3 << 20)
	if err != nil {
		t.Fatal(err)
	}
	ref := a.NewRef(buf.Value())
	var limit *LimitError
	if _, err := b.NewBuffer(2 << 20); !errors.As(err, &limit) {
		t.Fatalf("five of four MiB: got %v", err)
	}
	if acc.Used() > acc.Limit() {
		t.Errorf("used %d of %d", acc.Used(), acc.Limit())
	}
	ref.Release() // garbage of a, which b may have
	if _, err := b.NewBuffer(2 << 20); err != nil {
		t.Errorf("after the release: %v", err)
	}
	b.Close()
	if used := acc.Used(); used > 10_000 {
		t.Errorf("used %d after b was closed", used)
	}
}

func TestWeakTables(t *testing.T) {
	for _, mode := range []string{"k", "v", "kv", "ks", "vs"} {
		t.Run(mode, func(t *testing.T) {
			vm := testVM(t, 0)
			weak := mustTable(t, vm, 0, 0)
			meta := mustTable(t, vm, 0, 0)
			mustSet(t, vm, meta, str("__mode"), str(mode))
			weak.SetMeta(meta)
			mustSet(t, vm, vm.globals, str("weak"), weak.Value())
			keys, values := strings.Contains(mode, "k"), strings.Contains(mode, "v")

			text, _ := vm.NewString("a string made at run time")
			kept := mustTable(t, vm, 0, 0)
			mustSet(t, vm, vm.globals, str("kept"), kept.Value())
			mustSet(t, vm, weak, str("kept"), kept.Value())
			mustSet(t, vm, weak, kept.Value(), True)
			mustSet(t, vm, weak, text, text)
			mustSet(t, vm, weak, num(1), num(1))
			mustSet(t, vm, weak, num(2), mustTable(t, vm, 0, 0).Value())
			for i := range 100 {
				mustSet(t, vm, weak, mustTable(t, vm, 0, 0).Value(), num(i))
				mustSet(t, vm, weak, num(100+i), mustTable(t, vm, 0, 0).Value())
			}
			nodes := weak.nodeLen()
			vm.Collect()
			vm.Collect() // what cleared entries kept is gone now
			if used, want := vm.used, walk(vm); used != want {
				t.Errorf("used %d, live %d", used, want)
			}
			if weak.GetStr(Const("kept")).IsNil() || weak.Get(kept.Value()).IsNil() || weak.Get(text).IsNil() || weak.GetInt(1).IsNil() {
				t.Error("an entry is gone that should stay")
			}
			want := 4
			if !keys {
				want += 100
			}
			if !values {
				want += 101
			}
			n := 0
			for i, _, _, ok := weak.NextIndex(0); ok; i, _, _, ok = weak.NextIndex(i) {
				n++
			}
			if n != want {
				t.Errorf("%d entries, want %d", n, want)
			}
			if strings.Contains(mode, "s") {
				return // from 204 to 104 of 256 is not below three eighths
			}
			if weak.nodeLen() != nodes {
				t.Error("a table without s has another size")
			}
		})
	}
}

func TestWeakTables_shrink(t *testing.T) {
	vm := testVM(t, 0)
	weak, meta := mustTable(t, vm, 0, 0), mustTable(t, vm, 0, 0)
	mustSet(t, vm, meta, str("__mode"), str("vs"))
	weak.SetMeta(meta)
	mustSet(t, vm, vm.globals, str("weak"), weak.Value())
	for i := range 100 {
		mustSet(t, vm, weak, str("k"+strconv.Itoa(i)), mustTable(t, vm, 0, 0).Value())
	}
	mustSet(t, vm, weak, str("stays"), num(1))
	vm.Collect()
	if got := weak.nodeLen(); got != 1 {
		t.Errorf("%d nodes for one entry", got)
	}
	if weak.GetStr(Const("stays")).IsNil() {
		t.Error("the entry that stays is gone")
	}
	if used, want := vm.Collect(), walk(vm); used != want {
		t.Errorf("used %d, live %d", used, want)
	}
}

func TestRef(t *testing.T) {
	vm := testVM(t, 0)
	a, b := vm.NewRef(num(1)), vm.NewRef(num(2))
	a.Release()
	c := vm.NewRef(num(3))
	if !RawEqual(b.Value(), num(2)) || !RawEqual(c.Value(), num(3)) {
		t.Error("references are mixed up")
	}
	var none Ref
	none.Release()
	if !none.Value().IsNil() {
		t.Error("the zero reference has a value")
	}
}

// holder is host data that refers to script values.
type holder struct{ v Value }

func (h *holder) Trace(visit func(Value)) { visit(h.v) }

func TestCensus_looksIntoHostData(t *testing.T) {
	vm := testVM(t, 0)
	text, err := vm.NewString("held by the host")
	if err != nil {
		t.Fatal(err)
	}
	u, err := vm.NewUserdata(nil, &holder{text}, 100)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.NewNative(Native{Name: "f"}, &holder{u.Value()}, 50)
	if err != nil {
		t.Fatal(err)
	}
	empty := vm.Collect()
	ref := vm.NewRef(n.Value())
	want := empty + sizeRef + sizeNative + 50 + sizeUserdata + 100 + text.AsString().size()
	if got := vm.Collect(); got != want {
		t.Errorf("live %d, want %d", got, want)
	}
	if err := vm.Resize(u, 1000); err != nil {
		t.Fatal(err)
	}
	if used := vm.used; used != want+900 {
		t.Errorf("used %d after growing, want %d", used, want+900)
	}
	if err := vm.Resize(u, 0); err != nil {
		t.Fatal(err)
	}
	if used := vm.used; used != want-100 {
		t.Errorf("used %d after shrinking, want %d", used, want-100)
	}
	ref.Release()
}

func TestTable_rehashStormsCostFuel(t *testing.T) {
	vm := testVM(t, 0)
	tb := mustTable(t, vm, 0, 4096)
	for i := range 4000 {
		mustSet(t, vm, tb, str("k"+strconv.Itoa(i)), True)
	}
	before := vm.FuelUsed()
	for i := range 4000 { // new keys over and over, each soon removed
		k := str("n" + strconv.Itoa(i))
		mustSet(t, vm, tb, k, True)
		mustSet(t, vm, tb, k, Nil)
	}
	if fuel := vm.FuelUsed() - before; fuel < 4096 {
		t.Errorf("rehashes of 4096 nodes cost %d", fuel)
	}
}

// A table that grows under a nearly spent account fails without losing what it has.
func TestTable_growthRefused(t *testing.T) {
	vm := testVM(t, 64<<10)
	tb := mustTable(t, vm, 0, 0)
	ref := vm.NewRef(tb.Value())
	defer ref.Release()
	n := 0
	var err error
	for err == nil {
		n++
		err = tb.SetInt(vm, n, num(n))
	}
	if tb.Len() != n-1 {
		t.Errorf("length %d after %d appends", tb.Len(), n-1)
	}
	for i := 1; i < n; i++ {
		if !RawEqual(tb.GetInt(i), num(i)) {
			t.Fatalf("entry %d is lost", i)
		}
	}
	if used, want := vm.Collect(), walk(vm); used != want {
		t.Errorf("used %d, live %d", used, want)
	}
}
