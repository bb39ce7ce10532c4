package storetest

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

var kvTests = []test{
	{"every kind of value survives", testValues},
	{"a set overwrites its own row only", testOverwrite},
	{"get matches supersets", testSupersets},
	{"get takes the one set last", testNewest},
	{"delete removes every match", testDelete},
	{"tenants do not see each other", testIsolation},
	{"scopes are listed once", testScopes},
	{"any text is a key", testOddTexts},
	{"what cannot be kept is refused", testKVInvalid},
}

func testValues(t *testing.T, s store.Store) {
	nested := khronos.Text("bottom")
	for range khronos.MaxDepth {
		nested = khronos.List(nested)
	}
	values := []khronos.Value{
		khronos.Null(), khronos.Text(""), khronos.Text("a\x00b \"\\ \u2028 \U0001f600"),
		khronos.Integer(math.MinInt64), khronos.Integer(math.MaxInt64),
		khronos.Unsigned(math.MaxUint64), khronos.Float(0.1), khronos.Float(math.Copysign(0, -1)), khronos.Float(math.MaxFloat64),
		khronos.Boolean(true), khronos.Boolean(false), khronos.Buffer([]byte{}), khronos.Buffer([]byte{0, 255}),
		khronos.Vector(1, -0.5, math.MaxFloat32),
		khronos.Map(khronos.Pair{Key: khronos.Integer(1), Value: khronos.Null()}, khronos.Pair{Key: khronos.Integer(1), Value: khronos.Text("twice")}),
		khronos.Map(), khronos.List(), nested,
		khronos.Timestamp(time.Date(2026, 2, 24, 1, 27, 16, 123456789, time.UTC)),
		khronos.IntervalValue(khronos.Interval{Seconds: -1, Nanos: 500_000_000}),
		khronos.TimeZone("Asia/Kolkata"),
		khronos.LazyStringMap(map[string]string{"init.luau": "return {}"}),
	}
	for _, want := range values {
		set(t, s, guild, "k", want, "s")
		got, err := s.KVGet(t.Context(), guild, "k", []string{"s"})
		check(t, err)
		if !got.Value.Equal(want) {
			t.Errorf("%s: got %v, want %v", want.Kind(), got.Value, want)
		}
	}
}

