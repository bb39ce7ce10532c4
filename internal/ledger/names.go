package ledger

import "strings"

// maxNames bounds the names of events and templates that are kept once each.
const maxNames = 4096

// names keeps one copy of each name, so that an entry holds neither the request
// nor the reply that the name came with.
type names map[string]string

func (n names) keep(name string) string {
	if kept, ok := n[name]; ok {
		return kept
	}
	if len(n) >= maxNames {
		clear(n) // tenants choose names: begin again
	}
	name = strings.Clone(name)
	n[name] = name
	return name
}
