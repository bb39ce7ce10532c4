package host

import (
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/luau"
)

// Env is what host functions ask of the tenant that runs them; the Host of a VM
// whose base is [NewBase]'s is one. Its methods are called on the tenant's
// goroutine while the VM runs, and keep c no longer than the call.
type Env interface {
	// Exec suspends the script for a host call and goes on with finish, which
	// gives the call's results. Use it as `return env.Exec(...)`.
	Exec(c *luau.Call, op string, args []khronos.Value, finish Finish) error
	// Work suspends the script until the work has been done elsewhere. Use it as
	// `return env.Work(...)`; when it gives an error nothing of w is called.
	Work(c *luau.Call, w Work) error
	// Wait suspends the script for d; the call's result is the number of seconds
	// that passed. Use it as `return env.Wait(...)`.
	Wait(c *luau.Call, d time.Duration) error
	// Park suspends the script until the Waiter that it gives is woken, or d has
	// passed unless that is 0; then p goes on. what is how messages name the wait.
	// The caller notes the Waiter and returns nil.
	Park(c *luau.Call, what string, d time.Duration, p Parked) (Waiter, error)
	// Schedule resumes target, a function or a coroutine, with args after d, and
	// gives its thread. Those with d = 0 run in the order they were scheduled in.
	Schedule(c *luau.Call, d time.Duration, target luau.Value, args []luau.Value) (luau.Value, error)
	// CancelThread takes back what would make co go on, and reports whether there
	// was something; then the caller closes co.
	CancelThread(co *luau.Coroutine) bool
	// Returned takes the value that a function run by [Main] has returned.
	Returned(co *luau.Coroutine, v khronos.Value)
	// ThreadFailed takes the error of a thread that nobody waits for.
	ThreadFailed(message string)
	// Print takes a line for the tenant's log.
	Print(line string)
	// Loader gives the VM's modules.
	Loader() *Loader
	// Limits gives the limits that hold for the script; they do not change.
	Limits() *limits.Limits
	// BotUser gives the bot's own user, empty when nobody knows it.
	BotUser() khronos.Payload
	// Usage tells what the script's tenant uses now.
	Usage(c *luau.Call) Usage
	// ValueBytes bounds a value that leaves the script.
	ValueBytes() int64
}

// Parked is what goes on when a wait has ended. It says which values it keeps.
type Parked interface {
	luau.Tracer
	Resume(c *luau.Call) error
}

// Waiter is a thread in a wait of [Env.Park]. Its methods are called while the VM runs.
type Waiter interface {
	// Waits tells whether the thread still waits there: it may have been woken,
	// cancelled, or have ended with its dispatch.
	Waits() bool
	// Wake ends the wait, if the thread is in it.
	Wake()
}

// Usage is what a tenant uses of its limits.
type Usage struct {
	MemoryBytes   int64
	CPU           time.Duration // in the current window
	DispatchCPU   time.Duration // of the dispatch that asks
	EventsWaiting int
	Handlers      int
	HostCalls     int
	Threads       int // of the template that asks
}

// Finish turns the result of a host call into results for the script.
type Finish func(c *luau.Call, result khronos.Value) error

func envOf(c *luau.Call) Env { return c.VM().Host().(Env) }
