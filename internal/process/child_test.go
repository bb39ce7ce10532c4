package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/worker"
)

// The test binary is also the worker and, for the death pipe, the master:
// roleEnv says what a process that it has started is.
const (
	roleEnv = "TW_TEST_ROLE"
	dirEnv  = "TW_TEST_DIR" // where boots are counted

	// laterEnv is the role of all boots but the first.
	laterEnv = "TW_TEST_LATER_ROLE"

	roleWorker    = "worker"      // a worker with the fake runtime
	roleExit      = "exit"        // ends before it connects
	roleExit4     = "exit4"       // the first 4 boots end before they connect
	roleMute      = "mute"        // connects to nothing and hangs
	roleReuse     = "reuse"       // uses its token twice
	roleMaster    = "master"      // a master with one worker, that prints its pid
	roleNeverMind = "never-ready" // connects and never gets ready
	roleTenants   = "tenants"     // a worker that runs scripts

	roleStartsBadly = "starts-badly" // gets ready and dies of the first script
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(play(role))
	}
	code := m.Run()
	if code == 0 {
		code = checkLeaks()
	}
	os.Exit(code)
}

// checkLeaks fails when the tests have left a goroutine or a child behind.
func checkLeaks() int {
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines left behind:", err)
		return 1
	}
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, task := range tasks {
		if pids, err := os.ReadFile(task); err == nil && len(pids) > 0 {
			fmt.Fprintf(os.Stderr, "children left behind: %s\n", pids)
			return 1
		}
	}
	return 0
}

