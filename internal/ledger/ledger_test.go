package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var guild1 = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1 << 22}

func guildN(n int) khronos.TenantID {
	return khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(n+1) << 22}
}

// fakePool does to a dispatch what its event's name says. Nobody else of its
// methods is called.
type fakePool struct {
	aWorker
	mu      sync.Mutex
	noWaits []worker.Progress    // events nobody waits for, that have not ended
	slow    []khronos.DispatchID // events that were
}

// aWorker leaves the name of the interface to a method.
type aWorker = worker.Worker

func (p *fakePool) Worker(khronos.WorkerID) (worker.Worker, bool) { return p, true }

// Dump gives the slow dispatches the lines 1, 2, ...
func (p *fakePool) Dump(context.Context) ([]khronos.ScriptStack, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []khronos.ScriptStack{{Tenant: guild1, Event: "slow", Stack: "init.luau:99"}}
	for i, id := range p.slow {
		list = append(list, khronos.ScriptStack{Tenant: guild1, Template: "sleeper", Event: "slow", Dispatch: id, Stack: fmt.Sprintf("init.luau:%d function nap", i+1)})
	}
	return list, nil
}

func okEntry(template string) khronos.Value {
	return khronos.Map(khronos.Pair{Key: khronos.Text("type"), Value: khronos.Text("ok")}, khronos.Pair{Key: khronos.Text("id"), Value: khronos.Text(template)})
}

func errEntry(template string, kind khronos.ErrorKind) khronos.Value {
	pair := func(k, v string) khronos.Pair { return khronos.Pair{Key: khronos.Text(k), Value: khronos.Text(v)} }
	return khronos.Map(pair("type", "err"), pair("id", template), pair("value", "init.luau:3: no"), pair("kind", kind.String()),
		khronos.Pair{Key: khronos.Text("version"), Value: khronos.Integer(4)}, pair("trace", "init.luau:3 function f\ninit.luau:9\n"))
}

func (p *fakePool) DispatchEvent(ctx context.Context, _ khronos.TenantID, ev khronos.Event) (khronos.Value, error) {
	progress := worker.ProgressOf(ctx)
	if ev.Name == "refused" {
		return khronos.Null(), khronos.Errorf(khronos.ErrKindWorkerUnavailable, "worker 1 is not ready: backoff")
	}
	progress.Sent(1, 3)
	switch ev.Name {
	case "busy":
		return khronos.Null(), khronos.ErrTenantBusy
	case "retried":
		progress.Sent(1, 4)
	}
	time.Sleep(2 * time.Millisecond) // in fake time: it waits for its turn
	progress.Started()
	time.Sleep(10 * time.Millisecond)
	switch ev.Name {
	case "slow":
		p.mu.Lock()
		p.slow = append(p.slow, progress.ID())
		p.mu.Unlock()
		time.Sleep(10 * time.Second)
	case "lost":
		return khronos.Null(), worker.Lost(1, true)
	}
	progress.Used(khronos.Usage{Fuel: 3_000_000, HeapBytes: 1 << 20})
	progress.Started() // and again, late: harmless
	switch ev.Name {
	case "nobody":
		return khronos.Null(), nil
	case "cpu":
		return khronos.List(okEntry("fine"), errEntry("greedy", khronos.ErrKindCPULimit)), nil
	}
	return khronos.List(okEntry("greeter")), nil
}

