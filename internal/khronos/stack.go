package khronos

import "time"

// The values of [ScriptStack.State].
const (
	StackRunning  = "running"  // it has the processor, or had it and goes on when its turn comes again
	StackRunnable = "runnable" // it was woken, or begins, and waits for its turn
	StackWaiting  = "waiting"  // for what Waits says
	StackLoading  = "loading"  // init.luau is compiled or runs, or the job waits for that
	StackQueued   = "queued"   // accepted, not started
	StackLeftOut  = "left_out" // not a job: Stack says how many are missing from the list
)

// ScriptStack says what one template does for one job, at the moment of a dump
// of its worker.
type ScriptStack struct {
	Tenant   TenantID  `json:"tenant,omitzero"`
	Template string    `json:"template"` // empty for a job that is queued, and for RunScript
	Version  int64     `json:"version"`
	Event    string    `json:"event"`
	Job      uint64    `json:"job"` // the job's id in its worker
	State    string    `json:"state"`
	Waits    string    `json:"waits,omitempty"` // a host call such as "kv.get", "task.wait", or a sentence
	Since    time.Time `json:"since,omitzero"`  // when it came into this state
	Stack    string    `json:"stack,omitempty"` // "file:line function name" a line, innermost first; then its other threads

	// Dispatch is what the job is to the master; 0 when nobody waits for it any
	// more, and in what a worker process says.
	Dispatch DispatchID `json:"dispatch,omitzero"`
}