func testOverwrite(t *testing.T, s store.Store) {
	set(t, s, guild, "k", khronos.Integer(1), "b", "a", "b")
	first, err := s.KVGet(t.Context(), guild, "k", []string{"a", "b"})
	check(t, err)
	if first.Key != "k" || !slices.Equal(first.Scopes, []string{"a", "b"}) {
		t.Errorf("got key %q and scopes %q, want k and a, b", first.Key, first.Scopes)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9]{64}$`).MatchString(first.ID) {
		t.Errorf("id %q: want 64 letters and digits", first.ID)
	}
	recent(t, first.CreatedAt)
	recent(t, first.UpdatedAt)

	set(t, s, guild, "k", khronos.Integer(2), "a", "b") // the same set, spelled otherwise
	set(t, s, guild, "k", khronos.Integer(3), "a", "b", "c")
	set(t, s, guild, "K", khronos.Integer(4), "a", "b")
	second, err := s.KVFind(t.Context(), guild, "k", []string{"a", "b"}, 10)
	check(t, err)
	if len(second) != 2 {
		t.Fatalf("got %d rows with key k, want 2", len(second))
	}
	if !second[0].Value.Equal(khronos.Integer(2)) || second[0].ID != first.ID || !second[0].CreatedAt.Equal(first.CreatedAt) {
		t.Errorf("overwritten row: got %+v after %+v", second[0], first)
	}
	if second[1].ID == first.ID {
		t.Error("two rows have one id")
	}
}

func testSupersets(t *testing.T, s store.Store) {
	set(t, s, guild, "k", khronos.Integer(1), "a", "b", "c")
	for _, scopes := range [][]string{{"a"}, {"b"}, {"c"}, {"c", "a"}, {"a", "b", "c"}, {"a", "a"}} {
		if _, err := s.KVGet(t.Context(), guild, "k", scopes); err != nil {
			t.Errorf("get in %q: %v", scopes, err)
		}
	}
	for _, scopes := range [][]string{{"d"}, {"A"}, {"a", "d"}, {"a", "b", "c", "d"}, {"ab"}, {""}} {
		if _, err := s.KVGet(t.Context(), guild, "k", scopes); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("get in %q: got %v, want ErrNotFound", scopes, err)
		}
	}
}

func testNewest(t *testing.T, s store.Store) {
	expect := func(want int64, scopes ...string) {
		t.Helper()
		got, err := s.KVGet(t.Context(), guild, "k", scopes)
		check(t, err)
		if !got.Value.Equal(khronos.Integer(want)) {
			t.Errorf("get in %q: got %v, want %d", scopes, got.Value, want)
		}
	}
	set(t, s, guild, "k", khronos.Integer(1), "a")
	set(t, s, guild, "k", khronos.Integer(2), "a", "b")
	set(t, s, guild, "k", khronos.Integer(3), "a", "c")
	expect(3, "a")
	expect(2, "b")
	set(t, s, guild, "k", khronos.Integer(4), "a") // the oldest row, set last
	expect(4, "a")
	check(t, s.KVDelete(t.Context(), guild, "k", []string{"a", "c"}))
	set(t, s, guild, "k", khronos.Integer(5), "a", "b")
	expect(5, "a")
}

func testDelete(t *testing.T, s store.Store) {
	set(t, s, guild, "k", khronos.Integer(1), "a")
	set(t, s, guild, "k", khronos.Integer(2), "a", "b")
	set(t, s, guild, "k", khronos.Integer(3), "b")
	set(t, s, guild, "k2", khronos.Integer(4), "a")
	check(t, s.KVDelete(t.Context(), guild, "k", []string{"a"}))
	check(t, s.KVDelete(t.Context(), guild, "k", []string{"a"})) // nothing there: no error
	check(t, s.KVDelete(t.Context(), other, "k", []string{"a"}))
	check(t, s.KVDelete(t.Context(), guild, "k%", []string{"a"})) // a key, not a pattern
	rows, err := s.KVFind(t.Context(), guild, "%", []string{"b"}, 10)
	check(t, err)
	if len(rows) != 1 || !rows[0].Value.Equal(khronos.Integer(3)) {
		t.Errorf("rows left in b: %v, want the one with 3", rows)
	}
	rows, err = s.KVFind(t.Context(), guild, "%", []string{"a"}, 10)
	check(t, err)
	if len(rows) != 1 || rows[0].Key != "k2" {
		t.Errorf("rows left in a: %v, want k2", rows)
	}
	old := rows[0].ID
	check(t, s.KVDelete(t.Context(), guild, "k2", []string{"a"}))
	set(t, s, guild, "k2", khronos.Integer(5), "a")
	again, err := s.KVGet(t.Context(), guild, "k2", []string{"a"})
	check(t, err)
	if again.ID == old {
		t.Error("a row made anew has the id of the deleted one")
	}
}

func testIsolation(t *testing.T, s store.Store) {
	tenants := []khronos.TenantID{guild, other, user, giant, halfGiant}
	for i, tenant := range tenants {
		set(t, s, tenant, "k", khronos.Integer(int64(i)), "s")
	}
	for i, tenant := range tenants {
		rows, err := s.KVFind(t.Context(), tenant, "%", []string{"s"}, 10)
		check(t, err)
		if len(rows) != 1 || !rows[0].Value.Equal(khronos.Integer(int64(i))) {
			t.Errorf("%s sees %v, want its own row %d", tenant, rows, i)
		}
	}
	check(t, s.KVDelete(t.Context(), guild, "k", []string{"s"}))
	for _, tenant := range tenants[1:] {
		if _, err := s.KVGet(t.Context(), tenant, "k", []string{"s"}); err != nil {
			t.Errorf("after another tenant's delete, %s: %v", tenant, err)
		}
	}
}

func testScopes(t *testing.T, s store.Store) {
	expect := func(want ...string) {
		t.Helper()
		got, err := s.KVScopes(t.Context(), guild)
		check(t, err)
		if got == nil || !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	expect()
	set(t, s, guild, "k", khronos.Null(), "b", "a")
	set(t, s, guild, "l", khronos.Null(), "b", "B", "ü", "")
	set(t, s, other, "k", khronos.Null(), "theirs")
	expect("", "B", "a", "b", "ü")
	check(t, s.KVDelete(t.Context(), guild, "l", []string{"B"}))
	expect("a", "b")
	check(t, s.KVDelete(t.Context(), guild, "k", []string{"a"}))
	expect()
}

func testOddTexts(t *testing.T, s store.Store) {
	odd := []string{
		"", " ", "'", `"`, `\`, "%", "_", "[", "a,b", "a|b", `["a","b"]`, "null", "\n\t\x01\x7f", "<&>", "\u2028", "ü",
		"u\u0308", "\U0001f600", "\ufffd", strings.Repeat("k", 512), "a", "A", "1", "1.0", "01",
	}
	for i, text := range odd {
		set(t, s, guild, text, khronos.Integer(int64(i)), "s")
		set(t, s, guild, "key", khronos.Integer(int64(i)), text)
	}
	for i, text := range odd {
		byKey, err := s.KVGet(t.Context(), guild, text, []string{"s"})
		check(t, err)
		byScope, err := s.KVGet(t.Context(), guild, "key", []string{text})
		check(t, err)
		want := khronos.Integer(int64(i))
		if byKey.Key != text || !byKey.Value.Equal(want) || byScope.Scopes[0] != text || !byScope.Value.Equal(want) {
			t.Errorf("text %q: got key %q = %v and scopes %q = %v", text, byKey.Key, byKey.Value, byScope.Scopes, byScope.Value)
		}
	}
	// A scope that spells the union of two others is not that union.
	set(t, s, guild, "union", khronos.Null(), "a", "b")
	for _, scope := range []string{"a,b", "a|b", `["a","b"]`, "ab"} {
		if _, err := s.KVGet(t.Context(), guild, "union", []string{scope}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("scope %q: got %v, want ErrNotFound", scope, err)
		}
	}
}

