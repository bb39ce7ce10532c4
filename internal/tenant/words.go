package tenant

import (
	"context"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Door is the way from a worker's tenants to the broker: over the link in a
// worker process, a direct call in thread mode.
//
// Its methods are called from goroutines that a tenant owns, many at once.
// Exec and Templates must return soon after ctx ends; Log never blocks, and
// counts what it has to drop.
type Door interface {
	Exec(ctx context.Context, call HostCall) (khronos.Value, error)
	Templates(ctx context.Context, tenant khronos.TenantID) ([]khronos.Template, error)
	Log(tenant khronos.TenantID, template, line string)
}

// HostCall is one call from a template to the world outside its VM.
type HostCall struct {
	Tenant   khronos.TenantID
	Template string // empty for RunScript
	Dispatch uint64 // ID of the live Job that makes the call
	Call     string // names the call within its tenant: one that comes twice is done once
	Author   string // of the event that it handles
	Depth    int    // of that event; a worker process does not know it, its master does
	Op       string // such as "kv.get"
	Args     []khronos.Value
}

// JobKind says what a Job asks for.
type JobKind uint8

// The kinds of job. They never cross a process border as numbers.
const (
	JobDispatchEvent JobKind = iota + 1 // Event to every template that wants it; ends with the List of DESIGN section 3, or Null
	JobRunScript                        // run Code, named Name, with Event; ends with its first return value
	JobInspect                          // run Files' init.luau under the inspection limits; ends with a List of Text, the handler names
)

// String names the kind for logs.
func (k JobKind) String() string {
	switch k {
	case JobDispatchEvent:
		return "dispatch"
	case JobRunScript:
		return "script"
	case JobInspect:
		return "inspect"
	}
	return "unknown"
}

// Job is one piece of work for one tenant, as it is delivered to a Runtime.
type Job struct {
	ID uint64 // unique among the live jobs of its Runtime, never 0

	Dispatch khronos.DispatchID // what the master calls it, for dumps; 0 where that is not known

	Tenant khronos.TenantID
	Kind   JobKind
	Event  khronos.Event

	Name, Code string            // JobRunScript
	Files      map[string]string // JobInspect

	Deadline time.Time

	// Started is called at most once, when the job's first instruction is
	// about to run. It must not block.
	Started func()
	// Done is called exactly once for a job that Deliver accepted, from a
	// goroutine of the tenant. It must not block.
	Done func(khronos.Outcome)
}

// Stats is a snapshot of a Runtime. Started, Ended and Slices only grow. A
// Runtime makes no progress when it is busy and they stand still, or when one
// and the same slice stays the oldest.
type Stats struct {
	Tenants   int // tenants with a mailbox
	Queued    int // jobs accepted, not started
	Running   int // jobs started, not ended
	VMs       int
	HeapBytes int64
	Evicted   uint64 // VMs closed because nobody used them, since the Runtime began
	Started   uint64 // jobs started since the Runtime began
	Ended     uint64 // jobs ended since the Runtime began
	Busy      int    // tenants that have something to do and wait for nobody but a processor
	Slices    uint64 // slices of scripts begun since the Runtime began
	Oldest    uint64 // number of the slice that has been running for longest; 0 when none runs
}
