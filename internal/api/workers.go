package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Workers shows and steers the pool, and the solo worker beside it if there is one.
type Workers interface {
	Len() int // of the pool
	Status() []WorkerStatus
	Kill(ctx context.Context, id khronos.WorkerID) error  // not_found when there is no such worker
	Start(ctx context.Context, id khronos.WorkerID) error // undoes Kill
	KillAll(ctx context.Context) error
	StartAll(ctx context.Context) error

	// Dump says what the scripts of a worker are at.
	Dump(ctx context.Context, id khronos.WorkerID) ([]khronos.ScriptStack, error)

	// Restart replaces workers by new ones, a rolling restart one after the
	// other, and hands each step to report when it is done. It returns why it
	// could not do all.
	Restart(ctx context.Context, plan RestartPlan, report func(RestartStep)) error
}

// RestartPlan says which workers to replace.
type RestartPlan struct {
	Rolling bool
	ID      *khronos.WorkerID // nil means all
	Caller  string            // for the log
}

// RestartStep is one line of the answer to a restart: what became of one worker,
// or, as the last one, how the whole ended.
type RestartStep struct {
	Worker  *int   `json:"worker,omitempty"`
	From    uint64 `json:"from,omitempty" doc:"the life that took work before"`
	To      uint64 `json:"to,omitempty" doc:"the life that takes work now"`
	TookMS  int64  `json:"took_ms,omitempty"`
	Skipped string `json:"skipped,omitempty" doc:"why the worker was left as it is"`
	Error   string `json:"error,omitempty" doc:"why it was not replaced; the old life goes on"`
	Done    bool   `json:"done,omitempty" doc:"this is the last line"`
}

// WorkerStatus is one worker as the API shows it.
type WorkerStatus struct {
	ID         int        `json:"id"`
	State      string     `json:"state" doc:"starting, ready, backoff, failed, killed, draining or stopped"`
	Solo       bool       `json:"solo,omitempty" doc:"it is beside the pool and runs, one at a time, what workers may have died of; stopped when there is nothing of that kind"`
	Generation uint64     `json:"generation" doc:"which life of the worker this is, counted from 1"`
	PID        int        `json:"pid,omitempty"`
	Since      time.Time  `json:"since" doc:"when the state began"`
	Restarts   int        `json:"restarts" doc:"lives after the first"`
	Failures   int        `json:"failures" doc:"failures in a row, healed by useful life"`
	NextStart  *time.Time `json:"next_start,omitempty" doc:"when a worker in backoff is started again"`
	Trouble    string     `json:"trouble,omitempty" doc:"why a worker that is ready is not healthy: late heartbeats or no progress, and what it is at"`
	Worn       string     `json:"worn,omitempty" doc:"why the worker will be replaced soon: its age, its dispatches or its memory"`
	Beside     []Life     `json:"beside,omitempty" doc:"processes of the worker besides the one that takes work"`
	LastExit   string     `json:"last_exit,omitempty" doc:"how the last life ended"`
	Tenants    int        `json:"tenants" doc:"tenants loaded"`
	Queued     int        `json:"queued" doc:"dispatches waiting"`
	Running    int        `json:"running" doc:"dispatches running"`
	HeapBytes  int64      `json:"heap_bytes" doc:"script memory, as charged to tenants"`
	RSSBytes   int64      `json:"rss_bytes,omitempty" doc:"memory of its process, as the system reports it"`
}

// healthy tells that the worker takes work and gets on with it.
func (w WorkerStatus) healthy() bool { return w.State == "ready" && w.Trouble == "" }

// unreadiness says, on one line, why the worker is not healthy.
func (w WorkerStatus) unreadiness() string {
	if w.State == "ready" {
		return fmt.Sprintf("worker %d is in trouble: %s", w.ID, w.Trouble)
	}
	reason := fmt.Sprintf("worker %d is %s", w.ID, w.State)
	if w.LastExit != "" {
		reason += ": " + w.LastExit
	}
	if w.NextStart != nil {
		reason += ", next start at " + w.NextStart.UTC().Format(time.RFC3339)
	}
	return reason
}

// Life is a process of a worker that does not take its new work.
type Life struct {
	Generation uint64 `json:"generation"`
	PID        int    `json:"pid,omitempty"`
	State      string `json:"state" doc:"starting: it is to replace the one that works; draining: it was replaced"`
}

// oneWorker picks a worker, or all of them.
type oneWorker struct {
	Body *oneWorkerBody
}

type oneWorkerBody struct {
	ID *int `json:"id,omitempty" minimum:"0" doc:"worker id; all workers when left out"`
}

