package apptest_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
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

	"github.com/template-worker/template-worker/internal/apptest"
	"github.com/template-worker/template-worker/internal/khronos"
)

// chaosPlan is one run of the harness; `make chaos` sets the environment.
type chaosPlan struct {
	seed       uint64
	workers    int
	tenants    int
	dispatches int
	faults     int
	callers    int
	loops      int           // at most, of a script that computes
	clock      bool          // also set the machine's clock
	pause      time.Duration // between two faults
}

func planOf(t *testing.T) chaosPlan {
	number := func(name string, or int) int {
		text := os.Getenv(name)
		if text == "" {
			return or
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	plan := chaosPlan{
		seed:       uint64(number("CHAOS_SEED", 1)),
		workers:    number("CHAOS_WORKERS", 3),
		tenants:    40,
		dispatches: number("CHAOS_DISPATCHES", 5000),
		faults:     number("CHAOS_FAULTS", 20),
		callers:    48,
		clock:      os.Getenv("CHAOS_CLOCK") != "",
		pause:      time.Duration(number("CHAOS_PAUSE_MS", 500)) * time.Millisecond,
		loops:      200_000,
	}
	if apptest.RaceEnabled { // as much load as the slower program can take
		plan.callers, plan.loops = 16, 5_000
	}
	return plan
}

// chaosTemplate answers every event with the id in its data, in different ways.
var chaosTemplate = map[string]string{"init.luau": `
return {
	Echo = function(ctx) return ctx:event().data.id end,
	Wait = function(ctx)
		local data = ctx:event().data
		task.wait(data.seconds)
		return data.id
	end,
	Burn = function(ctx)
		local data = ctx:event().data
		local n = 0
		for i = 1, data.loops do n += i % 7 end
		return data.id
	end,
	Keep = function(ctx)
		local id = ctx:event().data.id
		ctx.KV:set("kept:" .. id, id, { "chaos" })
		return id
	end,
	Kept = function(ctx)
		local data = ctx:event().data
		return (ctx.KV:get("kept:" .. data.asked, { "chaos" }))
	end,
}`}

const (
	chaosTimeout  = 5 * time.Second
	chaosPatience = 250 * time.Millisecond // beyond a deadline
)

// chaos is the harness's own ledger of one run.
type chaos struct {
	t    *testing.T
	plan chaosPlan
	w    *apptest.World
	ids  []khronos.TenantID

	sent    atomic.Int64
	stopped atomic.Bool // no more load

	mu       sync.Mutex
	outcomes map[string]int // by "kind owner"
	kept     map[int]int    // id to the index of its tenant: writes that were acknowledged
	faults   map[string]int
	left     map[string]int // faults that could not be done at that moment
	took     []time.Duration
	worst    time.Duration // latest after its deadline
	wrong    []string      // what must not happen, the first few
}

// TestChaos does faults to a real master and its real workers under load and
// keeps its own books: as many answers as requests, each in time, each to its
// own caller, what was acknowledged is there, and in the end all is as before.
//
// CHAOS_DISPATCHES, CHAOS_FAULTS, CHAOS_WORKERS, CHAOS_SEED, CHAOS_PAUSE_MS and
// CHAOS_CLOCK change the run; CHAOS_REPORT names a file that gets its report.
func TestChaos(t *testing.T) {
	plan := planOf(t)
	w := apptest.Start(t, apptest.Options{
		Workers: plan.workers, OwnCopy: true, DiskBytes: 256 << 20,
		Set: []string{"log_level=warn", "limits.restart_failures=1000", "limits.restart_delay_max=1s", "limits.worker_wait=5s", "limits.solo_idle=1s"},
	})
	c := &chaos{
		t: t, plan: plan, w: w,
		outcomes: map[string]int{}, kept: map[int]int{}, faults: map[string]int{}, left: map[string]int{},
	}
	for i := range plan.tenants {
		id := guildID(uint64(i+1) << 22)
		c.ids = append(c.ids, id)
		w.PushFiles(id, "chaos", chaosTemplate)
	}
	before := c.standing()

	var load, faults sync.WaitGroup
	for n := range plan.callers {
		load.Go(func() { c.call(rand.New(rand.NewPCG(plan.seed, uint64(n)))) })
	}
	faults.Go(c.breakThings)
	faults.Wait()
	load.Wait()

	c.settle(before)
	c.checkKept()
	c.report()
}

// call sends request after request until all are sent and all faults are done.
func (c *chaos) call(random *rand.Rand) {
	for !c.stopped.Load() || c.sent.Load() < int64(c.plan.dispatches) {
		id := int(c.sent.Add(1))
		c.send(random, id)
		// Spread what is left over the time that the faults take.
		if !c.stopped.Load() && int(c.sent.Load()) > c.plan.dispatches*9/10 {
			time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		}
	}
}

// send dispatches one event and enters its answer.
func (c *chaos) send(random *rand.Rand, id int) {
	tenant := random.IntN(len(c.ids))
	event, data := "Echo", map[string]any{"id": id}
	switch random.IntN(10) {
	case 0, 1:
		event, data["seconds"] = "Wait", random.Float64()/3
	case 2:
		event, data["loops"] = "Burn", random.IntN(c.plan.loops)
	case 3, 4:
		event = "Keep"
	}
	began := time.Now()
	r, err := c.w.DispatchWithin(chaosTimeout, c.ids[tenant], event, data)
	took := time.Since(began)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, took)
	c.worst = max(c.worst, took-chaosTimeout)
	switch {
	case err != nil:
		c.wrongLocked("request %d (%s): no answer after %v: %v", id, event, took, err)
	case took > chaosTimeout+chaosPatience:
		c.wrongLocked("request %d (%s): answered after %v, %v after its deadline: %s", id, event, took, took-chaosTimeout, r.Body)
	}
	if err != nil {
		c.outcomes["no answer"]++
		return
	}
	if r.Status != http.StatusOK {
		c.outcomes[r.Code+" "+r.Owner]++
		if r.Code == "" || r.Owner != "platform" && r.Code != "TenantBusy" && r.Code != "DroppedTenant" {
			c.wrongLocked("request %d (%s): %d %s", id, event, r.Status, r.Body)
		}
		return
	}
	items := r.Value.Items()
	if len(items) != 1 {
		c.wrongLocked("request %d (%s): %d results: %s", id, event, len(items), r.Body)
		return
	}
	if kind, isError := items[0].Get("kind"); isError {
		name, _ := kind.AsText()
		c.outcomes["template: "+name]++
		return
	}
	value, _ := items[0].Get("value")
	if got, ok := value.AsInteger(); !ok || got != int64(id) {
		c.wrongLocked("request %d (%s) got the answer of another: %s", id, event, r.Body)
		return
	}
	c.outcomes["ok"]++
	if event == "Keep" {
		c.kept[id] = tenant
	}
}

// wrongLocked enters something that must not happen.
func (c *chaos) wrongLocked(format string, args ...any) {
	if len(c.wrong) < 20 {
		c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
	}
	c.t.Fail()
}

// fault is one way to break things. It returns when it is over.
type fault struct {
	name   string
	weight int
	do     func(c *chaos, random *rand.Rand) error
}

var chaosFaults = []fault{
	{"kill a worker", 6, onWorker(func(_ *rand.Rand, pid int) error { return syscall.Kill(pid, syscall.SIGKILL) })},
	{"terminate a worker", 2, onWorker(func(_ *rand.Rand, pid int) error { return syscall.Kill(pid, syscall.SIGTERM) })},
	{"freeze a worker", 2, onWorker(func(r *rand.Rand, pid int) error {
		return apptest.Freeze(pid, time.Duration(100+r.IntN(1500))*time.Millisecond)
	})},
	{"freeze a worker for good", 1, onWorker(func(_ *rand.Rand, pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) })},
	{"cut a link", 4, onWorker(func(_ *rand.Rand, pid int) error { return apptest.CutLink(pid) })},
	{"half a frame", 3, onWorker(func(_ *rand.Rand, pid int) error { return apptest.HalfFrame(pid) })},
	{"a slow reader", 2, onWorker(func(_ *rand.Rand, pid int) error { return apptest.Stutter(pid, 700*time.Millisecond) })},
	{"no worker boots", 2, func(c *chaos, r *rand.Rand) error {
		restore := c.w.ReplaceProgram("#!/bin/sh\nexit 7\n")
		defer restore()
		err := onWorker(func(_ *rand.Rand, pid int) error { return syscall.Kill(pid, syscall.SIGKILL) })(c, r)
		time.Sleep(time.Duration(200+r.IntN(600)) * time.Millisecond)
		return err
	}},
	{"the disk is full", 1, func(c *chaos, r *rand.Rand) error {
		free, err := c.w.FillDisk()
		if err != nil {
			return err
		}
		time.Sleep(time.Duration(100+r.IntN(400)) * time.Millisecond)
		return free()
	}},
	{"drop a tenant", 2, func(c *chaos, r *rand.Rand) error {
		return c.w.Post("/i/drop-tenant", map[string]any{"tenant": c.ids[r.IntN(len(c.ids))].String()})
	}},
	{"kill and start by the API", 1, func(c *chaos, r *rand.Rand) error {
		worker := map[string]any{"id": r.IntN(c.plan.workers)}
		if err := c.w.Post("/i/kill-worker", worker); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
		return c.w.Post("/i/start-worker", worker)
	}},
}

