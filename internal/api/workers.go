package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Workers shows and steers the pool.
type Workers interface {
	Len() int
	Status() []WorkerStatus
	Kill(ctx context.Context, id khronos.WorkerID) error  // not_found when there is no such worker
	Start(ctx context.Context, id khronos.WorkerID) error // undoes Kill
	KillAll(ctx context.Context) error
	StartAll(ctx context.Context) error
}

// WorkerStatus is one worker as the API shows it.
type WorkerStatus struct {
	ID         int        `json:"id"`
	State      string     `json:"state" doc:"starting, ready, backoff, failed, killed or draining"`
	Generation uint64     `json:"generation" doc:"which life of the worker this is, counted from 1"`
	PID        int        `json:"pid,omitempty"`
	Since      time.Time  `json:"since" doc:"when the state began"`
	Restarts   int        `json:"restarts" doc:"lives after the first"`
	Failures   int        `json:"failures" doc:"failures in a row, healed by useful life"`
	NextStart  *time.Time `json:"next_start,omitempty" doc:"when a worker in backoff is started again"`
	LastExit   string     `json:"last_exit,omitempty" doc:"how the last life ended"`
	Tenants    int        `json:"tenants" doc:"tenants loaded"`
	Queued     int        `json:"queued" doc:"dispatches waiting"`
	Running    int        `json:"running" doc:"dispatches running"`
	HeapBytes  int64      `json:"heap_bytes" doc:"script memory, as charged to tenants"`
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

// done is fail for calls that answer nothing: a nil error stays nil.
func (s *Server) done(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return s.fail(ctx, err)
}
