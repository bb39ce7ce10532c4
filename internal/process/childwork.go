package process

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/worker"
)

// unasked marks the ids of jobs whose outcome the master does not want. Its own
// numbers never get there.
const unasked = 1 << 63

// Handle takes the master's messages, on the link's reading goroutine.
func (c *childEnd) Handle(m mesophyll.Message) {
	if hello, ok := m.(*mesophyll.Hello); ok {
		c.start(hello)
		return
	}
	thread := c.thread.Load()
	if thread == nil {
		c.conn.Close(errors.New("message before hello"))
		return
	}
	switch m := m.(type) {
	case *mesophyll.DispatchEvent:
		c.deliver(thread, m.ReqID, m.Timeout, tenant.Job{
			Kind: tenant.JobDispatchEvent, Tenant: m.Tenant, Event: m.Event,
		})
	case *mesophyll.RunScript:
		c.deliver(thread, m.ReqID, m.Timeout, tenant.Job{
			Kind: tenant.JobRunScript, Tenant: m.Tenant, Name: m.Name, Code: m.Code, Event: m.Event,
		})
	case *mesophyll.InspectTemplate:
		c.deliver(thread, m.ReqID, m.Timeout, tenant.Job{
			Kind: tenant.JobInspect, Tenant: m.Tenant, Files: m.Files,
		})
	case *mesophyll.Cancel:
		thread.Cancel(m.ReqID)
	case *mesophyll.TemplatesChanged:
		thread.TemplatesChanged(m.Tenant)
	case *mesophyll.DropTenant:
		c.owned.Go(func() { c.drop(thread, m) })
	case *mesophyll.TenantStateChanged:
		if err := thread.TenantStateChanged(m.Tenant, m.State); err != nil {
			c.log.Error("state of a tenant not taken", "tenant", m.Tenant.String(), "err", err)
		}
	case *mesophyll.Drain:
		thread.Drain()
		if m.GiveBack {
			thread.GiveBack()
		}
		c.jobs.whenNone(func() { c.respond(m.ReqID, khronos.Outcome{}) })
	case *mesophyll.Dump:
		c.owned.Go(func() { c.dump(thread, m) })
	case *mesophyll.Shutdown:
		c.shutdown()
	}
}

// deliver hands a job to the worker and sends what becomes of it.
func (c *childEnd) deliver(thread *worker.Thread, reqID uint64, timeout time.Duration, job tenant.Job) {
	job.ID = reqID
	if reqID == 0 {
		job.ID = unasked | c.jobs.number()
	}
	if timeout == 0 {
		timeout = thread.Limits().DispatchDeadline
	}
	job.Deadline = time.Now().Add(timeout)
	job.Started = func() {
		if reqID != 0 {
			c.marks.set(reqID)
			c.send(&mesophyll.Started{ReqID: reqID})
		}
	}
	job.Done = func(out khronos.Outcome) {
		c.respond(reqID, out)
		c.jobs.end()
	}
	if reqID != 0 {
		c.marks.clear(reqID)
	}
	c.jobs.begin()
	err := thread.Deliver(job)
	if errors.Is(err, khronos.ErrWorkerUnavailable) {
		// The Runtime has ended, and with it the link does: without an answer
		// the master knows that this has not started and sends it elsewhere.
		c.jobs.end()
		return
	}
	if err != nil {
		job.Done(khronos.Outcome{Err: khronos.AsError(err)})
	}
}

// respond sends the outcome of a request, if the master wants it. A value that
// no frame may hold becomes an error.
func (c *childEnd) respond(reqID uint64, out khronos.Outcome) {
	if reqID == 0 {
		return
	}
	err := c.conn.Send(mesophyll.ResponseTo(reqID, out))
	if errors.Is(err, mesophyll.ErrTooLarge) {
		out.Err = khronos.Errorf(khronos.ErrKindTooLarge, "the result is larger than the link carries")
		err = c.conn.Send(mesophyll.ResponseTo(reqID, out))
	}
	if err != nil && !errors.Is(err, mesophyll.ErrConnLost) {
		c.conn.Close(err)
	}
}

func (c *childEnd) drop(thread *worker.Thread, m *mesophyll.DropTenant) {
	ctx, cancel := context.WithTimeout(c.ctx, thread.Limits().DispatchDeadline)
	defer cancel()
	var out khronos.Outcome
	if err := thread.DropTenant(ctx, m.Tenant); err != nil {
		out.Err = khronos.AsError(err)
	}
	c.respond(m.ReqID, out)
}

// jobCount knows how many jobs are between their delivery and their outcome.
type jobCount struct {
	mu sync.Mutex
	// mu guards the fields below.
	live int
	last uint64 // the number given out last
	none []func()
}

func (j *jobCount) number() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	return j.last
}

func (j *jobCount) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.live++
}

func (j *jobCount) end() {
	j.mu.Lock()
	j.live--
	var calls []func()
	if j.live == 0 {
		calls, j.none = j.none, nil
	}
	j.mu.Unlock()
	for _, call := range calls {
		call()
	}
}

// whenNone calls do, which must not block, as soon as no job is live.
func (j *jobCount) whenNone(do func()) {
	j.mu.Lock()
	none := j.live == 0
	if !none {
		j.none = append(j.none, do)
	}
	j.mu.Unlock()
	if none {
		do()
	}
}
