package broker

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Count says how often an operation ended in one way since the start. Op is
// empty for names that are no operation.
type Count struct {
	Op   string
	Kind khronos.ErrorKind // ErrKindOK for success
	N    uint64
}

type counts struct {
	// mu guards the fields below.
	mu sync.Mutex
	n  map[countKey]uint64
}

type countKey struct {
	op   string
	kind khronos.ErrorKind
}

func newCounts() *counts { return &counts{n: make(map[countKey]uint64)} }

func (c *counts) add(op string, err error) {
	key := countKey{op: op}
	if err != nil {
		key.kind = khronos.AsError(err).Kind
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[key]++
}

// Counts returns how the calls of Exec ended, refusals included, sorted by
// operation and kind. It is for metrics.
func (b *Broker) Counts() []Count {
	b.counts.mu.Lock()
	snapshot := maps.Clone(b.counts.n)
	b.counts.mu.Unlock()
	list := make([]Count, 0, len(snapshot))
	for key, n := range snapshot {
		list = append(list, Count{Op: key.op, Kind: key.kind, N: n})
	}
	slices.SortFunc(list, func(x, y Count) int {
		return cmp.Or(cmp.Compare(x.Op, y.Op), cmp.Compare(x.Kind, y.Kind))
	})
	return list
}
