package expiry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/memory"
	"github.com/template-worker/template-worker/internal/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func tenantN(n int) khronos.TenantID {
	return khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(n)}
}

// fired is an event that a handler got.
type fired struct {
	tenant khronos.TenantID
	key    string
	at     time.Time
	data   khronos.Value
}

// desk is a dispatcher whose handlers take a while, and which refuses what it is told to.
type desk struct {
	takes  time.Duration
	refuse func(tenant khronos.TenantID, key string, try int) error

	mu     sync.Mutex
	list   []fired
	tries  map[string]int
	flying int
	most   int
}

func (d *desk) DispatchEventNoWait(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) error {
	data, err := ev.Data.Value()
	if err != nil || ev.Name != Event || ev.Author != "" {
		return khronos.Errorf(khronos.ErrKindInternal, "bad event %+v: %v", ev, err)
	}
	v, _ := data.Get("key")
	key, _ := v.AsText()
	progress := worker.ProgressOf(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tries == nil {
		d.tries = map[string]int{}
	}
	d.tries[key]++
	if d.refuse != nil {
		if err := d.refuse(tenant, key, d.tries[key]); err != nil {
			return err
		}
	}
	d.list = append(d.list, fired{tenant, key, time.Now(), data})
	d.flying++
	d.most = max(d.most, d.flying)
	progress.Started()
	time.AfterFunc(d.takes, func() {
		d.mu.Lock()
		d.flying--
		d.mu.Unlock()
		progress.Ended(khronos.Outcome{})
	})
	return nil
}

func (d *desk) keys() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var keys []string
	for _, f := range d.list {
		keys = append(keys, f.key)
	}
	return keys
}

// world is a service over a store in memory, in a bubble of synctest.
type world struct {
	*testing.T
	raw   store.Store
	store store.Store // as the service watches it
	desk  *desk
	svc   *Service
	stop  func()
}

func newWorld(t *testing.T, st store.Store, d *desk, change func(*limits.Limits)) *world {
	l := limits.Default()
	if change != nil {
		change(&l)
	}
	w := &world{T: t, raw: st, desk: d, svc: New(st, d, l, slog.New(slog.DiscardHandler))}
	w.store = w.svc.Watch(st)
	return w
}

func (w *world) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.svc.Serve(ctx) }()
	w.stop = func() {
		w.Helper()
		cancel()
		if err := <-served; err != nil {
			w.Errorf("Serve: %v", err)
		}
	}
}

func (w *world) set(tenant int, key string, at time.Time) {
	w.Helper()
	op := store.KVOp{Action: store.KVActionSet, Key: key, Scopes: []string{"s", "t"}, Value: khronos.Text("v" + key), ExpiresAt: at}
	if _, err := w.store.KVApply(w.Context(), tenantN(tenant), store.KVBatch{Ops: []store.KVOp{op}}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) left() int {
	w.Helper()
	list, err := w.raw.KVDue(context.Background(), time.Now(), store.KVCursor{}, 1_000_000)
	if err != nil {
		w.Fatal(err)
	}
	return len(list)
}

// after sleeps in the bubble until all is quiet then.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memory.New(), &desk{takes: time.Second}, nil)
		now := time.Now()
		w.set(1, "late", now.Add(time.Hour))
		w.serve()
		defer w.stop()
		synctest.Wait()
		// It sleeps for an hour; what is set meanwhile is earlier.
		w.set(1, "c", now.Add(30*time.Second))
		w.set(2, "a", now.Add(10*time.Second))
		w.set(1, "b", now.Add(20*time.Second))
		w.set(1, "past", now.Add(-time.Hour))
		after(10*time.Second - time.Nanosecond)
		if got := w.desk.keys(); !slices.Equal(got, []string{"past"}) {
			t.Errorf("before their time: %q", got)
		}
		after(time.Nanosecond)
		if w.left() != 1 {
			t.Errorf("%d are left while the handler runs, want 1", w.left())
		}
		after(time.Second)
		if w.left() != 0 {
			t.Errorf("%d are left after it", w.left())
		}
		after(time.Hour)
		if got := w.desk.keys(); !slices.Equal(got, []string{"past", "a", "b", "c", "late"}) {
			t.Errorf("got %q", got)
		}
		for _, f := range w.desk.list[1:] {
			v, _ := f.data.Get("expires_at")
			at, _ := v.AsTimestamp()
			if late := f.at.Sub(at); late < 0 || late > 10*time.Millisecond {
				t.Errorf("%s fired %v after its time", f.key, late)
			}
		}
		first := w.desk.list[1]
		for name, want := range map[string]khronos.Value{"value": khronos.Text("va"), "scopes": khronos.List(khronos.Text("s"), khronos.Text("t"))} {
			if got, _ := first.data.Get(name); !got.Equal(want) || first.tenant != tenantN(2) {
				t.Errorf("%s: got %v of %s", name, got, first.tenant)
			}
		}
		if id, _ := first.data.Get("id"); id.Len() != 64 {
			t.Errorf("id: %v", id)
		}
		if len(w.svc.lanes)+len(w.svc.flights) > 0 {
			t.Errorf("%d lanes and %d flights are kept", len(w.svc.lanes), len(w.svc.flights))
		}
	})
}

