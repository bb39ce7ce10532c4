package store_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/template-worker/template-worker/internal/store"
)

// TestPattern_Match compares with a regular expression, which says the same in
// another way.
func TestPattern_Match(t *testing.T) {
	texts := rapid.StringOfN(rapid.SampledFrom([]rune(`ab%_\ü😀`+"\n")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		text, key := texts.Draw(t, "pattern"), texts.Draw(t, "key")
		p, err := store.CompilePattern(text)
		want, ok := asRegexp(text)
		if ok != (err == nil) {
			t.Fatalf("pattern %q: got %v, want valid %v", text, err, ok)
		}
		if !ok {
			if !errors.Is(err, store.ErrInvalid) {
				t.Fatalf("pattern %q: got %v, want ErrInvalid", text, err)
			}
			return
		}
		if got := p.Match(key); got != want.MatchString(key) {
			t.Fatalf("pattern %q, key %q: got %v, want %v", text, key, got, !got)
		}
		if p.Match(key) && !strings.HasPrefix(key, p.Prefix()) {
			t.Fatalf("pattern %q matches %q, which lacks the prefix %q", text, key, p.Prefix())
		}
	})
}

func asRegexp(pattern string) (*regexp.Regexp, bool) {
	var b strings.Builder
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	if escaped {
		return nil, false
	}
	return regexp.MustCompile(`(?s)^` + b.String() + `$`), true
}

func TestPattern_Prefix(t *testing.T) {
	for pattern, want := range map[string]string{"": "", "%": "", "ab": "ab", "ab%c": "ab", `a\%b_c`: "a%b", "ü%": "ü"} {
		p, err := store.CompilePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Prefix(); got != want {
			t.Errorf("prefix of %q: got %q, want %q", pattern, got, want)
		}
	}
}

// TestPattern_hostile takes a pattern that makes backtracking matchers take
// longer than the universe has.
func TestPattern_hostile(t *testing.T) {
	p, err := store.CompilePattern(strings.Repeat("a%", 255) + "b")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if p.Match(strings.Repeat("a", 512)) {
		t.Error("matches without a b")
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("took %v", took)
	}
}