var clockFault = fault{"the clock jumps", 1, func(_ *chaos, r *rand.Rand) error {
	return apptest.JumpClock(time.Duration(r.IntN(120)-60)*time.Second, 200*time.Millisecond)
}}

// onWorker does f to some worker process that is there.
func onWorker(f func(r *rand.Rand, pid int) error) func(*chaos, *rand.Rand) error {
	return func(c *chaos, r *rand.Rand) error {
		pids := c.w.Children()
		if len(pids) == 0 {
			return fmt.Errorf("no worker process is there")
		}
		return f(r, pids[r.IntN(len(pids))])
	}
}

// breakThings does all the faults, one after the other.
func (c *chaos) breakThings() {
	defer c.stopped.Store(true)
	random := rand.New(rand.NewPCG(c.plan.seed, 1<<32))
	var bag []fault
	all := chaosFaults
	if c.plan.clock {
		all = append(slices.Clone(all), clockFault)
	}
	for _, f := range all {
		for range f.weight {
			bag = append(bag, f)
		}
	}
	// Each kind comes once before chance decides.
	order := slices.Clone(all)
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for n := range c.plan.faults {
		f := bag[random.IntN(len(bag))]
		if n < len(order) {
			f = order[n]
		}
		err := f.do(c, random)
		c.mu.Lock()
		c.faults[f.name]++
		if err != nil {
			c.left[f.name+": "+err.Error()]++
		}
		c.mu.Unlock()
		time.Sleep(time.Duration(random.Int64N(int64(2 * c.plan.pause))))
	}
}

