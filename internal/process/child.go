package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/worker"
)

// ExitOrphaned is the exit code of a worker process whose master has gone.
const ExitOrphaned = 10

// maxStartRecordBytes bounds what is read of the start record.
const maxStartRecordBytes = 16 << 10

// ChildIO is what a worker process is made of. All fields are needed.
type ChildIO struct {
	Start  *os.File  // the start record; RunChild closes it
	Death  *os.File  // read end of the death pipe; RunChild closes it
	Marks  *os.File  // memory shared with the master; RunChild closes it
	Stderr io.Writer // for the log

	// New makes the tenants' side of the worker, which reaches the master
	// through door and says in runs what it runs.
	New func(settings Settings, door tenant.Door, runs tenant.RunningMap, log *slog.Logger) worker.Runtime
}

// InheritedIO takes the descriptors that a process which was started by a
// Handle has inherited. It fails in any other process.
func InheritedIO(makeRuntime func(Settings, tenant.Door, tenant.RunningMap, *slog.Logger) worker.Runtime) (ChildIO, error) {
	start, err := inherited(startRecordFD, "start record")
	if err != nil {
		return ChildIO{}, err
	}
	death, err := inherited(deathPipeFD, "death pipe")
	if err != nil {
		return ChildIO{}, errors.Join(err, start.Close())
	}
	syscall.CloseOnExec(startMarksFD)
	marks := os.NewFile(startMarksFD, "start marks")
	return ChildIO{Start: start, Death: death, Marks: marks, Stderr: os.Stderr, New: makeRuntime}, nil
}

// inherited opens a pipe that this process was born with. Non-blocking, so
// that closing it ends a read.
func inherited(fd int, name string) (*os.File, error) {
	var stat syscall.Stat_t
	err := syscall.Fstat(fd, &stat)
	if err == nil && stat.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		err = errors.New("not a pipe: workers are started by the master")
	}
	if err == nil {
		syscall.CloseOnExec(fd)
		err = syscall.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s on descriptor %d: %w", name, fd, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// RunChild is the life of a worker process. It takes its identity from the start
// record, connects to the master, and does what the master says until told to
// stop, until ctx ends, or until the link does. It returns nil in the first two
// cases. When the master goes away it does not return: the process exits with
// ExitOrphaned, whatever runs.
func RunChild(ctx context.Context, env ChildIO) error {
	rec, err := readStartRecord(env.Start)
	if err != nil {
		return err
	}
	var watch sync.WaitGroup
	watch.Go(func() { dieWithMaster(env.Death, rec) })
	defer watch.Wait()
	defer env.Death.Close()

	marks, err := openMarks(env.Marks)
	env.Marks.Close()
	if err != nil {
		return err
	}
	c := &childEnd{env: env, marks: marks, procs: newProcessors(), level: new(slog.LevelVar)}
	c.runs = newMapWriter(marks.runs, c.procs.executed)
	c.log = slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: c.level}))
	conn, err := mesophyll.Dial(ctx, rec.Network, rec.Address, rec.Token, mesophyll.Config{
		FrameBytes:   int(rec.FrameBytes),
		PendingBytes: int(rec.PendingBytes),
		Counters:     c.beat,
	})
	if err != nil {
		return err
	}
	return c.serve(ctx, conn, mesophyll.Identity{Worker: rec.Worker, Generation: rec.Generation})
}

func readStartRecord(f *os.File) (StartRecord, error) {
	defer f.Close()
	var rec StartRecord
	line, err := bufio.NewReader(io.LimitReader(f, maxStartRecordBytes)).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &rec)
	}
	if err != nil {
		return rec, fmt.Errorf("read start record: %w", err)
	}
	return rec, nil
}

// dieWithMaster exits the process when the other end of the death pipe is gone,
// and takes the socket along that the master cannot remove any more: its name is
// that master's alone. It returns only when this end is closed.
func dieWithMaster(death *os.File, rec StartRecord) {
	_, err := io.Copy(io.Discard, death)
	if errors.Is(err, os.ErrClosed) {
		return
	}
	if rec.Network == "unix" {
		_ = os.Remove(rec.Address) // another worker may have been first
	}
	os.Exit(ExitOrphaned)
}

// childEnd is the child's end of the link.
type childEnd struct {
	env    ChildIO
	log    *slog.Logger
	level  *slog.LevelVar
	marks  *marks
	runs   *mapWriter
	procs  *processors
	conn   *mesophyll.Conn
	id     mesophyll.Identity
	thread atomic.Pointer[worker.Thread] // nil until Hello
	stop   context.CancelCauseFunc       // ends the thread
	ctx    context.Context               // ends with the thread
	owned  sync.WaitGroup
	jobs   jobCount
	logs   droppedLines

	failed atomic.Pointer[error] // why the thread ended by itself
}