func testKVInvalid(t *testing.T, s store.Store) {
	tooDeep := khronos.Null()
	for range khronos.MaxDepth + 1 {
		tooDeep = khronos.List(tooDeep)
	}
	cases := []struct {
		name, key string
		scopes    []string
		value     khronos.Value
	}{
		{"no scope", "k", nil, khronos.Null()},
		{"key with NUL", "a\x00", []string{"s"}, khronos.Null()},
		{"key not UTF-8", "\xff", []string{"s"}, khronos.Null()},
		{"scope with NUL", "k", []string{"s", "\x00"}, khronos.Null()},
		{"scope not UTF-8", "k", []string{"\xff"}, khronos.Null()},
		{"NaN", "k", []string{"s"}, khronos.Float(math.NaN())},
		{"infinity inside", "k", []string{"s"}, khronos.List(khronos.Float(math.Inf(1)))},
		{"too deep", "k", []string{"s"}, tooDeep},
	}
	for _, c := range cases {
		if err := s.KVSet(t.Context(), guild, c.key, c.value, c.scopes); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("set, %s: got %v, want ErrInvalid", c.name, err)
		}
	}
	for _, c := range cases[:5] {
		if _, err := s.KVGet(t.Context(), guild, c.key, c.scopes); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("get, %s: got %v, want ErrInvalid", c.name, err)
		}
		if err := s.KVDelete(t.Context(), guild, c.key, c.scopes); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("delete, %s: got %v, want ErrInvalid", c.name, err)
		}
		if _, err := s.KVFind(t.Context(), guild, c.key, c.scopes, 1); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("find, %s: got %v, want ErrInvalid", c.name, err)
		}
	}
	if err := s.KVSet(t.Context(), khronos.TenantID{}, "k", khronos.Null(), []string{"s"}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("set without tenant: got %v, want ErrInvalid", err)
	}
	scopes, err := s.KVScopes(t.Context(), guild)
	check(t, err)
	if len(scopes) != 0 {
		t.Errorf("refused rows were stored in %q", scopes)
	}
}
