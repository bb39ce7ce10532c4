package process

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/tenant"
)

// linkDoor is the child's way to the broker: over the link.
type linkDoor struct{ c *childEnd }

var _ tenant.Door = (*linkDoor)(nil)

// Exec asks the master and waits for its answer or the end of ctx.
func (d *linkDoor) Exec(ctx context.Context, call tenant.HostCall) (khronos.Value, error) {
	args, err := mesophyll.EncodeArgs(call.Args)
	if err != nil {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindBadRequest, "%s: %v", call.Op, err)
	}
	reply, err := d.c.conn.Call(ctx, &mesophyll.HostCall{
		ReqID: call.Dispatch, Tenant: call.Tenant, Template: call.Template, Call: call.Call, Op: call.Op, Args: args,
	})
	if err != nil {
		return khronos.Value{}, d.linkError(err)
	}
	answer, ok := reply.(*mesophyll.HostReply)
	if !ok {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindInternal, "reply of kind %d to a host call", reply.Kind())
	}
	out := answer.Outcome()
	if out.Err != nil {
		return khronos.Value{}, out.Err
	}
	return out.Value, nil
}

// Templates asks the master for all templates of a tenant, page by page.
func (d *linkDoor) Templates(ctx context.Context, id khronos.TenantID) ([]khronos.Template, error) {
	var all []khronos.Template
	after := ""
	for {
		reply, err := d.c.conn.Call(ctx, &mesophyll.TemplatesRequest{Tenant: id, After: after})
		if err != nil {
			return nil, d.linkError(err)
		}
		page, ok := reply.(*mesophyll.TemplatesReply)
		if !ok {
			return nil, khronos.Errorf(khronos.ErrKindInternal, "reply of kind %d to a templates request", reply.Kind())
		}
		if page.Err != nil {
			return nil, page.Err
		}
		all = append(all, page.Templates...)
		if !page.More || len(page.Templates) == 0 {
			return all, nil
		}
		after = page.Templates[len(page.Templates)-1].Name
	}
}

// Log sends a line, or counts it as dropped.
func (d *linkDoor) Log(id khronos.TenantID, template, line string) {
	err := d.c.conn.Send(&mesophyll.Log{Tenant: id, Template: template, Lines: []string{line}})
	if err != nil {
		d.c.logs.count.Add(1)
		return
	}
	d.c.logs.report(d.c.log)
}

func (d *linkDoor) linkError(err error) error {
	switch {
	case errors.Is(err, mesophyll.ErrConnLost):
		return khronos.Errorf(khronos.ErrKindInternal, "the worker has lost its master")
	case errors.Is(err, mesophyll.ErrTooLarge):
		return khronos.Errorf(khronos.ErrKindTooLarge, "the arguments are larger than the link carries")
	case errors.Is(err, mesophyll.ErrPendingFull):
		return khronos.Errorf(khronos.ErrKindWorkerUnavailable, "too much waits to be sent to the master")
	}
	return khronos.AsError(err)
}

// droppedLines counts log lines that could not be sent.
type droppedLines struct{ count atomic.Int64 }

// report logs the count, if there is one, and begins again.
func (l *droppedLines) report(log *slog.Logger) {
	if l.count.Load() == 0 {
		return
	}
	if n := l.count.Swap(0); n > 0 {
		log.Warn("log lines of templates dropped", "lines", n)
	}
}