func (p *fakePool) DispatchEventNoWait(ctx context.Context, _ khronos.TenantID, ev khronos.Event) error {
	if ev.Name == "busy" {
		return khronos.ErrTenantBusy
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noWaits = append(p.noWaits, worker.ProgressOf(ctx))
	return nil
}

func (p *fakePool) RunScript(ctx context.Context, _ khronos.TenantID, name, code string, _ khronos.Event) (khronos.Value, error) {
	worker.ProgressOf(ctx).Started()
	return khronos.Text(code), nil
}

func (p *fakePool) InspectTemplate(context.Context, khronos.TenantID, map[string]string) ([]string, error) {
	return nil, khronos.Errorf(khronos.ErrKindScriptError, "init.luau:1: bad")
}

// written collects a log.
type written struct {
	mu sync.Mutex
	b  strings.Builder
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func newLedger(tweak func(*limits.Limits)) (*Ledger, *fakePool, *written) {
	lim := limits.Default()
	tweak(&lim)
	pool, log := &fakePool{}, &written{}
	return New(pool, lim, slog.New(slog.NewTextHandler(log, nil))), pool, log
}

func same(*limits.Limits) {}

// balanced wants sums that balance with live dispatches left.
func balanced(t *testing.T, l *Ledger, live int) Sums {
	t.Helper()
	sums, b := l.Sums()
	if b.Imbalance != 0 || b.Live != live {
		t.Errorf("imbalance %d with %d live, want 0 with %d", b.Imbalance, b.Live, live)
	}
	return sums
}

func TestLedger_Records(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, _ := newLedger(same)
		began := time.Now()
		record := func(event string) Dispatch {
			ctx, id := l.Named(t.Context())
			ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
			defer cancel()
			l.DispatchEvent(ctx, guild1, khronos.Event{Name: event})
			d, ok := l.Get(id)
			if !ok || d.ID != id || d.Event != event || d.Tenant != guild1 || d.Allowed != 20*time.Second {
				t.Errorf("%s is recorded as %+v", event, d)
			}
			return d
		}

		d := record("fine")
		if !d.Accepted.Equal(began) || d.Sends != 1 || d.Worker != 1 || d.Generation != 3 || d.Started != 2*time.Millisecond || d.Ended != 12*time.Millisecond {
			t.Errorf("fine took the way %+v", d)
		}
		if d.Outcome() != khronos.ErrKindOK || d.CPU != 10*time.Millisecond || d.Usage.HeapBytes != 1<<20 || len(d.Runs) != 1 || d.Runs[0].Template != "greeter" {
			t.Errorf("fine ended as %+v", d)
		}
		d = record("cpu")
		if r := d.Failed(); d.Outcome() != khronos.ErrKindCPULimit || len(d.Runs) != 2 || r.Template != "greedy" || r.Version != 4 || !strings.HasPrefix(r.Trace, "init.luau:3") {
			t.Errorf("cpu ended as %+v", d)
		}
		if d = record("refused"); d.Sends != 0 || d.Started != 0 || d.Outcome() != khronos.ErrKindWorkerUnavailable {
			t.Errorf("refused ended as %+v", d)
		}
		if d = record("retried"); d.Sends != 2 || d.Generation != 4 {
			t.Errorf("retried took the way %+v", d)
		}
		if d = record("lost"); d.Usage.Fuel != 0 || d.Outcome() != khronos.ErrKindWorkerLostStarted {
			t.Errorf("lost ended as %+v", d)
		}
		if d = record("nobody"); len(d.Runs) != 0 || d.Outcome() != khronos.ErrKindOK {
			t.Errorf("nobody ended as %+v", d)
		}

		sums := balanced(t, l, 0)
		if sums.Accepted[KindEvent] != 6 || sums.Ended[KindEvent][khronos.ErrKindCPULimit] != 1 || sums.Retried != 1 || sums.Runs[khronos.ErrKindOK] != 4 {
			t.Errorf("sums are %+v", sums)
		}
		if sums.Wait.Counts[2] != 5 || sums.Wait.Sum != 10*time.Millisecond {
			t.Errorf("waits are %+v", sums.Wait)
		}
	})
}

func TestLedger_OtherKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, _ := newLedger(same)
		l.RunScript(t.Context(), guild1, "probe", "return 1", khronos.Event{})
		l.InspectTemplate(t.Context(), guild1, nil)
		list := l.List(Filter{Limit: 9})
		if len(list) != 2 || list[0].Kind != KindInspect || list[0].Outcome() != khronos.ErrKindScriptError || list[1].Kind != KindScript || list[1].Event != "probe" {
			t.Errorf("recorded %+v", list)
		}
		if sums := balanced(t, l, 0); sums.Ended[KindInspect][khronos.ErrKindScriptError] != 1 {
			t.Errorf("sums are %+v", sums)
		}
	})
}

func TestLedger_NoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, pool, log := newLedger(same)
		if err := l.DispatchEventNoWait(t.Context(), guild1, khronos.Event{Name: "busy"}); err == nil {
			t.Fatal("busy was accepted")
		}
		balanced(t, l, 0)
		ctx, id := l.Named(t.Context())
		if err := l.DispatchEventNoWait(ctx, guild1, khronos.Event{Name: "later"}); err != nil {
			t.Fatal(err)
		}
		balanced(t, l, 1)
		if d, _ := l.Get(id); d.Ended != 0 {
			t.Errorf("accepted event is %+v", d)
		}
		time.Sleep(time.Second)
		pool.noWaits[0].Started()
		pool.noWaits[0].Ended(khronos.Outcome{Value: khronos.List(errEntry("t", khronos.ErrKindMemoryLimit)), Usage: khronos.Usage{Fuel: 5}})
		balanced(t, l, 0)
		d, _ := l.Get(id)
		if d.Outcome() != khronos.ErrKindMemoryLimit || d.Usage.Fuel != 5 || d.Started != time.Second {
			t.Errorf("ended as %+v", d)
		}
		if text := log.String(); !strings.Contains(text, "event nobody waited for failed") || !strings.Contains(text, id.String()) || !strings.Contains(text, "memory_limit") {
			t.Errorf("the log says %s", text)
		}

		// A worker that ends an event twice, or tells of it late, does no harm, and is counted.
		pool.noWaits[0].Ended(khronos.Outcome{})
		pool.noWaits[0].Sent(9, 9)
		if d, _ := l.Get(id); d.Outcome() != khronos.ErrKindMemoryLimit {
			t.Errorf("after a second end: %+v", d)
		}
		if sums, b := l.Sums(); sums.EndedTwice != 1 || b.Imbalance != 1 {
			t.Errorf("a second end makes the imbalance %d, want 1", b.Imbalance)
		}
	})
}

