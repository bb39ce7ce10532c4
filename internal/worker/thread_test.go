package worker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var guild1 = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1 << 22}

// fakeRuntime runs jobs by their event's name: "echo" ends with the event's
// author, "wait" starts and ends when it is cancelled or the Runtime ends,
// "deaf" starts and ends only with the Runtime, "queue" is never started,
// "busy" is refused. Scripts end with their code, inspections with file names.
type fakeRuntime struct {
	mu        sync.Mutex
	live      map[uint64]tenant.Job
	cancelled []uint64
	dropped   []khronos.TenantID
	banned    []khronos.TenantID
	mute      bool          // end without ending jobs, as no Runtime should
	fail      chan error    // Serve returns what comes out
	serving   chan struct{} // closed by Serve
}

func newFakeRuntime() *fakeRuntime {
	return &fakeRuntime{live: map[uint64]tenant.Job{}, fail: make(chan error, 1), serving: make(chan struct{})}
}

func (r *fakeRuntime) Serve(ctx context.Context) error {
	close(r.serving)
	var err error
	select {
	case <-ctx.Done():
	case err = <-r.fail:
	}
	r.mu.Lock()
	jobs, mute := r.live, r.mute
	r.live = map[uint64]tenant.Job{}
	r.mu.Unlock()
	for _, job := range jobs {
		if !mute {
			job.Done(khronos.Outcome{Err: khronos.Errorf(khronos.ErrKindWorkerLostStarted, "runtime ended")})
		}
	}
	return err
}

func (r *fakeRuntime) Deliver(job tenant.Job) error {
	switch job.Kind {
	case tenant.JobRunScript:
		go job.Done(khronos.Outcome{Value: khronos.Text(job.Name + "=" + job.Code)})
		return nil
	case tenant.JobInspect:
		var names []khronos.Value
		for name := range job.Files {
			names = append(names, khronos.Text(name))
		}
		go job.Done(khronos.Outcome{Value: khronos.List(names...)})
		return nil
	}
	switch job.Event.Name {
	case "busy":
		return khronos.ErrTenantBusy
	case "echo":
		job.Started()
		go job.Done(khronos.Outcome{Value: khronos.Text(job.Event.Author), Usage: khronos.Usage{Fuel: 7}})
		return nil
	case "wait", "deaf":
		job.Started()
	}
	r.mu.Lock()
	r.live[job.ID] = job
	r.mu.Unlock()
	return nil
}

func (r *fakeRuntime) Cancel(id uint64) {
	r.mu.Lock()
	r.cancelled = append(r.cancelled, id)
	job, ok := r.live[id]
	ok = ok && job.Event.Name != "deaf"
	if ok {
		delete(r.live, id)
	}
	r.mu.Unlock()
	if ok {
		job.Done(khronos.Outcome{Err: khronos.Errorf(khronos.ErrKindCancelled, "cancelled")})
	}
}

func (r *fakeRuntime) Refresh(khronos.TenantID) {}

func (r *fakeRuntime) Drop(_ context.Context, id khronos.TenantID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped = append(r.dropped, id)
	return nil
}

func (r *fakeRuntime) Ban(id khronos.TenantID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.banned = append(r.banned, id)
}

func (r *fakeRuntime) Dump(context.Context) []khronos.ScriptStack {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []khronos.ScriptStack
	for id, job := range r.live {
		list = append(list, khronos.ScriptStack{Tenant: job.Tenant, Event: job.Event.Name, Job: id, State: khronos.StackRunning})
	}
	return list
}
func (r *fakeRuntime) GiveBack() {}

func (r *fakeRuntime) Stats() tenant.Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return tenant.Stats{Running: len(r.live), HeapBytes: 42}
}

// servedThread runs a Thread until the test calls stop, inside a bubble.
func servedThread(t *testing.T) (th *Thread, runtimes func() []*fakeRuntime, stop func() error) {
	t.Helper()
	return drainingThread(t, 0)
}