// What is overdue at start comes in order, at the rate, and not all at once.
func TestService_overdueWithoutStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memory.New(), &desk{takes: 200 * time.Millisecond}, func(l *limits.Limits) {
			l.ExpiryInFlight, l.ExpiryPerTenant, l.ExpiryRate = 50, 50, 100
		})
		past := time.Now().Add(-time.Hour)
		for n := range 1000 {
			w.set(1+n%10, fmt.Sprint(n), past.Add(time.Duration(n)*time.Second))
		}
		w.serve()
		defer w.stop()
		began := time.Now()
		after(20 * time.Second)
		got := w.desk.keys()
		if len(got) != 1000 || w.left() != 0 {
			t.Fatalf("%d fired, %d left", len(got), w.left())
		}
		for n, key := range got {
			if key != fmt.Sprint(n) {
				t.Fatalf("number %d is %s", n, key)
			}
		}
		if took := w.desk.list[999].at.Sub(began); took < 9500*time.Millisecond || took > 11*time.Second {
			t.Errorf("1000 at 100 a second took %v", took)
		}
		if w.desk.most > 50 {
			t.Errorf("%d at once, the limit is 50", w.desk.most)
		}
	})
}

// While a tenant's worker is away its records wait, with back-off, and nobody else's do.
func TestService_retries(t *testing.T) {
	for _, kind := range []khronos.ErrorKind{khronos.ErrKindWorkerUnavailable, khronos.ErrKindTenantBusy, khronos.ErrKindDroppedTenant, khronos.ErrKindTenantBanned} {
		synctest.Test(t, func(t *testing.T) {
			away, tries := true, 0
			d := &desk{refuse: func(tenant khronos.TenantID, _ string, _ int) error {
				if tenant == tenantN(1) && away {
					tries++
					return khronos.Errorf(kind, "away")
				}
				return nil
			}}
			w := newWorld(t, memory.New(), d, func(l *limits.Limits) { l.ExpiryPerTenant, l.ExpiryRetryMax = 8, 10*time.Second })
			now := time.Now()
			for n := range 100 {
				w.set(1, fmt.Sprint("away", n), now.Add(time.Duration(n)*time.Microsecond))
			}
			w.serve()
			defer w.stop()
			after(10 * time.Second)
			w.set(2, "other", time.Now().Add(time.Second))
			set := time.Now()
			after(290 * time.Second)
			if got := w.desk.keys(); !slices.Equal(got, []string{"other"}) || w.desk.list[0].at.Sub(set) > 1100*time.Millisecond {
				t.Fatalf("got %q", got)
			}
			// About one round of 8 in ten seconds.
			if tries < 8 || tries > 8*80 {
				t.Errorf("%d tries in 5 minutes", tries)
			}
			d.mu.Lock()
			away = false
			d.mu.Unlock()
			after(30 * time.Second)
			got := w.desk.keys()[1:]
			if len(got) != 100 || w.left() != 0 {
				t.Fatalf("%d fired, %d left", len(got), w.left())
			}
			for n, key := range got {
				if key != fmt.Sprint("away", n) {
					t.Fatalf("number %d is %s", n, key)
				}
			}
			if len(w.svc.lanes)+len(w.svc.flights) > 0 {
				t.Errorf("%d lanes and %d flights are kept", len(w.svc.lanes), len(w.svc.flights))
			}
		})
	}
}

