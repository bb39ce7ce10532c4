// Package quarantine decides what becomes of scripts that worker processes have
// died of.
//
// It owns the memory of suspects and the rules: a suspect's next event runs
// alone; who survives that is cleared; who dies of it, or alone was suspected
// for the second time, is quarantined, each time for longer; a new version of
// the template lifts it. It reads no clock but the one it is given, starts no
// goroutine, does no I/O and runs nothing: package process does what it says.
// The memory is bounded and ends with the process.
package quarantine

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

// The events of subjects that are no template's.
const (
	EventScript     = "script"     // RunScript
	EventInspection = "inspection" // of an upload
)

// Subject is what can be suspected: one template's handler, or all of a template
// when Event is empty, because it does not even load. With an empty Template it
// is the tenant's EventScript or EventInspection.
type Subject struct {
	Tenant   khronos.TenantID
	Template string
	Version  int64
	Event    string
}

// Death is the end of a worker that nobody wished.
type Death struct {
	Worker     khronos.WorkerID
	Generation khronos.Generation
	Detail     string    // how it ended
	Suspects   []Subject // what was being executed when it died
}

// State is where a suspect stands.
type State string

// The states of an entry. The texts are part of the API.
const (
	Probation   State = "probation"   // its events run alone
	Quarantined State = "quarantined" // its events do not run
)

// Entry is what is remembered of a subject.
type Entry struct {
	Subject
	State  State
	Deaths int // workers that have died while it was being executed
	Since  time.Time
	Until  time.Time // when the quarantine ends, or the suspicion is forgotten
	Last   string    // the last worker that died, and how

	rounds int // quarantines until now
}

// What has happened to an entry.
type What string

// The changes. The texts are labels of metrics.
const (
	Suspected What = "suspected"   // from now on its events run alone
	Convicted What = "quarantined" // from now on its events do not run
	Cleared   What = "cleared"     // it has survived alone
	Renewed   What = "renewed"     // its template was changed or deleted
	Lifted    What = "lifted"      // by an operator
	Displaced What = "displaced"   // forgotten for want of room
)

// Change is one thing that happened to an entry, as it is then.
type Change struct {
	What What
	Entry
	Among int // how many were suspected of the death together; of Suspected and Convicted
}

// Rules are the numbers of a Book.
type Rules struct {
	Deaths    int           // of which the last convicts
	First     time.Duration // length of the first quarantine; it doubles
	Longest   time.Duration // up to this
	Probation time.Duration // how long a suspicion is remembered
	Entries   int           // remembered at most
}

// RulesOf takes them from the limits.
func RulesOf(l limits.Limits) Rules {
	return Rules{
		Deaths: l.QuarantineDeaths, First: l.QuarantineFirst, Longest: l.QuarantineLongest,
		Probation: l.QuarantineProbation, Entries: l.QuarantineEntries,
	}
}

// Book remembers suspects. It is safe for concurrent use.
type Book struct {
	rules Rules
	now   func() time.Time
	size  atomic.Int64 // of entries: a Book without any costs its readers one load

	mu sync.Mutex
	// mu guards the fields below.
	tenants map[khronos.TenantID][]*Entry
	counts  map[What]uint64
}

// New returns an empty Book. now gives the time.
func New(r Rules, now func() time.Time) *Book {
	return &Book{rules: r, now: now, tenants: map[khronos.TenantID][]*Entry{}, counts: map[What]uint64{}}
}

// Empty says whether nobody is suspected or quarantined. It is cheap.
func (b *Book) Empty() bool { return b.size.Load() == 0 }

// Died takes a death to account.
func (b *Book) Died(d Death) []Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	var changes []Change
	suspects := distinct(d.Suspects)
	for _, s := range suspects {
		e, displaced := b.entryLocked(s)
		changes = append(changes, displaced...)
		now := b.now()
		e.Deaths++
		e.Last = lastText(d)
		what := Suspected
		switch {
		case e.State == Quarantined: // it ran on from before
			continue
		case len(suspects) == 1 && e.Deaths >= b.rules.Deaths:
			what = Convicted
			e.State, e.Since, e.Until = Quarantined, now, now.Add(b.term(e.rounds))
			e.rounds++
		default:
			e.State, e.Since, e.Until = Probation, now, later(e.Until, now.Add(b.rules.Probation))
		}
		changes = append(changes, b.changeLocked(what, e, len(suspects)))
	}
	return changes
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

