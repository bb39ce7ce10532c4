package worker

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/tenant"
)

// RunScript runs code in this process.
func (t *Thread) RunScript(ctx context.Context, id khronos.TenantID, name, code string, ev khronos.Event) (khronos.Value, error) {
	return t.call(ctx, tenant.Job{Tenant: id, Kind: tenant.JobRunScript, Name: name, Code: code, Event: ev})
}

// DispatchEvent hands ev to the tenant's templates in this process.
func (t *Thread) DispatchEvent(ctx context.Context, id khronos.TenantID, ev khronos.Event) (khronos.Value, error) {
	return t.call(ctx, tenant.Job{Tenant: id, Kind: tenant.JobDispatchEvent, Event: ev})
}

// DispatchEventNoWait accepts ev.
func (t *Thread) DispatchEventNoWait(ctx context.Context, id khronos.TenantID, ev khronos.Event) error {
	life, err := t.accept()
	if err != nil {
		return err
	}
	progress := ProgressOf(ctx)
	progress.Sent(t.cfg.ID, life.gen)
	return t.deliver(life, tenant.Job{
		ID:       t.nextID.Add(1),
		Dispatch: progress.ID(),
		Tenant:   id,
		Kind:     tenant.JobDispatchEvent,
		Event:    ev,
		Deadline: time.Now().Add(t.cfg.Limits.DispatchDeadline),
		Started:  progress.Started,
		Done:     progress.Ended,
	})
}

// DropTenant forgets the tenant's VMs.
func (t *Thread) DropTenant(ctx context.Context, id khronos.TenantID) error {
	ctx, cancel := WithDeadline(ctx, t.cfg.Limits.DispatchDeadline)
	defer cancel()
	life := t.running()
	if life == nil {
		return nil // no Runtime, so no VM of any tenant
	}
	if err := life.rt.Drop(ctx, id); err != nil {
		return khronos.AsError(err)
	}
	return nil
}

// TenantStateChanged ends what a banned tenant runs in this process.
func (t *Thread) TenantStateChanged(id khronos.TenantID, state khronos.TenantState) error {
	if life := t.running(); life != nil && state.Banned {
		life.rt.Ban(id)
	}
	return nil
}

// Dump says what the scripts of this process are at.
func (t *Thread) Dump(ctx context.Context) ([]khronos.ScriptStack, error) {
	life := t.running()
	if life == nil {
		return nil, khronos.Errorf(khronos.ErrKindWorkerUnavailable, "worker %d is not running", t.cfg.ID)
	}
	return life.rt.Dump(ctx), nil
}

// TemplatesChanged has the tenant's templates loaded again before its next event.
func (t *Thread) TemplatesChanged(id khronos.TenantID) {
	if life := t.running(); life != nil {
		life.rt.Refresh(id)
	}
}

// InspectTemplate returns the handler names of files.
func (t *Thread) InspectTemplate(ctx context.Context, id khronos.TenantID, files map[string]string) ([]string, error) {
	v, err := t.call(ctx, tenant.Job{Tenant: id, Kind: tenant.JobInspect, Files: files})
	if err != nil {
		return nil, err
	}
	return Subscriptions(v)
}

// call delivers job and waits for its outcome, the end of ctx, or the end of
// the Runtime, whichever is first.
func (t *Thread) call(ctx context.Context, job tenant.Job) (khronos.Value, error) {
	progress := ProgressOf(ctx)
	ctx, cancel := WithDeadline(ctx, t.cfg.Limits.DispatchDeadline)
	defer cancel()
	life, err := t.accept()
	if err != nil {
		return khronos.Value{}, err
	}
	progress.Sent(t.cfg.ID, life.gen)

	var started atomic.Bool
	done := make(chan khronos.Outcome, 1)
	job.ID, job.Dispatch = t.nextID.Add(1), progress.ID()
	deadline, _ := ctx.Deadline()
	job.Deadline = ScriptDeadline(deadline)
	job.Started = func() {
		started.Store(true)
		progress.Started()
	}
	job.Done = func(out khronos.Outcome) { done <- out }
	if err := t.deliver(life, job); err != nil {
		return khronos.Value{}, khronos.AsError(err)
	}

	select {
	case out := <-done:
		return result(out, progress)
	case <-ctx.Done():
		life.rt.Cancel(job.ID)
		return khronos.Value{}, khronos.AsError(ctx.Err())
	case <-life.ended:
	}
	select { // the Runtime may have ended the job as its last act
	case out := <-done:
		return result(out, progress)
	default:
		return khronos.Value{}, Lost(t.cfg.ID, started.Load())
	}
}

func result(out khronos.Outcome, progress Progress) (khronos.Value, error) {
	progress.Used(out.Usage)
	if out.Err != nil {
		return khronos.Value{}, out.Err
	}
	return out.Value, nil
}

// WithDeadline returns ctx, with a deadline after def if it had none.
func WithDeadline(ctx context.Context, def time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, def)
}

// Lost is the error of work whose worker ended under it.
func Lost(id khronos.WorkerID, started bool) *khronos.Error {
	if started {
		return khronos.Errorf(khronos.ErrKindWorkerLostStarted, "worker %d ended while this ran; it may have had effects", id)
	}
	return khronos.Errorf(khronos.ErrKindWorkerLostUnstarted, "worker %d ended before this started", id)
}

// Subscriptions reads the value a JobInspect ends with.
func Subscriptions(v khronos.Value) ([]string, error) {
	names := make([]string, 0, v.Len())
	for _, item := range v.Items() {
		name, ok := item.AsText()
		if !ok {
			return nil, khronos.Errorf(khronos.ErrKindInternal, "inspection gave a %s for a handler name", item.Kind())
		}
		names = append(names, name)
	}
	return names, nil
}
