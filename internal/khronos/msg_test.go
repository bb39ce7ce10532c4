package khronos

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The form lies in databases and travels between builds: these bytes stay.
func TestValue_AppendMsg(t *testing.T) {
	for _, c := range []struct {
		v   Value
		hex string
	}{
		{Null(), "c0"},
		{Boolean(false), "c2"}, {Boolean(true), "c3"},
		{Integer(5), "05"}, {Integer(-1), "ff"}, {Integer(200), "d100c8"}, {Integer(math.MinInt64), "d38000000000000000"},
		{Unsigned(5), "d7100000000000000005"},
		{Float(1.5), "cb3ff8000000000000"},
		{Text("n"), "a16e"},
		{Buffer([]byte{1, 255}), "c40201ff"},
		{Vector(1, 2, 3), "c70c11" + "3f800000" + "40000000" + "40400000"},
		{List(Null(), Integer(1)), "92c001"},
		{Map(Pair{Text("n"), Unsigned(5)}), "81a16ed7100000000000000005"},
		{Timestamp(time.Unix(-1, 5e8)), "c70cff" + "1dcd6500" + "ffffffffffffffff"},
		{IntervalValue(Interval{-1, 5e8}), "c70c12" + "ffffffffffffffff" + "1dcd6500"},
		{TimeZone("UTC"), "c70313555443"},
		{LazyStringMap(map[string]string{"b": "2", "a": "1"}), "c90000000914" + "82" + "a161a131" + "a162a132"},
	} {
		got, err := c.v.AppendMsg(nil)
		if err != nil || hex.EncodeToString(got) != c.hex {
			t.Errorf("%v: got %x, %v, want %s", c.v, got, err, c.hex)
		}
		back, rest, err := ReadMsg(got, MaxDepth)
		if err != nil || !back.Equal(c.v) || len(rest) != 0 {
			t.Errorf("%s: read as %v, %v", c.hex, back, err)
		}
		for cut := range got {
			if v, rest, err := ReadMsg(got[:cut], MaxDepth); err == nil || len(rest) != cut || !v.IsNull() {
				t.Errorf("%s cut at %d: read as %v", c.hex, cut, v)
			}
		}
	}
}

func TestReadMsg_otherWriters(t *testing.T) {
	for in, want := range map[string]Value{
		"ca3fc00000":                    Float(1.5),
		"cc05":                          Integer(5),
		"cf0000000000000005":            Integer(5),
		"d9016e":                        Text("n"),
		"dd00000001c0":                  List(Null()),
		"df00000001c0c0":                Map(Pair{}),
		"c800081000000000000000" + "05": Unsigned(5),
		"c90000000013":                  {},
	} {
		b, _ := hex.DecodeString(in)
		got, _, err := ReadMsg(b, MaxDepth)
		if in == "c90000000013" {
			if !errors.Is(err, ErrRange) {
				t.Errorf("zone without name: got %v", err)
			}
			continue
		}
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v", in, got, err)
		}
	}
}

func TestReadMsg_errors(t *testing.T) {
	for _, c := range []struct {
		hex, want string
		is        error
	}{
		{"", "malformed MessagePack: end of input", ErrMalformed},
		{"c1", "byte 0xc1 begins no value", ErrMalformed},
		{"cfffffffffffffffff", "Integer: malformed", ErrMalformed},
		{"cb7ff8000000000000", "Float: number is not finite", ErrNotFinite},
		{"ca7f800000", "Float: number is not finite", ErrNotFinite},
		{"a1ff", "Text: malformed MessagePack: text is not UTF-8", ErrMalformed},
		{"dbffffffff61", "Text: ", ErrMalformed},
		{"c6ffffffff00", "Buffer: ", ErrMalformed},
		{"ddffffffff", "List: malformed MessagePack: 4294967295 items in 0 bytes", ErrMalformed},
		{"9202", "List: ", ErrMalformed},
		{"92c0c1", "List[1]: ", ErrMalformed},
		{"dfffffffff", "Map: ", ErrMalformed},
		{"81c0", "Map: ", ErrMalformed},
		{"81c1c0", "Map[0].key: ", ErrMalformed},
		{"81c091c1", "Map[0].value.List[0]: ", ErrMalformed},
		{"c70c117fc000000000000000000000", "Vector: number is not finite", ErrNotFinite},
		{"c70c1200000000000000003b9aca00", "Interval: out of range", ErrRange},
		{"c70cff3b9aca000000000000000000", "Timestamptz: out of range", ErrRange},
		{"c70cff000000007fffffffffffffff", "Timestamptz: out of range", ErrRange},
		{"c7081200000000000000" + "00", "extension 18 of 8 bytes", ErrMalformed},
		{"d6ff00000000", "extension -1 of 4 bytes", ErrMalformed},
		{"d77f0000000000000000", "extension 127", ErrMalformed},
		{"c7011320", "TimeZone: out of range", ErrRange},
		{"c9ffffffff14", "extension of 4294967295 bytes in 1", ErrMalformed},
		{"c900", "end of input in an extension", ErrMalformed},
		{"c70014", "LazyStringMap: ", ErrMalformed},
		{"c7021480c0", "LazyStringMap: malformed MessagePack: 1 bytes after the last entry", ErrMalformed},
		{"c70514dfffffffff", "LazyStringMap: ", ErrMalformed},
		{"c7051481a16101" + "a1", "LazyStringMap: ", ErrMalformed},
		{"c7051481a1ffa161", "LazyStringMap: ", ErrMalformed},
		{strings.Repeat("91", 11) + "c0", "nested too deeply: want a depth of at most 10", ErrDepth},
		{strings.Repeat("81", 11) + strings.Repeat("c0", 12), "nested too deeply", ErrDepth},
	} {
		b, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		v, rest, err := ReadMsg(b, MaxDepth)
		if err == nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v\nwant %s", c.hex, v, err, c.want)
		}
		if len(rest) != len(b) || !v.IsNull() {
			t.Errorf("%s: an error, %v and %d bytes", c.hex, v, len(rest))
		}
	}
}

