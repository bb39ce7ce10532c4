// Package apptest runs the real program in tests: a master in a process of its
// own, with worker processes, on a data folder and a port of its own.
//
// It owns the processes that it starts and takes them down with the test. It is
// for tests only and nothing imports it otherwise.
package apptest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/khronos"
)

// Options say how a World differs from `template-worker serve` without flags.
type Options struct {
	Workers int      // 0 means 2
	Thread  bool     // thread workers instead of processes
	Set     []string // settings, as name=value
	Env     []string // more of the master's environment
	OwnCopy bool     // run a copy of the program that the test may replace: World.Program

	// DiskBytes puts the data folder on a disk of its own, of that size, for
	// World.FillDisk; 0 leaves it where the test's temporary files are. Only
	// the master sees it, so commands run against the World do not work then.
	DiskBytes int64
}

// World is one running installation.
type World struct {
	T       *testing.T
	DataDir string
	Program string // path of the program that the master runs for its workers
	Addr    string // host:port of the API
	Token   string

	cmd    *exec.Cmd
	log    *lockedBuffer
	done   chan struct{} // closed when the master has exited
	client *http.Client
}

// root is the repository's folder.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Root gives the path of a file in the repository.
func Root(parts ...string) string { return filepath.Join(append([]string{root()}, parts...)...) }

// build makes the program once per test process, with the race detector when the test has it.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "apptest-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "template-worker")
	args := []string{"build", "-o", path}
	if RaceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/template-worker")...)
	cmd.Dir = root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build template-worker: %w\n%s", err, out)
	}
	return path, nil
})

// Main runs a package's tests and removes the program that [Start] built.
func Main(m *testing.M) {
	code := m.Run()
	if path, err := build(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// Binary gives the path of the program, built from the tree under test.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Start runs a master and waits until all its workers are ready. The test's end stops it.
func Start(t *testing.T, opts Options) *World {
	t.Helper()
	w := &World{T: t, DataDir: filepath.Join(t.TempDir(), "data"), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	w.start(opts)
	t.Cleanup(w.cleanup)
	w.WaitReady(30 * time.Second)
	return w
}

func (w *World) start(opts Options) {
	t := w.T
	t.Helper()
	if opts.Workers == 0 {
		opts.Workers = 2
	}
	args := []string{"serve", "--json", "--data-dir", w.DataDir, "--addr", "127.0.0.1:0", "--workers", fmt.Sprint(opts.Workers)}
	if opts.Thread {
		args = append(args, "--worker-type", "thread")
	}
	if RaceEnabled {
		args = append(args, "--set", "limits.fuel_per_second=15000000", "--set", "limits.slice_fuel=10000") // the detector slows the engine down by that much
	}
	for _, s := range opts.Set {
		args = append(args, "--set", s)
	}
	w.Program = Binary(t)
	if opts.OwnCopy {
		w.Program = filepath.Join(t.TempDir(), "template-worker")
		copyProgram(t, Binary(t), w.Program)
	}
	w.cmd = exec.Command(w.Program, args...)
	w.cmd.Env = append(os.Environ(), opts.Env...)
	if opts.DiskBytes > 0 {
		w.cmd = ownDisk(w.cmd, w.DataDir, opts.DiskBytes)
	}
	w.log, w.done = &lockedBuffer{}, make(chan struct{})
	w.cmd.Stderr = w.log
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var hello struct{ Addr, Token string }
	if err := json.NewDecoder(stdout).Decode(&hello); err != nil {
		w.cmd.Process.Kill()
		w.cmd.Wait()
		t.Fatalf("start master: %v\n%s", err, w.log)
	}
	w.Addr, w.Token = hello.Addr, hello.Token
	go func() {
		io.Copy(io.Discard, stdout)
		w.cmd.Wait()
		close(w.done)
	}()
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	program, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ReplaceProgram puts another file in the place of the copy that workers run;
// what runs already goes on. The returned function puts the real one back.
func (w *World) ReplaceProgram(text string) (restore func()) {
	w.T.Helper()
	replace := func(write func(path string)) {
		next := w.Program + ".next"
		write(next)
		if err := os.Rename(next, w.Program); err != nil {
			w.T.Fatal(err)
		}
	}
	replace(func(path string) {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			w.T.Fatal(err)
		}
	})
	return func() { replace(func(path string) { copyProgram(w.T, Binary(w.T), path) }) }
}

// Restart ends the master with sig, waits for it, and starts another one on the same data.
func (w *World) Restart(sig syscall.Signal, opts Options) {
	w.T.Helper()
	w.Signal(sig)
	w.WaitExit(30 * time.Second)
	w.start(opts)
	w.WaitReady(30 * time.Second)
}

// cleanup stops the master in order and shows its log when the test has failed.
func (w *World) cleanup() {
	w.Signal(syscall.SIGTERM)
	select {
	case <-w.done:
	case <-time.After(40 * time.Second):
		w.T.Error("the master did not stop within 40 s of SIGTERM")
		w.cmd.Process.Kill()
		<-w.done
	}
	w.client.CloseIdleConnections()
	if strings.Contains(w.log.String(), "WARNING: DATA RACE") {
		w.T.Error("data race in the master or a worker")
	}
	if w.T.Failed() {
		w.T.Logf("log of the master:\n%s", w.log)
	}
}

// Signal sends sig to the master.
func (w *World) Signal(sig syscall.Signal) { w.cmd.Process.Signal(sig) }

// PID is the master's process id.
func (w *World) PID() int { return w.cmd.Process.Pid }

// WaitExit waits for the master to end by itself.
func (w *World) WaitExit(patience time.Duration) {
	w.T.Helper()
	select {
	case <-w.done:
	case <-time.After(patience):
		w.T.Fatalf("the master still runs after %s", patience)
	}
}

// Log gives what the master has logged so far.
func (w *World) Log() string { return w.log.String() }

// Eventually polls f until it is true.
func (w *World) Eventually(patience time.Duration, what string, f func() bool) {
	w.T.Helper()
	for deadline := time.Now().Add(patience); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.T.Fatalf("after %s still not so: %s", patience, what)
		}
	}
}

// WaitReady waits until /readyz says that every worker takes work.
func (w *World) WaitReady(patience time.Duration) {
	w.T.Helper()
	w.Eventually(patience, "all workers are ready", func() bool {
		status, _, err := w.request(context.Background(), "GET", "/readyz", nil)
		return err == nil && status == http.StatusOK
	})
}

// Ready gives the body of /readyz. It may be called from any goroutine.
func (w *World) Ready() (string, error) {
	_, text, err := w.request(context.Background(), "GET", "/readyz", nil)
	return string(text), err
}

// request sends one authorised request and gives status and body.
func (w *World) request(ctx context.Context, method, path string, body any) (int, []byte, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+w.Addr+path, reader)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Internal "+w.Token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := w.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, text, err
}

