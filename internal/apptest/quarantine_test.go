package apptest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/apptest"
	"github.com/template-worker/template-worker/internal/khronos"
)

// The solo worker is seen while it works, says which dispatch it runs, and a
// second signal ends it like the others.
func TestWorld_SoloWorker(t *testing.T) {
	w := apptest.Start(t, apptest.Options{Workers: 1, Set: fastBeats})
	tenant := guildID(7 << 22)
	w.PushFiles(tenant, "busy", map[string]string{"init.luau": `return { Once = function(ctx)
		if ctx.KV:get("ran", { "t" }) then task.wait(25) end
		ctx.KV:set("ran", 1, { "t" })
		while true do end
	end }`})
	run := func() <-chan apptest.Reply {
		ended := make(chan apptest.Reply, 1)
		go func() {
			r, err := w.Dispatch(tenant, "Once", nil)
			if err != nil {
				t.Log(err) // the master may be quicker than its answer
			}
			ended <- r
		}()
		return ended
	}
	if st := w.Solo(); st.State != "stopped" || st.ID != 1 {
		t.Errorf("with nothing to do it is %+v", st)
	}
	w.Do("POST", "/i/start-worker", map[string]any{"id": w.Solo().ID}, http.StatusBadRequest)
	first := run()
	w.Eventually(10*time.Second, "the script has the processor", func() bool {
		dump := string(w.Do("GET", "/i/workers/0/dump", nil, http.StatusOK))
		return strings.Contains(dump, `"state":"running"`) && !strings.Contains(dump, `"waits"`)
	})
	if err := syscall.Kill(w.Workers()[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r := <-first; r.Code != "WorkerLostStarted" {
		t.Fatalf("the script that ran ended with %+v", r)
	}
	second := run()
	defer func() { <-second }()
	w.Eventually(10*time.Second, "it runs alone", func() bool { return w.Solo().Running == 1 })
	var stacks []khronos.ScriptStack
	if err := json.Unmarshal(w.Do("GET", "/i/workers/1/dump", nil, http.StatusOK), &stacks); err != nil {
		t.Fatal(err)
	}
	if len(stacks) != 1 || stacks[0].Dispatch == 0 {
		t.Fatalf("the solo worker's dump: %+v", stacks)
	}
	if why := string(w.Do("GET", "/i/dispatches/"+stacks[0].Dispatch.String(), nil, http.StatusOK)); !strings.Contains(why, `"Once"`) {
		t.Errorf("the dispatch of the dump is %s", why)
	}
	w.Signal(syscall.SIGTERM)
	w.Eventually(10*time.Second, "it drains", func() bool {
		text, err := w.Ready()
		return err == nil && strings.Contains(text, "the master is stopping")
	})
	w.Signal(syscall.SIGTERM)
	w.WaitExit(10 * time.Second)
}

// A worker dies while one script runs: the script is suspected, runs alone, and
// is cleared; or an operator lifts it.
func TestWorld_Suspect(t *testing.T) {
	w := apptest.Start(t, apptest.Options{Workers: 1, Set: fastBeats})
	tenant := guildID(7 << 22)
	path := "/i/tenants/" + tenant.String()
	w.PushFiles(tenant, "busy", map[string]string{"init.luau": `return { Spin = function() while true do end end, Quick = function() return 1 end }`})
	held := func() []api.QuarantineEntry {
		t.Helper()
		var list []api.QuarantineEntry
		if err := json.Unmarshal(w.Do("GET", path+"/quarantine", nil, http.StatusOK), &list); err != nil {
			t.Fatal(err)
		}
		return list
	}
	kill := func() {
		t.Helper()
		lost := make(chan apptest.Reply, 1)
		go func() {
			r, err := w.Dispatch(tenant, "Spin", nil)
			if err != nil {
				t.Error(err)
			}
			lost <- r
		}()
		w.Eventually(5*time.Second, "the script runs", func() bool { return w.Workers()[0].Running == 1 })
		if err := syscall.Kill(w.Workers()[0].PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if r := <-lost; r.Code != "WorkerLostStarted" {
			t.Errorf("the script that ran ended with %+v", r)
		}
		w.Eventually(5*time.Second, "it is suspected", func() bool { return len(held()) == 1 })
		if e := held()[0]; e.Template != "busy" || e.Event != "Spin" || e.State != "probation" || e.Deaths != 1 || e.Version == 0 || !strings.Contains(e.Last, "killed") {
			t.Errorf("suspected is %+v", e)
		}
	}
	if list := held(); len(list) != 0 {
		t.Errorf("before any death: %+v", list)
	}
	kill()
	for _, event := range []string{"Quick", "Spin"} {
		if r, err := w.Dispatch(tenant, event, nil); err != nil || r.Status != http.StatusOK {
			t.Errorf("%s: %v %+v", event, err, r)
		}
	}
	if list := held(); len(list) != 0 {
		t.Errorf("after it has survived: %+v", list)
	}
	if log := string(w.Do("GET", path+"/log", nil, http.StatusOK)); !strings.Contains(log, "no longer suspected") {
		t.Errorf("the tenant's log does not say so: %s", log)
	}
	kill()
	if reply := string(w.Do("DELETE", path+"/quarantine?template=busy", nil, http.StatusOK)); !strings.Contains(reply, `"lifted":1`) {
		t.Errorf("lifting gives %s", reply)
	}
	if list := held(); len(list) != 0 {
		t.Errorf("after it was lifted: %+v", list)
	}
	metrics := string(w.Do("GET", "/metrics", nil, http.StatusOK))
	for _, line := range []string{
		`tw_quarantine_changes_total{change="suspected"} 2`, `tw_quarantine_changes_total{change="cleared"} 1`,
		`tw_quarantine_changes_total{change="lifted"} 1`, `tw_quarantine{kind="probation"} 0`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}
