package ledger

import (
	"cmp"
	"slices"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Kind says what was dispatched.
type Kind uint8

// The kinds of dispatch.
const (
	KindEvent   Kind = iota // an event to the tenant's templates
	KindScript              // a script that somebody ran
	KindInspect             // a look at a template that was uploaded

	kinds = 3
)

var kindNames = [kinds]string{"event", "script", "inspect"}

// String returns the name.
func (k Kind) String() string { return kindNames[k] }

// MarshalText returns the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(kindNames[k]), nil }

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{KindEvent, KindScript, KindInspect} }

// Dispatch is a snapshot of one dispatch. Durations are counted from Accepted;
// those of what has not happened are 0.
type Dispatch struct {
	ID       khronos.DispatchID
	Tenant   khronos.TenantID
	Kind     Kind
	Event    string // its name; of a script the script's
	Accepted time.Time
	Allowed  time.Duration // the deadline
	Sent     time.Duration // the last time
	Started  time.Duration
	Ended    time.Duration

	Sends      int // more than once only when it had not started on a worker that was lost
	Worker     khronos.WorkerID
	Generation khronos.Generation // 0 when it was never sent
	Usage      khronos.Usage
	CPU        time.Duration // Usage.Fuel as time

	Err  *khronos.Error // of the dispatch as a whole
	Runs []Run          // of an event: one for each template that ran, in order
}

// Run is what became of one template's share of an event.
type Run struct {
	Template string
	Version  int64             // 0 when it ended well
	Kind     khronos.ErrorKind // ErrKindOK when it ended well
	Text     string
	Trace    string
}

// Outcome is the kind with which the dispatch has ended: its own, or that of the
// first template that has not ended well. It is for dispatches that have ended.
func (d *Dispatch) Outcome() khronos.ErrorKind {
	if d.Err != nil {
		return d.Err.Kind
	}
	if r := d.Failed(); r != nil {
		return r.Kind
	}
	return khronos.ErrKindOK
}

// Failed returns the first template that has not ended well, or nil.
func (d *Dispatch) Failed() *Run {
	for i := range d.Runs {
		if d.Runs[i].Kind != khronos.ErrKindOK {
			return &d.Runs[i]
		}
	}
	return nil
}

// snapshotLocked copies an entry.
func (e *entry) snapshotLocked() Dispatch {
	d := Dispatch{
		ID: e.id, Tenant: e.book.tenant, Kind: e.kind, Event: e.event, Accepted: e.accepted, Allowed: e.allowed,
		Sent: time.Duration(e.sent.Load()), Started: time.Duration(e.started.Load()), Ended: e.ended,
		Sends: int(e.sends.Load()), Usage: khronos.Usage{Fuel: e.fuel.Load(), HeapBytes: e.heap.Load()},
		Err: e.err, Runs: slices.Clone(e.runs),
	}
	d.CPU = cpuTime(d.Usage.Fuel, e.book.shard.ledger.lim.FuelPerSecond)
	d.Worker, d.Generation = unpackWhere(e.where.Load())
	if d.Ended != 0 { // late news
		d.Sent = early(d.Sent, d.Ended)
		d.Started = early(d.Started, d.Ended)
	}
	return d
}

// early drops a time that is later than the end.
func early(at, end time.Duration) time.Duration {
	if at > end {
		return 0
	}
	return at
}

// Get returns the dispatch with the given id, if it is still known. It looks at
// all of them: looking is rare, and dispatching is not.
func (l *Ledger) Get(id khronos.DispatchID) (d Dispatch, ok bool) {
	for _, s := range l.shards {
		s.mu.Lock()
		s.eachLocked(khronos.TenantID{}, func(e *entry) {
			if e.id == id {
				d, ok = e.snapshotLocked(), true
			}
		})
		s.mu.Unlock()
		if ok {
			return d, true
		}
	}
	return d, false
}

// Filter picks dispatches; what is left out picks all.
type Filter struct {
	Tenant  khronos.TenantID
	Live    bool               // only those that have not ended
	Outcome *khronos.ErrorKind // only those that ended so
	Owner   *khronos.Owner     // only those that ended by this one's fault
	Before  khronos.DispatchID // only older ones
	Limit   int                // at most so many; the newest
}

// pickLocked says whether an entry is meant.
func (f *Filter) pickLocked(e *entry) bool {
	if f.Before != 0 && e.id >= f.Before {
		return false
	}
	live := e.ended == 0
	if f.Live || live {
		return live && f.Outcome == nil && f.Owner == nil
	}
	kind := e.failure()
	return (f.Outcome == nil || *f.Outcome == kind) && (f.Owner == nil || *f.Owner == kind.Owner())
}

// List returns what the filter picks, newest first.
func (l *Ledger) List(f Filter) []Dispatch {
	list := []Dispatch{}
	for _, s := range l.shards {
		if f.Tenant.IsZero() || s == l.shardOf(f.Tenant) {
			list = newest(append(list, s.pick(&f)...), f.Limit)
		}
	}
	return list
}

// pick returns the newest of a shard's entries that are meant.
func (s *shard) pick(f *Filter) []Dispatch {
	s.mu.Lock()
	defer s.mu.Unlock()
	var picked []*entry
	s.eachLocked(f.Tenant, func(e *entry) {
		if f.pickLocked(e) {
			picked = append(picked, e)
		}
	})
	slices.SortFunc(picked, func(a, b *entry) int { return cmp.Compare(b.id, a.id) })
	list := make([]Dispatch, min(len(picked), f.Limit))
	for i := range list {
		list[i] = picked[i].snapshotLocked()
	}
	return list
}

// newest sorts list, newest first, and cuts it to n.
func newest(list []Dispatch, n int) []Dispatch {
	slices.SortFunc(list, func(a, b Dispatch) int { return cmp.Compare(b.ID, a.ID) })
	return list[:min(len(list), n)]
}

// TenantUse is what a tenant has used in the last minute.
type TenantUse struct {
	Tenant     khronos.TenantID
	Fuel       int64
	CPU        time.Duration
	Dispatches int // that ended
	Failures   int
	Live       int
	HeapBytes  int64 // at the end of its last dispatch
}

// Busiest returns the n tenants that have used most fuel in the last minute,
// most first. Those that have used none and have nothing live are left out.
func (l *Ledger) Busiest(n int) []TenantUse {
	now := time.Now()
	all := []TenantUse{}
	for _, s := range l.shards {
		s.mu.Lock()
		for _, b := range s.books {
			if u := b.useLocked(now); u.Dispatches > 0 || u.Live > 0 {
				all = append(all, u)
			}
		}
		s.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b TenantUse) int {
		return cmp.Or(cmp.Compare(b.Fuel, a.Fuel), cmp.Compare(b.Dispatches, a.Dispatches), cmp.Compare(a.Tenant.ID, b.Tenant.ID))
	})
	all = all[:min(n, len(all))]
	for i := range all {
		all[i].CPU = cpuTime(all[i].Fuel, l.lim.FuelPerSecond)
	}
	return all
}

func (b *book) useLocked(now time.Time) TenantUse {
	sum := b.minute.sum(now)
	u := TenantUse{Tenant: b.tenant, Fuel: sum.fuel, Dispatches: int(sum.dispatches), Failures: int(sum.failures), Live: b.live}
	if n := len(b.ended); n > 0 {
		u.HeapBytes = b.ended[(b.next+n-1)%n].heap.Load()
	}
	return u
}