// Do sends a request and wants the status; it gives the body.
func (w *World) Do(method, path string, body any, want int) []byte {
	w.T.Helper()
	status, text, err := w.request(context.Background(), method, path, body)
	if err != nil {
		w.T.Fatalf("%s %s: %v", method, path, err)
	}
	if status != want {
		w.T.Fatalf("%s %s: got %d %s, want %d", method, path, status, text, want)
	}
	return text
}

// Post sends a request that has no interesting answer. It may be called from any goroutine.
func (w *World) Post(path string, body any) error {
	status, text, err := w.request(context.Background(), "POST", path, body)
	if err == nil && status >= 300 {
		err = fmt.Errorf("POST %s: %d %s", path, status, text)
	}
	return err
}

// CloseIdle closes the connections that no request uses, which the server holds
// goroutines for.
func (w *World) CloseIdle() { w.client.CloseIdleConnections() }

// Workers gives the state of all workers.
func (w *World) allWorkers() []api.WorkerStatus {
	w.T.Helper()
	var list []api.WorkerStatus
	if err := json.Unmarshal(w.Do("GET", "/i/workers", nil, http.StatusOK), &list); err != nil {
		w.T.Fatal(err)
	}
	return list
}

// Workers lists the workers of the pool.
func (w *World) Workers() []api.WorkerStatus {
	w.T.Helper()
	return slices.DeleteFunc(w.allWorkers(), func(s api.WorkerStatus) bool { return s.Solo })
}

// Solo is the worker beside the pool.
func (w *World) Solo() api.WorkerStatus {
	w.T.Helper()
	list := w.allWorkers()
	i := slices.IndexFunc(list, func(s api.WorkerStatus) bool { return s.Solo })
	if i < 0 {
		w.T.Fatalf("no solo worker among %+v", list)
	}
	return list[i]
}

// PushFiles stores a template with every capability.
func (w *World) PushFiles(tenant khronos.TenantID, name string, files map[string]string) {
	w.T.Helper()
	w.Do("PUT", "/i/tenants/"+tenant.String()+"/templates/"+name, map[string]any{"files": files, "capabilities": []string{"*"}}, http.StatusOK)
}

// Reply is the answer to a dispatch.
type Reply struct {
	Status int
	Value  khronos.Value // when Status is 200
	Code   string        // of an error
	Owner  string
	Body   string
	Took   time.Duration
}

// Dispatch sends one event and waits for its answer. It may be called from any goroutine.
func (w *World) Dispatch(tenant khronos.TenantID, event string, data any) (Reply, error) {
	return w.DispatchWithin(0, tenant, event, data)
}

// DispatchWithin is Dispatch with a deadline, which the server keeps; 0 means its
// default. The client waits much longer.
func (w *World) DispatchWithin(timeout time.Duration, tenant khronos.TenantID, event string, data any) (Reply, error) {
	began := time.Now()
	path := fmt.Sprintf("/i/tenants/%s/dispatch-event?timeout_ms=%d", tenant, timeout.Milliseconds())
	status, text, err := w.request(context.Background(), "POST", path, map[string]any{"name": event, "data": data, "format": "json"})
	if err != nil {
		return Reply{}, err
	}
	r := Reply{Status: status, Body: string(text), Took: time.Since(began)}
	if status == http.StatusOK {
		r.Value, err = khronos.ParseJSON(text, khronos.MaxResultDepth)
		return r, err
	}
	var problem struct{ Code, Owner string }
	err = json.Unmarshal(text, &problem)
	r.Code, r.Owner = problem.Code, problem.Owner
	return r, err
}

// Run runs the program's command line against this installation.
func (w *World) Run(args ...string) (stdout, stderr string, code int) {
	return RunCommand(w.T, append(args, "--data-dir", w.DataDir)...)
}

// RunCommand runs the program and gives what it printed and its exit code.
func RunCommand(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := exec.Command(Binary(t), args...)
	cmd.Dir = root()
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if _, isExit := err.(*exec.ExitError); err != nil && !isExit {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// lockedBuffer collects output of several writers.
type lockedBuffer struct {
	mu  sync.Mutex // mu guards buf
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