// Ten lists in each other, each of which says that it fills the rest of a
// megabyte, cost nothing: made at once they would be 470 MiB.
func TestReadMsg_hostileCounts(t *testing.T) {
	bomb := bytes.Repeat([]byte{0xdd, 0, 0x0f, 0, 0}, 10)
	bomb = append(bomb, bytes.Repeat([]byte{0xc1}, 1<<20)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := ReadMsg(bomb, MaxDepth)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrMalformed) || !strings.HasPrefix(err.Error(), strings.Repeat("List[0].", 9)+"List[0]: ") {
		t.Errorf("got %v", err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes allocated", got)
	}
}

func TestReadMsg_keepsNothing(t *testing.T) {
	v := Map(Pair{Text("key"), Buffer([]byte("data"))}, Pair{TimeZone("UTC"), LazyStringMap(map[string]string{"a": "b"})})
	b, err := v.AppendMsg(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := ReadMsg(b, MaxDepth)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if !got.Equal(v) {
		t.Errorf("the value changed with the bytes: %v", got)
	}
}

// stopAt is a Visitor that counts and ends the walk at a call.
type stopAt struct {
	discard
	calls, stop int
}

var errStop = errors.New("stop")

func (s *stopAt) count() error {
	if s.calls++; s.calls == s.stop {
		return errStop
	}
	return nil
}

func (s *stopAt) Null() error           { return s.count() }
func (s *stopAt) Text([]byte) error     { return s.count() }
func (s *stopAt) Integer(int64) error   { return s.count() }
func (s *stopAt) BeginList(int) error   { return s.count() }
func (s *stopAt) EndList() error        { return s.count() }
func (s *stopAt) BeginMap(int) error    { return s.count() }
func (s *stopAt) EndMap() error         { return s.count() }
func (s *stopAt) Boolean(bool) error    { return s.count() }
func (s *stopAt) Float(float64) error   { return s.count() }
func (s *stopAt) Buffer([]byte) error   { return s.count() }
func (s *stopAt) TimeZone([]byte) error { return s.count() }

func TestWalk_visitorEnds(t *testing.T) {
	msg, err := List(Map(Pair{Text("a"), Null()}), Boolean(true), Float(1), Text("b"), Integer(1)).AppendMsg(nil)
	if err != nil {
		t.Fatal(err)
	}
	jsonText := []byte(`[{"a":null},true,1.5,"b",1]`)
	walks := map[string]func(Visitor) error{
		"MessagePack": func(to Visitor) error { _, err := WalkMsg(msg, MaxDepth, to); return err },
		"JSON":        func(to Visitor) error { return WalkJSON(jsonText, MaxDepth, to) },
	}
	const calls = 10
	for name, walk := range walks {
		for stop := range calls + 1 {
			v := stopAt{stop: stop}
			err := walk(&v)
			if stop == 0 && (err != nil || v.calls != calls) {
				t.Errorf("%s: %d calls, %v", name, v.calls, err)
			}
			if stop > 0 && (!errors.Is(err, errStop) || v.calls != stop) {
				t.Errorf("%s: stop at %d: %d calls, %v", name, stop, v.calls, err)
			}
		}
	}
}

// sameAsWalk compares what ReadMsg made of b with what a visitor gets.
func sameAsWalk(t *testing.T, b []byte, v Value, rest []byte, err error) {
	t.Helper()
	var build builder
	walkRest, walkErr := WalkMsg(b, MaxDepth, &build)
	if fmt.Sprint(walkErr) != fmt.Sprint(err) {
		t.Fatalf("%x: ReadMsg says %v, WalkMsg %v", b, err, walkErr)
	}
	if err == nil && (len(walkRest) != len(rest) || !build.root.Equal(v)) {
		t.Fatalf("%x: ReadMsg reads %v and leaves %d, WalkMsg %v and %d", b, v, len(rest), build.root, len(walkRest))
	}
	own, ownRest, ownErr := ReadOwnMsg(b, MaxDepth)
	if fmt.Sprint(ownErr) != fmt.Sprint(err) || len(ownRest) != len(rest) || !own.Equal(v) {
		t.Fatalf("%x: ReadMsg reads %v, %v and leaves %d, ReadOwnMsg %v, %v and %d", b, v, err, len(rest), own, ownErr, len(ownRest))
	}
}

// Containers and strings on both sides of what is allocated at once.
func TestReadMsg_sizes(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, maxPrealloc - 1, maxPrealloc, maxPrealloc + 1, 3 * maxPrealloc, 5*maxPrealloc + 1} {
		var items []Value
		var pairs []Pair
		for i := range n {
			text := Text(strings.Repeat("é", i%maxSharedBytes) + strconv.Itoa(i))
			items = append(items, text, Null(), Integer(int64(i)))
			pairs = append(pairs, Pair{Integer(int64(-i)), List(text, text)})
		}
		want := List(List(items...), Map(pairs...))
		b, err := want.AppendMsg(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := ReadMsg(append(b, 0xc1), MaxDepth)
		if err != nil || len(rest) != 1 || !got.Equal(want) {
			t.Errorf("%d entries: read as %v, %v", n, got, err)
		}
		sameAsWalk(t, b, got, nil, nil)
	}
}

// Strings and buffers of ReadOwnMsg lie in its input, one behind the other:
// appending to one must not reach the next.
func TestReadOwnMsg(t *testing.T) {
	want := List(Buffer([]byte("data")), Text(strings.Repeat("a", 2*maxSharedBytes)), Text("b"), Buffer(nil))
	b, err := want.AppendMsg(nil)
	if err != nil {
		t.Fatal(err)
	}
	allocs := testing.AllocsPerRun(10, func() {
		if got, _, err := ReadOwnMsg(b, MaxDepth); err != nil || !got.Equal(want) {
			t.Errorf("got %v, %v", got, err)
		}
	})
	if allocs != 1 {
		t.Errorf("%v allocations, want one for the items", allocs)
	}
	got, rest, err := ReadOwnMsg(append(b, 0xc1), MaxDepth)
	if err != nil || len(rest) != 1 {
		t.Fatalf("got %v and %d bytes, %v", got, len(rest), err)
	}
	first, _ := got.Index(0).AsBuffer()
	_ = append(first, "overwritten"...)
	if !got.Equal(want) {
		t.Errorf("after an append to its buffer: %v", got)
	}
}

// A string that is kept keeps little more than itself.
func TestReadMsg_stringsKeepLittle(t *testing.T) {
	b, err := List(Text("a"), Buffer(make([]byte, 1<<20)), Text(strings.Repeat("b", maxSharedBytes+1))).AppendMsg(nil)
	if err != nil {
		t.Fatal(err)
	}
	const n = 64
	var before, after runtime.MemStats
	kept := make([]Value, n)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range kept {
		v, _, err := ReadMsg(b, MaxDepth)
		if err != nil {
			t.Fatal(err)
		}
		kept[i] = v.Index(0)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := int64(after.HeapAlloc) - int64(before.HeapAlloc); got > 1<<20 {
		t.Errorf("%d strings of a byte keep %d bytes", n, got)
	}
	runtime.KeepAlive(kept)
}

func FuzzReadMsg(f *testing.F) {
	for _, c := range jsonForms {
		b, err := c.v.AppendMsg(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := ReadMsg(b, MaxDepth)
		sameAsWalk(t, b, v, rest, err)
		if err != nil {
			return
		}
		if len(rest) >= len(b) || v.Depth() > MaxDepth {
			t.Fatalf("%x accepted, %d bytes left", b, len(rest))
		}
		out, err := v.AppendMsg(nil)
		if err != nil {
			t.Fatalf("%x: read, not written: %v", b, err)
		}
		back, _, err := ReadMsg(out, MaxDepth)
		if err != nil || !back.Equal(v) {
			t.Fatalf("%x: written as %x, read as %v, %v", b, out, back, err)
		}
		if _, err := v.MarshalJSON(); err != nil {
			t.Fatalf("%x: has no JSON form: %v", b, err)
		}
	})
}
