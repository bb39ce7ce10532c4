package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/auth"
	"github.com/template-worker/template-worker/internal/broker"
	"github.com/template-worker/template-worker/internal/config"
	"github.com/template-worker/template-worker/internal/expiry"
	"github.com/template-worker/template-worker/internal/ledger"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/process"
	"github.com/template-worker/template-worker/internal/quarantine"
	"github.com/template-worker/template-worker/internal/telemetry"
	"github.com/template-worker/template-worker/internal/templates"
	"github.com/template-worker/template-worker/internal/tenantlog"
	"github.com/template-worker/template-worker/internal/worker"
)

func (a *app) serveCommand() *cobra.Command {
	flags := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the master with its workers and the HTTP API",
		Long: "Run the master with its workers and the HTTP API.\n\n" +
			"It needs no configuration: data goes to ./data, workers are processes, the API is on\n" +
			"127.0.0.1:8700. A first signal drains and stops, a second one stops without draining.",
		Example: "  template-worker serve\n  template-worker serve --worker-type thread --workers 4 --addr 127.0.0.1:9000",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			for name, value := range flags {
				if cmd.Flags().Changed(name) {
					a.settings = append(a.settings, settingOf(name)+"="+*value)
				}
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), cfg)
		},
	}
	for _, f := range []struct{ name, usage string }{
		{"addr", "address of the API (default 127.0.0.1:8700; port 0 takes a free one)"},
		{"workers", "number of workers (default: one for each CPU, at least 2)"},
		{"worker-type", "process, or thread for development: all in one process (default process)"},
	} {
		flags[f.name] = cmd.Flags().String(f.name, "", f.usage)
	}
	return cmd
}

// serve wires the master, from the store outwards, and runs it until ctx ends.
func (a *app) serve(ctx context.Context, cfg config.Config) (err error) {
	log := newLogger(a.err, cfg)
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	unlock, err := lockDataDir(cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()

	key, err := auth.LoadOrCreateKey(cfg.DataDir)
	if err != nil {
		return err
	}
	st, err := openStore(ctx, cfg, log)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()

	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return withTry(fmt.Errorf("listen for the API: %w", err), "template-worker serve --addr 127.0.0.1:0")
	}

	metrics := telemetry.NewRegistry()
	logs := tenantlog.New(cfg.Limits.LogLinesPerTenant, log)
	events := &lateRaiser{}
	due := expiry.New(st, events, cfg.Limits, log)
	st = due.Watch(st)
	brk := broker.New(st, cfg.Limits, brokerInfo(cfg), events, newWeb(cfg), log)
	door := &brokerDoor{broker: brk, logs: logs}
	failed := make(chan error, 1)
	telemetry.RegisterHostCalls(metrics, brk)
	telemetry.RegisterExpiry(metrics, due.Counts)
	workers, err := newWorkers(cfg, door, metrics, exitOnFailure(cfg, failed), log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	book := ledger.New(ledgerPool{workers.pool, workers.solo()}, cfg.Limits, log)
	telemetry.RegisterPool(metrics, workers.pool.Status)
	telemetry.RegisterLedger(metrics, book)
	events.Raiser = book
	server := api.NewServer(api.Config{
		Gate:       auth.Gate{Key: key, Roots: cfg.RootUsers, Sources: cfg.InternalSources},
		Limits:     cfg.Limits,
		Dispatcher: book,
		Workers:    poolView{workers.pool, workers.solo()},
		Templates:  templates.New(st, book, brk, cfg.Limits),
		Tenants:    st,
		Global:     st,
		TenantLog:  logs,
		Quarantine: quarantineView{workers.isolation},
		Ledger:     book,
		Metrics:    metrics,
		Version:    versionText(),
		Log:        log,
	})

	forget, err := writeServerRecord(cfg.DataDir, serverRecord{Addr: listener.Addr().String(), PID: os.Getpid()})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, forget()) }()
	if err := a.announce(cfg, key, listener.Addr()); err != nil {
		return err
	}

	// What runs is lost, so nothing is left to wait for.
	defer context.AfterFunc(a.hurry, func() { workers.kill(cfg.Limits.StopTimeout) })()

	// Started left to right, stopped right to left: intake ends first.
	return runInOrder(ctx, failed,
		part{"workers' link", workers.serveLink},
		part{"solo worker", workers.serveSolo},
		part{"ledger", book.Serve},
		part{"workers", workers.pool.Serve},
		part{"expiry", due.Serve},
		part{"http", func(ctx context.Context) error { return server.Serve(ctx, listener) }},
	)
}

// part is something that serves until its context ends.
type part struct {
	name  string
	serve func(ctx context.Context) error
}

// runInOrder starts the parts in order and, when ctx ends, one of them ends by
// itself or an error comes in on failed, stops them in reverse order, each after
// the one before has returned.
func runInOrder(ctx context.Context, failed <-chan error, parts ...part) error {
	type running struct {
		stop context.CancelFunc
		done chan struct{}
	}
	var group errgroup.Group
	ended := make(chan struct{}, len(parts))
	started := make([]running, len(parts))
	for i, p := range parts {
		partCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
		started[i] = running{stop, make(chan struct{})}
		group.Go(func() error {
			defer close(started[i].done)
			err := p.serve(partCtx)
			ended <- struct{}{}
			if err != nil && partCtx.Err() == nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			return nil
		})
	}
	var cause error
	select {
	case <-ctx.Done():
	case <-ended:
	case cause = <-failed:
	}
	for i := len(started) - 1; i >= 0; i-- {
		started[i].stop()
		<-started[i].done
	}
	return errors.Join(cause, group.Wait())
}

