package broker_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

func TestKV(t *testing.T) {
	w := newWorld(t, nil)
	s, k := list(text("s")), text("k")
	w.want(list(khronos.Null(), no), operator, "kv.get", k, s)
	w.want(khronos.Null(), operator, "kv.set", k, khronos.Null(), s)
	w.want(list(khronos.Null(), yes), operator, "kv.get", k, s) // a stored Null exists
	w.want(khronos.Null(), operator, "kv.set", k, khronos.Integer(2), list(text("t"), text("s")))
	w.want(list(khronos.Integer(2), yes), operator, "kv.get", k, list(text("t")))
	w.want(list(text("s"), text("t")), operator, "kv.list_scopes")
	w.want(khronos.Null(), operator, "kv.delete", k, list(text("t")))
	w.want(list(text("s")), operator, "kv.list_scopes")
	w.want(khronos.Null(), operator, "kv.delete", k, s)
	w.want(list(), operator, "kv.find", text("%%"), s)
}

func TestKV_records(t *testing.T) {
	w := newWorld(t, nil)
	s := list(text("s"))
	absent, err := w.exec(operator, "kv.getrecord", text("k"), s)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(absent), `{"Map":[[{"Text":"id"},{"Text":""}],[{"Text":"key"},{"Text":""}],[{"Text":"value"},"Null"],`+
		`[{"Text":"scopes"},{"List":[]}],[{"Text":"exists"},{"Boolean":false}],[{"Text":"version"},{"Integer":0}]]}`; got != want {
		t.Errorf("absent record:\ngot  %s\nwant %s", got, want)
	}

	w.want(khronos.Null(), operator, "kv.set", text("k"), text("v"), list(text("t"), text("s")))
	record, err := w.exec(operator, "kv.getrecord", text("k"), s)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]khronos.Value{"key": text("k"), "value": text("v"), "scopes": list(text("s"), text("t")), "exists": yes} {
		if got, _ := record.Get(name); !got.Equal(want) {
			t.Errorf("%s: got %s, want %s", name, show(got), show(want))
		}
	}
	if id, _ := record.Get("id"); id.Len() != 64 {
		t.Errorf("id: got %s", show(id))
	}
	for _, name := range []string{"created_at", "last_updated_at"} {
		if at, _ := record.Get(name); at.Kind() != khronos.KindTimestamptz {
			t.Errorf("%s: got %s, want a time", name, show(at))
		}
	}
	w.want(list(record), operator, "kv.find", text("k%"), s)
}

// TestKV_deepest takes the deepest value that can be stored through the answers
// that wrap it most.
func TestKV_deepest(t *testing.T) {
	w := newWorld(t, nil)
	v := text("bottom")
	for range khronos.MaxDepth {
		v = list(v)
	}
	w.want(khronos.Null(), operator, "kv.set", text("k"), v, list(text("s")))
	found, err := w.exec(operator, "kv.find", text("k"), list(text("s")))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := found.Index(0).Get("value"); !got.Equal(v) {
		t.Errorf("got %s", show(got))
	}
	w.refused(khronos.ErrKindBadRequest, "deep", operator, "kv.set", text("k"), list(v), list(text("s")))
}

