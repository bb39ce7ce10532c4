// Package expiry raises the event KeyExpiry for KV records whose time has come.
//
// It owns when a record is handed to its tenant's templates, when it is handed to them
// again, and when its expiry is acknowledged, which removes the record: when
// the handlers have ended, well or not, or nobody has one. So an event is raised at
// least once, in the order of time; what was under way when the master died is raised
// again, and so is, later and behind others, what no worker has taken to its end.
//
// It keeps no records: the store is the queue, and what is in memory is bounded by
// expiry_in_flight and the tenants that are behind. One goroutine, [Service.Serve], does
// everything; it sleeps until the next time that it knows, and [Service.Watch] tells it of earlier ones.
package expiry

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/worker"
)

// Event is the name of the event.
const Event = "KeyExpiry"

// Store is what the service needs of the store.
type Store interface {
	KVDue(ctx context.Context, now time.Time, after store.KVCursor, limit int) ([]store.KVExpiry, error)
	KVExpire(ctx context.Context, done []store.KVExpiry) error
	KVNextExpiry(ctx context.Context, after store.KVCursor) (time.Time, error)
}

// Dispatcher takes events to their tenants. It tells the [worker.Progress] of ctx
// how each that it has accepted ends, and must not wait for that.
type Dispatcher interface {
	DispatchEventNoWait(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) error
}

const (
	// maxPage bounds what one look into the store reads.
	maxPage = 500
	// maxSleep bounds a sleep, for the clock of the machine may be set.
	maxSleep = time.Minute
	// firstDelay is how long the first retry waits; each further one twice as long.
	firstDelay = 100 * time.Millisecond
	// storePause is how long the service waits when the store does not answer.
	storePause = time.Second
	// ackTimeout bounds the last acknowledgement.
	ackTimeout = 5 * time.Second
)

// Service raises the events. Make one with New; Serve it once.
type Service struct {
	store  Store
	events Dispatcher
	lim    limits.Limits
	log    *slog.Logger

	set    atomic.Int64  // earliest expiry set since the last look, in ns; 0 for none
	nudge  chan struct{} // has a token when set is earlier than what the service sleeps for
	ended  chan *flight  // as many as may be in flight, so that nobody waits to put one in
	counts counts

	// The fields below belong to Serve.
	frontier store.KVCursor // all before it was seen
	flights  map[int64]*flight
	lanes    map[khronos.TenantID]*lane
	done     []store.KVExpiry // handled, not acknowledged
	retry    []khronos.TenantID
	pace     pace
	sleeps   atomic.Int64 // until when, in ns
}

// New returns a service that takes what is due in st to events.
func New(st Store, events Dispatcher, l limits.Limits, log *slog.Logger) *Service {
	return &Service{
		store: st, events: events, lim: l, log: log,
		nudge: make(chan struct{}, 1), ended: make(chan *flight, l.ExpiryInFlight),
		flights: map[int64]*flight{}, lanes: map[khronos.TenantID]*lane{},
		pace: pace{perSecond: float64(l.ExpiryRate)},
	}
}

// flight is one record on its way; it is the [worker.Progress] of its dispatch.
type flight struct {
	s       *Service
	expiry  store.KVExpiry
	started atomic.Bool
	out     khronos.Outcome // set before the flight comes in on ended
}

func (f *flight) ID() khronos.DispatchID                    { return 0 } // the ledger gives it one
func (f *flight) Sent(khronos.WorkerID, khronos.Generation) {}
func (f *flight) Started()                                  { f.started.Store(true) }
func (f *flight) Used(khronos.Usage)                        {}

// Ended hands the flight back. There is room for every flight.
func (f *flight) Ended(out khronos.Outcome) {
	f.out = khronos.Outcome{Err: out.Err} // the value is nobody's
	f.s.ended <- f
}

// lane is what there is to know of a tenant with flights, failures or records
// that were passed over.
type lane struct {
	flying   int
	behind   bool // records after from were passed over
	from     store.KVCursor
	failures int // in a row
	until    time.Time
}

// pass remembers that the record was passed over.
func (l *lane) pass(c store.KVCursor) {
	before := store.KVCursor{At: c.At, Row: c.Row - 1}
	if !l.behind || earlier(before, l.from) {
		l.behind, l.from = true, before
	}
}

func earlier(a, b store.KVCursor) bool {
	if !a.At.Equal(b.At) {
		return a.At.Before(b.At)
	}
	return a.Row < b.Row
}

// Serve raises events until ctx ends; then it waits for those under way as long as the
// handlers have, drain_timeout, and acknowledges what has ended. It returns nil.
func (s *Service) Serve(ctx context.Context) error {
	for ctx.Err() == nil {
		err := s.work(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "expired keys wait: the store did not answer", "err", err)
			s.wait(ctx, time.Now().Add(storePause))
		}
	}
	s.finish(ctx)
	return nil
}

