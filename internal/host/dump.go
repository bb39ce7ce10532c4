package host

import (
	"slices"
	"strconv"
	"strings"

	"github.com/template-worker/template-worker/luau"
)

// formatValues is luau.format(...) -> string.
func formatValues(c *luau.Call) error {
	d := dumper{output: output{c: c}}
	for i := range c.NArgs() {
		if i > 0 {
			if err := d.text("\t"); err != nil {
				return err
			}
		}
		if err := d.value(c.Arg(i)); err != nil {
			return err
		}
	}
	return d.give()
}

// dumper shows values for people.
type dumper struct {
	output
	open []*luau.Table
}

// maxDumpDepth is how deep a dump looks into tables.
const maxDumpDepth = 10

func (d *dumper) value(v luau.Value) error {
	if err := d.c.Charge(10); err != nil {
		return err
	}
	switch v.Kind() {
	case luau.KindString:
		return d.quoted(v.AsString().Str())
	case luau.KindTable:
		return d.table(v.AsTable())
	case luau.KindUserdata:
		text := ""
		if u := v.AsUserdata(); u.Type() != nil && u.Type().ToString != nil {
			var err error
			if text, err = u.Type().ToString(d.c.VM(), u); err != nil {
				return err
			}
		}
		return d.text(d.c.VM().TypeName(v) + "(" + text + ")")
	}
	return d.text(d.c.VM().PlainString(v))
}

// quoted writes a string piece by piece, as its quoted form may be four times as long.
func (d *dumper) quoted(s string) error {
	const piece = 4096
	if err := d.text(`"`); err != nil {
		return err
	}
	for len(s) > 0 {
		n := min(piece, len(s))
		for n < len(s) && n > piece-4 && s[n]&0xC0 == 0x80 { // not within a character
			n--
		}
		q := strconv.Quote(s[:n])
		if err := d.text(q[1 : len(q)-1]); err != nil {
			return err
		}
		s = s[n:]
	}
	return d.text(`"`)
}

func (d *dumper) table(t *luau.Table) error {
	switch {
	case slices.Contains(d.open, t):
		return d.text("{<itself>}")
	case len(d.open) == maxDumpDepth:
		return d.text("{...}")
	}
	d.open = append(d.open, t)
	err := d.entries(t)
	d.open = d.open[:len(d.open)-1]
	return err
}

// entries writes the items of a table, then its other entries: numbers, names,
// and what else there is.
func (d *dumper) entries(t *luau.Table) error {
	if err := d.text("{"); err != nil {
		return err
	}
	n := t.Len()
	for i := 1; i <= n; i++ {
		if err := d.entry(i == 1, "", t.GetInt(i)); err != nil {
			return err
		}
	}
	keys, err := d.keys(t, n)
	if err != nil {
		return err
	}
	for i, k := range keys {
		name := "[" + d.c.VM().PlainString(k) + "] = "
		if k.Kind() == luau.KindString {
			if name = k.AsString().Str() + " = "; !isName(k.AsString().Str()) {
				name = "[" + strconv.Quote(k.AsString().Str()) + "] = "
			}
		}
		if err := d.entry(i == 0 && n == 0, name, t.Get(k)); err != nil {
			return err
		}
	}
	d.c.Free(int64(cap(keys)) * keyBytes)
	return d.text("}")
}

const keyBytes = 16

// keys gives the keys that are no items of the list, sorted.
func (d *dumper) keys(t *luau.Table, n int) ([]luau.Value, error) {
	count := 0
	outside := func(k luau.Value) bool {
		return !k.IsNumber() || k.AsNumber() != float64(int(k.AsNumber())) || k.AsNumber() < 1 || k.AsNumber() > float64(n)
	}
	for next, k, _, ok := t.NextIndex(0); ok; next, k, _, ok = t.NextIndex(next) {
		if outside(k) {
			count++
		}
	}
	if err := d.c.Charge(int64(count)*12 + int64(n)/4); err != nil {
		return nil, err
	}
	if err := d.c.Alloc(int64(count) * keyBytes); err != nil {
		return nil, err
	}
	list := make([]luau.Value, 0, count)
	for next, k, _, ok := t.NextIndex(0); ok; next, k, _, ok = t.NextIndex(next) {
		if outside(k) {
			list = append(list, k)
		}
	}
	slices.SortStableFunc(list, compareKeys)
	return list, nil
}

// compareKeys puts numbers before strings and both before what has no order.
func compareKeys(a, b luau.Value) int {
	rank := func(v luau.Value) int {
		switch v.Kind() {
		case luau.KindNumber:
			return 0
		case luau.KindString:
			return 1
		}
		return 2
	}
	switch ra, rb := rank(a), rank(b); {
	case ra != rb:
		return ra - rb
	case ra == 1:
		return strings.Compare(a.AsString().Str(), b.AsString().Str())
	case ra == 0 && a.AsNumber() < b.AsNumber():
		return -1
	case ra == 0 && a.AsNumber() > b.AsNumber():
		return 1
	}
	return 0
}

func (d *dumper) entry(first bool, name string, v luau.Value) error {
	if !first {
		name = ", " + name
	}
	if err := d.text(name); err != nil {
		return err
	}
	return d.value(v)
}