func TestLedger_List(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, _ := newLedger(same)
		var wg sync.WaitGroup
		for i, event := range []string{"fine", "cpu", "busy", "slow"} {
			for n := range 2 {
				wg.Go(func() { l.DispatchEvent(t.Context(), guildN(n), khronos.Event{Name: event}) })
			}
			_ = i
			time.Sleep(100 * time.Millisecond)
		}
		cpu, limit := khronos.ErrKindCPULimit, khronos.OwnerTenantLimit
		for name, c := range map[string]struct {
			f    Filter
			want string
		}{
			"all":     {Filter{Limit: 99}, "slow slow busy busy cpu cpu fine fine"},
			"limit":   {Filter{Limit: 3}, "slow slow busy"},
			"tenant":  {Filter{Tenant: guildN(1), Limit: 99}, "slow busy cpu fine"},
			"live":    {Filter{Live: true, Limit: 99}, "slow slow"},
			"outcome": {Filter{Outcome: &cpu, Limit: 99}, "cpu cpu"},
			"owner":   {Filter{Owner: &limit, Tenant: guildN(0), Limit: 99}, "busy cpu"},
		} {
			var got []string
			for _, d := range l.List(c.f) {
				got = append(got, d.Event)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: got %v, want %s", name, got, c.want)
			}
		}
		page := l.List(Filter{Limit: 5})
		rest := l.List(Filter{Limit: 99, Before: page[4].ID})
		if len(rest) != 3 || rest[0].ID >= page[4].ID {
			t.Errorf("the next page is %v", rest)
		}
		if _, b := l.Sums(); b.Live != 2 || b.Waiting != 0 {
			t.Errorf("balance %+v, want 2 live and started", b)
		}
		wg.Wait()
	})
}

func TestLedger_Bounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, pool, _ := newLedger(func(lim *limits.Limits) { lim.LedgerDispatches, lim.LedgerPerTenant = 100, 30 })
		quiet, _ := l.Named(t.Context())
		l.DispatchEventNoWait(quiet, guildN(0), khronos.Event{Name: "stays live"})
		for range 200 {
			l.DispatchEvent(t.Context(), guildN(1), khronos.Event{Name: "busy"})
		}
		if n := len(l.List(Filter{Tenant: guildN(1), Limit: 999})); n != 30 {
			t.Errorf("%d kept of one tenant, want 30", n)
		}
		for i := range 300 {
			l.DispatchEvent(t.Context(), guildN(2+i%20), khronos.Event{Name: "busy"})
		}
		all := l.List(Filter{Limit: 9999})
		if len(all) > 101 || len(all) < 50 {
			t.Errorf("%d kept in all, want up to 100 and the live one", len(all))
		}
		if live := l.List(Filter{Live: true, Limit: 9}); len(live) != 1 {
			t.Errorf("%d live, want the one that stays", len(live))
		}
		books, kept := 0, 0
		for _, s := range l.shards {
			books += len(s.books)
			kept += s.endedN
		}
		if books > 22 || kept != len(all)-1 {
			t.Errorf("%d books and %d counted for %d dispatches", books, kept, len(all))
		}
		pool.noWaits[0].Ended(khronos.Outcome{})
		if sums := balanced(t, l, 0); sums.Accepted[KindEvent] != 501 {
			t.Errorf("%d accepted, want 501", sums.Accepted[KindEvent])
		}
	})
}

