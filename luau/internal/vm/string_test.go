package vm

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
)

func TestString_content(t *testing.T) {
	vm := testVM(t, 0)
	for _, s := range []string{"", "a", "\x00", "ab", strings.Repeat("x", 1000), "a\x00b"} {
		v, err := vm.NewString(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.AsString(); got.Str() != s || got.Len() != len(s) || got.Hash() != hashString(s) {
			t.Errorf("%q: got %q", s, got.Str())
		}
		if !RawEqual(v, Const(s).Value()) {
			t.Errorf("%q is not equal to the constant", s)
		}
	}
}

func TestString_copies(t *testing.T) {
	vm := testVM(t, 0)
	b := []byte("bytes")
	v, err := vm.NewStringBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	b[0] = 'B'
	if got := v.AsString().Str(); got != "bytes" {
		t.Errorf("got %q", got)
	}
}

func TestString_shortOnesAreFree(t *testing.T) {
	vm := testVM(t, 0)
	before := vm.used
	for i := range 256 {
		v, err := vm.NewString(string([]byte{byte(i)}))
		if err != nil || v != ByteString(byte(i)) {
			t.Fatal(i, err)
		}
	}
	if vm.used != before {
		t.Errorf("one-byte strings cost %d", vm.used-before)
	}
}

func TestConst_isOneObject(t *testing.T) {
	a, b := Const("the same constant"), Const("the same "+strconv.Quote("constant")[1:9])
	if a != b {
		t.Error("two objects for one constant")
	}
	if RawEqual(a.Value(), Const("another").Value()) {
		t.Error("different constants are equal")
	}
	runtime.KeepAlive(a)
}

func TestConst_isForgotten(t *testing.T) {
	const s = "a constant that nobody keeps"
	h := func() uint64 {
		Const(s)
		pool.mu.Lock()
		defer pool.mu.Unlock()
		for h, ws := range pool.byHash {
			for _, w := range ws {
				if o := w.Value(); o != nil && o.Str() == s {
					return h
				}
			}
		}
		return 0
	}()
	if h == 0 {
		t.Fatal("not in the pool")
	}
	held := func() bool {
		runtime.GC()
		pool.mu.Lock()
		defer pool.mu.Unlock()
		return len(pool.byHash[h]) > 0
	}
	for range 1000 {
		if !held() {
			return
		}
		runtime.Gosched()
	}
	t.Error("the pool keeps a constant that nobody holds")
}