// standing is what must be the same before and after.
type standing struct {
	processes  int
	goroutines int
}

func (c *chaos) standing() standing {
	return standing{processes: len(c.w.Children()), goroutines: int(c.metric("go_goroutines"))}
}

// metric gives the sum of a metric over its labels.
func (c *chaos) metric(name string) float64 {
	c.t.Helper()
	sum, found := 0.0, false
	for line := range strings.Lines(string(c.w.Do("GET", "/metrics", nil, http.StatusOK))) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		fields := strings.Fields(line)
		n, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			c.t.Fatalf("metric %s: %v", name, err)
		}
		sum, found = sum+n, true
	}
	if !found {
		c.t.Fatalf("there is no metric %s", name)
	}
	return sum
}

// settle waits until everything is as it was before.
func (c *chaos) settle(before standing) {
	for _, pid := range c.w.Children() { // what was frozen for good and is not dead yet
		syscall.Kill(pid, syscall.SIGCONT)
	}
	c.w.WaitReady(60 * time.Second)
	c.w.Eventually(30*time.Second, "no dispatch is pending and the books balance", func() bool {
		for _, name := range []string{"tw_queue_depth", "tw_dispatch_running", "tw_ledger_imbalance", "tw_ledger_overdue"} {
			if c.metric(name) != 0 {
				return false
			}
		}
		return true
	})
	c.w.Eventually(30*time.Second, "as many processes as before", func() bool { return c.standing().processes == before.processes })
	// Idle connections of the API come and go, and each has goroutines.
	c.w.CloseIdle()
	c.w.Eventually(30*time.Second, "as many goroutines as before", func() bool { return c.standing().goroutines <= before.goroutines+10 })
}

// checkKept asks for a part of the writes that were acknowledged.
func (c *chaos) checkKept() {
	const most = 500
	n := 0
	for id, tenant := range c.kept {
		if n++; n > most {
			break
		}
		r, err := c.w.DispatchWithin(chaosTimeout, c.ids[tenant], "Kept", map[string]any{"asked": id})
		if err != nil || r.Status != http.StatusOK {
			c.t.Fatalf("asking for %d: %v %s", id, err, r.Body)
		}
		value, _ := r.Value.Index(0).Get("value")
		if got, ok := value.AsInteger(); !ok || got != int64(id) {
			c.t.Errorf("the write of %d was acknowledged and is not there: %s", id, r.Body)
		}
	}
}

// report says what happened, in the test's log and where CHAOS_REPORT says.
func (c *chaos) report() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	slices.Sort(c.took)
	answered := 0
	for _, n := range c.outcomes {
		answered += n
	}
	if answered != int(c.sent.Load()) || c.outcomes["no answer"] > 0 {
		c.t.Errorf("%d requests, %d answers, %d without", c.sent.Load(), answered, c.outcomes["no answer"])
	}
	quantile := func(q float64) time.Duration {
		return c.took[int(q*float64(len(c.took)-1))].Round(100 * time.Microsecond)
	}
	fmt.Fprintf(&b, "seed %d: %d requests to %d tenants on %d workers, %d answers, %d faults\n", c.plan.seed, c.sent.Load(), c.plan.tenants, c.plan.workers, answered, c.plan.faults)
	fmt.Fprintf(&b, "answers p50 %v, p99 %v, latest %v (%v before its deadline); acknowledged writes %d\n", quantile(.5), quantile(.99), quantile(1), -c.worst.Round(time.Millisecond), len(c.kept))
	for _, part := range []struct {
		title string
		of    map[string]int
	}{{"outcomes", c.outcomes}, {"faults", c.faults}, {"faults that met nothing to break", c.left}} {
		fmt.Fprintf(&b, "%s:\n", part.title)
		names := make([]string, 0, len(part.of))
		for name := range part.of {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(&b, "  %7d  %s\n", part.of[name], name)
		}
	}
	for _, text := range c.wrong {
		fmt.Fprintf(&b, "WRONG: %s\n", text)
	}
	c.t.Log("\n" + b.String())
	if path := os.Getenv("CHAOS_REPORT"); path != "" {
		f, err := os.OpenFile(filepath.Clean(path), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			c.t.Fatal(err)
		}
		defer f.Close()
		fmt.Fprintln(f, b.String())
	}
}