// A tenant that is behind with slow handlers does not delay another one.
func TestService_slowTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memory.New(), &desk{takes: 5 * time.Second}, func(l *limits.Limits) { l.ExpiryPerTenant = 4 })
		past := time.Now().Add(-time.Hour)
		for n := range 600 {
			w.set(1, fmt.Sprint(n), past)
		}
		w.serve()
		defer w.stop()
		for n := range 10 {
			w.set(2+n, fmt.Sprint("quick", n), time.Now().Add(time.Second))
			after(time.Second + 10*time.Millisecond)
			if got := w.desk.keys(); !slices.Contains(got, fmt.Sprint("quick", n)) {
				t.Fatalf("quick%d waits behind the slow tenant", n)
			}
		}
		after(600 / 4 * 5 * time.Second)
		if got := len(w.desk.keys()); got != 610 {
			t.Errorf("%d fired, want 610", got)
		}
	})
}

// After a restart in the middle all that was not acknowledged comes, and nothing else comes again.
func TestService_restart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New()
		crash := newWorld(t, &deafStore{Store: st}, &desk{takes: 100 * time.Millisecond}, func(l *limits.Limits) { l.ExpiryRate, l.ExpiryInFlight = 100, 20 })
		for n := range 300 {
			crash.set(1+n%7, fmt.Sprint(n), time.Now().Add(time.Duration(n)*time.Millisecond))
		}
		crash.serve()
		after(2 * time.Second)
		crash.raw.(*deafStore).lose() // what is acknowledged from now on is lost, as if the process had died
		crash.stop()
		before := crash.desk.keys()
		w := newWorld(t, st, &desk{}, nil)
		w.serve()
		defer w.stop()
		after(5 * time.Second)
		seen := map[string]int{}
		for _, key := range append(before, w.desk.keys()...) {
			seen[key]++
		}
		twice := 0
		for _, n := range seen {
			twice += n - 1
		}
		if len(seen) != 300 || twice > 20 || len(before) < 100 || len(before) == 300 {
			t.Errorf("%d of 300 fired, %d twice with 20 in flight, %d before the restart", len(seen), twice, len(before))
		}
	})
}

// deafStore stops acknowledging.
type deafStore struct {
	store.Store
	mu   sync.Mutex
	lost bool
}

func (d *deafStore) lose() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost = true
}

func (d *deafStore) KVExpire(ctx context.Context, done []store.KVExpiry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lost {
		return errors.New("lost")
	}
	return d.Store.KVExpire(ctx, done)
}

// A store that does not answer for a while costs time and nothing else.
func TestService_storeAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &deafStore{Store: memory.New(), lost: true}
		w := newWorld(t, st, &desk{}, nil)
		w.set(1, "a", time.Now().Add(time.Second))
		w.serve()
		defer w.stop()
		after(time.Minute)
		st.mu.Lock()
		st.lost = false
		st.mu.Unlock()
		after(2 * time.Second)
		if got := w.desk.keys(); !slices.Equal(got, []string{"a"}) || w.left() != 0 {
			t.Errorf("fired %q, %d left", got, w.left())
		}
	})
}

func TestSettled(t *testing.T) {
	for _, kind := range khronos.ErrorKinds()[1:] {
		if kind.RetrySafe() && settled(&khronos.Error{Kind: kind}, false) {
			t.Errorf("%s is not raised again, and nothing of it ran", kind)
		}
	}
	for kind, want := range map[khronos.ErrorKind]bool{
		khronos.ErrKindScriptError: true, khronos.ErrKindCPULimit: true, khronos.ErrKindQuarantined: true, khronos.ErrKindInternal: true,
		khronos.ErrKindDeadline: true, khronos.ErrKindWorkerLostStarted: false,
	} {
		if got := settled(&khronos.Error{Kind: kind}, true); got != want {
			t.Errorf("%s: settled %v", kind, got)
		}
	}
	if settled(&khronos.Error{Kind: khronos.ErrKindDeadline}, false) {
		t.Error("one that has only waited is not raised again")
	}
}
