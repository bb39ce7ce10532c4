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
	with := c.Arg(2)
	switch with.Kind() {
	case vm.KindNumber, vm.KindString, vm.KindTable, vm.KindClosure, vm.KindNative:
	default:
		return c.TypeError(2, "string/function/table")
	}
	g := &substitution{subject: c.Arg(0), s: s, with: with, limit: limit, out: newText(c)}
	if k := with.Kind(); k == vm.KindNumber || k == vm.KindString {
		if g.text, err = c.CheckString(2); err != nil {
			return err
		}
	}
	g.m = newMatcher(c, s, pat, pattern.Anchored(pat))
	return g.goOn(c)
}

// substitution is one gsub in progress.
type substitution struct {
	subject vm.Value
	s       string   // its text
	with    vm.Value // the replacement
	text    string   // the same, if it is a text
	limit   int
	m       *pattern.Matcher // nil once the work is over
	out     text
	n       int // replacements made
	at      int // all before it is in out
	next    int // where the next match may start
	from    int // the match in progress
	to      int
}

// Trace visits what the substitution holds.
func (g *substitution) Trace(visit func(vm.Value)) {
	visit(g.subject)
	visit(g.with)
}

// goOn makes replacements until the work is over or a function must be called.
func (g *substitution) goOn(c *vm.Call) error {
	waits, err := g.run(c)
	if waits && err == nil {
		return nil
	}
	if err == nil {
		err = g.m.Flush()
	}
	freeMatcher(g.m)
	g.m = nil
	if err != nil {
		return patternError(c, err)
	}
	if g.n == 0 && g.subject.Kind() == vm.KindString {
		g.out.drop()
		return c.Return(g.subject, vm.Number(0))
	}
	if err := g.out.add(g.s[g.at:]); err != nil {
		return err
	}
	v, err := g.out.value()
	if err != nil {
		return err
	}
	return c.Return(v, vm.Number(float64(g.n)))
}

// run makes replacements. It tells whether the call waits for a function or the next slice.
func (g *substitution) run(c *vm.Call) (waits bool, err error) {
	for g.n < g.limit && g.next <= len(g.s) {
		if c.Due() {
			return true, c.Pause(gsubGoOn, g)
		}
		from, to, ok, err := g.m.Find(g.next)
		if err != nil || !ok {
			return false, err
		}
		if err := g.out.add(g.s[g.at:from]); err != nil {
			return false, err
		}
		g.from, g.to = from, to
		if waits, err := g.replace(c); waits || err != nil {
			return waits, err
		}
		if g.replaced() {
			return false, nil
		}
	}
	return false, nil
}

// replaced moves on behind a match. It tells whether that was the last.
func (g *substitution) replaced() bool {
	g.n++
	g.at, g.next = g.to, g.to
	if g.from == g.to {
		g.next++ // an empty match moves on all the same
	}
	return g.m.Once()
}

// replace adds what stands for the match, or calls a function that tells it.
func (g *substitution) replace(c *vm.Call) (waits bool, err error) {
	switch g.with.Kind() {
	case vm.KindTable:
		key, err := captureValue(c, g.m, g.s, 0, g.from, g.to)
		if err != nil {
			return false, err
		}
		v, handler, self, err := c.TryIndex(g.with, key)
		switch {
		case err != nil:
			return false, err
		case !handler.IsNil():
			return true, c.CallThen(handler, []vm.Value{self, key}, gsubReplaced, g)
		}
		return false, g.put(c, v)
	case vm.KindClosure, vm.KindNative:
		return true, g.call(c)
	}
	return false, g.expand(c)
}

// put adds a value that stands for the match; a false one stands for the match itself.
func (g *substitution) put(c *vm.Call, v vm.Value) error {
	switch v.Kind() {
	case vm.KindString:
		return g.out.add(v.AsString().Str())
	case vm.KindNumber:
		return g.out.add(vm.NumberString(v.AsNumber()))
	}
	if v.Truthy() {
		return c.Errorf("invalid replacement value (a %s)", c.VM().TypeName(v))
	}
	return g.out.add(g.s[g.from:g.to])
}

// call asks the replacement function.
func (g *substitution) call(c *vm.Call) error {
	var args [pattern.MaxCaptures]vm.Value
	n := max(g.m.Captures(), 1)
	for i := range n {
		v, err := captureValue(c, g.m, g.s, i, g.from, g.to)
		if err != nil {
			return err
		}
		args[i] = v
	}
	return c.CallThen(g.with, args[:n], gsubReplaced, g)
}

// gsubReplaced takes what a function gave for the match.
func gsubReplaced(c *vm.Call, state any) error {
	g := state.(*substitution)
	g.resume(c)
	if err := g.put(c, c.Arg(0)); err != nil {
		freeMatcher(g.m)
		return err
	}
	if g.replaced() {
		g.limit = g.n
	}
	return g.goOn(c)
}

func gsubGoOn(c *vm.Call, state any) error {
	g := state.(*substitution)
	g.resume(c)
	return g.goOn(c)
}

// resume makes c pay from here on.
func (g *substitution) resume(c *vm.Call) {
	g.m.SetMeter(c)
	g.out.c = c
}

// expand adds the replacement text with its %0 to %9.
func (g *substitution) expand(c *vm.Call) error {
	w := g.text
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
		piece, err := g.piece(c, w[i])
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
func (g *substitution) piece(c *vm.Call, d byte) (string, error) {
	switch d {
	case '%':
		return "%", nil
	case '0':
		return g.s[g.from:g.to], nil
	}
	cp, err := g.m.Capture(int(d-'1'), g.from, g.to)
	if err != nil {
		return "", patternError(c, err)
	}
	if cp.Position {
		return vm.NumberString(float64(cp.Start + 1)), nil
	}
	return g.s[cp.Start:cp.End], nil
}
