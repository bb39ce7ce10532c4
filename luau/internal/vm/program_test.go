package vm

import (
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/template-worker/template-worker/luau/compile"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

func TestLoad(t *testing.T) {
	max := (&Native{Name: "max"}).Value()
	lib := SharedTable(0, 1)
	lib.setShared("max", max)
	base := NewBase(func(b *BaseBuilder) { b.Set("math", lib.Value()) })
	child := &bytecode.Proto{Name: "inner", Line: 3, NumParams: 1, MaxStack: 2, Vararg: true}
	p := Load(base, &bytecode.Program{Chunk: "=chunk", Source: 10, Main: &bytecode.Proto{
		MaxStack: 5,
		Code:     []bytecode.Instr{bytecode.Make(bytecode.OpReturn0, 0, 0, 0, 1)},
		Lines:    []int32{1},
		Protos:   []*bytecode.Proto{child},
		Consts: []bytecode.Const{
			{Kind: bytecode.ConstNil}, {Kind: bytecode.ConstFalse}, {Kind: bytecode.ConstTrue},
			{Kind: bytecode.ConstNumber, Number: math.Inf(1)}, {Kind: bytecode.ConstInteger, Int: -5},
			{Kind: bytecode.ConstString, Str: "text"}, {Kind: bytecode.ConstVector, Vector: [3]float32{1, 2, 3}},
			{Kind: bytecode.ConstImport, Path: []string{"math", "max"}},
			{Kind: bytecode.ConstImport, Path: []string{"nothing", "there"}},
			{Kind: bytecode.ConstTable, Keys: []string{"b", "a", "b"}},
		},
	}})
	k := p.Main.k
	want := []Value{Nil, False, True, Number(math.Inf(1)), Integer(-5), Const("text").Value(), ConstVector(1, 2, 3), max, Nil}
	for i, w := range want {
		if !RawEqual(k[i], w) {
			t.Errorf("constant %d: got %v, want %v", i, k[i], w)
		}
	}
	if got := p.Main.paths[8]; len(got) != 2 || got[0] != Const("nothing") || got[1] != Const("there") {
		t.Errorf("the path of an import without value: %v", got)
	}
	tmpl := k[9].AsTable()
	if !tmpl.Readonly() || tmpl.find(Const("a").Value()) == nil || tmpl.find(Const("b").Value()) == nil || keysOf(tmpl) != "" {
		t.Error("a template has not just its keys")
	}
	in := p.Main.protos[0]
	if in.Name() != "inner" || in.Line() != 3 || in.Chunk() != "chunk" || in.numParams != 1 || !in.vararg || in.maxStack != 2 {
		t.Errorf("inner function: %+v", in)
	}
}

func TestShortChunk(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, want := range map[string]string{
		"":                `[string ""]`,
		"=name":           "name",
		"@dir/file":       "dir/file",
		"=" + long:        long[:255],
		"@" + long:        "..." + long[:252],
		"return 1":        `[string "return 1"]`,
		"return 1\nmore":  `[string "return 1..."]`,
		long:              `[string "` + long[:241] + `..."]`,
		"\nafter a break": `[string "..."]`,
	} {
		if got := shortChunk(name); got != want {
			t.Errorf("%.20q: got %q, want %q", name, got, want)
		}
	}
}

// Shared objects are read by many VMs at once; the race detector watches.
func TestSharedObjects(t *testing.T) {
	nat := (&Native{Name: "f"}).Value()
	lib := SharedTable(0, 2)
	lib.setShared("f", nat)
	lib.freezeShared()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			vm := NewVM(NewBase(func(*BaseBuilder) {}), Config{})
			defer vm.Close()
			for range 100 {
				byNative, err := vm.NewTable(0, 0)
				if err != nil {
					t.Error(err)
					return
				}
				name, _ := vm.NewString("f" + "f"[:0])
				f := lib.Get(name)
				if err := byNative.Set(vm, f, Const("made by many").Value()); err != nil || f != nat {
					t.Error(err, f)
				}
				ref := vm.NewRef(byNative.Value())
				vm.Collect()
				if byNative.Get(nat).IsNil() {
					t.Error("a native is lost as a key")
				}
				ref.Release()
			}
		})
	}
	wg.Wait()
}

// Code that a VM loads for itself counts while a function of it lives, an inner one too.
func TestVM_NewProgram(t *testing.T) {
	vm := NewVM(NewBase(func(*BaseBuilder) {}), Config{})
	defer vm.Close()
	source := "return function()" + strings.Repeat(" a = 1", 3000) + " end"
	code, err := compile.Source("=x", []byte(source), compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := vm.Collect()
	program, err := vm.NewProgram(code)
	if err != nil {
		t.Fatal(err)
	}
	fn, err := vm.NewFunction(program, nil)
	if err != nil {
		t.Fatal(err)
	}
	co, err := vm.NewThread(fn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vm.Resume(co); err != nil {
		t.Fatal(err)
	}
	inner := vm.NewRef(co.Results()[0])
	_, _, _ = co, program, fn
	if got := vm.Collect() - before; got < 3000*8 {
		t.Errorf("with its inner function alive the program counts for %d bytes", got)
	}
	inner.Release()
	if got := vm.Collect() - before; got > 1<<10 {
		t.Errorf("with no function of it %d bytes still count", got)
	}
}
