package broker

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/histogram"
	"github.com/template-worker/template-worker/internal/khronos"
)

// Count says how often an operation ended in one way since the start. Op is
// empty for names that are no operation.
type Count struct {
	Op   string
	Kind khronos.ErrorKind // ErrKindOK for success
	N    uint64
}

// Timing says how long the calls of an operation took, refusals included. Op is
// as in [Count].
type Timing struct {
	Op   string
	Took histogram.Histogram
}

type counts struct {
	// mu guards the fields below.
	mu   sync.Mutex
	n    map[countKey]uint64
	took map[string]*histogram.Histogram
}

type countKey struct {
	op   string
	kind khronos.ErrorKind
}

func newCounts() *counts {
	return &counts{n: make(map[countKey]uint64), took: make(map[string]*histogram.Histogram)}
}

func (c *counts) add(op string, took time.Duration, err error) {
	key := countKey{op: op}
	if err != nil {
		key.kind = khronos.AsError(err).Kind
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[key]++
	if c.took[op] == nil {
		c.took[op] = &histogram.Histogram{}
	}
	c.took[op].Add(took)
}

// Timings returns how long the calls of Exec took, by operation. It is for
// metrics.
func (b *Broker) Timings() []Timing {
	b.counts.mu.Lock()
	defer b.counts.mu.Unlock()
	list := make([]Timing, 0, len(b.counts.took))
	for op, took := range b.counts.took {
		list = append(list, Timing{Op: op, Took: *took})
	}
	return list
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
