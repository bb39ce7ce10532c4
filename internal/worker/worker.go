// Package worker says what a worker is and holds the two kinds that are made
// of nothing else of ours: the Pool, which routes each tenant to one of many
// workers, and the Thread, which runs tenants inside this process.
//
// A worker in a child process is package process. The package knows no store,
// no broker and no HTTP, and never runs a script itself: a Thread hands jobs to
// the Runtime it is given.
//
// Goroutines: Pool.Serve starts one per worker, Thread.Serve one per life of
// its Runtime; both wait for them. Times are durations and time.Time, sizes
// bytes. Every error returned by a Worker's methods, Serve apart, is a
// *khronos.Error.
package worker

import (
	"context"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Worker runs tenants' templates. All methods are safe for concurrent use and,
// apart from Serve, may be called before, during and after Serve; before and
// after it the calls that need a running worker fail with worker_unavailable or
// draining.
//
// A ctx without a deadline gets the default dispatch deadline. A call returns
// when its outcome is known or its ctx ends, whichever is first, and never
// later. The Progress that ctx carries is told what happens meanwhile.
type Worker interface {
	ID() khronos.WorkerID

	// RunScript runs code, named name in traces, once for tenant, and
	// returns the chunk's first value.
	RunScript(ctx context.Context, tenant khronos.TenantID, name, code string, ev khronos.Event) (khronos.Value, error)

	// DispatchEvent hands ev to every template of tenant that wants it. The
	// value is a List with one Map per template that ran, or Null.
	DispatchEvent(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) (khronos.Value, error)

	// DispatchEventNoWait accepts ev and returns; how it ends the Progress of
	// ctx is told. ctx only carries that: its deadline and its end are
	// ignored. An error means ev was not accepted.
	DispatchEventNoWait(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) error

	// DropTenant ends what runs for tenant with dropped_tenant and frees its
	// VMs. The next event makes new ones from the templates as stored then.
	DropTenant(ctx context.Context, tenant khronos.TenantID) error

	// TenantStateChanged says what the platform knows of tenant from now on:
	// what runs for one that is banned ends with tenant_banned. It does not
	// wait for that. A worker that is not running learns it with the
	// tenant's templates.
	TenantStateChanged(tenant khronos.TenantID, state khronos.TenantState) error

	// TemplatesChanged says that the tenant's templates are stored otherwise. An
	// event that is accepted after it returns meets them as they are stored now.
	// What runs of another version ends there; what runs of a template that is
	// gone ends with dropped_tenant. A worker that is not running has nothing to
	// learn. The zero TenantID stands for all tenants. It does not wait.
	TemplatesChanged(tenant khronos.TenantID)

	// InspectTemplate runs files' init.luau under the inspection limits and
	// returns the names of the events it has handlers for, in file order.
	InspectTemplate(ctx context.Context, tenant khronos.TenantID, files map[string]string) ([]string, error)

	// Dump says what every script is at: one entry for each template that
	// runs for a job, and for each job that is queued, those first that have
	// the processor. It is bounded in size; a last entry says what was left
	// out. It works while scripts have all processors.
	Dump(ctx context.Context) ([]khronos.ScriptStack, error)

	// Kill stops the worker for good: what it ran is lost, and nothing runs
	// until Start. It returns when the worker is down or ctx ends.
	Kill(ctx context.Context) error

	// Start undoes Kill. For a worker that waits for its next start, or that
	// was marked failed, it means: try now. It does not wait for the worker
	// to be ready.
	Start(ctx context.Context) error

	// Restart puts a new life of the worker in the place of the running one
	// without a gap: new work goes to the new one when that has shown that it
	// works, and the old one ends what it has started. It returns when the new
	// one takes work. If it does not get there the old one goes on, and the
	// error says why. why is for logs.
	Restart(ctx context.Context, why string) error

	// Len is the number of workers behind this one: 1, or a Pool's size.
	Len() int

	// Status has one entry per worker.
	Status() []Status

	// Serve runs the worker. It blocks until ctx ends and everything it
	// started has returned, and is called once.
	Serve(ctx context.Context) error
}

// State is where a worker is in its life. The texts are part of the API.
type State string

// The states of a worker.
const (
	StateStarting State = "starting" // a generation is booting
	StateReady    State = "ready"    // takes work
	StateBackoff  State = "backoff"  // died, waits for its next start
	StateFailed   State = "failed"   // died too often in a row; one probe start now and then
	StateKilled   State = "killed"   // stopped by Kill, waits for Start
	StateDraining State = "draining" // stopping: ends what it runs, takes nothing new
	StateStopped  State = "stopped"  // Serve has not begun, or has ended
)

// Status is a snapshot of one worker.
type Status struct {
	Worker     khronos.WorkerID
	State      State
	Generation khronos.Generation // 0 before the first start
	PID        int                // 0 when no process of its own is running
	Restarts   int                // generations started after the first
	Failures   int                // the policy's failure count now; it decays with healthy time
	NextStart  time.Time          // in backoff and failed; else zero
	LastExit   string             // why the last generation ended; empty if none has
	Since      time.Time          // when State was entered
	Beside     []Life             // processes of the worker besides the one that takes work
	Trouble    string             // why a worker that is ready is not healthy; empty if it is
	Solo       bool               // it is beside the pool and runs suspects alone, when there are any
	Worn       string             // why its process should be replaced; empty if it need not

	// As last reported by the worker.
	Tenants   int
	Queued    int
	Running   int
	HeapBytes int64
	VMs       int
	RSSBytes  int64 // of its process, as the system reports it; 0 when it has none of its own

	// As a master sees a process that takes work.
	Stalled  time.Duration     // for how long it has made no progress
	Canary   string            // why its last probe script did not run; empty if it did
	Headroom float64           // the part of its means that is free, in [0, 1]
	Posture  map[string]string // what it says of its confinement: items and their states
}

// Healthy says whether the worker takes work and gets on with it.
func (s Status) Healthy() bool { return s.State == StateReady && s.Trouble == "" }

// Life is a process of a worker that does not take its new work.
type Life struct {
	Generation khronos.Generation
	PID        int
	State      State // starting: it will replace the one that works; draining: it was replaced
}