// drainingThread is servedThread with time for what runs when it is stopped.
func drainingThread(t *testing.T, drain time.Duration) (th *Thread, runtimes func() []*fakeRuntime, stop func() error) {
	t.Helper()
	var mu sync.Mutex
	var made []*fakeRuntime
	th = NewThread(ThreadConfig{
		ID:     7,
		Limits: limits.Default(),
		Drain:  drain,
		New: func() Runtime {
			mu.Lock()
			defer mu.Unlock()
			made = append(made, newFakeRuntime())
			return made[len(made)-1]
		},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- th.Serve(ctx) }()
	synctest.Wait()
	runtimes = func() []*fakeRuntime { mu.Lock(); defer mu.Unlock(); return slices.Clone(made) }
	return th, runtimes, func() error { cancel(); return <-served }
}

func wantKind(t *testing.T, err error, kind khronos.ErrorKind) {
	t.Helper()
	var typed *khronos.Error
	if !errors.As(err, &typed) || typed.Kind != kind {
		t.Errorf("error = %v, want kind %s", err, kind)
	}
}

func TestThread_Calls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th, runtimes, stop := servedThread(t)
		ctx := context.Background()

		v, err := th.DispatchEvent(ctx, guild1, khronos.Event{Name: "echo", Author: "12"})
		if got, _ := v.AsText(); err != nil || got != "12" {
			t.Errorf("dispatch = %q, %v, want 12", got, err)
		}
		v, err = th.RunScript(ctx, guild1, "n", "return 1", khronos.Event{Name: "x"})
		if got, _ := v.AsText(); err != nil || got != "n=return 1" {
			t.Errorf("script = %q, %v", got, err)
		}
		names, err := th.InspectTemplate(ctx, guild1, map[string]string{"A": ""})
		if err != nil || !slices.Equal(names, []string{"A"}) {
			t.Errorf("inspect = %q, %v, want [A]", names, err)
		}
		_, err = th.DispatchEvent(ctx, guild1, khronos.Event{Name: "busy"})
		wantKind(t, err, khronos.ErrKindTenantBusy)
		wantKind(t, th.DispatchEventNoWait(t.Context(), guild1, khronos.Event{Name: "busy"}), khronos.ErrKindTenantBusy)
		if err := th.DropTenant(ctx, guild1); err != nil {
			t.Errorf("drop: %v", err)
		}
		if got := runtimes()[0].dropped; len(got) != 1 || got[0] != guild1 {
			t.Errorf("dropped %v, want %v", got, guild1)
		}
		for _, banned := range []bool{false, true} {
			if err := th.TenantStateChanged(guild1, khronos.TenantState{Banned: banned}); err != nil {
				t.Errorf("state: %v", err)
			}
		}
		if got := runtimes()[0].banned; len(got) != 1 || got[0] != guild1 {
			t.Errorf("banned %v, want %v once", got, guild1)
		}
		if err := stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
		_, err = th.DispatchEvent(ctx, guild1, khronos.Event{Name: "echo"})
		wantKind(t, err, khronos.ErrKindWorkerUnavailable)
	})
}

func TestThread_WaiterReturnsAtDeadline(t *testing.T) {
	tests := []struct {
		name    string
		event   string
		timeout time.Duration // 0: none given
		want    time.Duration
	}{
		{"job that stops when cancelled", "wait", 3 * time.Second, 3 * time.Second},
		{"job that ignores cancelling", "deaf", 3 * time.Second, 3 * time.Second},
		{"default deadline", "deaf", 0, limits.Default().DispatchDeadline},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th, runtimes, stop := servedThread(t)
				ctx, cancel := context.Background(), func() {}
				if tt.timeout > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.timeout)
				}
				defer cancel()
				start := time.Now()
				_, err := th.DispatchEvent(ctx, guild1, khronos.Event{Name: tt.event})
				wantKind(t, err, khronos.ErrKindDeadline)
				if got := time.Since(start); got != tt.want {
					t.Errorf("returned after %v, want %v", got, tt.want)
				}
				if got := runtimes()[0].cancelled; len(got) != 1 {
					t.Errorf("cancelled %v, want the one job", got)
				}
				_ = stop()
			})
		})
	}
}

func TestThread_KillEndsAllAndStartBeginsAnew(t *testing.T) {
	for _, tt := range []struct {
		event string
		mute  bool
		want  khronos.ErrorKind
	}{
		{"wait", false, khronos.ErrKindWorkerLostStarted},
		{"deaf", true, khronos.ErrKindWorkerLostStarted},
		{"queue", true, khronos.ErrKindWorkerLostUnstarted},
	} {
		t.Run(tt.event, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th, runtimes, stop := servedThread(t)
				runtimes()[0].mute = tt.mute
				got := make(chan error, 1)
				go func() {
					_, err := th.DispatchEvent(context.Background(), guild1, khronos.Event{Name: tt.event})
					got <- err
				}()
				synctest.Wait()
				if err := th.Kill(context.Background()); err != nil {
					t.Fatalf("kill: %v", err)
				}
				wantKind(t, <-got, tt.want)
				synctest.Wait()
				if st := th.Status()[0]; st.State != StateKilled || st.LastExit == "" {
					t.Errorf("status = %+v, want killed with a last exit", st)
				}
				_, err := th.DispatchEvent(context.Background(), guild1, khronos.Event{Name: "echo"})
				wantKind(t, err, khronos.ErrKindWorkerUnavailable)

				if err := th.Start(context.Background()); err != nil {
					t.Fatalf("start: %v", err)
				}
				synctest.Wait()
				if _, err := th.DispatchEvent(context.Background(), guild1, khronos.Event{Name: "echo"}); err != nil {
					t.Errorf("after start: %v", err)
				}
				if st := th.Status()[0]; st.State != StateReady || st.Generation != 2 || st.Restarts != 1 {
					t.Errorf("status = %+v, want ready in its second life", st)
				}
				if len(runtimes()) != 2 {
					t.Errorf("%d runtimes made, want a new one", len(runtimes()))
				}
				if err := stop(); err != nil {
					t.Errorf("serve: %v", err)
				}
			})
		})
	}
}

