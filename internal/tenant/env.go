package tenant

import (
	"context"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/host"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/luau"
)

// hostEnv is a machine as the script-facing functions see it. Its methods run
// inside VM.Resume of the machine's current thread.
type hostEnv machine

var _ host.Env = (*hostEnv)(nil)

// pending is a suspended call of a script until its answer is there.
type pending struct {
	th     *thread
	keep   []luau.Value // alive meanwhile
	result khronos.Value
	err    *khronos.Error
	finish host.Finish
	parked host.Parked // goes on in the place of finish
}

// Trace visits the values that what goes on keeps.
func (p *pending) Trace(visit func(luau.Value)) {
	if p.parked != nil {
		p.parked.Trace(visit)
	}
	for _, v := range p.keep {
		visit(v)
	}
}

// resumed is the continuation of every suspended native.
func resumed(c *luau.Call, state any) error {
	p := state.(*pending)
	if p.err != nil {
		p.th.fault = p.err
		return c.Errorf("%s", p.err.Text)
	}
	if p.parked != nil {
		return p.parked.Resume(c)
	}
	return p.finish(c, p.result)
}

// behalf gives the run that a call is made for: that of the thread, or for a
// coroutine which a script has resumed that of the thread it was resumed in.
func (m *machine) behalf(co *luau.Coroutine) *run {
	if th := m.threads[co]; th != nil && th.kind != threadOther {
		return th.r
	}
	return m.current.r
}

// suspend suspends the calling coroutine and gives the thread that stands for it:
// from then on the tenant resumes it by itself.
func (m *machine) suspend(c *luau.Call, p *pending) (*thread, error) {
	if err := c.Suspend(resumed, p); err != nil {
		return nil, err
	}
	co := c.Coroutine()
	r := m.behalf(co)
	th := m.threads[co]
	if th == nil {
		if err := m.roomForThread(c); err != nil {
			return nil, err
		}
		th = m.adopt(co, r, threadOther)
	}
	if th.sched != nil && th.sched.due {
		th.unqueue()
		th.late()
	}
	th.r, p.th = r, th
	return th, nil
}

func (m *machine) roomForThread(c *luau.Call) error {
	limit := m.t.rt.cfg.Limits.ThreadsPerTemplate
	if len(m.threads) >= limit {
		m.forgetClosed()
	}
	if len(m.threads) >= limit {
		return c.Errorf("more than %d threads at once (threads_per_template)", limit)
	}
	return nil
}

// forgetClosed drops background threads that their script has closed while they
// waited: nothing may ever wake them.
func (m *machine) forgetClosed() {
	for _, th := range m.threads {
		if th.kind == threadOther && th.state == threadWaiting && th.co.Status() == "dead" {
			th.forget()
		}
	}
}

// Exec makes a host call on a goroutine of its own and suspends the script until the answer is there.
func (e *hostEnv) Exec(c *luau.Call, op string, args []khronos.Value, finish host.Finish) error {
	m := (*machine)(e)
	t, limit := m.t, m.t.rt.cfg.Limits.HostCallsPerTenant
	switch {
	case m.inspect:
		return c.Errorf("%s: host calls are not available while a template is inspected: make it in a handler", op)
	case m.behalf(c.Coroutine()).ended:
		return c.Errorf("%s: the dispatch that started this thread has ended", op)
	case t.calls >= limit:
		return c.Errorf("%s: more than %d host calls of the tenant at once (host_calls_per_tenant)", op, limit)
	}
	p := &pending{finish: finish}
	th, err := m.suspend(c, p)
	if err != nil {
		return err
	}
	turn := th.wait(op)
	job := &th.r.d.job
	ctx, cancel := context.WithDeadline(t.rt.ctx, job.Deadline.Add(callGrace))
	th.cancel = cancel
	t.calls++
	call := HostCall{Tenant: t.id, Template: m.tpl.Name, Dispatch: job.ID, Call: t.rt.nameCall(), Author: job.Event.Author, Depth: job.Event.Depth, Op: op, Args: args}
	t.rt.wg.Go(func() {
		defer cancel()
		result, err := t.exec(ctx, call)
		t.post(func() {
			t.calls--
			p.result, p.err = result, err
			th.wake(turn)
		})
	})
	return nil
}

// callGrace is how long after the deadline of its dispatch a host call ends by
// itself. A live dispatch ends it on time; the grace keeps the script from seeing
// the call's end before its own. It matters to calls of background threads.
const callGrace = time.Second

