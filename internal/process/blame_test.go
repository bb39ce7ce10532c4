package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/quarantine"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/worker"
)

// seedsEnv is how many seeds TestIsolation_FindsTheKiller takes; see `make blame`.
const seedsEnv = "TW_BLAME_SEEDS"

// The lines that end a worker of role roleTenants from inside its script.
const (
	lineExit = "die by exit"
	lineKill = "die by signal"
	lineHold = "hold " // stay in the middle of the slice; the first time that something is held
)

// once says whether it is called for the first time with name, by any process.
func once(name string) bool {
	f, err := os.OpenFile(filepath.Join(os.Getenv(dirEnv), name), os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		f.Close()
	}
	return err == nil
}

// deadlyDoor is a way to the master on which a script can end its process: while
// it prints, which is in the middle of a slice.
type deadlyDoor struct{ tenant.Door }

func (d deadlyDoor) Log(id khronos.TenantID, template, line string) {
	switch line {
	case lineExit:
		os.Exit(66)
	case lineKill:
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			panic(err)
		}
		<-make(chan struct{})
	}
	if name, ok := strings.CutPrefix(line, lineHold); ok && once(name) {
		<-make(chan struct{})
	}
	d.Door.Log(id, template, line)
}

// newTenants is the tenants' side of a worker of role roleTenants.
func newTenants(s Settings, door tenant.Door, runs tenant.RunningMap, log *slog.Logger) worker.Runtime {
	return tenant.New(tenant.Config{Limits: s.Limits, Slots: s.Slots, Door: deadlyDoor{door}, Map: runs, Log: log})
}

// plant is a master with a pool of workers that run scripts, and an Isolation.
type plant struct {
	t    *testing.T
	pool *worker.Pool
	iso  *Isolation
	book *quarantine.Book
	link *mesophyll.Server

	deaths, soloDeaths atomic.Int32

	mu sync.Mutex
	// mu guards the fields below.
	templates map[khronos.TenantID][]khronos.Template
	logs      map[khronos.TenantID][]string
}

func newPlant(t *testing.T, workers, slots int, tweak func(*limits.Limits)) *plant {
	t.Helper()
	dir, err := os.MkdirTemp("", "tw")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := limits.Default()
	l.RestartDelay = 20 * time.Millisecond
	l.WorkerWait = 10 * time.Second
	tweak(&l)
	log := &testLog{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	w := &plant{t: t, templates: map[khronos.TenantID][]khronos.Template{}, logs: map[khronos.TenantID][]string{}}
	w.book = quarantine.New(quarantine.RulesOf(l), time.Now)
	w.link = mesophyll.NewServer(LinkConfig(l), logger)
	cfg := func(id int, deaths *atomic.Int32) Config {
		return Config{
			ID: khronos.WorkerID(id), Limits: l, Path: self, Args: []string{"worker"},
			Env:     []string{roleEnv + "=" + roleTenants, dirEnv + "=" + dir, "GORACE=atexit_sleep_ms=0"},
			Network: "unix", Address: filepath.Join(dir, "s"),
			Settings:  Settings{Slots: slots},
			Listeners: []Listener{deathCount{deaths}},
		}
	}
	w.iso = NewIsolation(cfg(workers, &w.soloDeaths), w.book, w.link, w, logger)
	list := make([]worker.Worker, workers)
	for i := range list {
		c := cfg(i, &w.deaths)
		c.Owns = func(id khronos.TenantID) bool { return id.Slot(workers) == i }
		c.Isolation = w.iso
		list[i] = NewHandle(c, w.link, w, logger)
	}
	w.pool = worker.NewPool(list)
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	var stops []func()
	for _, serve := range []func(context.Context) error{
		func(ctx context.Context) error { return w.link.Serve(ctx, listener) }, w.iso.Serve, w.pool.Serve,
	} {
		ctx, stop := context.WithCancel(context.Background())
		var part sync.WaitGroup
		part.Go(func() { _ = serve(ctx) })
		stops = append(stops, func() { stop(); part.Wait() })
	}
	t.Cleanup(func() {
		for _, stop := range slices.Backward(stops) {
			stop()
		}
		os.RemoveAll(dir)
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return w
}

// deathCount counts the deaths that nobody wished.
type deathCount struct{ n *atomic.Int32 }

func (d deathCount) WorkerExited(e WorkerExited) {
	if e.Reason == ReasonCrash {
		d.n.Add(1)
	}
}
func (d deathCount) WorkerFailed(WorkerFailed) {}

func (w *plant) Exec(ctx context.Context, call tenant.HostCall) (khronos.Value, error) {
	return khronos.Null(), nil
}

func (w *plant) Templates(_ context.Context, id khronos.TenantID) ([]khronos.Template, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.templates[id]), nil
}

func (w *plant) Log(id khronos.TenantID, template, line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logs[id] = append(w.logs[id], template+": "+line)
}

func (w *plant) logged(id khronos.TenantID, part string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.logs[id], func(line string) bool { return strings.Contains(line, part) })
}

// put stores a template of one file with the handlers e, f and w.
func (w *plant) put(id khronos.TenantID, name string, version int64, source string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(w.templates[id]), func(t khronos.Template) bool { return t.Name == name })
	w.templates[id] = append(list, khronos.Template{
		Name: name, Version: version, Files: map[string]string{khronos.InitFile: source}, Capabilities: []string{"*"}, Subscriptions: []string{"e", "f", "w"},
	})
}

