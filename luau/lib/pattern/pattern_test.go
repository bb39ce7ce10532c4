package pattern

import (
	"errors"
	"strings"
	"testing"
)

func TestMatcher_Find(t *testing.T) {
	for _, tt := range []struct {
		src, pat   string
		start, end int // -1: no match
		caps       string
	}{
		{"hello", "l+", 2, 4, ""},
		{"hello", "(l)(l)", 2, 4, "l l"},
		{"hello", "^ell", -1, 0, ""},
		{"hello", "lo$", 3, 5, ""},
		{"a$b", "a$b", 0, 3, ""},
		{"", "", 0, 0, ""},
		{"abc", "()b()", 1, 2, "@1 @2"},
		{"f(a(b)c)d", "%b()", 1, 8, ""},
		{"f(a", "%b()", -1, 0, ""},
		{"THE fox", "%f[%l]%l+", 4, 7, ""},
		{"aa=bb aa=aa", "(%w+)=%1$", 6, 11, "aa"},
		{"x]y", "[]]", 1, 2, ""},
		{"x^y", "[%^x]+", 0, 2, ""},
		{"x-y", "[a-]", 1, 2, ""},
		{"5-7", "[^%d]", 1, 2, ""},
		{"\x00a", "%z", 0, 1, ""},
		{"aXb", "%u", 1, 2, ""},
		{"ab", "a-b", 0, 2, ""},
		{"aab", "a?a?a?b", 0, 3, ""},
		{"foo.bar", "(.-)%.(.*)", 0, 7, "foo bar"},
	} {
		var m Matcher
		m.Reset(tt.src, tt.pat, Anchored(tt.pat), nil)
		start, end, ok, err := m.Find(0)
		if err != nil || ok != (tt.start >= 0) || ok && (start != tt.start || end != tt.end) {
			t.Errorf("%q in %q: got %d, %d, %v, %v, want %d, %d", tt.pat, tt.src, start, end, ok, err, tt.start, tt.end)
			continue
		}
		if got := captures(t, &m, tt.src, start, end); ok && got != tt.caps {
			t.Errorf("%q in %q: got captures %q, want %q", tt.pat, tt.src, got, tt.caps)
		}
	}
}

func captures(t *testing.T, m *Matcher, src string, start, end int) string {
	var out []string
	for i := range m.Captures() {
		c, err := m.Capture(i, start, end)
		switch {
		case err != nil:
			t.Fatal(err)
		case c.Position:
			out = append(out, "@"+string(rune('0'+c.Start)))
		default:
			out = append(out, src[c.Start:c.End])
		}
	}
	return strings.Join(out, " ")
}

func TestMatcher_Errors(t *testing.T) {
	for pat, want := range map[string]string{
		"[a":                       "malformed pattern (missing ']')",
		"[]":                       "malformed pattern (missing ']')",
		"[^]":                      "malformed pattern (missing ']')",
		"[a%":                      "malformed pattern (missing ']')",
		"%":                        "malformed pattern (ends with '%')",
		"%b":                       "malformed pattern (missing arguments to '%b')",
		"%bx":                      "malformed pattern (missing arguments to '%b')",
		"%f":                       "missing '[' after '%f' in pattern",
		"%1":                       "invalid capture index %1",
		"(%1)":                     "invalid capture index %1",
		"%0":                       "invalid capture index %0",
		")":                        "invalid pattern capture",
		strings.Repeat("()", 33):   "too many captures",
		strings.Repeat("a?", 1000): "pattern too complex",
	} {
		var m Matcher
		m.Reset(strings.Repeat("a", 2000), pat, false, nil)
		_, _, ok, err := m.Find(0)
		if want == "too many captures" && ok {
			t.Errorf("%q matches", pat)
		}
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", pat, err, want)
		}
	}
	var m Matcher
	m.Reset("a", "(", false, nil)
	if _, _, ok, err := m.Find(0); !ok || err != nil {
		t.Fatalf("an open capture matches until it is asked for: %v, %v", ok, err)
	}
	if _, err := m.Capture(0, 0, 0); err == nil || err.Error() != "unfinished capture" {
		t.Errorf("got %v, want unfinished capture", err)
	}
}

// budget is a meter that stops after so many units.
type budget struct{ left int64 }

var errSpent = errors.New("spent")

func (b *budget) Charge(n int64) error {
	if b.left -= n; b.left < 0 {
		return errSpent
	}
	return nil
}

func TestMatcher_IsMetered(t *testing.T) {
	for _, pat := range []string{
		strings.Repeat("a-", 100) + "b", strings.Repeat(".*", 100) + "b", strings.Repeat("a?", 100) + strings.Repeat("a", 100) + "b",
		strings.Repeat("[a-z]*", 100) + "%d", "(.-)(.-)(.-)(.-)(.-)%1x", strings.Repeat("%w*", 50) + "%b()x",
	} {
		var m Matcher
		m.Reset(strings.Repeat("a", 200), pat, false, &budget{left: 1e6})
		if _, _, _, err := m.Find(0); !errors.Is(err, errSpent) {
			t.Errorf("%q: got %v, want the meter's error", pat, err)
		}
	}
}

// FuzzMatcher checks that no pattern breaks the matcher, that it stops when its
// meter does, and that what it reports lies inside the subject.
func FuzzMatcher(f *testing.F) {
	f.Add("hello world", "(l+)(.-)o()")
	f.Add("f(a(b)c)d", "%b()%f[%w]")
	f.Add("aab", "[^%]a-]*%1")
	f.Fuzz(func(t *testing.T, src, pat string) {
		var m Matcher
		m.Reset(src, pat, Anchored(pat), &budget{left: 100_000})
		start, end, ok, err := m.Find(0)
		if err != nil || !ok {
			return
		}
		if start < 0 || end < start || end > len(src) {
			t.Fatalf("match %d to %d of %d bytes", start, end, len(src))
		}
		for i := range max(m.Captures(), 1) {
			c, err := m.Capture(i, start, end)
			if err == nil && !c.Position && (c.Start < start || c.End > end || c.End < c.Start) {
				t.Fatalf("capture %d is %+v of a match %d to %d", i, c, start, end)
			}
		}
	})
}
