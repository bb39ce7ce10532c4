package tenant

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

const (
	// dumpPatience is how long a dump waits for tenants to tell what they are at.
	// One that is inside a long native cannot; what is known without it is told.
	dumpPatience = 200 * time.Millisecond

	maxDumpBytes    = 256 << 10 // of a dump's JSON form; a frame may allow less
	maxStackBytes   = 4 << 10   // of the stack of one entry
	maxStackThreads = 8         // of one entry
)

// dumpOrder is the order of states in a dump: what explains a worker that does
// not get on comes first.
var dumpOrder = []string{khronos.StackRunning, khronos.StackRunnable, khronos.StackLoading, khronos.StackWaiting, khronos.StackQueued}

// Dump says what every live job is at, and which background threads run. It
// returns soon, whatever scripts do, and its JSON form fits into a frame: what
// has no room is counted in a last entry of state left_out.
func (r *Runtime) Dump(ctx context.Context) []khronos.ScriptStack {
	tenants := r.busy()
	answers := make([]chan []khronos.ScriptStack, len(tenants))
	for i, t := range tenants {
		answers[i] = make(chan []khronos.ScriptStack, 1)
		t.post(func() { answers[i] <- t.stacks() })
	}
	ctx, cancel := context.WithTimeout(ctx, dumpPatience)
	defer cancel()
	var list []khronos.ScriptStack
	for i, t := range tenants {
		select {
		case <-ctx.Done():
		case stacks := <-answers[i]:
			list = append(list, stacks...)
			continue
		}
		select { // it may have answered while another one was waited for
		case stacks := <-answers[i]:
			list = append(list, stacks...)
		default:
			list = append(list, t.stacksUnasked()...)
		}
	}
	return trimDump(list, min(maxDumpBytes, int(r.cfg.Limits.FrameBytes/2)))
}

// busy gives the tenants that have a live job or something to run.
func (r *Runtime) busy() []*tenant {
	r.mu.Lock()
	owners := map[*tenant]bool{}
	for _, t := range r.jobs {
		owners[t] = true
	}
	all := make([]*tenant, 0, len(r.tenants))
	for _, t := range r.tenants {
		all = append(all, t)
	}
	r.mu.Unlock()
	return slices.DeleteFunc(all, func(t *tenant) bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		return !t.active && !owners[t]
	})
}

// trimDump sorts a dump and cuts it to a number of bytes.
func trimDump(list []khronos.ScriptStack, limit int) []khronos.ScriptStack {
	slices.SortStableFunc(list, func(a, b khronos.ScriptStack) int {
		return cmp.Or(cmp.Compare(slices.Index(dumpOrder, a.State), slices.Index(dumpOrder, b.State)), a.Since.Compare(b.Since))
	})
	const room = 1 << 10 // for the last entry
	size := 0
	for i := range list {
		b, err := json.Marshal(&list[i])
		if err != nil {
			panic("BUG: a script's stack has no JSON form: " + err.Error())
		}
		if size += len(b) + 1; size > limit-room {
			return append(list[:i], leftOut(list[i:]))
		}
	}
	return list
}

func leftOut(list []khronos.ScriptStack) khronos.ScriptStack {
	counts := map[string]int{}
	for i := range list {
		counts[list[i].State]++
	}
	var parts []string
	for _, state := range dumpOrder {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return khronos.ScriptStack{State: khronos.StackLeftOut, Stack: fmt.Sprintf("%d more: %s", len(list), strings.Join(parts, ", "))}
}

// now is what a tenant does on a processor at this moment, for those who cannot
// ask its goroutine. Its goroutine sets it, any goroutine may read it.
type now struct {
	mu    sync.Mutex // mu guards the fields below
	d     *dispatch  // nil: nothing; only the job is looked at
	m     *machine   // only the template is looked at
	state string
	since time.Time
	chunk string // where it goes on
	line  int
}

// set says that th runs. Its last known place costs a look at one frame.
func (n *now) set(th *thread) {
	chunk, line := th.co.CurrentLine()
	state := khronos.StackRunning
	if th.kind == threadLoad {
		state = khronos.StackLoading
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.d, n.m, n.state, n.since, n.chunk, n.line = th.r.d, th.m, state, th.since, chunk, line
}

// setLoading says that a source is compiled for r.
func (n *now) setLoading(r *run) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.d, n.m, n.state, n.since, n.chunk, n.line = r.d, r.m, khronos.StackLoading, time.Now(), "", 0
}

func (n *now) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.d, n.m = nil, nil
}