// work does what can be done now and then waits for more.
func (s *Service) work(ctx context.Context) error {
	s.land()
	if err := s.acknowledge(ctx); err != nil {
		return err
	}
	s.rewind()
	if room := s.room(); room > 0 {
		more, err := s.catchUp(ctx)
		if err != nil {
			return err
		}
		ahead, err := s.advance(ctx)
		if err != nil || (more || ahead) && s.room() > 0 {
			return err
		}
	}
	next, err := s.next(ctx)
	if err != nil {
		return err
	}
	s.wait(ctx, next)
	return nil
}

// room is how many more may be taken up now.
func (s *Service) room() int {
	return min(s.lim.ExpiryInFlight-len(s.flights), s.pace.tokens(time.Now()))
}

// rewind goes back to records that were set with a time that the service has passed.
func (s *Service) rewind() {
	if at := s.set.Swap(0); at != 0 {
		if c := (store.KVCursor{At: time.Unix(0, at).Add(-time.Microsecond)}); earlier(c, s.frontier) {
			s.frontier = c
		}
	}
}

// advance reads the next page of what is due and takes it up. It reports whether
// there may be more.
func (s *Service) advance(ctx context.Context) (more bool, err error) {
	n := min(s.room(), maxPage)
	if n <= 0 {
		return false, nil
	}
	page, err := s.store.KVDue(ctx, time.Now(), s.frontier, n)
	if err != nil {
		return false, err
	}
	for i := range page {
		s.frontier = page[i].Cursor
		s.take(ctx, &page[i])
	}
	return len(page) > 0, nil
}

// take takes a record up, or passes it over.
func (s *Service) take(ctx context.Context, e *store.KVExpiry) (taken bool) {
	if s.flights[e.Cursor.Row] != nil {
		return true // seen a second time
	}
	l := s.lanes[e.Tenant]
	if l == nil {
		l = &lane{}
		s.lanes[e.Tenant] = l
	}
	if l.flying >= s.lim.ExpiryPerTenant || l.behind || time.Now().Before(l.until) {
		l.pass(e.Cursor)
		return false
	}
	s.start(ctx, l, e)
	return true
}

func (s *Service) start(ctx context.Context, l *lane, e *store.KVExpiry) {
	f := &flight{s: s, expiry: *e}
	ev, err := eventOf(e)
	f.expiry.Record.Value = khronos.Null() // the event has it
	s.flights[e.Cursor.Row] = f
	l.flying++
	s.pace.take()
	if err == nil {
		err = s.events.DispatchEventNoWait(worker.WithProgress(context.WithoutCancel(ctx), f), e.Tenant, ev)
	}
	if err != nil {
		f.Ended(khronos.Outcome{Err: khronos.AsError(err)})
	}
}

// catchUp takes up records that were passed over, of tenants that may go on: for
// each of them one page at most. It reports whether there may be more.
func (s *Service) catchUp(ctx context.Context) (more bool, err error) {
	now := time.Now()
	for id, l := range s.lanes {
		if !l.behind || now.Before(l.until) || 2*l.flying > s.lim.ExpiryPerTenant || s.room() <= 0 {
			continue
		}
		page, err := s.store.KVDue(ctx, now, l.from, maxPage)
		if err != nil {
			return more, err
		}
		from, reached := l.from, len(page) == 0
		l.behind = false
		for i := range page {
			if earlier(s.frontier, page[i].Cursor) {
				reached = true // from here on it is advance's
				break
			}
			if page[i].Tenant == id && !(s.room() > 0 && s.take(ctx, &page[i])) {
				l.pass(page[i].Cursor)
				break
			}
			from = page[i].Cursor
		}
		if !l.behind && !reached {
			l.behind, l.from, more = true, from, true
		}
		if !l.behind && l.flying == 0 {
			delete(s.lanes, id) // somebody else has removed its records
		}
	}
	return more, nil
}

// land takes back the flights that have ended.
func (s *Service) land() {
	for {
		select {
		case f := <-s.ended:
			s.landed(f)
		default:
			return
		}
	}
}

func (s *Service) landed(f *flight) {
	e := f.expiry
	l := s.lanes[e.Tenant]
	l.flying--
	if settled(f.out.Err, f.started.Load()) {
		s.counts.fired.Add(1)
		l.failures = 0
		s.done = append(s.done, e)
		return
	}
	s.counts.retried.Add(1)
	delete(s.flights, e.Cursor.Row)
	l.pass(e.Cursor)
	delay := min(firstDelay<<min(l.failures, 20), s.lim.ExpiryRetryMax)
	l.failures++
	l.until = time.Now().Add(delay/2 + rand.N(delay/2+1))
}

