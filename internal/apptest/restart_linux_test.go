package apptest_test

import (
	"encoding/json"
	"fmt"
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

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/apptest"
	"github.com/template-worker/template-worker/internal/khronos"
)

// quickRestarts makes replacing a worker quick, and masters patient.
var quickRestarts = append([]string{"limits.restart_settle=50ms"}, fastBeats...)

// restartPlan says how large TestRestart_RollingUnderLoad is: RESTART_ROUNDS and
// RESTART_RATE, events a second; `make restarts` sets them.
func restartPlan(t *testing.T) (rounds, rate int) {
	t.Helper()
	rounds, rate = 2, 100
	for name, into := range map[string]*int{"RESTART_ROUNDS": &rounds, "RESTART_RATE": &rate} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				t.Fatalf("%s=%q: want a number", name, text)
			}
			*into = n
		}
	}
	return rounds, rate
}

// load sends events at a steady rate, whatever becomes of them.
type load struct {
	w       *apptest.World
	tenants []khronos.TenantID
	every   time.Duration
	stop    chan struct{}
	owned   sync.WaitGroup
	sent    atomic.Int64

	mu sync.Mutex
	// mu guards the fields below.
	took []time.Duration
	lost []string
}

func startLoad(w *apptest.World, tenants []khronos.TenantID, rate int) *load {
	l := &load{w: w, tenants: tenants, every: time.Second / time.Duration(rate), stop: make(chan struct{})}
	l.owned.Go(l.run)
	return l
}

func (l *load) run() {
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n := l.sent.Add(1)
			l.owned.Go(func() { l.send(n) })
		case <-l.stop:
			return
		}
	}
}

func (l *load) send(n int64) {
	r, err := l.w.Dispatch(l.tenants[int(n)%len(l.tenants)], "Work", map[string]any{"id": n})
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.lost = append(l.lost, err.Error())
	case r.Status != http.StatusOK || !strings.Contains(r.Body, fmt.Sprintf(`{"Integer":%d}`, n)):
		l.lost = append(l.lost, fmt.Sprintf("event %d: %d %s", n, r.Status, r.Body))
	default:
		l.took = append(l.took, r.Took)
	}
}

// end waits for all answers and gives the times and what was lost.
func (l *load) end() (p50, p99 time.Duration, lost []string) {
	close(l.stop)
	l.owned.Wait()
	slices.Sort(l.took)
	at := func(q float64) time.Duration { return l.took[int(q*float64(len(l.took)-1))] }
	return at(.5), at(.99), l.lost
}

// Rolling restarts under load lose nothing, and all workers but one take work at
// any time.
func TestRestart_RollingUnderLoad(t *testing.T) {
	const workers = 3
	rounds, rate := restartPlan(t)
	w := apptest.Start(t, apptest.Options{Workers: workers, Set: quickRestarts})
	tenants := make([]khronos.TenantID, 30)
	for i := range tenants {
		tenants[i] = guildID(uint64(i+1) << 22)
		w.PushFiles(tenants[i], "work", map[string]string{"init.luau": `
return { Work = function(ctx)
	local id = ctx:event().data.id
	if id % 200 == 0 then task.wait(0.3) end
	return id
end }`})
	}
	warm := startLoad(w, tenants, rate)
	<-time.After(time.Second)
	warm.end()

	quiet := startLoad(w, tenants, rate)
	<-time.After(time.Duration(min(rounds, 20)) * time.Second)
	quiet50, quiet99, lost := quiet.end()
	if len(lost) > 0 {
		t.Fatalf("%d lost without a restart: %s", len(lost), lost[0])
	}

	busy := startLoad(w, tenants, rate)
	fewest, looking := workers, make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			select {
			case <-looking:
				return
			case <-time.After(20 * time.Millisecond):
			}
			var ready struct {
				Workers int
				Reasons []string
			}
			text, err := w.Ready()
			if err == nil {
				err = json.Unmarshal([]byte(text), &ready)
			}
			if err != nil {
				t.Errorf("readyz: %v", err)
				return
			}
			down := slices.DeleteFunc(ready.Reasons, func(r string) bool { return strings.Contains(r, "in trouble: no heartbeat") }) // a busy machine
			fewest = min(fewest, ready.Workers-len(down))
		}
	})
	began := time.Now()
	for round := range rounds {
		out, errOut, code := w.Run("workers", "restart", "--rolling")
		if code != 0 || strings.Count(out, "took over from") != workers {
			t.Fatalf("round %d: exit %d, %s%s", round, code, out, errOut)
		}
	}
	took := time.Since(began)
	close(looking)
	watcher.Wait()
	busy50, busy99, lost := busy.end()
	t.Logf("%d rolling restarts of %d workers in %v under %d events/s: %d events, %d lost, fewest ready workers %d; quiet p50 %v p99 %v, restarting p50 %v p99 %v",
		rounds, workers, took.Round(time.Millisecond), rate, busy.sent.Load(), len(lost), fewest, quiet50, quiet99, busy50, busy99)
	if len(lost) > 0 {
		t.Errorf("%d lost, such as %s", len(lost), lost[0])
	}
	if rounds >= 100 && busy99 > 2*quiet99 { // too few events in a short run
		t.Errorf("p99 %v, more than twice the quiet %v", busy99, quiet99)
	}
	if fewest < workers-1 {
		t.Errorf("only %d workers of %d were ready", fewest, workers)
	}
	for _, s := range w.Workers() {
		if int(s.Generation) != rounds+1 || s.Failures != 0 {
			t.Errorf("worker %d: %+v, want generation %d and no failures", s.ID, s, rounds+1)
		}
	}
}