// errShutdown is the cause of an end that was asked for.
var errShutdown = errors.New("told to stop")

// serve works until the link ends.
func (c *childEnd) serve(ctx context.Context, conn *mesophyll.Conn, id mesophyll.Identity) error {
	c.conn, c.id = conn, id
	c.log = c.log.With("worker", int(id.Worker), "generation", uint64(id.Generation))
	c.ctx, c.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, func() { c.shutdown() })()

	err := conn.Serve(context.WithoutCancel(ctx), c)
	c.stop(err)
	c.owned.Wait()
	c.logs.report(c.log)
	if failed := c.failed.Load(); failed != nil {
		return *failed
	}
	if errors.Is(err, errShutdown) {
		return nil
	}
	return err
}

// shutdown ends the thread; the link ends when the thread has, behind its last
// replies. Before Hello there is no thread to wait for.
func (c *childEnd) shutdown() {
	c.stop(errShutdown)
	if c.thread.Load() == nil {
		c.conn.Close(errShutdown)
	}
}

// start makes the worker that Hello describes.
func (c *childEnd) start(hello *mesophyll.Hello) {
	if c.thread.Load() != nil {
		c.conn.Close(errors.New("second hello"))
		return
	}
	var settings Settings
	if err := json.Unmarshal(hello.Settings, &settings); err != nil {
		c.conn.Close(fmt.Errorf("decode settings: %w", err))
		return
	}
	if err := c.apply(settings); err != nil {
		c.conn.Close(err)
		return
	}
	thread := worker.NewThread(worker.ThreadConfig{
		ID:     c.id.Worker,
		Limits: settings.Limits,
		New:    func() worker.Runtime { return c.env.New(settings, &linkDoor{c}, c.runs, c.log) },
		Log:    c.log,
	})
	c.thread.Store(thread)
	c.owned.Go(func() { c.runThread(thread) })
	c.owned.Go(func() { c.sayReady(thread) })
}

// apply sets what belongs to the process and not to the worker in it.
func (c *childEnd) apply(s Settings) error {
	if s.LogLevel != "" {
		if err := c.level.UnmarshalText([]byte(s.LogLevel)); err != nil {
			return fmt.Errorf("log level: %w", err)
		}
	}
	if s.Slots > 0 {
		c.procs.start(s.Slots)
	}
	if s.MemoryBytes > 0 {
		debug.SetMemoryLimit(s.MemoryBytes)
	}
	if s.GCPercent != 0 {
		debug.SetGCPercent(s.GCPercent)
	}
	return nil
}

// runThread runs the worker, and then ends the link.
func (c *childEnd) runThread(thread *worker.Thread) {
	err := thread.Serve(c.ctx)
	if err != nil {
		c.failed.Store(&err)
		c.conn.Close(err)
		return
	}
	c.conn.Close(context.Cause(c.ctx))
}

// sayReady tells the master that work is taken.
func (c *childEnd) sayReady(thread *worker.Thread) {
	select {
	case <-thread.Up():
		c.send(&mesophyll.Ready{Generation: c.id.Generation, Posture: posture()})
	case <-c.ctx.Done():
	}
}

// send queues a message that must not get lost: where it cannot be sent the
// link ends, and the master knows that it misses something.
func (c *childEnd) send(m mesophyll.Message) {
	if err := c.conn.Send(m); err != nil && !errors.Is(err, mesophyll.ErrConnLost) {
		c.conn.Close(fmt.Errorf("send message of kind %d: %w", m.Kind(), err))
	}
}

// beat fills a heartbeat.
func (c *childEnd) beat() mesophyll.Heartbeat {
	thread := c.thread.Load()
	if thread == nil {
		return mesophyll.Heartbeat{}
	}
	s := thread.Stats()
	return mesophyll.Heartbeat{
		Started:   s.Started,
		Ended:     s.Ended,
		Tenants:   uint64(s.Tenants),
		Queued:    uint64(s.Queued),
		Running:   uint64(s.Running),
		VMs:       uint64(s.VMs),
		HeapBytes: uint64(s.HeapBytes),
		Busy:      uint64(s.Busy),
		Slices:    s.Slices,
		Oldest:    s.Oldest,
		Evicted:   s.Evicted,
	}
}