// answer is what became of one event: what each template's entry says, or the
// kind of the error.
func (w *plant) answer(id khronos.TenantID, ev khronos.Event) (entries map[string]string, kind khronos.ErrorKind) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	v, err := w.pool.DispatchEvent(ctx, id, ev)
	if err != nil {
		return nil, khronos.AsError(err).Kind
	}
	entries = map[string]string{}
	for _, entry := range v.Items() {
		text := func(key string) string { v, _ := entry.Get(key); s, _ := v.AsText(); return s }
		entries[text("id")] = text("type")
		if k := text("kind"); k != "" {
			entries[text("id")] = k
		}
	}
	return entries, khronos.ErrKindOK
}

// polite is the script of the innocent: it computes for a while, waits, calls
// the host.
const polite = `return {
	e = function() local n = 0; for i = 1, 20000 do n += i end end,
	f = function(ctx) ctx.KV:get("k", { "s" }); for i = 1, 3000 do local t = { i } end end,
	w = function() task.wait(0.02) end,
}`

// killers are scripts whose event e ends their worker, each in its way.
var killers = []string{
	`return { e = function() print("` + lineExit + `") end, f = function() end, w = function() end }`,
	`return { e = function(ctx) ctx.KV:get("k", { "s" }); task.wait(0.01); print("` + lineKill + `") end, f = function() end, w = function() end }`,
	`return { e = function() for i = 1, 300000 do end; print("` + lineExit + `") end, f = function() end, w = function() end }`,
	`print("` + lineKill + `") return {}`,
}

// TestIsolation_FindsTheKiller is line 5 of "Blame": 60 tenants on 3 workers, and
// one script that kills its worker.
func TestIsolation_FindsTheKiller(t *testing.T) {
	seeds := 3
	if text := os.Getenv(seedsEnv); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		seeds = n
	}
	var sum blameCount
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { blameOneSeed(t, uint64(seed), &sum) })
	}
	t.Logf("%d seeds: %d deaths of pool workers and %d of solo workers, at most %d together; %d suspects; %d innocent dispatches, %d lost, at most %d of one tenant; %d innocent tenants quarantined",
		seeds, sum.pool, sum.solo, sum.worst, sum.suspected, sum.dispatches, sum.lost, sum.lostMost, sum.innocent)
}

// blameCount sums up seeds.
type blameCount struct {
	pool, solo, worst, suspected, dispatches, lost, lostMost, innocent int
}