// Whatever happens in whatever order, the sums balance and the bounds hold.
func TestLedger_Model(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lim := limits.Default()
		lim.LedgerDispatches, lim.LedgerPerTenant = 16, rapid.IntRange(1, 8).Draw(t, "per tenant")
		pool := &fakePool{}
		l := New(pool, lim, slog.New(slog.DiscardHandler))
		live, ended := 0, 0
		t.Repeat(map[string]func(*rapid.T){
			"begin": func(t *rapid.T) {
				l.DispatchEventNoWait(context.Background(), guildN(rapid.IntRange(0, 9).Draw(t, "tenant")), khronos.Event{Name: "x"})
				live++
			},
			"refuse": func(t *rapid.T) {
				l.DispatchEventNoWait(context.Background(), guildN(rapid.IntRange(0, 9).Draw(t, "tenant")), khronos.Event{Name: "busy"})
				ended++
			},
			"end": func(t *rapid.T) {
				if len(pool.noWaits) == 0 {
					t.Skip("nothing lives")
				}
				i := rapid.IntRange(0, len(pool.noWaits)-1).Draw(t, "which")
				pool.noWaits[i].Ended(khronos.Outcome{})
				pool.noWaits = append(pool.noWaits[:i], pool.noWaits[i+1:]...)
				live, ended = live-1, ended+1
			},
			"": func(t *rapid.T) {
				_, b := l.Sums()
				if b.Imbalance != 0 || b.Live != live {
					t.Fatalf("imbalance %d, %d live, want 0 and %d", b.Imbalance, b.Live, live)
				}
				kept := l.List(Filter{Limit: 999})
				if len(kept)-live > 16 || ended > 0 && len(kept) == live {
					t.Fatalf("%d kept of %d ended", len(kept)-live, ended)
				}
			},
		})
	})
}

func TestLedger_IDs(t *testing.T) {
	l, _, _ := newLedger(same)
	var mu sync.Mutex
	seen := map[khronos.DispatchID]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			last := khronos.DispatchID(0)
			for range 2000 {
				id := l.newID()
				if id <= last {
					t.Errorf("%s comes after %s", id, last)
				}
				last = id
				mu.Lock()
				if seen[id] {
					t.Errorf("%s was given out twice", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if at := time.UnixMilli(int64(l.newID() >> khronos.DispatchIDTimeBits)); time.Since(at).Abs() > 10*time.Second {
		t.Errorf("an id says it is %s", at)
	}
}

func TestLedger_SlowLogAndFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, log := newLedger(func(lim *limits.Limits) { lim.SlowDispatch = 4 * time.Second })
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- l.Serve(ctx) }()
		follower := l.Follow(guild1, 3)
		defer follower.Close()

		var both sync.WaitGroup
		both.Go(func() { l.DispatchEvent(ctx, guild1, khronos.Event{Name: "slow"}) })
		time.Sleep(time.Millisecond)
		both.Go(func() { l.DispatchEvent(ctx, guild1, khronos.Event{Name: "slow"}) })
		time.Sleep(7 * time.Second)
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		for i, line := range lines {
			if strings.Count(line, "init.luau:") != 1 || !strings.Contains(line, fmt.Sprintf("init.luau:%d function nap", i+1)) {
				t.Errorf("line %d has not its own stack alone: %s", i, line)
			}
		}
		if len(lines) != 2 || strings.Count(log.String(), "slow dispatch") != 2 {
			t.Errorf("want two lines while they run: %q", lines)
		}
		both.Wait()
		if n := strings.Count(log.String(), "slow dispatch"); n != 2 {
			t.Errorf("%d lines when they have ended, want 2", n)
		}
		for range 2 {
			if d := <-follower.Items(); d.Event != "slow" || d.Ended < 10*time.Second {
				t.Errorf("the follower got %+v", d)
			}
		}
		l.DispatchEvent(ctx, guildN(9), khronos.Event{Name: "fine"})
		if n := len(follower.Items()); n != 0 {
			t.Errorf("the follower got %d of another tenant", n)
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if sums := balanced(t, l, 0); sums.Slow != 2 {
			t.Errorf("%d slow, want 2", sums.Slow)
		}
	})
}

func TestLedger_SelfCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, pool, log := newLedger(same)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		served := make(chan error, 1)
		go func() { served <- l.Serve(ctx) }()
		l.DispatchEventNoWait(t.Context(), guild1, khronos.Event{Name: "forgotten by its worker"})
		time.Sleep(5 * time.Minute)
		if n := strings.Count(log.String(), "the ledger does not balance"); n != 1 {
			t.Errorf("%d complaints about an event that never ends, want 1: %s", n, log)
		}
		pool.noWaits[0].Ended(khronos.Outcome{})
		time.Sleep(time.Minute)
		if n := strings.Count(log.String(), "balances again"); n != 1 {
			t.Errorf("%d all-clears, want 1: %s", n, log)
		}
		stop()
		<-served
	})
}

