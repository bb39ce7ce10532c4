package lib

import (
	"github.com/template-worker/template-worker/luau/internal/vm"
	"github.com/template-worker/template-worker/luau/lib/pattern"
)

// string.gsub(s, pattern, replacement, n): costs fuel for each step of the
// matches and for each byte of the result, whose memory is taken as it grows.
func stringGSub(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	pat, err := c.CheckString(1)
	if err != nil {
		return err
	}
	limit, err := c.OptInt(3, len(s)+1)
	if err != nil {
		return err
	}
	g := substitution{s: s, whole: c.Arg(0).Kind() == vm.KindString, out: newText(c)}
	switch g.kind = c.Arg(2).Kind(); g.kind {
	case vm.KindNumber, vm.KindString:
		if g.with, err = c.CheckString(2); err != nil {
			return err
		}
	case vm.KindTable, vm.KindClosure, vm.KindNative:
	default:
		return c.TypeError(2, "string/function/table")
	}
	anchored := pattern.Anchored(pat)
	m := newMatcher(c, s, pat, anchored)
	defer freeMatcher(m)
	n, err := g.run(c, m, limit)
	if err == nil {
		err = m.Flush()
	}
	if err != nil {
		return patternError(c, err)
	}
	if n == 0 && g.whole {
		g.out.drop()
		return c.Return(c.Arg(0), vm.Number(0))
	}
	v, err := g.out.value()
	if err != nil {
		return err
	}
	return c.Return(v, vm.Number(float64(n)))
}

// substitution is one gsub in progress.
type substitution struct {
	s     string
	whole bool // s is a string of the machine, not the text of a number
	kind  vm.Kind
	with  string // the replacement, if it is a text
	out   text
	args  []vm.Value
}

// run makes at most limit replacements and gives their number.
func (g *substitution) run(c *vm.Call, m *pattern.Matcher, limit int) (n int, err error) {
	at := 0 // all before it is in out
	for next := 0; n < limit && next <= len(g.s); {
		from, to, ok, err := m.Find(next)
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		if err := g.out.add(g.s[at:from]); err != nil {
			return 0, err
		}
		if err := g.replace(c, m, from, to); err != nil {
			return 0, err
		}
		n++
		at, next = to, to
		if from == to {
			next++ // an empty match moves on all the same
		}
		if m.Once() {
			break
		}
	}
	if n == 0 && g.whole {
		return 0, nil // the subject itself is the result
	}
	return n, g.out.add(g.s[at:])
}

// replace adds what stands for the match.
func (g *substitution) replace(c *vm.Call, m *pattern.Matcher, from, to int) error {
	var v vm.Value
	var err error
	switch g.kind {
	case vm.KindTable:
		if v, err = captureValue(c, m, g.s, 0, from, to); err == nil {
			v, err = c.Index(c.Arg(2), v)
		}
	case vm.KindClosure, vm.KindNative:
		v, err = g.call(c, m, from, to)
	default:
		return g.expand(c, m, from, to)
	}
	if err != nil {
		return err
	}
	switch v.Kind() {
	case vm.KindString:
		return g.out.add(v.AsString().Str())
	case vm.KindNumber:
		return g.out.add(vm.NumberString(v.AsNumber()))
	}
	if v.Truthy() {
		return c.Errorf("invalid replacement value (a %s)", c.VM().TypeName(v))
	}
	return g.out.add(g.s[from:to])
}

// call asks the replacement function.
func (g *substitution) call(c *vm.Call, m *pattern.Matcher, from, to int) (vm.Value, error) {
	g.args = g.args[:0]
	for i := range max(m.Captures(), 1) {
		v, err := captureValue(c, m, g.s, i, from, to)
		if err != nil {
			return vm.Nil, err
		}
		g.args = append(g.args, v)
	}
	out, err := c.Call(c.Arg(2), g.args...)
	if err != nil || len(out) == 0 {
		return vm.Nil, err
	}
	return out[0], nil
}

// expand adds the replacement text with its %0 to %9.
func (g *substitution) expand(c *vm.Call, m *pattern.Matcher, from, to int) error {
	w := g.with
	for i := 0; i < len(w); i++ {
		start := i
		for i < len(w) && w[i] != '%' {
			i++
		}
		if err := g.out.add(w[start:i]); err != nil {
			return err
		}
		if i == len(w) {
			break
		}
		i++
		if i == len(w) || w[i] != '%' && (w[i] < '0' || w[i] > '9') {
			return c.Errorf("invalid use of '%%' in replacement string")
		}
		piece, err := g.piece(c, m, w[i], from, to)
		if err != nil {
			return err
		}
		if err := g.out.add(piece); err != nil {
			return err
		}
	}
	return nil
}

// piece gives what %d stands for in a replacement.
func (g *substitution) piece(c *vm.Call, m *pattern.Matcher, d byte, from, to int) (string, error) {
	switch d {
	case '%':
		return "%", nil
	case '0':
		return g.s[from:to], nil
	}
	cp, err := m.Capture(int(d-'1'), from, to)
	if err != nil {
		return "", patternError(c, err)
	}
	if cp.Position {
		return vm.NumberString(float64(cp.Start + 1)), nil
	}
	return g.s[cp.Start:cp.End], nil
}