// exec is the Door's Exec; a panic in it is an error.
func (t *tenant) exec(ctx context.Context, call HostCall) (v khronos.Value, err *khronos.Error) {
	defer t.rescue(call.Op, &err)
	v, cause := t.rt.cfg.Door.Exec(ctx, call)
	if cause != nil {
		return khronos.Null(), t.doorError(call.Op, cause)
	}
	return v, nil
}

// Wait suspends the script for d; it gets the seconds it really waited.
func (e *hostEnv) Wait(c *luau.Call, d time.Duration) error {
	m := (*machine)(e)
	began := time.Now()
	th, err := m.suspend(c, &pending{finish: func(c *luau.Call, _ khronos.Value) error {
		return c.Return1(luau.Number(time.Since(began).Seconds()))
	}})
	if err != nil {
		return err
	}
	turn := th.wait("task.wait")
	th.timer = time.AfterFunc(d, func() { m.t.post(func() { th.wake(turn) }) })
	return nil
}

// Park suspends the script until it is woken, or d has passed unless that is 0.
func (e *hostEnv) Park(c *luau.Call, what string, d time.Duration, parked host.Parked) (host.Waiter, error) {
	m := (*machine)(e)
	th, err := m.suspend(c, &pending{parked: parked})
	if err != nil {
		return nil, err
	}
	turn := th.wait(what)
	if d > 0 {
		th.timer = time.AfterFunc(d, func() { m.t.post(func() { th.wake(turn) }) })
	}
	return &waiter{th: th, turn: turn}, nil
}

// waiter is one wait of a thread.
type waiter struct {
	th   *thread
	turn uint64
}

// Waits is false for a coroutine that its script has closed, too.
func (w *waiter) Waits() bool { return w.th.waitsAt(w.turn) && w.th.co.Status() == "waiting" }
func (w *waiter) Wake()       { w.th.wake(w.turn) }

// CancelThread takes back what would wake co. Handlers have a caller who waits
// and cannot be cancelled from inside.
func (e *hostEnv) CancelThread(co *luau.Coroutine) bool {
	m := (*machine)(e)
	th := m.threads[co]
	if th == nil || th == m.current || th.kind != threadOther {
		return false
	}
	th.forget()
	return true
}

// Returned keeps the value of a handler or script.
func (e *hostEnv) Returned(co *luau.Coroutine, v khronos.Value) {
	m := (*machine)(e)
	th := m.threads[co]
	if th == nil {
		return
	}
	th.value = v
	if th != m.current {
		m.elsewhere = append(m.elsewhere, th)
	}
}

// ThreadFailed logs the error of a thread that nobody waits for.
func (e *hostEnv) ThreadFailed(message string) {
	text, trace, _ := strings.Cut(message, "\n")
	(*machine)(e).logError("background thread", &khronos.Error{Kind: khronos.ErrKindScriptError, Text: text, Trace: trace})
}

// Print writes a line of the tenant's log.
func (e *hostEnv) Print(line string) { (*machine)(e).log("%s", line) }

// Loader gives the template's modules.
func (e *hostEnv) Loader() *host.Loader { return e.loader }

// Limits gives the installation's limits.
func (e *hostEnv) Limits() *limits.Limits { return &e.t.rt.cfg.Limits }

// BotUser gives the bot's user.
func (e *hostEnv) BotUser() khronos.Payload {
	if text := e.t.rt.cfg.BotUser; text != "" {
		return khronos.Payload{Format: khronos.FormatJSON, Bytes: []byte(text)}
	}
	return khronos.Payload{}
}

// Usage tells what the tenant uses. What runs now is counted to the last slice.
func (e *hostEnv) Usage(c *luau.Call) host.Usage {
	m := (*machine)(e)
	t := m.t
	t.mu.Lock()
	waiting := len(t.queue)
	t.mu.Unlock()
	handlers := 0
	for _, d := range t.live {
		handlers += d.left
	}
	return host.Usage{
		MemoryBytes: t.account.Used(), CPU: t.rt.cpu(t.window.used), DispatchCPU: t.rt.cpu(m.behalf(c.Coroutine()).d.fuel),
		EventsWaiting: waiting, Handlers: handlers, HostCalls: t.calls, Threads: len(m.threads),
	}
}

// ValueBytes is what fits into a frame of the link beside what is around it.
func (e *hostEnv) ValueBytes() int64 { return e.t.rt.cfg.Limits.FrameBytes - 4<<10 }