func TestLedger_Busiest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, _ := newLedger(same)
		for i := range 5 {
			for range i {
				l.DispatchEvent(t.Context(), guildN(i), khronos.Event{Name: "cpu"})
			}
		}
		top := l.Busiest(2)
		if len(top) != 2 || top[0].Tenant != guildN(4) || top[0].Dispatches != 4 || top[0].Failures != 4 || top[0].CPU != 40*time.Millisecond || top[1].Tenant != guildN(3) {
			t.Errorf("busiest are %+v", top)
		}
		time.Sleep(30 * time.Second)
		if top := l.Busiest(9); len(top) != 4 {
			t.Errorf("after half a minute: %+v", top)
		}
		time.Sleep(40 * time.Second)
		if top := l.Busiest(9); len(top) != 0 {
			t.Errorf("after a minute: %+v", top)
		}
	})
}

func TestSums_KnowEveryOutcome(t *testing.T) {
	if n := len(khronos.ErrorKinds()); n > maxOutcomes {
		t.Errorf("%d kinds of outcome, the arrays have %d", n, maxOutcomes)
	}
	for _, kind := range khronos.ErrorKinds() {
		if kind != khronos.ErrKindOK && whoActs[kind] == "" {
			t.Errorf("nobody is named to act on %s", kind)
		}
	}
}

func BenchmarkLedger_DispatchEvent(b *testing.B) {
	for _, c := range []struct {
		name string
		do   func(l *Ledger, p instantPool, tenant khronos.TenantID)
	}{
		{"without", func(_ *Ledger, p instantPool, tenant khronos.TenantID) {
			p.DispatchEvent(context.Background(), tenant, khronos.Event{Name: "MESSAGE_CREATE"})
		}},
		{"with", func(l *Ledger, _ instantPool, tenant khronos.TenantID) {
			l.DispatchEvent(context.Background(), tenant, khronos.Event{Name: "MESSAGE_CREATE"})
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			pool := instantPool{result: khronos.List(okEntry("greeter"))}
			l := New(pool, limits.Default(), slog.New(slog.DiscardHandler))
			tenants := make([]khronos.TenantID, 1000)
			for i := range tenants {
				tenants[i] = guildN(i)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					c.do(l, pool, tenants[i%len(tenants)])
				}
			})
		})
	}
}

// instantPool tells what a worker tells, and takes no time.
type instantPool struct {
	Pool
	result khronos.Value
}

func (p instantPool) DispatchEvent(ctx context.Context, _ khronos.TenantID, _ khronos.Event) (khronos.Value, error) {
	progress := worker.ProgressOf(ctx)
	progress.Sent(1, 3)
	progress.Started()
	progress.Used(khronos.Usage{Fuel: 1000, HeapBytes: 1 << 20})
	return p.result, nil
}

func ExampleExplain() {
	d := Dispatch{
		ID: 1 << 60, Tenant: guild1, Event: "MESSAGE", Accepted: time.Date(2026, 11, 22, 19, 40, 1, 123e6, time.UTC), Allowed: 30 * time.Second,
		Sends: 1, Worker: 1, Generation: 3, Sent: 200 * time.Microsecond, Started: 1400 * time.Microsecond, Ended: 1021 * time.Millisecond,
		Usage: khronos.Usage{Fuel: 300_000_000, HeapBytes: 3 << 20}, CPU: time.Second,
		Runs: []Run{{Template: "greeter"}, {Template: "raid-guard", Version: 4, Kind: khronos.ErrKindCPULimit,
			Text: "over the limit of 1s CPU time for one dispatch (cpu_hard)", Trace: "init.luau:12 function count\ninit.luau:30\n"}},
	}
	fmt.Println(strings.ReplaceAll(Explain(&d, time.Now()), ". ", ".\n"))
	// Output:
	// Event MESSAGE for guild:4194304 was accepted as dispatch 1000000000000 at 2026-11-22 19:40:01.123 UTC, to end within 30s.
	// After 200µs it was handed to worker 1, generation 3; its first instruction ran 1.2ms later, and it ended after another 1.02s.
	// It used 1s of CPU time (300000000 fuel) and left 3072.0 KiB charged to the tenant.
	// Template raid-guard (version 4) ended with cpu_limit at init.luau:12: over the limit of 1s CPU time for one dispatch (cpu_hard).
	// Template greeter ended well.
	// The template's author has to make it do less, or the operator to raise cpu_hard.
	// It had started and may have had effects, so nobody sends it again by itself.
}