func blameOneSeed(t *testing.T, seed uint64, sum *blameCount) {
	const tenants, workers = 60, 3
	rnd := rand.New(rand.NewPCG(seed, 5))
	w := newPlant(t, workers, 1+rnd.IntN(3), func(*limits.Limits) {})
	ids := make([]khronos.TenantID, tenants)
	for i := range ids {
		ids[i] = khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(1000+i) << 22}
		w.put(ids[i], "polite", 1, polite)
	}
	killer := ids[rnd.IntN(tenants)]
	w.put(killer, "killer", 1, killers[rnd.IntN(len(killers))])
	deadly := khronos.Event{Name: "e", Repeatable: rnd.IntN(2) == 0}

	var done, dispatches atomic.Int64
	var stop atomic.Bool
	var lost [tenants]atomic.Int64
	var innocents sync.WaitGroup
	for i, id := range ids {
		if id == killer {
			continue
		}
		names := []string{"e", "f", "w"}
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		innocents.Go(func() {
			for !stop.Load() {
				dispatches.Add(1)
				entries, kind := w.answer(id, khronos.Event{Name: names[rnd.IntN(3)]})
				switch {
				case kind == khronos.ErrKindWorkerLostStarted:
					lost[i].Add(1)
					if id.Slot(workers) != killer.Slot(workers) {
						t.Errorf("%s lost a dispatch, and its worker is not the killer's", id)
					}
				case kind != khronos.ErrKindOK || entries["polite"] != "ok":
					t.Errorf("%s: %v, %v", id, kind, entries)
				}
				done.Add(1)
			}
		})
	}
	begin := 60 + rnd.Int64N(300)
	eventually(t, "the innocent are at work", func() bool { return done.Load() >= begin })

	var entries map[string]string
	tries := 0
	for tries = 1; tries <= 5; tries++ {
		if entries, _ = w.answer(killer, deadly); entries["killer"] == "quarantined" {
			break
		}
	}
	if entries["killer"] != "quarantined" || entries["polite"] != "ok" {
		t.Errorf("after %d events the killer's tenant gets %v, want its killer quarantined and the other template ok", tries, entries)
	}
	after := done.Load() + 200
	eventually(t, "the innocent are at work again", func() bool { return done.Load() >= after })
	stop.Store(true)
	innocents.Wait()

	pool, solo := int(w.deaths.Load()), int(w.soloDeaths.Load())
	if pool+solo != 2 || pool != 1 {
		t.Errorf("%d workers of the pool and %d solo workers died, want 1 and 1", pool, solo)
	}
	counts := w.book.Counts()
	convicted := int(counts.Changes[quarantine.Convicted])
	if convicted != 1 || len(w.book.List(killer)) != 1 {
		t.Errorf("%d convicted, of the killer's tenant %v", convicted, w.book.List(killer))
	}
	sum.pool += pool
	sum.solo += solo
	sum.worst = max(sum.worst, pool+solo)
	sum.suspected += int(counts.Changes[quarantine.Suspected])
	sum.innocent += convicted - 1
	sum.dispatches += int(dispatches.Load())
	for i, id := range ids {
		n := int(lost[i].Load())
		if n > 1 {
			t.Errorf("%s lost %d dispatches", id, n)
		}
		sum.lost += n
		sum.lostMost = max(sum.lostMost, n)
		if id != killer && w.logged(id, "quarantined until") {
			t.Errorf("%s is innocent and was quarantined", id)
		}
	}
	for _, line := range []string{"a worker died while this ran", "quarantined until"} {
		if !w.logged(killer, line) {
			t.Errorf("the killer's log does not say %q", line)
		}
	}
}

