package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/broker"
	"github.com/template-worker/template-worker/internal/config"
	"github.com/template-worker/template-worker/internal/host"
	"github.com/template-worker/template-worker/internal/httpclient"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/tenantlog"
	"github.com/template-worker/template-worker/internal/worker"
)

// newLogger writes to w as the settings say.
func newLogger(w io.Writer, cfg config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		panic("BUG: the configuration let a log level through: " + cfg.LogLevel)
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// lockDataDir keeps a second server off the data folder for as long as this one lives.
func lockDataDir(dir string) (func() error, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, withTry(fmt.Errorf("lock data folder %s: another server uses it", dir), "template-worker serve --data-dir OTHER")
	}
	return f.Close, nil
}

// maxSocketPath is what the kernel takes as the path of a unix socket.
const maxSocketPath = 107

// listenLink makes the socket that worker processes connect to, in a folder that
// only we can enter: inside the data folder, whose lock we hold, so that what a
// killed master has left is replaced; or, when that path is too long, in a new
// temporary folder. The socket's name is new each time: the workers of a master
// that was killed remove theirs.
func listenLink(dataDir string) (string, net.Listener, error) {
	dir, err := filepath.Abs(filepath.Join(dataDir, "run"))
	if err != nil {
		return "", nil, fmt.Errorf("make link folder: %w", err)
	}
	var random [4]byte
	rand.Read(random[:])
	name := "link-" + hex.EncodeToString(random[:])
	if len(filepath.Join(dir, name)) > maxSocketPath {
		dir, err = os.MkdirTemp("", "template-worker-") // mode 0700
	} else {
		err = errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700))
	}
	if err != nil {
		return "", nil, fmt.Errorf("make link folder: %w", err)
	}
	path := filepath.Join(dir, name)
	l, err := net.Listen("unix", path)
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("listen for workers: %w", err), os.RemoveAll(dir))
	}
	return path, l, nil
}

// workerGCPercent trades memory for time in workers, as GOGC does: most of what a
// script allocates is garbage soon, and its live data is bounded by its tenant's limit.
const workerGCPercent = 200

// slotsPerWorker shares the processors between the workers, at least one each.
func slotsPerWorker(workers int) int { return max(1, runtime.NumCPU()/workers) }

func workerID(i int) khronos.WorkerID { return khronos.WorkerID(i) }

func ownedBy(i, n int) func(khronos.TenantID) bool {
	return func(t khronos.TenantID) bool { return t.Slot(n) == i }
}

// newThread makes one in-process worker. programs may be nil.
func newThread(i int, cfg config.Config, door tenant.Door, programs *host.Programs, log *slog.Logger) *worker.Thread {
	return worker.NewThread(worker.ThreadConfig{
		ID: workerID(i), Limits: cfg.Limits, Log: log, Drain: cfg.Limits.DrainTimeout,
		New: func() worker.Runtime {
			return tenant.New(tenant.Config{Limits: cfg.Limits, Slots: slotsPerWorker(cfg.Workers), Door: door, BotUser: cfg.BotUser, Log: log, Programs: programs})
		},
	})
}

// brokerInfo is what scripts see of this installation.
func brokerInfo(cfg config.Config) broker.Info {
	return broker.Info{SupportServer: cfg.SupportServer, APIURL: cfg.APIURL, FrontendURL: cfg.FrontendURL, DocsURL: cfg.DocsURL}
}

// lateRaiser takes what raises events, which is built after the broker.
type lateRaiser struct{ broker.Raiser }

// brokerDoor lets workers reach the broker and the tenants' logs; it is both
// tenant.Door and process.HostDoor.
type brokerDoor struct {
	broker *broker.Broker
	logs   *tenantlog.Log
}

func (d *brokerDoor) Exec(ctx context.Context, call tenant.HostCall) (khronos.Value, error) {
	return d.broker.Exec(ctx, broker.Caller{
		Tenant: call.Tenant, Template: call.Template, Dispatch: call.Dispatch, Call: call.Call, Author: call.Author, Depth: call.Depth,
	}, call.Op, call.Args)
}

func (d *brokerDoor) Templates(ctx context.Context, id khronos.TenantID) ([]khronos.Template, error) {
	return d.broker.Templates(ctx, id)
}

func (d *brokerDoor) Log(id khronos.TenantID, template, line string) { d.logs.Add(id, template, line) }

