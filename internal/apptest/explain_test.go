package apptest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/apptest"
)

// faulty has an event for each way to fail.
var faulty = map[string]string{"init.luau": `
local function deep()
	error("no luck")
end
return {
	Fine = function() return 1 end,
	Script = function() deep() end,
	Spin = function()
		while true do end
	end,
	Sleep = function()
		task.wait(60)
	end,
}`}

// explained runs `explain` for the newest dispatch of an event and gives what it
// says, with the dispatch.
func explained(t *testing.T, w *apptest.World, event string) (string, api.DispatchView) {
	t.Helper()
	var list []api.DispatchView
	if err := json.Unmarshal(w.Do("GET", "/i/dispatches?limit=1000", nil, http.StatusOK), &list); err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(list, func(d api.DispatchView) bool { return d.Event == event })
	if at < 0 {
		t.Fatalf("no dispatch of %s is known", event)
	}
	out, errOut, code := w.Run("explain", list[at].ID)
	if code != 0 {
		t.Fatalf("explain: exit %d, %s", code, errOut)
	}
	return out, list[at]
}

// explain says of every way to fail what happened, where, and who has to act.
func TestWorld_Explain(t *testing.T) {
	for _, kind := range []struct {
		name   string
		thread bool
	}{{"process workers", false}, {"thread workers", true}} {
		t.Run(kind.name, func(t *testing.T) {
			w := apptest.Start(t, apptest.Options{Workers: 1, Thread: kind.thread, Set: append([]string{"limits.queue_events=2", "limits.handlers_per_tenant=1"}, fastBeats...)})
			tenant := guildID(1 << 22)
			w.PushFiles(tenant, "faulty", faulty)
			for _, c := range []struct {
				event, query    string
				outcome, owner  string
				says            []string
				fuel, retrySafe bool
			}{
				{"Fine", "", "ok", "none", []string{"Template faulty ended well", "worker 0, generation 1"}, true, false},
				{"Nobody", "", "ok", "none", []string{"No template of the tenant wants this event"}, false, false},
				{"Script", "", "script_error", "script", []string{"Template faulty (version 1)", "at init.luau:3", "no luck", "author has to mend it"}, true, false},
				{"Spin", "", "cpu_limit", "tenant_limit", []string{"at init.luau:", "cpu_hard", "CPU time"}, true, false},
				{"Sleep", "?timeout_ms=400", "deadline", "tenant_limit", []string{"to end within 400ms", "was waiting for task.wait", "at init.luau:12"}, true, false},
			} {
				status := http.StatusOK
				if c.query != "" {
					status = http.StatusGatewayTimeout
				}
				w.Do("POST", "/i/tenants/"+tenant.String()+"/dispatch-event"+c.query, map[string]any{"name": c.event}, status)
				text, d := explained(t, w, c.event)
				if d.Outcome != c.outcome || d.Owner != c.owner || d.RetrySafe != c.retrySafe || (d.Fuel > 0) != c.fuel {
					t.Errorf("%s is recorded as %+v", c.event, d)
				}
				for _, part := range c.says {
					if !strings.Contains(text, part) {
						t.Errorf("%s: %q is not in the explanation: %s", c.event, part, text)
					}
				}
			}
			tenantBusy(t, w)
			if !kind.thread {
				workerLost(t, w)
			}
			w.WaitReady(30 * time.Second)
			metrics := string(w.Do("GET", "/metrics", nil, http.StatusOK))
			for _, line := range []string{"tw_ledger_imbalance 0", `tw_dispatch_total{outcome="script_error",owner="script"} 1`, `tw_limit_hits_total{limit="cpu_hard"} 1`,
				`tw_rejected_total{reason="tenant_busy"}`, `tw_tenant_fuel{tenant="guild:4194304"}`, "tw_queue_depth 0", "tw_dispatch_run_seconds_count", `tw_workers{state="ready"} 1`} {
				if !strings.Contains(metrics, line) {
					t.Errorf("/metrics lacks %s", line)
				}
			}
		})
	}
}

// tenantBusy fills the tenant's queue until an event is refused.
func tenantBusy(t *testing.T, w *apptest.World) {
	tenant := guildID(1 << 22)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			err := w.Post("/i/tenants/"+tenant.String()+"/dispatch-event?timeout_ms=1000", map[string]any{"name": "Sleep"})
			if err == nil {
				t.Error("an event that sleeps for a minute ended well")
			}
		})
	}
	wg.Wait()
	var list []api.DispatchView
	if err := json.Unmarshal(w.Do("GET", "/i/dispatches?outcome=tenant_busy", nil, http.StatusOK), &list); err != nil || len(list) < 3 || len(list) > 4 {
		t.Fatalf("%d refused, want 3 of 6, or 4 when the first had not begun yet: one runs, two wait (%v)", len(list), err)
	}
	out, _, _ := w.Run("explain", list[0].ID)
	for _, part := range []string{"nothing of it started", "queue_events", "faster than its templates handle", "safe to send it again"} {
		if !strings.Contains(out, part) {
			t.Errorf("tenant busy: %q is not in the explanation: %s", part, out)
		}
	}
}

