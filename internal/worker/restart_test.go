package worker

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

func TestPool_RestartEach(t *testing.T) {
	bad := khronos.Errorf(khronos.ErrKindWorkerUnavailable, "no")
	tests := []struct {
		name    string
		plan    RestartPlan
		prepare func(fakes []*fakeWorker)
		want    []khronos.WorkerID // replaced, in slot order
		steps   int
		fails   bool
	}{
		{"rolling", RestartPlan{Rolling: true}, nil, []khronos.WorkerID{0, 1, 2, 3}, 4, false},
		{"all at once", RestartPlan{}, nil, []khronos.WorkerID{0, 1, 2, 3}, 4, false},
		{"one", RestartPlan{Workers: []khronos.WorkerID{2}}, nil, []khronos.WorkerID{2}, 1, false},
		{"none such", RestartPlan{Workers: []khronos.WorkerID{7}}, nil, nil, 0, true},
		{"rolling ends at a bad one", RestartPlan{Rolling: true}, func(f []*fakeWorker) { f[1].restart = bad }, []khronos.WorkerID{0}, 2, true},
		{"all at once goes on", RestartPlan{}, func(f []*fakeWorker) { f[1].restart = bad }, []khronos.WorkerID{0, 2, 3}, 4, true},
		{"killed ones are left out", RestartPlan{Rolling: true}, func(f []*fakeWorker) { f[0].state = StateKilled }, []khronos.WorkerID{1, 2, 3}, 4, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pool, fakes := fakePool(4)
				if tt.prepare != nil {
					tt.prepare(fakes)
				}
				steps, alone := 0, true
				err := pool.RestartEach(t.Context(), tt.plan, func(s RestartStep) {
					steps++
					if n := restarting(fakes); n > 0 && tt.plan.Rolling {
						alone = false
					}
				})
				if (err != nil) != tt.fails || steps != tt.steps || !alone {
					t.Errorf("error %v after %d steps, one at a time %v; want %d steps", err, steps, alone, tt.steps)
				}
				got := 0
				for _, f := range fakes {
					if f.restarts > 0 && f.restart == nil {
						if got >= len(tt.want) || tt.want[got] != f.id {
							t.Errorf("worker %d was replaced, want %v", f.id, tt.want)
						}
						got++
					}
				}
				if got != len(tt.want) {
					t.Errorf("%d were replaced, want %v", got, tt.want)
				}
			})
		})
	}
}

// restarting counts the workers that are being replaced.
func restarting(fakes []*fakeWorker) int {
	n := 0
	for _, f := range fakes {
		f.mu.Lock()
		if f.inside {
			n++
		}
		f.mu.Unlock()
	}
	return n
}

func TestPool_OneRestartAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool, _ := fakePool(2)
		first := make(chan error, 1)
		go func() { first <- pool.Restart(t.Context(), "one") }()
		synctest.Wait()
		wantKind(t, pool.Restart(t.Context(), "two"), khronos.ErrKindTenantBusy)
		if err := <-first; err != nil {
			t.Errorf("the first restart: %v", err)
		}
	})
}

func TestPool_ReplacesWornWorkersOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool, fakes := fakePool(3)
		for _, f := range fakes {
			f.worn = "it is old"
		}
		fakes[1].restart = khronos.Errorf(khronos.ErrKindWorkerUnavailable, "no")
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- pool.Serve(ctx) }()
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			if n := restarting(fakes); n > 1 {
				t.Fatalf("%d workers are being replaced at once", n)
			}
		}
		for _, f := range fakes {
			if n := f.restarted(); n != 1 {
				t.Errorf("worker %d was replaced %d times in 10 s, want once and then left alone", f.id, n)
			}
		}
		time.Sleep(wornPause)
		synctest.Wait()
		if n := fakes[1].restarted(); n != 2 {
			t.Errorf("worker 1 was tried %d times after the pause, want 2", n)
		}
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
