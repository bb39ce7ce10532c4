package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

var findTests = []test{
	{"patterns", testPatterns},
	{"bad patterns", testBadPatterns},
	{"only rows with all scopes", testFindScopes},
	{"order and limit", testFindOrder},
	{"an answer too large", testFindTooLarge},
}

// findCases says which of findKeys a pattern finds.
var (
	findKeys  = []string{"", "%", "A", `\`, "_", "a", "a%b", "a_b", "ab", "abc", "b", "ü", "üb"}
	findCases = []struct {
		pattern string
		want    []string
	}{
		{"%", findKeys},
		{"%%", findKeys},
		{"%%%", findKeys},
		{"", []string{""}},
		{"a", []string{"a"}},
		{"A", []string{"A"}},
		{"a%", []string{"a", "a%b", "a_b", "ab", "abc"}},
		{"%b", []string{"a%b", "a_b", "ab", "b", "üb"}},
		{"%b%", []string{"a%b", "a_b", "ab", "abc", "b", "üb"}},
		{"a%b", []string{"a%b", "a_b", "ab"}},
		{"_", []string{"%", "A", `\`, "_", "a", "b", "ü"}},
		{"__", []string{"ab", "üb"}},
		{"_b", []string{"ab", "üb"}},
		{"a_b", []string{"a%b", "a_b"}},
		{`a\_b`, []string{"a_b"}},
		{`a\%b`, []string{"a%b"}},
		{`\%`, []string{"%"}},
		{`\_`, []string{"_"}},
		{`\\`, []string{`\`}},
		{`\a\b`, []string{"ab"}},
		{`%\%%`, []string{"%", "a%b"}},
		{"%_", findKeys[1:]},
		{"_%_%_", []string{"a%b", "a_b", "abc"}},
		{"ü%", []string{"ü", "üb"}},
		{"z%", []string{}},
		{"a%z", []string{}},
	}
)

func testPatterns(t *testing.T, s store.Store) {
	for _, key := range findKeys {
		set(t, s, guild, key, khronos.Null(), "s")
	}
	for _, c := range findCases {
		rows, err := s.KVFind(t.Context(), guild, c.pattern, []string{"s"}, 100)
		check(t, err)
		if got := keys(rows); !slices.Equal(got, c.want) {
			t.Errorf("pattern %q: got %q, want %q", c.pattern, got, c.want)
		}
	}
}

func testBadPatterns(t *testing.T, s store.Store) {
	for _, pattern := range []string{`\`, `a\`, `a\\\`, "\xff", "\x00"} {
		if _, err := s.KVFind(t.Context(), guild, pattern, []string{"s"}, 1); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("pattern %q: got %v, want ErrInvalid", pattern, err)
		}
	}
}

func testFindScopes(t *testing.T, s store.Store) {
	set(t, s, guild, "1", khronos.Null(), "a")
	set(t, s, guild, "2", khronos.Null(), "a", "b")
	set(t, s, guild, "3", khronos.Null(), "b", "c", "a")
	set(t, s, guild, "4", khronos.Null(), "b")
	set(t, s, other, "5", khronos.Null(), "a", "b")
	for _, c := range []struct {
		scopes, want []string
	}{
		{[]string{"a"}, []string{"1", "2", "3"}},
		{[]string{"b"}, []string{"2", "3", "4"}},
		{[]string{"b", "a"}, []string{"2", "3"}},
		{[]string{"c", "a", "b"}, []string{"3"}},
		{[]string{"c", "d"}, []string{}},
	} {
		rows, err := s.KVFind(t.Context(), guild, "%", c.scopes, 100)
		check(t, err)
		if got := keys(rows); !slices.Equal(got, c.want) {
			t.Errorf("find in %q: got %q, want %q", c.scopes, got, c.want)
		}
	}
}

func testFindOrder(t *testing.T, s store.Store) {
	for i, key := range []string{"b", "a", "c", "a", "B"} {
		set(t, s, guild, key, khronos.Integer(int64(i)), "s", fmt.Sprint("own", 9-i))
	}
	set(t, s, guild, "a", khronos.Integer(1), "s", "own8") // setting again does not make it younger
	all, err := s.KVFind(t.Context(), guild, "%", []string{"s"}, 100)
	check(t, err)
	if got, want := keys(all), []string{"B", "a", "a", "b", "c"}; !slices.Equal(got, want) {
		t.Fatalf("keys: got %q, want %q", got, want)
	}
	if !all[1].Value.Equal(khronos.Integer(1)) || !all[2].Value.Equal(khronos.Integer(3)) {
		t.Errorf("rows of key a: got %v then %v, want the older first", all[1].Value, all[2].Value)
	}
	for limit := range 7 {
		rows, err := s.KVFind(t.Context(), guild, "%", []string{"s"}, limit)
		check(t, err)
		if rows == nil || !slices.Equal(keys(rows), keys(all[:min(limit, 5)])) {
			t.Errorf("limit %d: got %q", limit, keys(rows))
		}
	}
}

func testFindTooLarge(t *testing.T, s store.Store) {
	const size = 256 << 10
	big := khronos.Text(strings.Repeat("x", size-len(`{"Text":""}`)))
	for i := range store.MaxFindBytes / size {
		set(t, s, guild, fmt.Sprint("k", i), big, "s")
	}
	rows, err := s.KVFind(t.Context(), guild, "%", []string{"s"}, 1000)
	check(t, err)
	if len(rows) != store.MaxFindBytes/size {
		t.Errorf("got %d rows, want all", len(rows))
	}
	set(t, s, guild, "one more", khronos.Null(), "s")
	if _, err := s.KVFind(t.Context(), guild, "%", []string{"s"}, 1000); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("one byte too much: got %v, want ErrTooLarge", err)
	}
	if _, err := s.KVFind(t.Context(), guild, "%", []string{"s"}, 3); err != nil {
		t.Errorf("a limit makes it small again: %v", err)
	}
}

func keys(rows []store.KVRecord) []string {
	list := make([]string, len(rows))
	for i, row := range rows {
		list[i] = row.Key
	}
	return list
}