func TestKV_badRequests(t *testing.T) {
	w := newWorld(t, nil)
	k, s := text("k"), list(text("s"))
	for _, c := range []struct {
		in   string
		op   string
		args []khronos.Value
	}{
		{"got 0 arguments, want 2", "kv.get", nil},
		{"got 3 arguments, want 2", "kv.delete", []khronos.Value{k, s, s}},
		{"got 2 arguments, want 4", "kv.set", []khronos.Value{k, s}},
		{"got 1 arguments, want 0", "kv.list_scopes", []khronos.Value{k}},
		{"key must be a string, not a number", "kv.get", []khronos.Value{khronos.Integer(1), s}},
		{"scopes must be a list of strings, not a string", "kv.get", []khronos.Value{k, text("s")}},
		{"scopes must be a list of strings, not a table with keys", "kv.get", []khronos.Value{k, khronos.Map(khronos.Pair{Key: k, Value: k})}},
		{"scopes: at least one is needed", "kv.get", []khronos.Value{k, list()}},
		{"scopes: at least one is needed", "kv.get", []khronos.Value{k, khronos.Map()}}, // an empty Luau table
		{"scopes[2] is missing: it must be a string", "kv.find", []khronos.Value{k, list(text("s"), khronos.Null())}},
		{"NUL", "kv.get", []khronos.Value{text("a\x00"), s}},
		{"NUL", "kv.get", []khronos.Value{k, list(text("\x00"))}},
		{"escape", "kv.find", []khronos.Value{text(`\`), s}},
		{"value cannot be kept", "kv.set", []khronos.Value{k, khronos.Float(math.NaN()), s}},
	} {
		w.refused(khronos.ErrKindBadRequest, c.in, operator, c.op, c.args...)
	}
	w.want(list(), operator, "kv.list_scopes")
	if w.log.Len() > 0 {
		t.Errorf("faults of the author were logged as ours: %s", w.log)
	}
}

func TestKV_sizes(t *testing.T) {
	w := newWorld(t, func(l *limits.Limits) {
		l.KVKeyBytes, l.KVScopeBytes, l.KVValueBytes, l.KVScopes, l.KVFindRows = 8, 4, 100, 3, 2
	})
	long := func(n int) khronos.Value { return text(strings.Repeat("x", n)) }
	k, s := text("k"), list(text("s"))
	set := func(key, v, scopes khronos.Value) []khronos.Value { return []khronos.Value{key, v, scopes} }
	fits := long(100 - len(`{"Text":""}`))

	w.want(khronos.Null(), operator, "kv.set", set(long(8), fits, list(long(4), text("a"), text("b")))...)
	for in, args := range map[string][]khronos.Value{
		"kv.set: key has 9 bytes: the limit is 8 (kv_key_bytes)":                          set(long(9), fits, s),
		"kv.set: scopes has 4 items: the limit is 3 (kv_scopes)":                          set(k, fits, list(k, k, k, k)),
		"scopes[2] has 5 bytes: the limit is 4 (kv_scope_bytes)":                          set(k, fits, list(k, long(5))),
		"kv.set: value has 101 bytes in its JSON form: the limit is 100 (kv_value_bytes)": set(k, long(101-len(`{"Text":""}`)), s),
		"kv.set: value has 112 bytes in its JSON form: the limit is 100 (kv_value_bytes)": set(k, khronos.Buffer(make([]byte, 50)), s),
	} {
		w.refused(khronos.ErrKindTooLarge, in, operator, "kv.set", args...)
	}
	w.refused(khronos.ErrKindTooLarge, "kv_key_bytes", operator, "kv.find", long(9), s)

	for i := range 2 {
		w.want(khronos.Null(), operator, "kv.set", text(fmt.Sprint(i)), k, s)
	}
	if _, err := w.exec(operator, "kv.find", text("%"), s); err != nil {
		t.Errorf("as many rows as allowed: %v", err)
	}
	w.want(khronos.Null(), operator, "kv.set", text("2"), k, s)
	w.refused(khronos.ErrKindTooLarge, "more than 2 records match (kv_find_rows): use a narrower pattern", operator, "kv.find", text("%"), s)
}

func TestKV_answerTooLarge(t *testing.T) {
	const frame = 1 << 20
	w := newWorld(t, func(l *limits.Limits) { l.FrameBytes = frame })
	big := text(strings.Repeat("x", 255<<10))
	for i := range 4 {
		w.want(khronos.Null(), operator, "kv.set", text(fmt.Sprint(i)), big, list(text("s")))
	}
	found, err := w.exec(operator, "kv.find", text("%"), list(text("s")))
	if err != nil {
		t.Fatal(err)
	}
	if form, err := found.AppendMsg(nil); err != nil || len(form) > frame {
		t.Errorf("an answer of %d bytes, %v, does not fit a frame", len(form), err)
	}
	w.want(khronos.Null(), operator, "kv.set", text("4"), big, list(text("s")))
	w.refused(khronos.ErrKindTooLarge, "(frame_bytes): use a narrower pattern", operator, "kv.find", text("%"), list(text("s")))

	for i := range 40 { // beyond what the store reads for one answer
		w.want(khronos.Null(), operator, "kv.set", text(fmt.Sprint("more", i)), big, list(text("s")))
	}
	w.refused(khronos.ErrKindTooLarge, "ask for less", operator, "kv.find", text("%"), list(text("s")))
}