// A bad build does not get past its first worker, and what runs goes on.
func TestRestart_BadBuild(t *testing.T) {
	w := apptest.Start(t, apptest.Options{OwnCopy: true, Set: quickRestarts})
	before := w.Workers()
	restore := w.ReplaceProgram("#!/bin/sh\necho 'I refuse to boot' >&2\nexit 7\n")
	out, errOut, code := w.Run("workers", "restart", "--rolling", "--json")
	if code != 1 || !strings.Contains(errOut, "did not become healthy") || !strings.Contains(errOut, "I refuse to boot") || strings.Count(out, `"worker"`) != 1 {
		t.Errorf("restart with a bad build: exit %d, %s%s", code, out, errOut)
	}
	after := w.Workers()
	for i, s := range after {
		if s.PID != before[i].PID || s.State != "ready" || s.Generation != 1 || s.Failures != 0 {
			t.Errorf("worker %d: %+v, want it untouched", i, s)
		}
	}
	w.Do("GET", "/readyz", nil, http.StatusOK)
	restore()
	if out, errOut, code := w.Run("workers", "restart", "--all"); code != 0 || strings.Count(out, "took over from 1") != 2 {
		t.Errorf("restart with a good build: exit %d, %s%s", code, out, errOut)
	}
}

// A worker that is stopped from outside turns readiness within two heartbeats and
// a second; what is stuck in it is named; who waits has an answer in time.
func TestRestart_FrozenWorkerIsNamed(t *testing.T) {
	w := apptest.Start(t, apptest.Options{Workers: 1, Set: []string{"limits.cpu_hard=20s", "limits.cpu_window_budget=60s", "limits.heartbeat_missed=8"}})
	tenant := guildID(1 << 22)
	w.PushFiles(tenant, "spinner", map[string]string{"init.luau": "return {\n\tSpin = function()\n\t\twhile true do end\n\tend,\n}"})
	answered := make(chan apptest.Reply, 1)
	go func() {
		r, err := w.DispatchWithin(5*time.Second, tenant, "Spin", nil)
		if err != nil {
			t.Error(err)
		}
		answered <- r
	}()
	w.Eventually(5*time.Second, "it runs", func() bool { return w.Workers()[0].Running == 1 })
	if list := string(w.Do("GET", "/i/workers/0/dump", nil, http.StatusOK)); !strings.Contains(list, "init.luau:3") || !strings.Contains(list, `"event":"Spin"`) {
		t.Errorf("dump of a worker that runs: %s", list)
	}
	if err := syscall.Kill(w.Workers()[0].PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	frozen := time.Now()
	w.Eventually(10*time.Second, "readiness turns", func() bool {
		text, err := w.Ready()
		return err == nil && strings.Contains(text, "worker 0 is in trouble: no heartbeat for")
	})
	if took := time.Since(frozen); took > 2*time.Second+time.Second {
		t.Errorf("readiness turned after %v, want within two heartbeats and 1 s", took)
	}
	want := []string{"guild:4194304", `template \"spinner\" event Spin`, "init.luau:3"}
	w.Eventually(time.Second, "readiness names what is stuck", func() bool {
		text, err := w.Ready()
		return err == nil && !slices.ContainsFunc(want, func(part string) bool { return !strings.Contains(text, part) })
	})
	if list := string(w.Do("GET", "/i/workers/0/dump", nil, http.StatusOK)); !strings.Contains(list, "init.luau:3") || !strings.Contains(list, `"tenant":"guild:4194304"`) {
		t.Errorf("dump of a worker that does not answer: %s", list)
	}
	if r := <-answered; r.Took > 5*time.Second+250*time.Millisecond || r.Owner != "platform" {
		t.Errorf("the waiter had its answer after %v: %d %s", r.Took, r.Status, r.Body)
	}
	w.Eventually(5*time.Second, "the log names it", func() bool {
		log := w.Log()
		return strings.Contains(log, "script of a worker in trouble") && strings.Contains(log, "template=spinner")
	})
	w.WaitReady(30 * time.Second)
}

// A second signal cuts off what the first one waits for, in order.
func TestRestart_SecondSignalSkipsToTheEnd(t *testing.T) {
	w := apptest.Start(t, apptest.Options{Set: fastBeats})
	tenant := guildID(3 << 22)
	w.PushFiles(tenant, "slow", map[string]string{"init.luau": `return { Slow = function() task.wait(15) return "done" end }`})
	answered := make(chan apptest.Reply, 1)
	go func() {
		r, _ := w.Dispatch(tenant, "Slow", nil)
		answered <- r
	}()
	w.Eventually(5*time.Second, "it runs", func() bool {
		return slices.ContainsFunc(w.Workers(), func(s api.WorkerStatus) bool { return s.Running > 0 })
	})
	w.Signal(syscall.SIGTERM)
	w.Eventually(5*time.Second, "it drains", func() bool {
		text, err := w.Ready()
		return err == nil && strings.Contains(text, "the master is stopping")
	})
	if r, err := w.Dispatch(tenant, "Slow", nil); err != nil || r.Code != "Draining" {
		t.Errorf("dispatch to a master that stops: %v %+v", err, r)
	}
	began := time.Now()
	w.Signal(syscall.SIGTERM)
	w.WaitExit(10 * time.Second)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the master took %v after the second signal", took)
	}
	if r := <-answered; r.Owner != "platform" {
		t.Errorf("what ran was answered with %d %s", r.Status, r.Body)
	}
	wantNoSocket(t, w)
}