func TestThread_Dump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th, _, stop := servedThread(t)
		if err := th.DispatchEventNoWait(t.Context(), guild1, khronos.Event{Name: "deaf"}); err != nil {
			t.Fatal(err)
		}
		list, err := th.Dump(t.Context())
		if err != nil || len(list) != 1 || list[0].Event != "deaf" || list[0].Tenant != guild1 {
			t.Errorf("got %+v, %v, want the one job", list, err)
		}
		_ = stop()
		_, err = th.Dump(t.Context())
		wantKind(t, err, khronos.ErrKindWorkerUnavailable)
	})
}

func TestThread_ServeLetsWhatRunsEnd(t *testing.T) {
	const drain = 20 * time.Second
	for _, tt := range []struct {
		name string
		jobs []string // events
		do   func(th *Thread, rt *fakeRuntime)
		want time.Duration // until Serve has returned
		kind khronos.ErrorKind
	}{
		{"nothing runs", nil, func(*Thread, *fakeRuntime) {}, 0, 0},
		{"the last one ends in time", []string{"wait"}, func(th *Thread, _ *fakeRuntime) { th.Cancel(1) }, 3 * time.Second, khronos.ErrKindCancelled},
		{"one does not end", []string{"wait", "deaf"}, func(th *Thread, _ *fakeRuntime) { th.Cancel(1) }, drain, khronos.ErrKindCancelled},
		{"killed meanwhile", []string{"wait"}, func(th *Thread, _ *fakeRuntime) { _ = th.Kill(context.Background()) }, 3 * time.Second, khronos.ErrKindWorkerLostStarted},
		{"its runtime ends meanwhile", []string{"wait"}, func(_ *Thread, rt *fakeRuntime) { rt.fail <- nil }, 3 * time.Second, khronos.ErrKindWorkerLostStarted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th, runtimes, stop := drainingThread(t, drain)
				first := make(chan error, len(tt.jobs))
				for _, event := range tt.jobs {
					go func() {
						_, err := th.DispatchEvent(context.Background(), guild1, khronos.Event{Name: event})
						first <- err
					}()
					synctest.Wait()
				}
				began := time.Now()
				served := make(chan error, 1)
				go func() { served <- stop() }()
				synctest.Wait()
				if len(tt.jobs) > 0 {
					_, err := th.DispatchEvent(context.Background(), guild1, khronos.Event{Name: "echo"})
					wantKind(t, err, khronos.ErrKindDraining)
					if st := th.Status()[0].State; st != StateDraining {
						t.Errorf("state %s, want draining", st)
					}
					<-time.After(3 * time.Second)
					tt.do(th, runtimes()[0])
					wantKind(t, <-first, tt.kind)
				}
				if err := <-served; err != nil {
					t.Errorf("serve: %v", err)
				}
				if took := time.Since(began); took != tt.want {
					t.Errorf("served for %v more, want %v", took, tt.want)
				}
			})
		})
	}
}

func TestThread_RuntimeEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th, runtimes, stop := servedThread(t)
		broken := errors.New("broken")
		runtimes()[0].fail <- broken
		synctest.Wait()
		if err := stop(); !errors.Is(err, broken) {
			t.Errorf("serve = %v, want the runtime's error", err)
		}
		if st := th.Status()[0]; st.State != StateStopped {
			t.Errorf("state = %s, want stopped", st.State)
		}
	})
}

func TestThread_DrainRefusesNewAndKeepsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th, runtimes, stop := servedThread(t)
		ended := make(chan khronos.Outcome, 1)
		job := tenant.Job{ID: 9, Tenant: guild1, Kind: tenant.JobDispatchEvent, Event: khronos.Event{Name: "wait"},
			Started: func() {}, Done: func(out khronos.Outcome) { ended <- out }}
		if err := th.Deliver(job); err != nil {
			t.Fatalf("deliver: %v", err)
		}
		th.Drain()
		wantKind(t, th.Deliver(job), khronos.ErrKindDraining)
		if got := th.Stats().Running; got != 1 {
			t.Errorf("%d running while draining, want 1", got)
		}
		th.Cancel(9)
		if out := <-ended; out.Kind() != khronos.ErrKindCancelled {
			t.Errorf("outcome = %v, want cancelled", out.Kind())
		}
		if got := runtimes()[0].cancelled; !slices.Equal(got, []uint64{9}) {
			t.Errorf("cancelled %v, want the delivered id", got)
		}
		_ = stop()
	})
}
