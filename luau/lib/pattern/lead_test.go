package pattern

import (
	"strings"
	"testing"
)

// sum adds up what a matcher charges.
type sum struct{ n int64 }

func (s *sum) Charge(n int64) error {
	s.n += n
	return nil
}

// TestMatcher_Find_cost holds Find to what trying every offset gives and costs.
func TestMatcher_Find_cost(t *testing.T) {
	long := strings.Repeat("some words, ", 3000)
	for _, src := range []string{"", "a", "  x=1, yy=22", long, long + "7%"} {
		for _, pat := range []string{"%d", "%d+%%", "[%d]+", "[^%a%s,]", "(%d)", "((%d)%%)", "(%d", "()%d", "%d*", "[%d]?7", "%u-%d", "%f[%d]%d", "%", "[%d", "(.)7", "%b=,", "."} {
			var cost, tried sum
			var m, all Matcher
			m.Reset(src, pat, false, &cost)
			start, end, ok, err := m.Find(0)
			_ = m.Flush() // sum never fails

			all.Reset(src, pat, false, &tried)
			wantStart, wantEnd, wantOK, wantErr := 0, 0, false, error(nil)
			for s := 0; s <= len(src) && !wantOK && wantErr == nil; s++ {
				wantStart = s
				wantEnd, wantOK, wantErr = all.Match(s)
			}
			_ = all.Flush()
			if err != wantErr || ok != wantOK || ok && (start != wantStart || end != wantEnd) {
				t.Errorf("%q in %.20q: got %d, %d, %v, %v, want %d, %d, %v, %v", pat, src, start, end, ok, err, wantStart, wantEnd, wantOK, wantErr)
			}
			if cost.n != tried.n {
				t.Errorf("%q in %.20q (%d bytes): costs %d, want %d", pat, src, len(src), cost.n, tried.n)
			}
		}
	}
}
