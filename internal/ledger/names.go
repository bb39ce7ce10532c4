package ledger

import (
	"strings"
	"sync"
)

// maxNames bounds the names of events and templates that are kept once each.
const maxNames = 4096

// names keeps one copy of each name, so that an entry holds neither the request
// nor the reply that the name came with.
type names struct {
	mu   sync.Mutex // mu guards the field below
	kept map[string]string
}

func (n *names) keep(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if kept, ok := n.kept[name]; ok {
		return kept
	}
	if len(n.kept) >= maxNames || n.kept == nil {
		n.kept = map[string]string{} // tenants choose names: begin again
	}
	name = strings.Clone(name)
	n.kept[name] = name
	return name
}
