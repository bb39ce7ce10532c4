package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/worker"
)

const (
	testHostCalls  = 4 // of one tenant at once
	testFrameBytes = 1 << 20
)

var (
	guild = khronos.TenantID{Kind: khronos.TenantGuild, ID: 2 << 22}
	other = khronos.TenantID{Kind: khronos.TenantUser, ID: 4 << 22} // the same worker's
	alien = khronos.TenantID{Kind: khronos.TenantGuild, ID: 3 << 22}
)

// world is a master with one worker.
type world struct {
	h      *Handle
	link   *mesophyll.Server
	host   *fakeHost
	events *diary
	log    *testLog // of newWorld
}

// newWorld starts a worker process of the given role, and stops it when the
// test ends.
func newWorld(t *testing.T, role string, tweak func(*Config)) *world {
	t.Helper()
	log := &testLog{}
	w, stop, err := startWorld(role, tweak, log)
	if err != nil {
		t.Fatal(err)
	}
	w.log = log
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return w
}

func startWorld(role string, tweak func(*Config), logTo io.Writer) (w *world, stop func(), err error) {
	dir, err := os.MkdirTemp("", "tw") // a socket's path must be short
	if err != nil {
		return nil, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	l := limits.Default()
	l.RestartDelay = 20 * time.Millisecond
	l.Heartbeat = 200 * time.Millisecond
	l.HostCallsPerTenant = testHostCalls
	l.FrameBytes = testFrameBytes
	cfg := Config{
		ID: 0, Limits: l,
		Path: self, Args: []string{"worker"}, // GORACE: a raced process otherwise sleeps a second before it exits.
		Env:     []string{roleEnv + "=" + role, dirEnv + "=" + dir, "GORACE=atexit_sleep_ms=0"},
		Network: "unix", Address: filepath.Join(dir, "s"),
		Owns: func(id khronos.TenantID) bool { return id.Slot(2) == 0 },
	}
	w = &world{host: &fakeHost{}, events: &diary{}}
	cfg.Listeners = []Listener{w.events}
	tweak(&cfg)

	log := slog.New(slog.NewTextHandler(logTo, nil))
	w.link = mesophyll.NewServer(LinkConfig(cfg.Limits), log)
	w.h = NewHandle(cfg, w.link, w.host, log)
	listener, err := net.Listen("unix", cfg.Address)
	if err != nil {
		return nil, nil, err
	}
	linkCtx, stopLink := context.WithCancel(context.Background())
	ctx, stopWorker := context.WithCancel(context.Background())
	var link, served sync.WaitGroup
	link.Go(func() { _ = w.link.Serve(linkCtx, listener) })
	served.Go(func() { err = w.h.Serve(ctx) })
	return w, sync.OnceFunc(func() {
		stopWorker()
		served.Wait()
		stopLink()
		link.Wait()
		os.RemoveAll(dir)
	}), nil
}

// testLog is a log that a test shows when it fails.
type testLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// fakeHost is a broker with a few operations.
type fakeHost struct {
	mu      sync.Mutex
	calls   []tenant.HostCall
	lines   []string
	blocked int // calls of "block" in progress
	ended   int // and over
}

func (f *fakeHost) Exec(ctx context.Context, call tenant.HostCall) (khronos.Value, error) {
	f.mu.Lock()
	f.calls = append(f.calls, call)
	f.mu.Unlock()
	switch call.Op {
	case "echo":
		return khronos.List(call.Args...), nil
	case "block":
		f.count(1, 0)
		<-ctx.Done()
		f.count(-1, 1)
		return khronos.Null(), ctx.Err()
	case "secret":
		return khronos.Null(), errors.New("connect to db with password hunter2")
	}
	return khronos.Null(), khronos.Errorf(khronos.ErrKindNotFound, "no op")
}

func (f *fakeHost) count(blocked, ended int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blocked += blocked
	f.ended += ended
}

func (f *fakeHost) Templates(_ context.Context, id khronos.TenantID) ([]khronos.Template, error) {
	var all []khronos.Template // two do not fit into one frame
	half := make([]byte, testFrameBytes*6/10)
	for i := range 3 {
		all = append(all, khronos.Template{
			Name: fmt.Sprintf("t%d", i), Version: 1,
			Files: map[string]string{"init.luau": string(half)},
		})
	}
	return all, nil
}

func (f *fakeHost) Log(_ khronos.TenantID, _, line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, line)
}

func (f *fakeHost) made() []tenant.HostCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]tenant.HostCall(nil), f.calls...)
}

func (f *fakeHost) logged() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.lines...)
}

func (f *fakeHost) blocks() (blocked, ended int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.blocked, f.ended
}

// do dispatches one event to the guild and waits at most 10 s.
func (w *world) do(name, author string) (khronos.Value, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return w.h.DispatchEvent(ctx, guild, khronos.Event{Name: name, Author: author})
}

func (w *world) status() worker.Status { return w.h.Status()[0] }

// mustDo is do for what has to work.
func (w *world) mustDo(t *testing.T, name, author string) khronos.Value {
	t.Helper()
	v, err := w.do(name, author)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// eventually polls until ok, for at most 10 s.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func wantKind(t *testing.T, err error, kind khronos.ErrorKind) {
	t.Helper()
	var typed *khronos.Error
	if !errors.As(err, &typed) || typed.Kind != kind {
		t.Errorf("error = %v, want kind %s", err, kind)
	}
}
