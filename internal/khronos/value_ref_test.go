package khronos

import (
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

// A worker decodes many values: their size decides what its garbage costs.
func TestValue_small(t *testing.T) {
	if size := unsafe.Sizeof(Value{}); size > 24 {
		t.Errorf("a Value has %d bytes, want 24", size)
	}
}

// What a value holds lives as long as the value does, and is what it was.
func TestValue_keepsWhatItHolds(t *testing.T) {
	const n = 200
	build := func(i int) Value {
		text := strings.Repeat(string(rune('a'+i%26)), i)
		return List(Text(text), TimeZone(text), Buffer([]byte(text)), Map(Pair{Text(text), Integer(int64(i))}),
			LazyStringMap(map[string]string{text: text}))
	}
	var kept []Value
	for i := range n {
		kept = append(kept, build(i))
		if i%20 == 0 {
			runtime.GC()
		}
	}
	runtime.GC()
	for i, v := range kept {
		if !v.Equal(build(i)) {
			t.Fatalf("value %d became %v", i, v)
		}
	}
}

func TestValue_empty(t *testing.T) {
	for _, v := range []Value{
		Text(""), TimeZone(""), Buffer(nil), Buffer([]byte{}), List(), List([]Value{}...), Map(), Map([]Pair{}...),
		LazyStringMap(nil), LazyStringMap(map[string]string{}),
	} {
		if v.Len() != 0 || v.Depth() != 0 || !v.Equal(v) || v.Index(0).Kind() != KindNull || len(v.Items())+len(v.Pairs()) != 0 {
			t.Errorf("%v is not empty", v.Kind())
		}
	}
	if !Buffer(nil).Equal(Buffer([]byte{})) || !LazyStringMap(nil).Equal(LazyStringMap(map[string]string{})) || List().Equal(Map()) {
		t.Error("empty values compare wrong")
	}
	if b, ok := Buffer(nil).AsBuffer(); b != nil || !ok {
		t.Errorf("got %v, %v", b, ok)
	}
}
