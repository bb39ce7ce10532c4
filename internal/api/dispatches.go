package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/feed"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/ledger"
)

// Ledger knows every dispatch that lives and those that have ended lately.
type Ledger interface {
	Get(id khronos.DispatchID) (ledger.Dispatch, bool)
	List(f ledger.Filter) []ledger.Dispatch
	Busiest(n int) []ledger.TenantUse
	Follow(tenant khronos.TenantID, buffer int) *feed.Follower[khronos.TenantID, ledger.Dispatch]
}

// DispatchView is one dispatch as the API shows it.
type DispatchView struct {
	ID         string     `json:"id"`
	Tenant     string     `json:"tenant"`
	Kind       string     `json:"kind" doc:"event, script or inspect"`
	Event      string     `json:"event,omitempty" doc:"its name; of a script the script's"`
	State      string     `json:"state" doc:"waiting, sent, running or ended"`
	AcceptedAt time.Time  `json:"accepted_at"`
	DeadlineAt time.Time  `json:"deadline_at"`
	SentAt     *time.Time `json:"sent_at,omitempty" doc:"when it was handed to a worker, the last time"`
	StartedAt  *time.Time `json:"started_at,omitempty" doc:"when its first instruction ran"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	WaitMs     float64    `json:"wait_ms" doc:"from acceptance to the first instruction"`
	RunMs      float64    `json:"run_ms" doc:"from there to the end"`
	Sends      int        `json:"sends" doc:"2 when it had not started on a worker that was lost"`
	Worker     *int       `json:"worker,omitempty"`
	Generation uint64     `json:"generation,omitempty" doc:"the life of the worker that got it"`
	Fuel       int64      `json:"fuel" doc:"instructions, as charged"`
	CPUMs      float64    `json:"cpu_ms" doc:"the same as time"`
	HeapBytes  int64      `json:"heap_bytes" doc:"the tenant's memory at its end"`

	Outcome   string    `json:"outcome,omitempty" doc:"ok, or how it failed; of an event how its first failing template did"`
	Owner     string    `json:"owner,omitempty" doc:"whose fault that is: none, script, tenant_limit, platform, dependency or caller"`
	RetrySafe bool      `json:"retry_safe" doc:"true: nothing of it ran, and it may succeed later"`
	Text      string    `json:"text,omitempty"`
	Trace     string    `json:"trace,omitempty" doc:"the script's stack"`
	ErrorID   string    `json:"error_id,omitempty" doc:"under which the log has the cause"`
	Templates []RunView `json:"templates,omitempty" doc:"what became of each template that ran"`

	Explanation string `json:"explanation,omitempty" doc:"all of this in one paragraph; only when one dispatch is asked for"`
}

// RunView is one template's share of an event.
type RunView struct {
	Template string `json:"template"`
	Version  int64  `json:"version,omitempty" doc:"only when it failed"`
	Outcome  string `json:"outcome"`
	Owner    string `json:"owner"`
	Text     string `json:"text,omitempty"`
	Trace    string `json:"trace,omitempty"`
}

func viewOfDispatch(d *ledger.Dispatch) DispatchView {
	v := DispatchView{
		ID: d.ID.String(), Tenant: d.Tenant.String(), Kind: d.Kind.String(), Event: d.Event, State: stateOf(d),
		AcceptedAt: d.Accepted, DeadlineAt: d.Accepted.Add(d.Allowed),
		SentAt: momentOf(d, d.Sent), StartedAt: momentOf(d, d.Started), EndedAt: momentOf(d, d.Ended),
		Sends: d.Sends, Generation: uint64(d.Generation),
		Fuel: d.Usage.Fuel, CPUMs: millis(d.CPU), HeapBytes: d.Usage.HeapBytes,
	}
	if d.Generation != 0 {
		worker := int(d.Worker)
		v.Worker = &worker
	}
	if d.Started != 0 {
		v.WaitMs = millis(d.Started)
	}
	if d.Ended == 0 {
		return v
	}
	if d.Started != 0 {
		v.RunMs = millis(d.Ended - d.Started)
	}
	outcome := d.Outcome()
	v.Outcome, v.Owner, v.RetrySafe = outcome.String(), outcome.Owner().String(), outcome.RetrySafe()
	if d.Err != nil {
		v.Text, v.Trace, v.ErrorID = d.Err.Text, d.Err.Trace, d.Err.ID
	}
	for _, r := range d.Runs {
		v.Templates = append(v.Templates, RunView{Template: r.Template, Version: r.Version,
			Outcome: r.Kind.String(), Owner: r.Kind.Owner().String(), Text: r.Text, Trace: r.Trace})
	}
	return v
}

func stateOf(d *ledger.Dispatch) string {
	switch {
	case d.Ended != 0:
		return "ended"
	case d.Started != 0:
		return "running"
	case d.Sends != 0:
		return "sent"
	}
	return "waiting"
}

func momentOf(d *ledger.Dispatch, after time.Duration) *time.Time {
	if after == 0 {
		return nil
	}
	at := d.Accepted.Add(after)
	return &at
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

type listDispatches struct {
	Tenant  string `query:"tenant" doc:"guild:ID or user:ID; all tenants when left out"`
	Outcome string `query:"outcome" doc:"ok, script_error, cpu_limit, ...; live for those that have not ended"`
	Owner   string `query:"owner" enum:"none,script,tenant_limit,platform,dependency,caller" doc:"whose fault the outcome is"`
	Limit   int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"at most so many, the newest"`
	Before  string `query:"before" doc:"only older ones than this id: the last of the page before"`
}

