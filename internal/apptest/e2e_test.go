package apptest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/apptest"
	"github.com/template-worker/template-worker/internal/khronos"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// fastBeats makes workers report their load often, and masters patient.
var fastBeats = []string{"limits.heartbeat=100ms", "limits.heartbeat_missed=50"}

const guild = "guild:81384788765712384"

func guildID(id uint64) khronos.TenantID {
	return khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(id)}
}

// only gives the single entry of a result: its value, or what kind of error it is.
func only(t *testing.T, r apptest.Reply) (value khronos.Value, kind, owner string) {
	t.Helper()
	items := r.Value.Items()
	if len(items) != 1 {
		t.Fatalf("got %d %s, want one entry", r.Status, r.Body)
	}
	value, _ = items[0].Get("value")
	if k, ok := items[0].Get("kind"); ok {
		kind, _ = k.AsText()
	}
	if o, ok := items[0].Get("owner"); ok {
		owner, _ = o.AsText()
	}
	return value, kind, owner
}

// The main job: push an example, dispatch a real payload by command line and by
// HTTP, and run it without a server; all three give the same value.
func TestWorld_MainJob(t *testing.T) {
	for _, kind := range []struct {
		name   string
		thread bool
	}{{"process workers", false}, {"thread workers", true}} {
		t.Run(kind.name, func(t *testing.T) {
			w := apptest.Start(t, apptest.Options{Thread: kind.thread})
			if out, errOut, code := w.Run("templates", "push", "examples/raid-guard", "--tenant", guild); code != 0 {
				t.Fatalf("push: exit %d, %s%s", code, out, errOut)
			}
			if out, _, code := w.Run("templates", "list", "--tenant", guild); code != 0 || !strings.Contains(out, "GUILD_MEMBER_ADD MESSAGE WebGetSettings") {
				t.Errorf("list: exit %d, %s", code, out)
			}
			member := "@examples/raid-guard/fixtures/guild_member_add.json"
			out, errOut, code := w.Run("dispatch", "--tenant", guild, "GUILD_MEMBER_ADD", "--data", member)
			if code != 0 || !strings.Contains(out, `"joins":1`) {
				t.Errorf("dispatch: exit %d, %q, %s; want one join", code, out, errOut)
			}

			local, errOut, code := apptest.RunCommand(t, "run", "examples/raid-guard", "--event", "MESSAGE", "--data", "@examples/raid-guard/fixtures/message.json")
			if code != 0 {
				t.Fatalf("run: exit %d, %s", code, errOut)
			}
			served, errOut, code := w.Run("dispatch", "--tenant", guild, "MESSAGE", "--data", "@examples/raid-guard/fixtures/message.json")
			if code != 0 || !sameJSON(t, local, served) {
				t.Errorf("run printed %s, dispatch %s (exit %d, %s)", local, served, code, errOut)
			}

			payload, err := os.ReadFile(apptest.Root("examples", "raid-guard", "fixtures", "guild_member_add.json"))
			if err != nil {
				t.Fatal(err)
			}
			text := w.Do("POST", "/i/dispatch-event/81384788765712384", map[string]any{"name": "GUILD_MEMBER_ADD", "data": json.RawMessage(payload)}, http.StatusOK)
			if !strings.Contains(string(text), `[{"Text":"joins"},{"Integer":2}]`) {
				t.Errorf("over HTTP: got %s, want the second join", text)
			}
		})
	}
}

// sameJSON compares two printed values without regard to the order of keys.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var va, vb any
	if err := errors.Join(json.Unmarshal([]byte(a), &va), json.Unmarshal([]byte(b), &vb)); err != nil {
		t.Fatalf("%v: %s, %s", err, a, b)
	}
	ta, _ := json.Marshal(va)
	tb, _ := json.Marshal(vb)
	return string(ta) == string(tb)
}

// slowCounter takes a second for an event and counts it in KV before it answers.
var slowCounter = map[string]string{"init.luau": `
return {
	Count = function(ctx)
		local id = ctx:event().data.id
		task.wait(1)
		ctx.KV:set("done:" .. id, true, { "test" })
		return id
	end,
	Quick = function() return "quick" end,
	Stored = function(ctx)
		local n = 0
		for _ in ctx.KV:find("done:%", { "test" }) do n += 1 end
		return n
	end,
}`}

