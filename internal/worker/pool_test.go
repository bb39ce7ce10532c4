package worker

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// fakeWorker answers every event with its own id.
type fakeWorker struct {
	Worker // panics on what the tests do not use
	id     khronos.WorkerID
	fail   chan error

	mu     sync.Mutex
	state  State
	served bool

	worn     string // until it is restarted
	restart  error  // what Restart returns, after a second
	restarts int
	inside   bool // Restart
}

func (w *fakeWorker) Restart(ctx context.Context, _ string) error {
	w.mu.Lock()
	w.restarts++
	w.inside = true
	w.mu.Unlock()
	time.Sleep(time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inside = false
	if w.restart == nil {
		w.worn = ""
	}
	return w.restart
}

func (w *fakeWorker) restarted() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.restarts
}

func (w *fakeWorker) ID() khronos.WorkerID { return w.id }

func (w *fakeWorker) DispatchEvent(context.Context, khronos.TenantID, khronos.Event) (khronos.Value, error) {
	return khronos.Integer(int64(w.id)), nil
}

func (w *fakeWorker) Dump(context.Context) ([]khronos.ScriptStack, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == StateKilled {
		return nil, khronos.ErrWorkerUnavailable
	}
	return []khronos.ScriptStack{{Job: uint64(w.id)}}, nil
}

func (w *fakeWorker) Kill(ctx context.Context) error {
	w.mu.Lock()
	stuck := w.state == StateDraining
	if !stuck {
		w.state = StateKilled
	}
	w.mu.Unlock()
	if !stuck {
		return nil
	}
	<-ctx.Done()
	return khronos.AsError(ctx.Err())
}

func (w *fakeWorker) Start(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = StateReady
	return nil
}

func (w *fakeWorker) Status() []Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return []Status{{Worker: w.id, State: w.state, Worn: w.worn}}
}

func (w *fakeWorker) Serve(ctx context.Context) error {
	defer func() { w.mu.Lock(); w.served = true; w.mu.Unlock() }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-w.fail:
		return err
	}
}

func fakePool(n int) (*Pool, []*fakeWorker) {
	fakes := make([]*fakeWorker, n)
	workers := make([]Worker, n)
	for i := range fakes {
		fakes[i] = &fakeWorker{id: khronos.WorkerID(i), state: StateReady, fail: make(chan error, 1)}
		workers[i] = fakes[i]
	}
	return NewPool(workers), fakes
}

func TestPool_Routing(t *testing.T) {
	tests := []struct {
		kind khronos.TenantKind
		id   khronos.Snowflake
		n    int
		want int64
	}{
		{khronos.TenantGuild, 0, 4, 0},
		{khronos.TenantGuild, 1<<22 - 1, 4, 0}, // the low 22 bits do not count
		{khronos.TenantGuild, 1 << 22, 4, 1},
		{khronos.TenantUser, 1 << 22, 4, 1}, // users like guilds
		{khronos.TenantGuild, 5 << 22, 4, 1},
		{khronos.TenantGuild, 7 << 22, 4, 3},
		{khronos.TenantGuild, 7 << 22, 3, 1},
		{khronos.TenantGuild, 7 << 22, 1, 0},
		{khronos.TenantGuild, 81384788765712384, 4, (81384788765712384 >> 22) % 4},
		{khronos.TenantUser, 1<<64 - 1, 7, ((1<<64 - 1) >> 22) % 7},
	}
	for _, tt := range tests {
		id := khronos.TenantID{Kind: tt.kind, ID: tt.id}
		pool, _ := fakePool(tt.n)
		v, err := pool.DispatchEvent(context.Background(), id, khronos.Event{Name: "x"})
		if got, _ := v.AsInteger(); err != nil || got != tt.want {
			t.Errorf("%s of %d workers went to %d, %v, want %d", id, tt.n, got, err, tt.want)
		}
		if got := pool.Owner(id).ID(); int64(got) != tt.want {
			t.Errorf("owner of %s = %d, want %d", id, got, tt.want)
		}
	}
}

func TestPool_KillAndStartOneAndAll(t *testing.T) {
	pool, fakes := fakePool(3)
	ctx := context.Background()
	w, ok := pool.Worker(1)
	if !ok || w.Kill(ctx) != nil {
		t.Fatalf("kill worker 1: found %v", ok)
	}
	if h := pool.Health(); h.Ready != 2 || h.Total != 3 || !h.Degraded() || h.Down[0].Worker != 1 {
		t.Errorf("health = %+v, want worker 1 down", h)
	}
	if _, ok := pool.Worker(3); ok {
		t.Error("found worker 3 of 3")
	}
	if err := pool.Start(ctx); err != nil || pool.Health().Degraded() {
		t.Errorf("start: %v, health %+v", err, pool.Health())
	}

	fakes[0].state = StateDraining // does not die in time
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	wantKind(t, pool.Kill(short), khronos.ErrKindDeadline)
	for _, f := range fakes[1:] {
		if got := f.Status()[0].State; got != StateKilled {
			t.Errorf("worker %d = %s, want killed although worker 0 was not", f.id, got)
		}
	}
	if pool.Len() != 3 || len(pool.Status()) != 3 || pool.ID() != PoolID {
		t.Errorf("len %d, %d entries, id %d", pool.Len(), len(pool.Status()), pool.ID())
	}
}

// A worker that cannot be asked does not keep the others' entries back.
func TestPool_Dump(t *testing.T) {
	pool, fakes := fakePool(3)
	list, err := pool.Dump(t.Context())
	if err != nil || len(list) != 3 || list[0].Job != 0 || list[2].Job != 2 {
		t.Errorf("got %+v, %v, want an entry of each in slot order", list, err)
	}
	fakes[1].state = StateKilled
	list, err = pool.Dump(t.Context())
	wantKind(t, err, khronos.ErrKindWorkerUnavailable)
	if len(list) != 2 || list[1].Job != 2 {
		t.Errorf("got %+v, want those of the others", list)
	}
}

func TestPool_ServeWaitsForAll(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		end  func(cancel func(), fakes []*fakeWorker)
		want error
	}{
		{"context ends", func(cancel func(), _ []*fakeWorker) { cancel() }, nil},
		{"one worker ends", func(_ func(), fakes []*fakeWorker) { fakes[1].fail <- broken }, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pool, fakes := fakePool(3)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				served := make(chan error, 1)
				go func() { served <- pool.Serve(ctx) }()
				synctest.Wait()
				tt.end(cancel, fakes)
				if err := <-served; !errors.Is(err, tt.want) {
					t.Errorf("serve = %v, want %v", err, tt.want)
				}
				for _, f := range fakes {
					if !f.served {
						t.Errorf("worker %d still serves", f.id)
					}
				}
			})
		})
	}
}