// all tells that the request names no worker; it may have no body at all.
func (w oneWorker) all() bool { return w.Body == nil || w.Body.ID == nil }

type workersReply struct{ Body []WorkerStatus }

type countReply struct{ Body int }

func (s *Server) workerRoutes() {
	limit := s.cfg.Limits.BodyBytes
	huma.Register(s.api, internalOp(http.MethodGet, "/i/workers", "list-workers", "workers",
		"List the workers", limit), s.listWorkers)
	huma.Register(s.api, internalOp(http.MethodGet, "/i/threads-count", "threads-count", "workers",
		"Count the workers", limit), s.countWorkers)
	huma.Register(s.api, internalOp(http.MethodPost, "/i/kill-worker", "kill-worker", "workers",
		"Stop one worker, or all; it stays down until it is started", limit), s.killWorker)
	huma.Register(s.api, internalOp(http.MethodPost, "/i/start-worker", "start-worker", "workers",
		"Start one killed worker, or all", limit), s.startWorker)
	huma.Register(s.api, internalOp(http.MethodGet, "/i/workers/{id}/dump", "dump-worker", "workers",
		"Show what every script of a worker is at, with its stack", limit), s.dumpWorker)
	restart := internalOp(http.MethodPost, "/i/restart-workers", "restart-workers", "workers",
		"Replace workers by new ones without a gap; one JSON line for each as it is done, the last one with done", limit)
	restart.Responses = map[string]*huma.Response{"200": {
		Description: "One RestartStep on each line.",
		Content: map[string]*huma.MediaType{"application/x-ndjson": {
			Schema: s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[RestartStep](), true, "RestartStep"),
		}},
	}}
	huma.Register(s.api, restart, s.restartWorkers)
}

func (s *Server) listWorkers(context.Context, *struct{}) (*workersReply, error) {
	return &workersReply{Body: s.cfg.Workers.Status()}, nil
}

func (s *Server) countWorkers(context.Context, *struct{}) (*countReply, error) {
	return &countReply{Body: s.cfg.Workers.Len()}, nil
}

func (s *Server) killWorker(ctx context.Context, in *oneWorker) (*struct{}, error) {
	if in.all() {
		return nil, s.done(ctx, s.cfg.Workers.KillAll(ctx))
	}
	return nil, s.done(ctx, s.cfg.Workers.Kill(ctx, khronos.WorkerID(*in.Body.ID)))
}

func (s *Server) startWorker(ctx context.Context, in *oneWorker) (*struct{}, error) {
	if in.all() {
		return nil, s.done(ctx, s.cfg.Workers.StartAll(ctx))
	}
	return nil, s.done(ctx, s.cfg.Workers.Start(ctx, khronos.WorkerID(*in.Body.ID)))
}

type dumpReply struct{ Body []khronos.ScriptStack }

func (s *Server) dumpWorker(ctx context.Context, in *struct {
	ID int `path:"id" minimum:"0"`
}) (*dumpReply, error) {
	list, err := s.cfg.Workers.Dump(ctx, khronos.WorkerID(in.ID))
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if list == nil {
		list = []khronos.ScriptStack{}
	}
	return &dumpReply{Body: list}, nil
}

// restart asks for a restart; without a body it is one of all workers at once.
type restart struct {
	Body *restartBody
}

type restartBody struct {
	ID      *int `json:"id,omitempty" minimum:"0" doc:"worker id; all workers when left out"`
	Rolling bool `json:"rolling,omitempty" doc:"one after the other, and none after one that does not become healthy"`
}

func (s *Server) restartWorkers(ctx context.Context, in *restart) (*huma.StreamResponse, error) {
	plan := RestartPlan{Caller: callerOf(ctx).User.String()}
	if in.Body != nil {
		plan.Rolling = in.Body.Rolling
		if in.Body.ID != nil {
			id := khronos.WorkerID(*in.Body.ID)
			plan.ID = &id
		}
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", "application/x-ndjson")
		lines := json.NewEncoder(out.BodyWriter())
		write := func(step RestartStep) {
			_ = lines.Encode(step) // a caller that has gone ends ctx
			if f, ok := out.BodyWriter().(http.Flusher); ok {
				f.Flush()
			}
		}
		last := RestartStep{Done: true}
		if err := s.cfg.Workers.Restart(out.Context(), plan, write); err != nil {
			last.Error = khronos.AsError(err).Text
			s.log.WarnContext(ctx, "restart of workers ended early", "caller", plan.Caller, "err", err)
		}
		write(last)
	}}, nil
}

// done is fail for calls that answer nothing: a nil error stays nil.
func (s *Server) done(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return s.fail(ctx, err)
}
