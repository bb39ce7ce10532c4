package templates

import (
	"slices"

	"github.com/template-worker/template-worker/internal/store"
)

// Grant says which capabilities an upload is to hold. The zero Grant keeps what
// was granted before: of an upload that says what it asks for, what it still asks
// for; of a new template, nothing.
type Grant struct {
	Asked bool     // what the template asks for
	List  []string // exactly these, when not nil
}

// of gives the capabilities of an upload that asks for asked, over a template
// that holds held.
func (g Grant) of(asked, held []string, manifest bool) []string {
	switch {
	case g.List != nil:
		return g.List
	case g.Asked:
		return asked
	case !manifest:
		return held
	}
	return slices.DeleteFunc(slices.Clone(held), func(c string) bool { return c != "*" && !holds(asked, c) })
}

// holds tells whether a list of capabilities has one; "*" has all.
func holds(list []string, capability string) bool {
	return slices.Contains(list, capability) || slices.Contains(list, "*")
}

// beyond gives what of want the list does not hold, in want's order, never nil.
func beyond(want, list []string) []string {
	missing := []string{}
	for _, c := range want {
		if !holds(list, c) {
			missing = append(missing, c)
		}
	}
	return missing
}

// Template is a template as it is kept, with what it asks for. Capabilities is
// what it was granted.
type Template struct {
	store.Template
	Manifest Manifest
}

// withManifest reads the manifest of what comes out of the store. A broken one can only come from
// before manifests were checked; it asks for nothing.
func withManifest(t store.Template) Template {
	m, err := ManifestOf(t.Files)
	if err != nil {
		m = Manifest{}
	}
	return Template{Template: t, Manifest: m}
}

// Missing is what the template asks for and was not granted.
func (t Template) Missing() []string { return beyond(t.Manifest.Capabilities, t.Capabilities) }