// announce prints where the server is and how to reach it.
func (a *app) announce(cfg config.Config, key auth.Key, addr net.Addr) error {
	token, err := key.Sign(cfg.RootUsers[0], cfg.Limits.TokenTTL)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return fmt.Errorf("find data folder: %w", err)
	}
	if a.json {
		return a.printJSON(map[string]any{"addr": addr.String(), "data_dir": dir, "workers": cfg.Workers, "worker_type": cfg.WorkerType, "token": token})
	}
	fmt.Fprintf(a.out, "template-worker %s\n  api      http://%s  (read it at /docs)\n  data     %s\n  workers  %d, each a %s\n  token    %s\n           valid for %s; make more with: template-worker token create\n",
		versionText(), addr, dir, cfg.Workers, cfg.WorkerType, token, cfg.Limits.TokenTTL)
	if cfg.WorkerType == config.WorkerThread {
		fmt.Fprintf(a.err, "warning: thread workers share this process with the templates; they are for development\n")
	}
	return nil
}

// exitOnFailure hands a failed worker to serve when the settings say so.
func exitOnFailure(cfg config.Config, failed chan<- error) func(process.WorkerFailed) {
	if cfg.OnWorkerFailure != config.Exit {
		return nil
	}
	return func(ev process.WorkerFailed) {
		select {
		case failed <- fmt.Errorf("worker %d failed %d times in a row and on_worker_failure is exit", ev.Worker, ev.Failures):
		default: // serve is stopping already
		}
	}
}

// newWorkers makes the pool of the configured kind.
func newWorkers(cfg config.Config, door *brokerDoor, metrics *prometheus.Registry, onFailed func(process.WorkerFailed), log *slog.Logger) (workers, error) {
	if cfg.WorkerType == config.WorkerThread {
		return threadWorkers(cfg, door, log), nil
	}
	return processWorkers(cfg, door, metrics, telemetry.NewWorkerEvents(metrics, onFailed), log)
}

// workers is the pool, what its workers connect to, and the worker beside it for
// suspects. In thread mode isolation is nil and the serve functions only wait.
type workers struct {
	pool      *worker.Pool
	isolation *process.Isolation
	serveLink func(ctx context.Context) error
	serveSolo func(ctx context.Context) error
}

// solo returns the worker beside the pool, or nil.
func (w workers) solo() worker.Worker {
	if w.isolation == nil {
		return nil
	}
	return w.isolation.Solo()
}

// kill ends what all workers run and waits for that, at most for so long.
func (w workers) kill(wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() { _ = w.pool.Kill(ctx) }) // an error is ctx's; serve waits for the workers anyway
	if w.isolation != nil {
		both.Go(func() { _ = w.isolation.Kill(ctx) })
	}
	both.Wait()
}

func threadWorkers(cfg config.Config, door *brokerDoor, log *slog.Logger) workers {
	list := make([]worker.Worker, cfg.Workers)
	for i := range list {
		list[i] = newThread(i, cfg, door, nil, log)
	}
	wait := func(ctx context.Context) error { <-ctx.Done(); return nil }
	return workers{pool: worker.NewPool(list), serveLink: wait, serveSolo: wait}
}

func processWorkers(cfg config.Config, door *brokerDoor, metrics *prometheus.Registry, events *telemetry.WorkerEvents, log *slog.Logger) (workers, error) {
	self, err := os.Executable()
	if err != nil {
		return workers{}, fmt.Errorf("find our own program: %w", err)
	}
	socket, listener, err := listenLink(cfg.DataDir)
	if err != nil {
		return workers{}, err
	}
	link := mesophyll.NewServer(process.LinkConfig(cfg.Limits), log)
	breaker := process.NewBreaker(cfg.Limits.BootFailureWorkers)
	common := process.Config{
		Limits: cfg.Limits, Path: self, Args: []string{"worker"},
		Network: "unix", Address: socket,
		Settings:  process.Settings{Slots: slotsPerWorker(cfg.Workers), GCPercent: workerGCPercent, LogLevel: cfg.LogLevel, BotUser: cfg.BotUser},
		Listeners: []process.Listener{events},
	}
	solo := common
	solo.ID = workerID(cfg.Workers)
	book := quarantine.New(quarantine.RulesOf(cfg.Limits), time.Now)
	isolation := process.NewIsolation(solo, book, link, door, log)
	list := make([]worker.Worker, cfg.Workers)
	handles := make([]*process.Handle, cfg.Workers)
	for i := range list {
		own := common
		own.ID, own.Owns, own.Breaker, own.Isolation = workerID(i), ownedBy(i, cfg.Workers), breaker, isolation
		handles[i] = process.NewHandle(own, link, door, log)
		list[i] = handles[i]
	}
	telemetry.RegisterLink(metrics, link.Stats)
	telemetry.RegisterHandles(metrics, handles)
	telemetry.RegisterQuarantine(metrics, book.Counts)
	serve := func(ctx context.Context) error {
		err := link.Serve(ctx, listener)
		return errors.Join(err, os.RemoveAll(filepath.Dir(socket)))
	}
	return workers{worker.NewPool(list), isolation, serve, isolation.Serve}, nil
}