// Whenever the master is killed, also while workers are being replaced, nothing
// of it is left: no process, no socket.
func TestRestart_KillMasterWhileReplacing(t *testing.T) {
	for _, after := range []time.Duration{5 * time.Millisecond, 60 * time.Millisecond, 150 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			w := apptest.Start(t, apptest.Options{Workers: 3, Set: quickRestarts})
			asked := make(chan struct{})
			go func() {
				defer close(asked)
				w.Run("workers", "restart", "--all") // the master dies of something else
			}()
			w.Eventually(10*time.Second, "a worker is being replaced", func() bool {
				return slices.ContainsFunc(w.Workers(), func(s api.WorkerStatus) bool { return len(s.Beside) > 0 || s.Generation > 1 })
			})
			<-time.After(after)
			pids := w.Children()
			if len(pids) < 3 {
				t.Errorf("%d worker processes before the kill", len(pids))
			}
			w.Signal(syscall.SIGKILL)
			w.WaitExit(10 * time.Second)
			<-asked
			for _, pid := range pids {
				w.Eventually(5*time.Second, fmt.Sprintf("process %d has gone with its master", pid), func() bool {
					return syscall.Kill(pid, 0) == syscall.ESRCH || isZombie(pid)
				})
			}
			wantNoSocket(t, w)
		})
	}
}

func wantNoSocket(t *testing.T, w *apptest.World) {
	t.Helper()
	var left []string
	w.Eventually(5*time.Second, "no socket is left", func() bool {
		left = nil
		_ = filepath.WalkDir(w.DataDir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type()&os.ModeSocket != 0 {
				left = append(left, path)
			}
			return nil
		})
		return len(left) == 0
	})
}