// workerLost kills the worker under a dispatch.
func workerLost(t *testing.T, w *apptest.World) {
	lost := make(chan apptest.Reply, 1)
	go func() {
		r, err := w.Dispatch(guildID(1<<22), "Sleep", nil)
		if err != nil {
			t.Error(err)
		}
		lost <- r
	}()
	w.Eventually(5*time.Second, "the dispatch runs", func() bool {
		return strings.Contains(string(w.Do("GET", "/i/dispatches?outcome=live", nil, http.StatusOK)), `"state":"running"`)
	})
	if err := syscall.Kill(w.Workers()[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-lost
	text, d := explained(t, w, "Sleep")
	if d.Outcome != "worker_lost_started" || d.Owner != "platform" || d.StartedAt == nil {
		t.Errorf("recorded as %+v", d)
	}
	for _, part := range []string{"worker 0, generation 1", "The worker died under it", "may have had effects"} {
		if !strings.Contains(text, part) {
			t.Errorf("worker lost: %q is not in the explanation: %s", part, text)
		}
	}
}

// logs --follow shows lines and outcomes as they come; logs shows them afterwards.
func TestWorld_Logs(t *testing.T) {
	w := apptest.Start(t, apptest.Options{Workers: 1, Set: []string{"limits.slow_dispatch=200ms"}})
	tenant := guildID(1 << 22)
	w.PushFiles(tenant, "talker", map[string]string{"init.luau": `return {
	Say = function(ctx) print("said " .. tostring(ctx:event().data)) end,
	Bad = function() error("\27[31mred") end,
	Nap = function() task.wait(0.9) end,
}`})
	cmd := exec.Command(apptest.Binary(t), "logs", tenant.String(), "--follow", "--data-dir", w.DataDir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			lines <- s.Text()
		}
	}()
	wait := func(part string) {
		t.Helper()
		for {
			select {
			case line, ok := <-lines:
				if !ok {
					t.Fatalf("the command ended before it printed %s", part)
				}
				if strings.Contains(line, part) {
					return
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("not printed within 10 s: %s", part)
			}
		}
	}
	wait("[inspect") // the upload's
	for i := range 3 {
		if _, err := w.Dispatch(tenant, "Say", i); err != nil {
			t.Fatal(err)
		}
		wait(fmt.Sprintf("talker: said %d", i))
	}
	if _, err := w.Dispatch(tenant, "Bad", nil); err != nil {
		t.Fatal(err)
	}
	wait("script_error")
	cmd.Process.Signal(syscall.SIGINT)
	for range lines {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v, want exit 0", err)
	}

	out, _, code := w.Run("logs", tenant.String())
	if code != 0 || !strings.Contains(out, "said 2") || !strings.Contains(out, "[event Bad") || strings.Contains(out, "\x1b") {
		t.Errorf("logs: exit %d, %q", code, out)
	}
	out, _, code = w.Run("logs", tenant.String(), "--json", "--lines", "1")
	first, _, _ := strings.Cut(out, "\n")
	var item map[string]any
	if err := json.Unmarshal([]byte(first), &item); code != 0 || err != nil {
		t.Errorf("logs --json: exit %d, %s", code, out)
	}

	if _, err := w.Dispatch(tenant, "Nap", nil); err != nil {
		t.Fatal(err)
	}
	if log := w.Log(); strings.Count(log, "slow dispatch") != 1 || !strings.Contains(log, "script.template=talker") || !strings.Contains(log, "init.luau:4") {
		t.Errorf("want one line of the slow log, with the script's stack: %s", log)
	}

	for _, args := range [][]string{{"top", "--once"}, {"top", "--once", "--json"}} {
		if out, errOut, code := w.Run(args...); code != 0 || !strings.Contains(out, "ready") || !strings.Contains(out, tenant.String()) {
			t.Errorf("%v: exit %d, %s%s", args, code, out, errOut)
		}
	}
	if _, errOut, code := w.Run("explain", "0000000000000"); code != 1 || !strings.Contains(errOut, "NotFound") {
		t.Errorf("explain of nothing: exit %d, %s", code, errOut)
	}
	if _, _, code := w.Run("explain", "what"); code != 2 {
		t.Errorf("explain of no id: exit %d, want 2", code)
	}
}