// filter reads the query.
func (in *listDispatches) filter() (ledger.Filter, error) {
	f := ledger.Filter{Limit: in.Limit, Live: in.Outcome == "live"}
	var err error
	if in.Tenant != "" {
		if f.Tenant, err = parseTenant(in.Tenant); err != nil {
			return f, err
		}
	}
	if in.Before != "" {
		if f.Before, err = khronos.ParseDispatchID(in.Before); err != nil {
			return f, khronos.Errorf(khronos.ErrKindBadRequest, "before: %v", err)
		}
	}
	if in.Outcome != "" && !f.Live {
		kind := khronos.ParseErrorKind(in.Outcome)
		if kind.String() != in.Outcome {
			return f, khronos.Errorf(khronos.ErrKindBadRequest, "outcome: there is none called %q", in.Outcome)
		}
		f.Outcome = &kind
	}
	if in.Owner != "" {
		owner := khronos.OwnerNone
		for owner.String() != in.Owner {
			owner++
		}
		f.Owner = &owner
	}
	return f, nil
}

type dispatchPath struct {
	ID string `path:"id" doc:"the id of a dispatch: the header X-Dispatch-ID of its answer, or from a log line"`
}

type dispatchesReply struct{ Body []DispatchView }

type dispatchReply struct{ Body DispatchView }

// TopView is what `top` shows.
type TopView struct {
	Workers []WorkerStatus `json:"workers"`
	Tenants []TenantUse    `json:"tenants" doc:"those that used most fuel in the last minute"`
}

// TenantUse is what a tenant has used in the last minute.
type TenantUse struct {
	Tenant     string  `json:"tenant"`
	Fuel       int64   `json:"fuel" doc:"instructions, as charged, in the last minute"`
	CPUMs      float64 `json:"cpu_ms" doc:"the same as time"`
	Dispatches int     `json:"dispatches" doc:"ended in the last minute"`
	Failures   int     `json:"failures" doc:"of them, those that failed"`
	Live       int     `json:"live" doc:"dispatches that have not ended"`
	HeapBytes  int64   `json:"heap_bytes" doc:"memory at the end of the last dispatch"`
}

type top struct {
	Limit int `query:"limit" default:"20" minimum:"1" maximum:"1000" doc:"at most so many tenants"`
}

type topReply struct{ Body TopView }

func (s *Server) dispatchesRoutes() {
	limit := s.cfg.Limits.BodyBytes
	huma.Register(s.api, internalOp(http.MethodGet, "/i/dispatches", "list-dispatches", "dispatches",
		"List dispatches that live and that have ended lately, newest first", limit), s.listDispatches)
	huma.Register(s.api, internalOp(http.MethodGet, "/i/dispatches/{id}", "explain-dispatch", "dispatches",
		"Explain why a dispatch ran, failed or never ran", limit), s.explainDispatch)
	huma.Register(s.api, internalOp(http.MethodGet, "/i/top", "top", "dispatches",
		"Show the workers and the busiest tenants", limit), s.top)
}

func (s *Server) listDispatches(ctx context.Context, in *listDispatches) (*dispatchesReply, error) {
	f, err := in.filter()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	reply := &dispatchesReply{Body: []DispatchView{}}
	for _, d := range s.cfg.Ledger.List(f) {
		reply.Body = append(reply.Body, viewOfDispatch(&d))
	}
	return reply, nil
}

func (s *Server) explainDispatch(ctx context.Context, in *dispatchPath) (*dispatchReply, error) {
	id, err := khronos.ParseDispatchID(in.ID)
	if err != nil {
		return nil, s.fail(ctx, khronos.Errorf(khronos.ErrKindBadRequest, "id: %v", err))
	}
	d, ok := s.cfg.Ledger.Get(id)
	if !ok {
		return nil, s.fail(ctx, khronos.Errorf(khronos.ErrKindNotFound, "no dispatch %s: there never was, it is older than the server, or newer ones have displaced it (ledger_per_tenant, ledger_dispatches)", id))
	}
	reply := &dispatchReply{Body: viewOfDispatch(&d)}
	reply.Body.Explanation = ledger.Explain(&d, time.Now())
	return reply, nil
}

func (s *Server) top(_ context.Context, in *top) (*topReply, error) {
	reply := &topReply{Body: TopView{Workers: s.cfg.Workers.Status(), Tenants: []TenantUse{}}}
	for _, u := range s.cfg.Ledger.Busiest(in.Limit) {
		reply.Body.Tenants = append(reply.Body.Tenants, TenantUse{Tenant: u.Tenant.String(), Fuel: u.Fuel, CPUMs: millis(u.CPU),
			Dispatches: u.Dispatches, Failures: u.Failures, Live: u.Live, HeapBytes: u.HeapBytes})
	}
	return reply, nil
}

// recentOutcomes gives a tenant's last dispatches, oldest first.
func (s *Server) recentOutcomes(tenant khronos.TenantID, n int) []DispatchView {
	views := []DispatchView{}
	for _, d := range s.cfg.Ledger.List(ledger.Filter{Tenant: tenant, Limit: n}) {
		if d.Ended != 0 {
			views = append(views, viewOfDispatch(&d))
		}
	}
	slices.Reverse(views)
	return views
}