// A sole suspect's started event that its sender calls repeatable runs again,
// alone; one that has survived so is cleared, and gets that answer.
func TestIsolation_RepeatsAndClears(t *testing.T) {
	w := newPlant(t, 1, 1, func(*limits.Limits) {})
	id := khronos.TenantID{Kind: khronos.TenantGuild, ID: 1 << 22}
	w.put(id, "spin", 1, `return { e = function() print("hold e") end, f = function() print("hold f") end, w = function() end }`)
	w.answer(id, khronos.Event{Name: "w"})
	kill := func() {
		t.Helper()
		eventually(t, "the script runs", func() bool {
			now, _ := w.pool.Owner(id).(*Handle).board.read()
			return now.ready != nil && slices.ContainsFunc(now.ready.child.marks.running(), func(r running) bool { return r.InSlice })
		})
		if err := syscall.Kill(w.pool.Status()[0].PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	type result struct {
		entries map[string]string
		kind    khronos.ErrorKind
	}
	results := make(chan result, 1)
	send := func(ev khronos.Event) { go func() { e, k := w.answer(id, ev); results <- result{e, k} }() }

	send(khronos.Event{Name: "e"})
	kill()
	if got := <-results; got.kind != khronos.ErrKindWorkerLostStarted {
		t.Errorf("a started event that may not be repeated: %v", got)
	}
	eventually(t, "it is suspected", func() bool { return !w.book.Empty() })
	if list := w.book.List(id); len(list) != 1 || list[0].State != quarantine.Probation || list[0].Event != "e" || list[0].Template != "spin" || list[0].Version != 1 {
		t.Errorf("after the death: %+v", list)
	}
	if _, kind := w.answer(id, khronos.Event{Name: "e"}); kind != khronos.ErrKindOK {
		t.Errorf("alone: %v", kind)
	}
	if list := w.book.List(id); len(list) != 0 || !w.logged(id, "no longer suspected") {
		t.Errorf("after surviving: %+v", list)
	}

	send(khronos.Event{Name: "f", Repeatable: true})
	kill()
	if got := <-results; got.kind != khronos.ErrKindOK {
		t.Errorf("a repeatable event: %v", got)
	}
	if list := w.book.List(id); len(list) != 0 {
		t.Errorf("after surviving again: %+v", list)
	}
	if n := w.soloDeaths.Load(); n != 0 {
		t.Errorf("%d solo workers died", n)
	}
}

// An upload whose inspection kills its worker, and a script of an operator that
// does, are refused after the second death.
func TestIsolation_RefusesDeadlyJobs(t *testing.T) {
	w := newPlant(t, 1, 1, func(*limits.Limits) {})
	id := khronos.TenantID{Kind: khronos.TenantGuild, ID: 1 << 22}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	run := func() error {
		_, err := w.pool.RunScript(ctx, id, "s", `print("`+lineExit+`")`, khronos.Event{Name: "RunScript"})
		return err
	}
	wantKind(t, run(), khronos.ErrKindWorkerLostStarted)
	wantKind(t, run(), khronos.ErrKindWorkerLostStarted)
	err := run()
	wantKind(t, err, khronos.ErrKindQuarantined)
	if err != nil && !strings.Contains(err.Error(), "an operator lifts it") {
		t.Errorf("it says %v", err)
	}
	if n := w.iso.Lift(id, ""); n != 1 {
		t.Errorf("%d entries lifted, want 1", n)
	}
	if _, err := w.pool.RunScript(ctx, id, "s", "return 1", khronos.Event{Name: "RunScript"}); err != nil {
		t.Errorf("after it was lifted: %v", err)
	}
	eventually(t, "the solo worker's death is known", func() bool { return w.soloDeaths.Load() > 0 })
	if pool, solo := w.deaths.Load(), w.soloDeaths.Load(); pool != 1 || solo != 1 {
		t.Errorf("%d workers of the pool and %d solo workers died, want 1 and 1", pool, solo)
	}
}

// A new version of the template lifts its quarantine, an operator too, and the
// end of its time.
func TestIsolation_Lifts(t *testing.T) {
	w := newPlant(t, 1, 1, func(l *limits.Limits) { l.QuarantineFirst = time.Hour })
	id := khronos.TenantID{Kind: khronos.TenantGuild, ID: 1 << 22}
	want := func(want string) {
		t.Helper()
		entries, kind := w.answer(id, khronos.Event{Name: "e"})
		if got := entries["k"]; got != want || kind != khronos.ErrKindOK {
			t.Errorf("it gets %v, %v, want %s", entries, kind, want)
		}
	}
	convict := func() {
		t.Helper()
		for range 2 {
			if _, kind := w.answer(id, khronos.Event{Name: "e"}); kind != khronos.ErrKindWorkerLostStarted {
				t.Errorf("a deadly event ends with %s", kind)
			}
		}
		want("quarantined")
	}
	w.put(id, "k", 1, killers[0])
	convict()
	list, err := w.iso.Quarantine(t.Context(), id)
	if err != nil || len(list) != 1 || list[0].State != quarantine.Quarantined || time.Until(list[0].Until) < 50*time.Minute {
		t.Errorf("the quarantine of the tenant: %+v, %v", list, err)
	}
	w.put(id, "k", 2, polite)
	if err := w.pool.DropTenant(t.Context(), id); err != nil {
		t.Error(err)
	}
	want("ok")
	if !w.logged(id, "is lifted, the template was changed") {
		t.Error("the log does not say that the new version has lifted it")
	}

	w.put(id, "k", 3, killers[0])
	if err := w.pool.DropTenant(t.Context(), id); err != nil {
		t.Error(err)
	}
	convict()
	if n := w.iso.Lift(id, "k"); n != 1 {
		t.Errorf("%d entries lifted, want 1", n)
	}
	if _, kind := w.answer(id, khronos.Event{Name: "e"}); kind != khronos.ErrKindWorkerLostStarted {
		t.Errorf("after it was lifted the event ends with %s: it did not run", kind)
	}
}

// starter says when something starts in a list of all starts.
type starter struct {
	*steps
	name string
	all  *steps
}

func (s *starter) Started() { s.all.add("%s", s.name) }

// A suspect keeps its place among the tenant's events, and the solo worker ends
// when nobody needs it.
func TestIsolation_KeepsTheOrderAndStops(t *testing.T) {
	w := newPlant(t, 1, 2, func(l *limits.Limits) { l.SoloIdle = 300 * time.Millisecond })
	id := khronos.TenantID{Kind: khronos.TenantGuild, ID: 1 << 22}
	w.put(id, "a", 1, `return { e = function() print("e starts") task.wait(0.2) print("e ends") end, f = function() print("f starts") end, w = function() end }`)
	w.book.Died(quarantine.Death{Suspects: []quarantine.Subject{{Tenant: id, Template: "a", Version: 1, Event: "e"}}})
	var both sync.WaitGroup
	starts := &steps{}
	for _, name := range []string{"e", "f"} {
		p := &starter{&steps{ended: make(chan khronos.Outcome, 1)}, name, starts}
		if err := w.pool.DispatchEventNoWait(worker.WithProgress(t.Context(), p), id, khronos.Event{Name: name}); err != nil {
			t.Fatal(err)
		}
		both.Go(func() {
			if out := <-p.ended; out.Err != nil {
				t.Error(out.Err)
			}
		})
	}
	both.Wait()
	w.mu.Lock()
	lines := slices.Clone(w.logs[id])
	w.mu.Unlock()
	if got := slices.Compact(starts.told()); !slices.Equal(got, []string{"e", "f"}) {
		t.Errorf("started are %q", got)
	}
	if f, e := slices.Index(lines, "a: f starts"), slices.Index(lines, "a: e ends"); f < 0 || f > e {
		t.Errorf("the log has %q", lines)
	}
	eventually(t, "the idle solo worker has stopped", func() bool { return w.iso.solo.Status()[0].State == worker.StateKilled })
	if w.soloDeaths.Load() != 0 {
		t.Error("its end counts as a death")
	}
}

// A script that ends a worker which is being replaced is suspected too; a worker
// that ends in peace leaves no suspects.
func TestIsolation_BlamesInAReplacedWorker(t *testing.T) {
	w := newPlant(t, 1, 1, func(l *limits.Limits) { l.RestartSettle = 10 * time.Millisecond })
	w.put(guild, "a", 1, `return { e = function() end, f = function() task.wait(1); print("`+lineExit+`") end, w = function() task.wait(1) end }`)
	for _, c := range []struct {
		event string
		want  khronos.ErrorKind
		held  int
	}{{"w", khronos.ErrKindOK, 0}, {"f", khronos.ErrKindWorkerLostStarted, 1}} {
		ended := make(chan khronos.ErrorKind, 1)
		go func() {
			_, kind := w.answer(guild, khronos.Event{Name: c.event})
			ended <- kind
		}()
		eventually(t, "it waits", func() bool {
			stacks, err := w.pool.Dump(t.Context())
			return err == nil && len(stacks) == 1 && stacks[0].State == khronos.StackWaiting
		})
		if err := w.pool.Owner(guild).Restart(t.Context(), "test"); err != nil {
			t.Fatal(err)
		}
		if kind := <-ended; kind != c.want {
			t.Errorf("%s ended with %s, want %s", c.event, kind, c.want)
		}
		eventually(t, "it is taken to account", func() bool { return len(w.book.List(guild)) == c.held })
	}
}

// A ban ends what runs alone; after Kill nothing runs alone any more.
func TestIsolation_BanAndKill(t *testing.T) {
	w := newPlant(t, 1, 1, func(*limits.Limits) {})
	w.put(guild, "a", 1, `return { e = function() task.wait(1000) end }`)
	w.book.Died(quarantine.Death{Suspects: []quarantine.Subject{{Tenant: guild, Template: "a", Version: 1, Event: "e"}}})
	run := func() <-chan khronos.ErrorKind {
		ended := make(chan khronos.ErrorKind, 1)
		go func() {
			_, kind := w.answer(guild, khronos.Event{Name: "e"})
			ended <- kind
		}()
		return ended
	}
	alone := func() bool {
		stacks, err := w.iso.Solo().Dump(t.Context())
		return err == nil && len(stacks) == 1 && stacks[0].State == khronos.StackWaiting
	}
	first := run()
	eventually(t, "it runs alone", alone)
	if err := w.pool.TenantStateChanged(guild, khronos.TenantState{Banned: true}); err != nil {
		t.Fatal(err)
	}
	if kind := <-first; kind != khronos.ErrKindTenantBanned {
		t.Errorf("what ran alone ended with %s", kind)
	}
	second := run()
	eventually(t, "it runs alone again", alone)
	third := run()
	if err := w.iso.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kind := <-second; kind != khronos.ErrKindWorkerLostStarted {
		t.Errorf("what ran alone at the kill ended with %s", kind)
	}
	if kind := <-third; kind != khronos.ErrKindWorkerUnavailable {
		t.Errorf("what waited for its turn ended with %s", kind)
	}
	if st := w.iso.Solo().Status()[0]; st.State != worker.StateKilled {
		t.Errorf("the solo worker is %s", st.State)
	}
}

// The solo worker may act for nobody but who runs alone in it.
func TestIsolation_OwnsOnlyWhoRuns(t *testing.T) {
	w := newPlant(t, 1, 1, func(*limits.Limits) {})
	owns := w.iso.solo.cfg.Owns
	if owns(guild) {
		t.Error("it owns a tenant while it runs nothing")
	}
	w.put(guild, "a", 1, `return { e = function() task.wait(1000) end, f = function() end, w = function() end }`)
	w.book.Died(quarantine.Death{Suspects: []quarantine.Subject{{Tenant: guild, Template: "a", Version: 1, Event: "e"}}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := w.pool.DispatchEvent(ctx, guild, khronos.Event{Name: "e"})
		ended <- err
	}()
	eventually(t, "it runs alone", func() bool { return w.iso.solo.Status()[0].Running == 1 })
	if !owns(guild) || owns(other) {
		t.Error("it does not own exactly who runs in it")
	}
	// A change of the templates ends it there too.
	if err := w.pool.DropTenant(t.Context(), guild); err != nil {
		t.Error(err)
	}
	err := <-ended
	if !errors.Is(err, &khronos.Error{Kind: khronos.ErrKindDroppedTenant}) {
		t.Errorf("it ended with %v", err)
	}
	cancel()
	eventually(t, "its turn is over", func() bool { return !owns(guild) })
}
