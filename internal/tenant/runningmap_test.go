package tenant

import (
	"fmt"
	"sync"
	"testing"
)

// testMap is a RunningMap that checks how it is used.
type testMap struct {
	mu     sync.Mutex // mu guards the fields below
	last   int
	runs   map[int]*testRun
	broken []string
	most   int // runs in a slice at once
	ended  []testRun
}

// testRun is a run on the map and what was said of it.
type testRun struct {
	Running
	inSlice bool
	steps   []string
}

func newTestMap() *testMap { return &testMap{runs: map[int]*testRun{}} }

// on has f look at a run that must be there, in a slice or not.
func (m *testMap) on(place int, call string, inSlice bool, f func(*testRun)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[place]
	if r == nil || r.inSlice != inSlice {
		m.broken = append(m.broken, fmt.Sprintf("%s of place %d: %+v", call, place, r))
		return
	}
	f(r)
}

func (m *testMap) Enter(what Running, now bool) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last++; !now && m.last%5 == 0 {
		return 0 // full
	}
	m.runs[m.last] = &testRun{Running: what}
	return m.last
}

func (m *testMap) Run(place int, loading bool) {
	m.on(place, "run", false, func(r *testRun) {
		r.inSlice = true
		step := "run"
		if loading {
			step = "load"
		}
		r.steps = append(r.steps, step)
		slices := 0
		for _, other := range m.runs {
			if other.inSlice {
				slices++
			}
		}
		m.most = max(m.most, slices)
	})
}

func (m *testMap) Rest(place int, waits, chunk string, line int) {
	m.on(place, "rest", true, func(r *testRun) {
		r.inSlice = false
		if line > 0 {
			r.steps = append(r.steps, fmt.Sprintf("%s at %s:%d", waits, chunk, line))
		}
	})
}

func (m *testMap) Leave(place int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[place]
	if r == nil {
		m.broken = append(m.broken, fmt.Sprintf("leave of place %d", place))
		return
	}
	delete(m.runs, place)
	m.ended = append(m.ended, *r)
}

// check fails a test that has used the map wrongly, when nothing runs any more.
func (m *testMap) check(t testing.TB) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.broken {
		t.Error("running map: ", b)
	}
	for place, r := range m.runs {
		t.Errorf("running map: place %d is still taken by %+v", place, r)
	}
}

func TestRuntime_SaysWhatItRuns(t *testing.T) {
	w := newWorld(t, nil)
	w.template(guild(1), "a", `return {
		e = function(ctx)
			ctx.KV:get("k", { "s" })
			task.spawn(function() task.wait() end)
		end }`, "e")
	w.value(w.event(guild(1), "e", nil))
	var r testRun
	w.eventually("the run and its background thread have left the map", func() bool {
		w.runs.mu.Lock()
		defer w.runs.mu.Unlock()
		if len(w.runs.ended) < 2 {
			return false
		}
		r = w.runs.ended[0]
		return true
	})
	if r.Tenant != guild(1) || r.Template != "a" || r.Event != "e" || r.Kind != JobDispatchEvent || r.Job == 0 {
		t.Errorf("the map says %+v", r)
	}
	// Compiled, loaded, given its context, run until the host call, and on.
	want := "[load load run run kv.get at init.luau:3 run]"
	if got := fmt.Sprint(r.steps); got != want {
		t.Errorf("it did %s, want %s", got, want)
	}
}