// play is the main function of a process that a test has started.
func play(role string) int {
	boot := countBoot()
	if later := os.Getenv(laterEnv); later != "" && boot > 1 {
		role = later
	}
	switch {
	case role == roleMaster:
		return playMaster()
	case role == roleExit, role == roleExit4 && boot <= 4:
		fmt.Fprintln(os.Stderr, "no such feature: boot", boot)
		return 7
	case role == roleMute:
		<-time.After(time.Hour) // not select {}: without cgo the runtime calls that a deadlock
	}
	env, err := InheritedIO(func(s Settings, door tenant.Door, _ tenant.RunningMap, log *slog.Logger) worker.Runtime {
		return &puppet{door: door, boot: boot, bad: role == roleStartsBadly, live: map[uint64]tenant.Job{}, quit: make(chan struct{}), fail: make(chan error, 1)}
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if role == roleReuse {
		env.Start, err = useToken(env.Start)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if role == roleTenants {
		env.New = newTenants
	}
	if role == roleNeverMind {
		env.New = func(Settings, tenant.Door, tenant.RunningMap, *slog.Logger) worker.Runtime { select {} }
	}
	if err := RunChild(context.Background(), env); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// countBoot returns which boot of its kind this is, from 1.
func countBoot() int {
	dir := os.Getenv(dirEnv)
	for n := 1; dir != ""; n++ {
		f, err := os.OpenFile(filepath.Join(dir, "boot"+strconv.Itoa(n)), os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			f.Close()
			return n
		}
	}
	return 0
}

// useToken connects with the token of a start record and returns the record
// once more.
func useToken(start *os.File) (*os.File, error) {
	rec, err := readStartRecord(start)
	if err != nil {
		return nil, err
	}
	conn, err := mesophyll.Dial(context.Background(), rec.Network, rec.Address, rec.Token, mesophyll.Config{})
	if err != nil {
		return nil, err
	}
	conn.Close(nil)
	return recordPipe(rec)
}

// puppet is a Runtime that does what the event's name says, and what the
// author's number says where one is needed.
type puppet struct {
	door tenant.Door
	boot int

	quit  chan struct{} // closed when Serve ends
	fail  chan error    // ends Serve
	owned sync.WaitGroup
	mu    sync.Mutex
	live  map[uint64]tenant.Job
	stuck bool
	blind bool // inspects nothing
	bad   bool // panics in whatever it runs
	began uint64
	ended uint64
}

func (p *puppet) Serve(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-p.fail:
	}
	p.mu.Lock()
	jobs := p.live
	p.live = map[uint64]tenant.Job{}
	p.mu.Unlock()
	for _, job := range jobs {
		job.Done(khronos.Outcome{Err: khronos.Errorf(khronos.ErrKindWorkerLostStarted, "runtime stopped")})
	}
	close(p.quit)
	p.owned.Wait()
	return err
}

func (p *puppet) Deliver(job tenant.Job) error {
	if job.Kind == tenant.JobDispatchEvent && job.Event.Name == "busy" {
		return khronos.ErrTenantBusy
	}
	p.mu.Lock()
	p.live[job.ID] = job
	p.mu.Unlock()
	if job.Kind == tenant.JobDispatchEvent && (job.Event.Name == "queue" || job.Event.Name == "wait-order") && p.boot <= 1 {
		return nil // accepted and never started, in the first life
	}
	if job.Event.Name == "order" || job.Event.Name == "wait-order" {
		p.start(job) // on this goroutine: in the order of arrival
		p.door.Log(job.Tenant, "t", job.Event.Author)
		p.finish(job, khronos.Outcome{})
		return nil
	}
	p.owned.Go(func() {
		p.start(job)
		v, err := p.run(job)
		p.finish(job, khronos.Outcome{Value: v, Err: khronos.AsError(err), Usage: khronos.Usage{Fuel: 7}})
	})
	return nil
}

func (p *puppet) start(job tenant.Job) {
	p.mu.Lock()
	p.began++
	p.mu.Unlock()
	job.Started()
}

// finish ends job once; whoever comes second finds it gone.
func (p *puppet) finish(job tenant.Job, out khronos.Outcome) {
	p.mu.Lock()
	_, live := p.live[job.ID]
	delete(p.live, job.ID)
	p.ended++
	p.mu.Unlock()
	if live {
		job.Done(out)
	}
}

// run is one flat list of tricks.
func (p *puppet) run(job tenant.Job) (khronos.Value, error) {
	if p.bad {
		panic("the new build cannot run a script")
	}
	switch job.Kind {
	case tenant.JobRunScript:
		return khronos.Text(job.Name + ":" + job.Code), nil
	case tenant.JobInspect:
		p.mu.Lock()
		blind := p.blind
		p.mu.Unlock()
		if blind {
			<-p.quit
		}
		return khronos.List(khronos.Text("A"), khronos.Text(strconv.Itoa(len(job.Files)))), nil
	}
	n, _ := strconv.Atoi(job.Event.Author)
	switch job.Event.Name {
	case "echo", "queue":
		return khronos.Text(job.Event.Author), nil
	case "boot":
		return khronos.Integer(int64(p.boot)), nil
	case "sleep":
		time.Sleep(time.Duration(n) * time.Millisecond)
		return khronos.Text("slept"), nil
	case "fail":
		p.fail <- errors.New("runtime is broken")
		<-p.quit
	case "stick": // a slice that does not end
		p.mu.Lock()
		p.stuck = true
		p.mu.Unlock()
		<-p.quit
	case "hang":
		<-p.quit
	case "blind", "sighted":
		p.mu.Lock()
		p.blind = job.Event.Name == "blind"
		p.mu.Unlock()
		return khronos.Null(), nil
	case "crash":
		fmt.Fprintln(os.Stderr, "about to crash")
		panic("puppet crashes")
	case "freeze":
		err := syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		<-p.quit // other threads stop a moment later
		return khronos.Null(), err
	case "big":
		return khronos.Buffer(make([]byte, n)), nil
	case "env":
		return khronos.Text(strings.Join(os.Environ(), " ")), nil
	case "grandchild":
		cmd := exec.Command("/bin/sleep", "1000")
		if err := cmd.Start(); err != nil {
			return khronos.Null(), err
		}
		return khronos.Integer(int64(cmd.Process.Pid)), nil
	case "sleep-exec": // a proper host call, late
		time.Sleep(time.Duration(n) * time.Millisecond)
		fallthrough
	case "exec": // a proper host call
		return p.door.Exec(context.Background(), tenant.HostCall{
			Tenant: job.Tenant, Template: "t", Dispatch: job.ID, Op: "echo", Args: []khronos.Value{khronos.Text(job.Event.Author)},
		})
	case "exec-block": // a host call that ends only with its context
		return p.door.Exec(context.Background(), tenant.HostCall{Tenant: job.Tenant, Template: "t", Dispatch: job.ID, Op: "block"})
	case "exec-blocks": // n of them at once: how many were refused with rate_limited
		return p.execMany(job, n)
	case "exec-stale": // for a dispatch that is none
		return p.door.Exec(context.Background(), tenant.HostCall{Tenant: job.Tenant, Template: "t", Dispatch: job.ID + 1000, Op: "echo"})
	case "exec-nameless": // for no template, as only a script may
		return p.door.Exec(context.Background(), tenant.HostCall{Tenant: job.Tenant, Dispatch: job.ID, Op: "echo"})
	case "exec-foreign": // for another tenant of this worker
		return p.door.Exec(context.Background(), tenant.HostCall{Tenant: other, Template: "t", Dispatch: job.ID, Op: "echo"})
	case "exec-alien": // for a tenant of another worker
		return p.door.Exec(context.Background(), tenant.HostCall{Tenant: alien, Template: "t", Dispatch: job.ID, Op: "echo"})
	case "exec-secret":
		return p.door.Exec(context.Background(), tenant.HostCall{Tenant: job.Tenant, Template: "t", Dispatch: job.ID, Op: "secret"})
	case "templates":
		all, err := p.door.Templates(context.Background(), job.Tenant)
		names := make([]khronos.Value, len(all))
		for i, t := range all {
			names[i] = khronos.Text(t.Name)
		}
		return khronos.List(names...), err
	case "templates-alien":
		_, err := p.door.Templates(context.Background(), alien)
		return khronos.Null(), err
	}
	return khronos.Null(), khronos.Errorf(khronos.ErrKindNotFound, "no trick %s", job.Event.Name)
}

func (p *puppet) execMany(job tenant.Job, n int) (khronos.Value, error) {
	refused := make(chan bool, n)
	for range n {
		p.owned.Go(func() {
			_, err := p.door.Exec(context.Background(), tenant.HostCall{Tenant: job.Tenant, Template: "t", Dispatch: job.ID, Op: "block"})
			refused <- errors.Is(err, &khronos.Error{Kind: khronos.ErrKindRateLimited})
		})
	}
	count := 0
	for range n - testHostCalls { // the others block until the dispatch ends
		if <-refused {
			count++
		}
	}
	return khronos.Integer(int64(count)), nil
}

func (p *puppet) Cancel(id uint64) {
	p.mu.Lock()
	job, ok := p.live[id]
	p.mu.Unlock()
	if ok {
		p.finish(job, khronos.Outcome{Err: khronos.Errorf(khronos.ErrKindCancelled, "cancelled")})
	}
}

// Refresh has nothing to load again.
func (p *puppet) Refresh(khronos.TenantID) {}

func (p *puppet) Drop(_ context.Context, id khronos.TenantID) error {
	p.endAll(id, khronos.Errorf(khronos.ErrKindDroppedTenant, "dropped"))
	return nil
}

func (p *puppet) Ban(id khronos.TenantID) {
	p.door.Log(id, "t", "banned")
	p.endAll(id, khronos.Banned(id))
}

func (p *puppet) endAll(id khronos.TenantID, why *khronos.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for number, job := range p.live {
		if job.Tenant == id {
			delete(p.live, number)
			job.Done(khronos.Outcome{Err: why})
		}
	}
}

func (p *puppet) Dump(context.Context) []khronos.ScriptStack {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []khronos.ScriptStack
	for id, job := range p.live {
		list = append(list, khronos.ScriptStack{
			Tenant: job.Tenant, Template: "t", Version: 3, Event: job.Event.Name, Job: id,
			State: khronos.StackWaiting, Waits: "kv.get", Since: time.Unix(1700000000, 0).UTC(), Stack: "init.luau:7 function f\n",
		})
	}
	return list
}

func (p *puppet) GiveBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for number, job := range p.live {
		if job.Event.Name == "queue" || job.Event.Name == "wait-order" {
			delete(p.live, number)
			p.owned.Go(func() { job.Done(khronos.Outcome{Err: khronos.ErrDraining}) })
		}
	}
}

func (p *puppet) Stats() tenant.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := tenant.Stats{Running: len(p.live), HeapBytes: 4711, Started: p.began, Ended: p.ended, Evicted: p.ended}
	if p.stuck {
		st.Busy, st.Slices, st.Oldest = 1, 1, 1
	}
	return st
}

// playMaster is a master that prints its worker's pid and waits to be killed.
func playMaster() int {
	w, stop, err := startWorld(roleWorker, func(*Config) {}, io.Discard)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	if _, err := w.h.DispatchEvent(context.Background(), guild, khronos.Event{Name: "echo"}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(w.h.Status()[0].PID)
	select {}
}