// ledgerPool is the pool as the ledger sees it: with the worker beside it, which
// takes over dispatches of the others.
type ledgerPool struct {
	*worker.Pool
	solo worker.Worker // may be nil
}

// Worker returns the worker with the given id.
func (p ledgerPool) Worker(id khronos.WorkerID) (worker.Worker, bool) {
	if p.solo != nil && p.solo.ID() == id {
		return p.solo, true
	}
	return p.Pool.Worker(id)
}

// poolView is the pool as the API sees it, with the worker beside it.
type poolView struct {
	pool *worker.Pool
	solo worker.Worker // may be nil
}

func (v poolView) Len() int { return v.pool.Len() }

func (v poolView) Status() []api.WorkerStatus {
	list := v.pool.Status()
	if v.solo != nil {
		st := v.solo.Status()[0]
		if st.Solo = true; st.State == worker.StateKilled {
			st.State = worker.StateStopped // until it is needed
		}
		list = append(list, st)
	}
	out := make([]api.WorkerStatus, len(list))
	for i, s := range list {
		out[i] = api.WorkerStatus{
			ID: int(s.Worker), State: string(s.State), Generation: uint64(s.Generation), PID: s.PID, Since: s.Since,
			Restarts: s.Restarts, Failures: s.Failures, NextStart: timeOrNil(s.NextStart), LastExit: s.LastExit,
			Tenants: s.Tenants, Queued: s.Queued, Running: s.Running, HeapBytes: s.HeapBytes, RSSBytes: s.RSSBytes,
			Trouble: s.Trouble, Worn: s.Worn, Solo: s.Solo,
		}
		for _, l := range s.Beside {
			out[i].Beside = append(out[i].Beside, api.Life{Generation: uint64(l.Generation), PID: l.PID, State: string(l.State)})
		}
	}
	return out
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (v poolView) one(id khronos.WorkerID) (worker.Worker, error) {
	w, ok := ledgerPool{v.pool, v.solo}.Worker(id)
	if !ok {
		return nil, khronos.Errorf(khronos.ErrKindNotFound, "there is no worker %d", id)
	}
	return w, nil
}

func (v poolView) isSolo(id khronos.WorkerID) bool { return v.solo != nil && v.solo.ID() == id }

func (v poolView) Kill(ctx context.Context, id khronos.WorkerID) error {
	w, err := v.one(id)
	if err != nil {
		return err
	}
	return w.Kill(ctx)
}

func (v poolView) Start(ctx context.Context, id khronos.WorkerID) error {
	if v.isSolo(id) {
		return khronos.Errorf(khronos.ErrKindBadRequest, "worker %d is the solo worker: it starts when there is a suspect to run alone", id)
	}
	w, err := v.one(id)
	if err != nil {
		return err
	}
	return w.Start(ctx)
}

func (v poolView) Dump(ctx context.Context, id khronos.WorkerID) ([]khronos.ScriptStack, error) {
	w, err := v.one(id)
	if err != nil {
		return nil, err
	}
	return w.Dump(ctx)
}

func (v poolView) Restart(ctx context.Context, plan api.RestartPlan, report func(api.RestartStep)) error {
	how := worker.RestartPlan{Why: "restart asked for by user " + plan.Caller, Rolling: plan.Rolling}
	if plan.ID != nil && v.isSolo(*plan.ID) {
		return khronos.Errorf(khronos.ErrKindBadRequest, "worker %d is the solo worker: each suspect that it runs may be its last", *plan.ID)
	}
	if plan.ID != nil {
		how.Workers = []khronos.WorkerID{*plan.ID}
	}
	return v.pool.RestartEach(ctx, how, func(s worker.RestartStep) {
		id := int(s.Worker)
		step := api.RestartStep{Worker: &id, From: uint64(s.From), To: uint64(s.To), TookMS: s.Took.Milliseconds(), Skipped: s.Skipped}
		if s.Err != nil {
			step.Error = khronos.AsError(s.Err).Text
		}
		report(step)
	})
}

func (v poolView) KillAll(ctx context.Context) error  { return v.pool.Kill(ctx) }
func (v poolView) StartAll(ctx context.Context) error { return v.pool.Start(ctx) }

// newWeb makes what does the HTTP requests of templates.
func newWeb(cfg config.Config) *httpclient.Client {
	return httpclient.New(httpclient.Config{Hosts: cfg.HTTPHosts, Plain: cfg.HTTPPlain, Limits: cfg.Limits})
}
