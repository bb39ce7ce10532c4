package registry

import (
	"slices"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Capability says what a caller must hold. The zero Capability asks for nothing.
type Capability struct {
	Name string // what a refusal asks for, the widest but for Or's wildcards
	// Or are others that do as well. <key> in one stands for the argument of that
	// name. With [<scopes>] it is about one item of a list: EVERY item needs one of
	// those. Every, because a call reaches what has more scopes than it names: with
	// rights on one scope a template must not write a row into another.
	Or []string
	// Rule decides instead of Or where arguments need more than that: it returns
	// the missing capability, or "".
	Rule func(held Grants, args []khronos.Value) string
}

// exactly asks for that capability, or for one of the others.
func exactly(name string, or ...string) Capability { return Capability{Name: name, Or: or} }

// Missing returns the capability that a caller lacks for a call of f with args,
// which [Function.Check] has taken, or "" when it may make it.
func (f *Function) Missing(held Grants, args []khronos.Value) string {
	c := f.Needs
	if c.Name == "" || held.Has(c.Name) {
		return ""
	}
	if c.Rule != nil {
		return c.Rule(held, args)
	}
	var perItem []string
	for _, form := range c.Or {
		if strings.Contains(form, "[<") {
			perItem = append(perItem, form)
		} else if held.Has(f.fill(form, args)) {
			return ""
		}
	}
	if len(perItem) > 0 && f.everyItem(held, perItem, args) {
		return ""
	}
	return c.Name
}

// fill puts the texts of arguments into a form.
func (f *Function) fill(form string, args []khronos.Value) string {
	before, rest, ok := strings.Cut(form, "<")
	if !ok {
		return form
	}
	name, after, _ := strings.Cut(rest, ">")
	i := f.arg(name)
	text, _ := args[i].AsText()
	return before + text + f.fill(after, args)
}

func (f *Function) arg(name string) int {
	i := slices.IndexFunc(f.Args, func(p Param) bool { return p.Name == name })
	if i < 0 {
		panic("BUG: the capability of " + f.FullName() + " names the argument " + name)
	}
	return i
}

// everyItem tells whether each item of the list that the forms are about has one
// of them. They have no meaning for an item with a `]`: in `kv[a]:get:b]:*`
// nothing tells where its name would end. "Every" of none is no permission.
func (f *Function) everyItem(held Grants, forms []string, args []khronos.Value) bool {
	_, rest, _ := strings.Cut(forms[0], "[<")
	list, _, _ := strings.Cut(rest, ">]")
	items := args[f.arg(list)].Items()
	for _, item := range items {
		text, _ := item.AsText()
		if strings.Contains(text, "]") {
			return false
		}
		if !slices.ContainsFunc(forms, func(form string) bool {
			before, after, _ := strings.Cut(form, "[<"+list+">]")
			return held.Has(before + "[" + text + "]" + f.fill(after, args))
		}) {
			return false
		}
	}
	return len(items) > 0
}

// Lacks is the error for a missing capability.
func (f *Function) Lacks(missing string) *khronos.Error {
	return f.refuse(khronos.ErrKindCapabilityMissing, "capability %q is missing: add it to the template's capabilities", missing)
}

// Grants is what a caller holds: capabilities, compared as texts, no pattern in
// one means anything; `*` is all of them. It is never changed.
type Grants struct {
	list []string
	set  map[string]struct{}
	all  bool
}

// NewGrants makes Grants of a list, which is kept.
func NewGrants(list []string) Grants {
	g := Grants{list: list, set: make(map[string]struct{}, len(list)), all: slices.Contains(list, "*")}
	for _, c := range list {
		g.set[c] = struct{}{}
	}
	return g
}

// AllGrants is what a script of the operator holds.
var AllGrants = NewGrants([]string{"*"})

// Has tells whether the capability, or `*`, is held.
func (g Grants) Has(capability string) bool {
	if g.all {
		return true
	}
	_, held := g.set[capability]
	return held
}

// List returns the capabilities as they were given. It must not be changed.
func (g Grants) List() []string { return g.list }