// Of 100 dispatches in flight on a worker that is killed, each ends at once, with
// a value or an error that the platform owns; the next one is served soon; what
// was acknowledged is stored.
func TestWorld_KillWorker(t *testing.T) {
	w := apptest.Start(t, apptest.Options{Workers: 1, Set: fastBeats})
	tenants := make([]khronos.TenantID, 10)
	for i := range tenants {
		tenants[i] = guildID(uint64(i+1) << 22)
		w.PushFiles(tenants[i], "counter", slowCounter)
		if r, err := w.Dispatch(tenants[i], "Quick", nil); err != nil || r.Status != http.StatusOK {
			t.Fatalf("quick: %v %+v", err, r)
		}
	}
	var mu sync.Mutex
	acknowledged := map[khronos.TenantID]int{}
	var replies []apptest.Reply
	var ends []time.Time
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			tenant := tenants[i%len(tenants)]
			r, err := w.Dispatch(tenant, "Count", map[string]any{"id": fmt.Sprint(i)})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("dispatch %d: %v", i, err)
				return
			}
			replies = append(replies, r)
			ends = append(ends, time.Now())
			if r.Status == http.StatusOK {
				value, _, _ := only(t, r)
				if id, _ := value.AsText(); id != fmt.Sprint(i) {
					t.Errorf("dispatch %d got the answer %q of another", i, id)
				}
				acknowledged[tenant]++
			}
		})
	}
	w.Eventually(5*time.Second, "dispatches are running", func() bool { return w.Workers()[0].Running+w.Workers()[0].Queued > 50 })
	killed := time.Now()
	if err := syscall.Kill(w.Workers()[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wg.Wait()

	lost := 0
	for i, r := range replies {
		if r.Status == http.StatusOK {
			continue // it had ended before, or had not started and ran on the next generation
		}
		lost++
		if r.Owner != "platform" {
			t.Errorf("a lost dispatch is owned by %q: %s", r.Owner, r.Body)
		}
		if late := ends[i].Sub(killed); late > 250*time.Millisecond {
			t.Errorf("a lost dispatch ended %s after the kill", late)
		}
	}
	t.Logf("%d of 100 lost, all others answered", lost)
	if lost == 0 {
		t.Error("nothing was in flight: the test proves nothing")
	}

	r, err := w.Dispatch(tenants[0], "Quick", nil)
	if err != nil || r.Status != http.StatusOK {
		t.Fatalf("after the kill: %v %+v", err, r)
	}
	took := time.Since(killed)
	t.Logf("the next dispatch was answered %s after the kill", took.Round(time.Millisecond))
	if limit := time.Second; took > limit && !apptest.RaceEnabled { // the detector makes a worker's start slow
		t.Errorf("that is over %s", limit)
	}
	for tenant, want := range acknowledged {
		r, err := w.Dispatch(tenant, "Stored", nil)
		if err != nil {
			t.Fatal(err)
		}
		value, _, _ := only(t, r)
		if got, _ := value.AsInteger(); int(got) < want {
			t.Errorf("%s: %d records stored, %d acknowledged", tenant, got, want)
		}
	}
}

// What was acknowledged survives a kill of the master; its workers go with it.
func TestWorld_KillMaster(t *testing.T) {
	w := apptest.Start(t, apptest.Options{})
	tenant := guildID(1 << 22)
	w.PushFiles(tenant, "counter", slowCounter)
	if r, err := w.Dispatch(tenant, "Count", map[string]any{"id": "x"}); err != nil || r.Status != http.StatusOK {
		t.Fatalf("count: %v %+v", err, r)
	}
	var pids []int
	for _, s := range w.Workers() {
		pids = append(pids, s.PID)
	}
	w.Restart(syscall.SIGKILL, apptest.Options{})
	for _, pid := range pids {
		w.Eventually(5*time.Second, fmt.Sprintf("worker %d has gone with its master", pid), func() bool {
			return syscall.Kill(pid, 0) == syscall.ESRCH || isZombie(pid)
		})
	}
	r, err := w.Dispatch(tenant, "Stored", nil)
	if err != nil {
		t.Fatal(err)
	}
	if value, _, _ := only(t, r); !value.Equal(khronos.Integer(1)) {
		t.Errorf("after the kill of the master: %s stored, want 1", r.Body)
	}
}

// A link's folder that nobody is left to remove goes with the next start.
func TestWorld_KillMasterWithoutWorkers(t *testing.T) {
	w := apptest.Start(t, apptest.Options{})
	sockets := func() (names []string) {
		list, err := os.ReadDir(filepath.Join(w.DataDir, "run"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			names = append(names, e.Name())
		}
		return names
	}
	w.Do("POST", "/i/kill-worker", nil, http.StatusNoContent)
	before := sockets()
	w.Signal(syscall.SIGKILL)
	w.WaitExit(10 * time.Second)
	if left := sockets(); len(left) != 1 || left[0] != before[0] {
		t.Fatalf("%q before the kill and %q after it: the case is not the one meant", before, left)
	}
	w.Restart(syscall.SIGKILL, apptest.Options{})
	if after := sockets(); len(after) != 1 || after[0] == before[0] {
		t.Errorf("%q before, %q after the next start", before, after)
	}
}

// isZombie tells that a process has ended and waits for a parent to notice; in a
// container there may be nobody who does.
func isZombie(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(text), ") Z ")
}

// A killed worker stays down until it is started; the command line and readiness tell.
func TestWorld_KillAndStart(t *testing.T) {
	w := apptest.Start(t, apptest.Options{})
	if _, errOut, code := w.Run("workers", "kill", "1"); code != 0 {
		t.Fatalf("kill: exit %d, %s", code, errOut)
	}
	if text := w.Do("GET", "/readyz", nil, http.StatusServiceUnavailable); !strings.Contains(string(text), "worker 1 is killed") {
		t.Errorf("readyz: %s", text)
	}
	r, err := w.Dispatch(guildID(1<<22), "Anything", nil)
	if err != nil || r.Code != "WorkerUnavailable" || r.Owner != "platform" {
		t.Errorf("dispatch to a killed worker: %v %+v", err, r)
	}
	if _, errOut, code := w.Run("workers", "start", "1"); code != 0 {
		t.Fatalf("start: exit %d, %s", code, errOut)
	}
	w.WaitReady(10 * time.Second)
	if out, _, code := w.Run("workers", "list"); code != 0 || strings.Count(out, "ready") != 2 {
		t.Errorf("list: exit %d, %s", code, out)
	}
}

// A worker that exits at boot is started again after growing delays, never in a
// tight loop, and serves again once it can boot.
func TestWorld_BootFailure(t *testing.T) {
	w := apptest.Start(t, apptest.Options{Workers: 1, OwnCopy: true})
	restore := w.ReplaceProgram("#!/bin/sh\necho 'I refuse to boot' >&2\nexit 7\n")
	killed := time.Now()
	if err := syscall.Kill(w.Workers()[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var seen api.WorkerStatus
	w.Eventually(20*time.Second, "the worker has failed to boot four times and waits", func() bool {
		seen = w.Workers()[0]
		return seen.State == "backoff" && seen.Failures >= 5
	})
	took := time.Since(killed)
	if seen.Restarts > 8 || took < 300*time.Millisecond {
		t.Errorf("%d restarts within %s: that is a tight loop", seen.Restarts, took)
	}
	if seen.NextStart == nil || !strings.Contains(seen.LastExit, "exit code 7") {
		t.Errorf("status %+v lacks the next start or the last exit", seen)
	}
	if log := w.Log(); !strings.Contains(log, "I refuse to boot") || !strings.Contains(log, "restart_in=") {
		t.Error("the log does not have what the worker said, or its delays")
	}
	restore()
	w.WaitReady(30 * time.Second)
	if r, err := w.Dispatch(guildID(1<<22), "Anything", nil); err != nil || r.Status != http.StatusOK {
		t.Errorf("after healing: %v %+v", err, r)
	}
}

// A tenant that spins ends at its CPU limit, whatever it catches, and the others
// on its worker are served meanwhile.
func TestWorld_HostileTenants(t *testing.T) {
	w := apptest.Start(t, apptest.Options{Workers: 1})
	hostile := guildID(1 << 22)
	w.PushFiles(hostile, "hostile", map[string]string{"init.luau": `
return {
	Spin = function() while true do end end,
	Caught = function() while true do pcall(function() while true do end end) end end,
	Rep = function() local s = "x" while true do s = string.rep(s, 2) end end,
	Table = function() local t = {} while true do t[#t + 1] = {} end end,
	Bomb = function() return pcall(function() local t = {} while true do t[#t + 1] = string.rep("x", 1000) .. #t end end) end,
	Fine = function() return "fine" end,
}`})
	polite := make([]khronos.TenantID, 99)
	for i := range polite {
		polite[i] = guildID(uint64(i+2) << 22)
		w.PushFiles(polite[i], "polite", map[string]string{"init.luau": `return { Ping = function(ctx) return ctx:event().data end }`})
	}
	for _, tc := range []struct{ event, kind string }{
		{"Spin", "cpu_limit"}, {"Caught", "cpu_limit"}, {"Rep", "memory_limit"}, {"Table", "memory_limit"}, {"Bomb", "memory_limit"},
	} {
		done := make(chan apptest.Reply, 1)
		go func() {
			r, err := w.Dispatch(hostile, tc.event, nil)
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		var took []time.Duration
		var r apptest.Reply
		for ended := false; !ended; {
			took = append(took, pingAll(t, w, polite)...)
			select {
			case r = <-done:
				ended = true
			default:
			}
		}
		slices.Sort(took)
		p99 := took[len(took)*99/100]
		if _, kind, owner := only(t, r); kind != tc.kind || owner != "tenant_limit" {
			t.Errorf("%s: got %s, want %s", tc.event, r.Body, tc.kind)
		}
		t.Logf("%s: ended after %s; %d polite answers meanwhile, p99 %s", tc.event, r.Took.Round(time.Millisecond), len(took), p99.Round(100*time.Microsecond))
		if p99 > 50*time.Millisecond && !apptest.RaceEnabled {
			t.Errorf("%s: p99 of the polite tenants is %s, want under 50 ms", tc.event, p99)
		}
		if r, err := w.Dispatch(hostile, "Fine", nil); err != nil || r.Status != http.StatusOK {
			t.Errorf("after %s the tenant is not served: %v %+v", tc.event, err, r)
		}
	}
	rss := residentBytes(t, w.Workers()[0].PID)
	t.Logf("the worker holds %d MiB", rss>>20)
	if !apptest.RaceEnabled && rss > 200<<20 { // the detector needs several times as much
		t.Errorf("the worker holds %d MiB, want at most 200", rss>>20)
	}
}

// pingAll asks every tenant once, eight at a time, and gives how long each took.
func pingAll(t *testing.T, w *apptest.World, tenants []khronos.TenantID) []time.Duration {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	took := make([]time.Duration, len(tenants))
	for i, tenant := range tenants {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			r, err := w.Dispatch(tenant, "Ping", i)
			if err != nil || r.Status != http.StatusOK {
				t.Errorf("ping %d: %v %+v", i, err, r)
				return
			}
			if value, _, _ := only(t, r); !value.Equal(khronos.Integer(int64(i))) {
				t.Errorf("ping %d: got %s", i, r.Body)
			}
			took[i] = r.Took
		})
	}
	wg.Wait()
	return took
}

func residentBytes(t *testing.T, pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// Bad uploads name the place and change nothing.
func TestWorld_BadTemplates(t *testing.T) {
	w := apptest.Start(t, apptest.Options{Workers: 1})
	const path = "/i/tenants/guild:5/templates/t"
	put := func(source string, status int, want string) {
		t.Helper()
		text := w.Do("PUT", path, map[string]any{"files": map[string]string{"init.luau": source}}, status)
		if !strings.Contains(string(text), want) {
			t.Errorf("%.40q: got %s, want %s", source, text, want)
		}
	}
	put("return { Ping = function() return 1 end }", http.StatusOK, `"version":1`)
	put("local x = \n\nreturn {", http.StatusUnprocessableEntity, "init.luau:3:")
	put("error('no')", http.StatusUnprocessableEntity, "init.luau:1: no")
	put("return 1", http.StatusUnprocessableEntity, "must return a table")
	put("while true do end", http.StatusUnprocessableEntity, "CPULimit")
	put("local t = {} while true do t[#t+1] = {} end", http.StatusUnprocessableEntity, "MemoryLimit")
	if text := w.Do("GET", path, nil, http.StatusOK); !strings.Contains(string(text), `"version":1`) {
		t.Errorf("a refused upload changed the template: %s", text)
	}
	r, err := w.Dispatch(guildID(5), "Ping", nil)
	if err != nil {
		t.Fatal(err)
	}
	if value, _, _ := only(t, r); !value.Equal(khronos.Integer(1)) {
		t.Errorf("after refused uploads: %s", r.Body)
	}
	put("return { Ping = function() return 2 end }", http.StatusOK, `"version":2`)
	if r, err = w.Dispatch(guildID(5), "Ping", nil); err != nil {
		t.Fatal(err)
	}
	if value, _, _ := only(t, r); !value.Equal(khronos.Integer(2)) {
		t.Errorf("after a new version: %s", r.Body)
	}
}

// Custom events go through the master, which counts how many led to one; an
// author stays the author.
func TestWorld_CustomEvents(t *testing.T) {
	for _, thread := range []bool{false, true} {
		w := apptest.Start(t, apptest.Options{Workers: 1, Thread: thread, Set: []string{"limits.event_depth=3"}})
		tenant := guildID(8 << 22)
		w.PushFiles(tenant, "loop", map[string]string{"init.luau": `
return {
	Next = function(ctx)
		local n = ctx:event().data
		local ok, err = pcall(function() ctx.Runtime:dispatchevent("Next", n + 1) end)
		ctx.KV:set("step:" .. n, { ok = ok, err = not ok and err or nil }, { "test" })
	end,
	Steps = function(ctx)
		local all = {}
		for i, record in ctx.KV:find("step:%", { "test" }) do
			all[i] = record.key .. (record.value.ok and "" or " " .. record.value.err)
		end
		return all
	end,
}`})
		if _, err := w.Dispatch(tenant, "Next", 1); err != nil {
			t.Fatal(err)
		}
		var body string
		w.Eventually(20*time.Second, "the end of the chain", func() bool {
			r, err := w.Dispatch(tenant, "Steps", nil)
			body = r.Body
			return err == nil && strings.Contains(body, "step:4 ")
		})
		if !strings.Contains(body, "3 custom events led to this one") || strings.Contains(body, "step:5") {
			t.Errorf("thread workers %v: got %s, want a chain that ends at the fourth", thread, body)
		}
	}
}

// Nobody's template wants the event: Null, and no machine is made.
func TestWorld_NobodyWants(t *testing.T) {
	w := apptest.Start(t, apptest.Options{Workers: 1})
	r, err := w.Dispatch(guildID(7), "GUILD_MEMBER_ADD", nil)
	if err != nil || r.Status != http.StatusOK || r.Value.Kind() != khronos.KindNull {
		t.Errorf("got %v %+v, want Null", err, r)
	}
}

// SIGTERM lets what runs end before the master goes.
// A ban ends what a tenant runs at once, in both kinds of worker, and holds
// until it is lifted.
func TestWorld_Ban(t *testing.T) {
	for _, thread := range []bool{false, true} {
		t.Run(fmt.Sprintf("thread=%t", thread), func(t *testing.T) {
			w := apptest.Start(t, apptest.Options{Workers: 2, Thread: thread})
			tenant := khronos.TenantID{Kind: khronos.TenantGuild, ID: 1 << 22}
			w.PushFiles(tenant, "t", map[string]string{"init.luau": `return {
				Wait = function(ctx) print("waits"); task.wait(20) end,
				Quick = function() return "quick" end,
			}`})
			ended := make(chan apptest.Reply, 1)
			go func() {
				r, err := w.Dispatch(tenant, "Wait", nil)
				if err != nil {
					t.Errorf("dispatch: %v", err)
				}
				ended <- r
			}()
			path := "/i/tenants/" + tenant.String()
			w.Eventually(10*time.Second, "the event runs", func() bool {
				return strings.Contains(string(w.Do("GET", path+"/log", nil, http.StatusOK)), "waits")
			})
			w.Do("PUT", path+"/state", map[string]any{"banned": true}, http.StatusOK)
			if r := <-ended; r.Status != http.StatusForbidden || r.Code != "TenantBanned" {
				t.Errorf("the event that ran ended with %d %s", r.Status, r.Body)
			}
			if r, err := w.Dispatch(tenant, "Quick", nil); err != nil || r.Status != http.StatusForbidden {
				t.Errorf("while it is banned: %d %s, %v", r.Status, r.Body, err)
			}
			w.Do("PUT", path+"/templates/u", map[string]any{"files": map[string]string{"init.luau": "return {}"}}, http.StatusForbidden)
			w.Do("PUT", path+"/state", map[string]any{"banned": false}, http.StatusOK)
			if r, err := w.Dispatch(tenant, "Quick", nil); err != nil || r.Status != http.StatusOK {
				t.Errorf("when the ban was lifted: %d %s, %v", r.Status, r.Body, err)
			}
		})
	}
}

func TestWorld_Drain(t *testing.T) {
	w := apptest.Start(t, apptest.Options{Set: fastBeats})
	tenant := guildID(3 << 22)
	w.PushFiles(tenant, "slow", map[string]string{"init.luau": `return { Slow = function() task.wait(0.5) return "done" end }`})
	answered := make(chan apptest.Reply, 1)
	go func() {
		r, err := w.Dispatch(tenant, "Slow", nil)
		if err != nil {
			t.Error(err)
		}
		answered <- r
	}()
	w.Eventually(5*time.Second, "the dispatch runs", func() bool {
		return slices.ContainsFunc(w.Workers(), func(s api.WorkerStatus) bool { return s.Running > 0 })
	})
	w.Signal(syscall.SIGTERM)
	if r := <-answered; r.Status != http.StatusOK {
		t.Errorf("the running dispatch ended with %+v", r)
	}
	w.WaitExit(20 * time.Second)
}