// settled tells whether the event has come to its end: the handlers have ended, or no other
// try would do better.
func settled(err *khronos.Error, started bool) bool {
	if err == nil {
		return true
	}
	switch err.Kind {
	case khronos.ErrKindTenantBusy, khronos.ErrKindRateLimited, khronos.ErrKindWorkerUnavailable, khronos.ErrKindDraining,
		khronos.ErrKindWorkerLostUnstarted, khronos.ErrKindWorkerLostStarted, khronos.ErrKindDroppedTenant,
		khronos.ErrKindCancelled, khronos.ErrKindDependency, khronos.ErrKindTenantBanned:
		return false
	case khronos.ErrKindDeadline, khronos.ErrKindWorkerSilent:
		return started // else it has only waited
	}
	return true
}

// acknowledge removes what was handled.
func (s *Service) acknowledge(ctx context.Context) error {
	for len(s.done) > 0 {
		n := min(len(s.done), maxPage)
		if err := s.store.KVExpire(ctx, s.done[:n]); err != nil {
			return err
		}
		for _, e := range s.done[:n] {
			delete(s.flights, e.Cursor.Row)
			if l := s.lanes[e.Tenant]; l.flying == 0 && !l.behind && l.failures == 0 {
				s.retry = append(s.retry, e.Tenant)
			}
		}
		s.done = slices.Delete(s.done, 0, n)
	}
	for _, id := range s.retry {
		if l := s.lanes[id]; l != nil && l.flying == 0 && !l.behind && l.failures == 0 {
			delete(s.lanes, id)
		}
	}
	s.retry = s.retry[:0]
	return nil
}

// next tells when there will be something to do, unless a flight ends or a key is set before.
func (s *Service) next(ctx context.Context) (time.Time, error) {
	now := time.Now()
	if len(s.flights) >= s.lim.ExpiryInFlight {
		return now.Add(maxSleep), nil // a flight has to end
	}
	if s.room() <= 0 {
		return now.Add(s.pace.wait(now)), nil
	}
	next := now.Add(maxSleep)
	for _, l := range s.lanes {
		if l.behind && l.until.Before(next) && 2*l.flying <= s.lim.ExpiryPerTenant {
			next = l.until
		}
	}
	at, err := s.store.KVNextExpiry(ctx, s.frontier)
	if err == nil && !at.IsZero() && at.Before(next) {
		next = at
	}
	return next, err
}

// wait sleeps until then, until a flight ends, or until an earlier key is set.
func (s *Service) wait(ctx context.Context, until time.Time) {
	s.sleeps.Store(until.UnixNano())
	defer s.sleeps.Store(0)
	if at := s.set.Load(); at != 0 && at <= until.UnixNano() {
		until = time.Unix(0, at)
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case f := <-s.ended:
		s.landed(f)
	case <-s.nudge:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// finish waits for what is under way and acknowledges it.
func (s *Service) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.lim.DrainTimeout)
	defer cancel()
	for flying := len(s.flights) - len(s.done); flying > 0; flying-- {
		select {
		case f := <-s.ended:
			s.landed(f)
		case <-ctx.Done():
			flying = 0
		}
	}
	ctx, cancelAck := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
	defer cancelAck()
	if err := s.acknowledge(ctx); err != nil {
		s.log.ErrorContext(ctx, "acknowledge expired keys: they are raised again", "keys", len(s.done), "err", err)
	}
}

// eventOf makes the event of a record.
func eventOf(e *store.KVExpiry) (khronos.Event, error) {
	scopes := make([]khronos.Value, len(e.Record.Scopes))
	for i, scope := range e.Record.Scopes {
		scopes[i] = khronos.Text(scope)
	}
	field := func(name string, v khronos.Value) khronos.Pair {
		return khronos.Pair{Key: khronos.Text(name), Value: v}
	}
	form, err := khronos.Map(
		field("id", khronos.Text(e.Record.ID)),
		field("key", khronos.Text(e.Record.Key)),
		field("scopes", khronos.List(scopes...)),
		field("value", e.Record.Value),
		field("created_at", khronos.Timestamp(e.Record.CreatedAt)),
		field("last_updated_at", khronos.Timestamp(e.Record.UpdatedAt)),
		field("expires_at", khronos.Timestamp(e.Record.ExpiresAt)),
	).AppendMsg(nil)
	if err != nil {
		return khronos.Event{}, errors.Join(khronos.Errorf(khronos.ErrKindInternal, "the expired record has no event"), err)
	}
	return khronos.Event{Name: Event, Data: khronos.Payload{Format: khronos.FormatValue, Bytes: form}}, nil
}