// stacksUnasked says what is known of a tenant whose goroutine is busy: what it
// runs, and what is queued. Any goroutine.
func (t *tenant) stacksUnasked() []khronos.ScriptStack {
	t.now.mu.Lock()
	d, m := t.now.d, t.now.m
	e := khronos.ScriptStack{State: t.now.state, Since: t.now.since}
	if t.now.chunk != "" {
		e.Stack = fmt.Sprintf("%s:%d (or further on: it does not answer)\n", t.now.chunk, t.now.line)
	}
	t.now.mu.Unlock()
	list := t.queuedStacks("its tenant's goroutine, which is busy")
	if d == nil {
		return list
	}
	e.Tenant, e.Event, e.Job, e.Dispatch = t.id, d.event(), d.job.ID, d.job.Dispatch
	e.Template, e.Version = m.tpl.Name, m.tpl.Version
	return append(list, e)
}

// queuedStacks lists the jobs that have not started. Any goroutine.
func (t *tenant) queuedStacks(waits string) []khronos.ScriptStack {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]khronos.ScriptStack, len(t.queue))
	for i, d := range t.queue {
		list[i] = khronos.ScriptStack{Tenant: t.id, Event: d.event(), Job: d.job.ID, Dispatch: d.job.Dispatch, State: khronos.StackQueued, Waits: waits, Since: d.since}
	}
	return list
}

// stacks says what the tenant's jobs and background threads are at.
func (t *tenant) stacks() []khronos.ScriptStack {
	list := t.queuedStacks(t.queueWaits())
	for _, d := range t.live {
		for _, r := range d.runs {
			if !r.ended {
				list = append(list, r.stack())
			}
		}
	}
	for _, th := range t.runnable {
		if th.r.ended {
			e := th.r.entryOf(th)
			e.Stack = clipStack("background thread\n" + th.co.Stack())
			list = append(list, e)
		}
	}
	return list
}

// queueWaits says what the queued jobs wait for.
func (t *tenant) queueWaits() string {
	switch {
	case t.rest != nil:
		return "the tenant's next CPU window"
	case t.loading:
		return "the tenant's templates"
	case len(t.live) >= t.rt.cfg.Limits.HandlersPerTenant:
		return "a place among the tenant's dispatches in progress (handlers_per_tenant)"
	}
	return "its turn"
}

// stack describes a run by its thread that is nearest to going on, and then its others.
func (r *run) stack() khronos.ScriptStack {
	threads := r.threads()
	if len(threads) == 0 {
		e := r.entryOf(nil)
		e.State, e.Since = khronos.StackLoading, r.d.since
		e.Waits = "init.luau, which loads for an earlier job"
		return e
	}
	e := r.entryOf(threads[0])
	var b strings.Builder
	for i, th := range threads {
		if i == maxStackThreads {
			fmt.Fprintf(&b, "%d more threads\n", len(threads)-i)
			break
		}
		if i > 0 {
			b.WriteString("thread " + th.standing() + "\n")
		}
		b.WriteString(th.co.Stack())
	}
	e.Stack = clipStack(b.String())
	return e
}

// threads gives the threads of r: those that can run first, then the one a
// caller waits for, then those that wait longest.
func (r *run) threads() []*thread {
	var list []*thread
	for _, th := range r.m.threads {
		if th.r == r {
			list = append(list, th)
		}
	}
	rank := func(th *thread) int {
		switch {
		case th.state == threadRunnable && th.begun:
			return 0
		case th.state == threadRunnable:
			return 1
		case th.state == threadWaiting && th.kind != threadOther:
			return 2
		case th.state == threadWaiting:
			return 3
		}
		return 4
	}
	slices.SortFunc(list, func(a, b *thread) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.kind, b.kind), a.since.Compare(b.since))
	})
	return list
}

// entryOf is the entry of r without a stack, in the state of th if there is one.
func (r *run) entryOf(th *thread) khronos.ScriptStack {
	e := khronos.ScriptStack{
		Tenant: r.m.t.id, Template: r.m.tpl.Name, Version: r.m.tpl.Version,
		Event: r.d.event(), Job: r.d.job.ID, Dispatch: r.d.job.Dispatch,
	}
	if th != nil {
		e.State, e.Waits, e.Since = th.dumpState(), th.waits, th.since
	}
	return e
}

func (th *thread) dumpState() string {
	switch {
	case th.kind == threadLoad:
		return khronos.StackLoading
	case th.state != threadRunnable:
		return khronos.StackWaiting
	case th.begun:
		return khronos.StackRunning
	}
	return khronos.StackRunnable
}

// standing is the thread's state in words.
func (th *thread) standing() string {
	if th.state == threadRunnable {
		return th.dumpState()
	}
	return "waiting for " + th.waits
}

// event names what a job is about.
func (d *dispatch) event() string {
	if d.job.Kind == JobInspect {
		return d.job.Kind.String()
	}
	return d.job.Event.Name
}

// clipStack cuts a stack at the end of a line.
func clipStack(s string) string {
	if len(s) <= maxStackBytes {
		return s
	}
	s = s[:maxStackBytes]
	return s[:strings.LastIndexByte(s, '\n')+1] + "...\n"
}
