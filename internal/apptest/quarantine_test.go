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
)

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
		`tw_quarantine_changes_total{change="lifted"} 1`, `tw_quarantine_entries{state="probation"} 0`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}