func distinct(list []Subject) []Subject {
	var out []Subject
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// term is the length of a quarantine after so many others.
func (b *Book) term(rounds int) time.Duration {
	d := b.rules.First
	for ; rounds > 0 && d < b.rules.Longest; rounds-- {
		d *= 2
	}
	return min(d, b.rules.Longest)
}

// entryLocked finds or makes the entry of s, at the cost of another when there
// is no room.
func (b *Book) entryLocked(s Subject) (*Entry, []Change) {
	for _, e := range b.currentLocked(s.Tenant) {
		if e.Subject == s {
			return e, nil
		}
	}
	var changes []Change
	if int(b.size.Load()) >= b.rules.Entries {
		changes = b.displaceLocked()
	}
	e := &Entry{Subject: s}
	b.tenants[s.Tenant] = append(b.tenants[s.Tenant], e)
	b.size.Add(1)
	return e, changes
}

// displaceLocked makes room: what is forgotten soonest goes, suspects first.
func (b *Book) displaceLocked() []Change {
	var victim *Entry
	for tenant := range b.tenants {
		for _, e := range b.currentLocked(tenant) {
			if victim == nil || e.State != victim.State && e.State == Probation || e.State == victim.State && e.Until.Before(victim.Until) {
				victim = e
			}
		}
	}
	if victim == nil || int(b.size.Load()) < b.rules.Entries {
		return nil
	}
	return b.dropLocked(Displaced, victim.Tenant, func(e *Entry) bool { return e == victim })
}

// currentLocked gives a tenant's entries as they stand now: a quarantine that is
// over leaves a suspicion, so that one more death convicts again, and a suspicion
// that is over leaves nothing.
func (b *Book) currentLocked(tenant khronos.TenantID) []*Entry {
	list := b.tenants[tenant]
	if len(list) == 0 {
		return nil
	}
	now := b.now()
	kept := list[:0]
	for _, e := range list {
		if e.State == Quarantined && !now.Before(e.Until) {
			e.State, e.Since, e.Until = Probation, e.Until, e.Until.Add(max(b.rules.Probation, b.rules.Longest))
			e.Deaths = b.rules.Deaths - 1
		}
		if now.Before(e.Until) {
			kept = append(kept, e)
		}
	}
	b.keepLocked(tenant, kept)
	return kept
}

// keepLocked makes kept, a part of them, all that is remembered of a tenant.
func (b *Book) keepLocked(tenant khronos.TenantID, kept []*Entry) {
	b.size.Add(int64(len(kept) - len(b.tenants[tenant])))
	if len(kept) == 0 {
		delete(b.tenants, tenant)
		return
	}
	clear(b.tenants[tenant][len(kept):])
	b.tenants[tenant] = kept
}

// dropLocked forgets entries of a tenant.
func (b *Book) dropLocked(what What, tenant khronos.TenantID, which func(*Entry) bool) []Change {
	var changes []Change
	var kept []*Entry
	for _, e := range b.currentLocked(tenant) {
		if which(e) {
			changes = append(changes, b.changeLocked(what, e, 0))
			continue
		}
		kept = append(kept, e)
	}
	if len(changes) > 0 {
		b.size.Add(int64(-len(changes)))
		delete(b.tenants, tenant)
		if len(kept) > 0 {
			b.tenants[tenant] = kept
		}
	}
	return changes
}

func (b *Book) changeLocked(what What, e *Entry, among int) Change {
	b.counts[what]++
	return Change{What: what, Entry: *e, Among: among}
}

// Alone says whether an event of a tenant has to run alone: some template is
// suspected of it.
func (b *Book) Alone(tenant khronos.TenantID, event string) bool {
	if b.Empty() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.currentLocked(tenant), func(e *Entry) bool {
		return e.State == Probation && e.Template != "" && (e.Event == event || e.Event == "")
	})
}

// Job says what becomes of a tenant's EventScript or EventInspection: whether it
// has to run alone, and, when it may not run at all, why.
func (b *Book) Job(tenant khronos.TenantID, event string) (alone bool, refused *khronos.Error) {
	if b.Empty() {
		return false, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.currentLocked(tenant) {
		if e.Template == "" && e.Event == event {
			if e.State == Quarantined {
				return false, khronos.Errorf(khronos.ErrKindQuarantined, "%s", e.Reason())
			}
			return true, nil
		}
	}
	return false, nil
}

// Survived says that an event has run alone and its worker lives. templates are
// those that ran; none for EventScript and EventInspection.
func (b *Book) Survived(tenant khronos.TenantID, event string, templates []string) []Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropLocked(Cleared, tenant, func(e *Entry) bool {
		if e.State != Probation || e.Event != event && e.Event != "" {
			return false
		}
		return slices.Contains(templates, e.Template) || len(templates) == 0 && e.Template == ""
	})
}

// Mark writes into a tenant's templates what of them is quarantined, and forgets
// what was remembered of versions that are no longer.
func (b *Book) Mark(tenant khronos.TenantID, templates []khronos.Template) []Change {
	if b.Empty() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	changes := b.dropLocked(Renewed, tenant, func(e *Entry) bool {
		i := slices.IndexFunc(templates, func(t khronos.Template) bool { return t.Name == e.Template })
		return e.Template != "" && (i < 0 || templates[i].Version > e.Version)
	})
	for _, e := range b.currentLocked(tenant) {
		for i := range templates {
			if t := &templates[i]; e.State == Quarantined && t.Name == e.Template && t.Version == e.Version {
				t.Quarantined = append(t.Quarantined, khronos.QuarantinedEvent{Event: e.Event, Until: e.Until, Reason: e.Reason()})
			}
		}
	}
	return changes
}

// Lift forgets all of a tenant, or all of one template of it, because an
// operator wants so.
func (b *Book) Lift(tenant khronos.TenantID, template string) []Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropLocked(Lifted, tenant, func(e *Entry) bool { return template == "" || e.Template == template })
}

// List returns what is remembered of a tenant, by template and event.
func (b *Book) List(tenant khronos.TenantID) []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Entry, 0)
	for _, e := range b.currentLocked(tenant) {
		list = append(list, *e)
	}
	slices.SortFunc(list, func(x, y Entry) int {
		return cmp.Or(cmp.Compare(x.Template, y.Template), cmp.Compare(x.Event, y.Event), cmp.Compare(x.Version, y.Version))
	})
	return list
}

// Counts is what a Book holds and has seen, for metrics.
type Counts struct {
	Changes                map[What]uint64
	Probation, Quarantined int // entries
}

// Counts returns the numbers.
func (b *Book) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := Counts{Changes: map[What]uint64{}}
	for _, what := range []What{Suspected, Convicted, Cleared, Renewed, Lifted, Displaced} {
		c.Changes[what] = b.counts[what]
	}
	for tenant := range b.tenants {
		for _, e := range b.currentLocked(tenant) {
			if e.State == Quarantined {
				c.Quarantined++
			} else {
				c.Probation++
			}
		}
	}
	return c
}
