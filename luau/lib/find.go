package lib

import (
	"strings"
	"sync"

	"github.com/template-worker/template-worker/luau/internal/vm"
	"github.com/template-worker/template-worker/luau/lib/pattern"
)

// matchers keeps idle matchers; they are too large to make for each call.
var matchers = sync.Pool{New: func() any { return new(pattern.Matcher) }}

// newMatcher takes a matcher that charges c; give it back with freeMatcher.
func newMatcher(c *vm.Call, s, pat string, anchored bool) *pattern.Matcher {
	m := matchers.Get().(*pattern.Matcher)
	m.Reset(s, pat, anchored, c)
	return m
}

func freeMatcher(m *pattern.Matcher) {
	m.Reset("", "", false, nil)
	matchers.Put(m)
}

// patternError gives a fault of the pattern the position of the script line.
func patternError(c *vm.Call, err error) error {
	if e, ok := err.(pattern.Error); ok {
		return c.Errorf("%s", string(e))
	}
	return err
}

// string.find(s, pattern, init, plain): costs fuel for each step of the match, or for the bytes if the pattern is plain.
func stringFind(c *vm.Call) error { return find(c, true) }

// string.match(s, pattern, init): costs fuel for each step of the match.
func stringMatch(c *vm.Call) error { return find(c, false) }

func find(c *vm.Call, positions bool) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	pat, err := c.CheckString(1)
	if err != nil {
		return err
	}
	init, err := c.OptInt(2, 1)
	if err != nil {
		return err
	}
	start := max(fromEnd(init, len(s)), 1) - 1
	if start > len(s) {
		return c.Return1(vm.Nil)
	}
	if positions && (c.Arg(3).Truthy() || pattern.Plain(pat)) {
		return findPlain(c, s, pat, start)
	}
	m := newMatcher(c, s, pat, pattern.Anchored(pat))
	defer freeMatcher(m)
	from, to, ok, err := m.Find(start)
	if err == nil {
		err = m.Flush()
	}
	if err != nil {
		return patternError(c, err)
	}
	if !ok {
		return c.Return1(vm.Nil)
	}
	if !positions {
		return returnCaptures(c, m, s, from, to, max(m.Captures(), 1), 0)
	}
	return returnCaptures(c, m, s, from, to, m.Captures(), 2)
}

// returnCaptures gives n captures, behind the positions of the match if head is 2.
func returnCaptures(c *vm.Call, m *pattern.Matcher, s string, from, to, n, head int) error {
	out, err := c.ReturnN(head + n)
	if err != nil {
		return err
	}
	if head == 2 {
		out[0], out[1] = vm.Number(float64(from+1)), vm.Number(float64(to))
	}
	for i := range n {
		if out[head+i], err = captureValue(c, m, s, i, from, to); err != nil {
			return err
		}
	}
	return nil
}

// captureValue makes the value of capture i.
func captureValue(c *vm.Call, m *pattern.Matcher, s string, i, from, to int) (vm.Value, error) {
	cp, err := m.Capture(i, from, to)
	if err != nil {
		return vm.Nil, patternError(c, err)
	}
	if cp.Position {
		return vm.Number(float64(cp.Start + 1)), nil
	}
	return c.VM().NewString(s[cp.Start:cp.End])
}

func findPlain(c *vm.Call, s, pat string, start int) error {
	if err := payBytes(c, len(s)-start+len(pat)); err != nil {
		return err
	}
	i := strings.Index(s[start:], pat)
	if i < 0 {
		return c.Return1(vm.Nil)
	}
	i += start
	return c.Return(vm.Number(float64(i+1)), vm.Number(float64(i+len(pat))))
}

// string.gmatch(s, pattern) gives an iterator; each turn costs as a match does.
func stringGMatch(c *vm.Call) error {
	if _, err := c.CheckString(0); err != nil {
		return err
	}
	if _, err := c.CheckString(1); err != nil {
		return err
	}
	g := &gmatch{}
	for i, v := range []*vm.Value{&g.s, &g.pat} {
		*v = c.Arg(i)
		if v.Kind() == vm.KindString {
			continue
		}
		s, err := c.CheckString(i)
		if err != nil {
			return err
		}
		if *v, err = c.VM().NewString(s); err != nil {
			return err
		}
	}
	n, err := c.VM().NewNative(vm.Native{Fn: gmatchNext}, g, 64)
	if err != nil {
		return err
	}
	return c.Return1(n.Value())
}

// gmatch is the state of an iterator.
type gmatch struct {
	s, pat vm.Value
	at     int // offset where the next match may start
}

// Trace visits the two strings.
func (g *gmatch) Trace(visit func(vm.Value)) {
	visit(g.s)
	visit(g.pat)
}

func gmatchNext(c *vm.Call) error {
	g := c.State().(*gmatch)
	s := g.s.AsString().Str()
	if g.at > len(s) {
		return c.Return0()
	}
	m := newMatcher(c, s, g.pat.AsString().Str(), false)
	defer freeMatcher(m)
	from, to, ok, err := m.Find(g.at)
	if err == nil {
		err = m.Flush()
	}
	if err != nil {
		return patternError(c, err)
	}
	if !ok {
		g.at = len(s) + 1
		return c.Return0()
	}
	if g.at = to; to == from {
		g.at++ // an empty match moves on all the same
	}
	return returnCaptures(c, m, s, from, to, max(m.Captures(), 1), 0)
}
