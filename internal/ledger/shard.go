package ledger

import (
	"container/list"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

const (
	maxShards          = 16
	minShardDispatches = 256
)

// shard is the part of the ledger that some of the tenants share.
type shard struct {
	ledger *Ledger
	limit  int // of ended entries

	mu sync.Mutex
	// mu guards the fields below, and those of its books and entries that say so.
	names  names
	live   entry // the head of the list of live entries, a ring
	liveN  int
	endedN int // ended entries that are kept
	books  map[khronos.TenantID]*book
	recent list.List // of *book: the tenant that was busy last is in front
	sums   Sums
}

// book is what is kept of one tenant.
type book struct {
	shard  *shard
	tenant khronos.TenantID

	// The fields below are guarded by the shard's lock.
	at    *list.Element
	live  int
	ended []*entry // a ring, in the order in which they ended
	next  int      // where the next one goes once the ring is full
	minute
}

func newShard(l *Ledger, limit int) *shard {
	s := &shard{ledger: l, limit: limit, names: names{}, books: map[khronos.TenantID]*book{}}
	s.live.prev, s.live.next = &s.live, &s.live
	return s
}

// begin makes e a live dispatch of tenant.
func (s *shard) begin(e *entry, tenant khronos.TenantID, event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.event = s.names.keep(event)
	b := s.books[tenant]
	if b == nil {
		b = &book{shard: s, tenant: tenant}
		b.at = s.recent.PushFront(b)
		s.books[tenant] = b
	} else {
		s.recent.MoveToFront(b.at)
	}
	e.book = b
	b.live++
	e.prev, e.next = s.live.prev, &s.live
	e.prev.next, e.next.prev = e, e
	s.liveN++
	s.sums.Accepted[e.kind]++
}

// end makes e an ended dispatch, once; the second time is our bug, and counted.
func (s *shard) end(e *entry, err *khronos.Error, runs []Run) {
	err = clipError(err)
	s.mu.Lock()
	if e.ended != 0 {
		s.sums.EndedTwice++
		s.mu.Unlock()
		return
	}
	e.ended, e.err, e.runs = e.age(), err, runs
	for i := range runs {
		runs[i].Template = s.names.keep(runs[i].Template)
	}
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
	s.liveN--
	e.book.live--
	s.sums.end(e, s.ledger.lim.FuelPerSecond)
	e.book.minute.add(e.accepted.Add(e.ended), e.fuel.Load(), e.failure() != khronos.ErrKindOK)
	s.keepLocked(e)
	s.mu.Unlock()
	s.told(e)
}

// keepLocked puts an ended entry into its tenant's ring and forgets what is over
// the limits.
func (s *shard) keepLocked(e *entry) {
	b := e.book
	if len(b.ended) < s.ledger.lim.LedgerPerTenant {
		b.ended = append(b.ended, e)
		s.endedN++
	} else {
		b.ended[b.next] = e
		b.next = (b.next + 1) % len(b.ended)
	}
	for s.endedN > s.limit {
		s.forgetLocked()
	}
}

// forgetLocked forgets the ended dispatches of the tenant that has been quiet
// longest. One that has only live ones moves to the front: it is not quiet.
func (s *shard) forgetLocked() {
	b := s.recent.Back().Value.(*book)
	if len(b.ended) == 0 {
		s.recent.MoveToFront(b.at)
		return
	}
	if len(s.books) == 1 { // nobody else is there: only the oldest half
		b.halveLocked()
		return
	}
	s.endedN -= len(b.ended)
	b.ended, b.next = nil, 0
	if b.live == 0 {
		s.recent.Remove(b.at)
		delete(s.books, b.tenant)
		return
	}
	s.recent.MoveToFront(b.at)
}

// halveLocked forgets the older half of the ring, at least one.
func (b *book) halveLocked() {
	inOrder := append(append([]*entry(nil), b.ended[b.next:]...), b.ended[:b.next]...)
	cut := (len(inOrder) + 1) / 2
	b.shard.endedN -= cut
	b.ended, b.next = append([]*entry(nil), inOrder[cut:]...), 0
}

// eachLocked calls do with every entry: those of one tenant, or of all.
func (s *shard) eachLocked(tenant khronos.TenantID, do func(*entry)) {
	for e := s.live.next; e != &s.live; e = e.next {
		if tenant.IsZero() || e.book.tenant == tenant {
			do(e)
		}
	}
	if !tenant.IsZero() {
		if b := s.books[tenant]; b != nil {
			b.eachLocked(do)
		}
		return
	}
	for _, b := range s.books {
		b.eachLocked(do)
	}
}

func (b *book) eachLocked(do func(*entry)) {
	for _, e := range b.ended {
		do(e)
	}
}

// minute is what a tenant has used in the last minute, in steps of 5 s.
type minute struct {
	steps [minuteSteps]usage
	at    int64 // the number of the step that is written now
}

const (
	minuteStep  = 5 * time.Second
	minuteSteps = int(time.Minute/minuteStep) + 1 // one is not complete yet
)

// usage is what was used in one step.
type usage struct {
	fuel       int64
	dispatches int32
	failures   int32
}

// add counts a dispatch that ended at now.
func (m *minute) add(now time.Time, fuel int64, failed bool) {
	m.advance(now)
	u := &m.steps[m.at%int64(minuteSteps)]
	u.fuel += fuel
	u.dispatches++
	if failed {
		u.failures++
	}
}

// advance clears the steps that have begun since the last time.
func (m *minute) advance(now time.Time) {
	at := now.UnixNano() / int64(minuteStep)
	if at-m.at >= int64(minuteSteps) {
		*m = minute{at: at}
		return
	}
	for m.at < at {
		m.at++
		m.steps[m.at%int64(minuteSteps)] = usage{}
	}
}

// sum returns what was used in the last minute, and up to a step more.
func (m *minute) sum(now time.Time) (sum usage) {
	m.advance(now)
	for _, u := range m.steps {
		sum.fuel += u.fuel
		sum.dispatches += u.dispatches
		sum.failures += u.failures
	}
	return sum
}
