package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// The descriptors that a worker process is born with, besides 0 to 2.
const (
	startRecordFD = 3 // one line of JSON, a StartRecord
	deathPipeFD   = 4 // read end; it ends when the master does
	startMarksFD  = 5 // the shared memory of marks
)

// outputGrace is how long after the end of a child its output is still read,
// should somebody hold the other end.
const outputGrace = time.Second

// StartRecord is all that a worker learns before it is on the link.
type StartRecord struct {
	Network    string             `json:"network"`
	Address    string             `json:"address"`
	Token      string             `json:"token"`
	Worker     khronos.WorkerID   `json:"worker"`
	Generation khronos.Generation `json:"generation"`

	// The bounds of the link: it needs them before Hello can arrive.
	FrameBytes   int64 `json:"frame_bytes"`
	PendingBytes int64 `json:"pending_bytes"`
}

// program is what is run as a worker.
type program struct {
	path string
	args []string
	env  []string // all of it; nothing is inherited
}

// child is one started process, the leader of its own process group. One
// goroutine reaps it.
type child struct {
	pid    int
	death  *os.File // the master's end of the death pipe
	marks  *marks
	exited chan struct{} // closed when the process is reaped and its output read
	status exitStatus    // valid after exited
}

// exitStatus is how a process ended.
type exitStatus struct {
	code   int            // exit code; -1 when a signal ended it
	signal syscall.Signal // 0 when it exited
}

func (s exitStatus) String() string {
	if s.signal != 0 {
		return fmt.Sprintf("signal %s", s.signal)
	}
	return fmt.Sprintf("exit code %d", s.code)
}

// spawn starts prog with rec on descriptor 3, a death pipe on 4 and start marks
// on 5; what it writes goes to output. The caller must wait for child.exited and
// free child.marks.
func spawn(prog program, rec StartRecord, output io.Writer) (*child, error) {
	record, err := recordPipe(rec)
	if err != nil {
		return nil, err
	}
	defer record.Close()
	deathR, deathW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make death pipe: %w", err)
	}
	defer deathR.Close()

	marks, marksFile, err := newMarks()
	if err != nil {
		deathW.Close()
		return nil, err
	}
	defer marksFile.Close()

	cmd := exec.Command(prog.path, prog.args...)
	cmd.Env = append([]string{}, prog.env...) // not nil: nil would inherit
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = []*os.File{record, deathR, marksFile}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = outputGrace
	if err := cmd.Start(); err != nil {
		deathW.Close()
		marks.free()
		return nil, fmt.Errorf("start %s: %w", prog.path, err)
	}
	c := &child{pid: cmd.Process.Pid, death: deathW, marks: marks, exited: make(chan struct{})}
	go c.reap(cmd)
	return c, nil
}

// recordPipe returns the read end of a pipe that holds rec and has ended.
func recordPipe(rec StartRecord) (*os.File, error) {
	line, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("encode start record: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make start record pipe: %w", err)
	}
	defer w.Close()
	// A pipe takes 4 KiB without a reader, and the record is a few hundred bytes.
	if _, err := w.Write(append(line, '\n')); err != nil {
		r.Close()
		return nil, fmt.Errorf("write start record: %w", err)
	}
	return r, nil
}

// reap waits for the process, ends what is left of its group, and closes
// exited.
func (c *child) reap(cmd *exec.Cmd) {
	defer close(c.exited)
	if awaitEnd(c.pid) {
		c.signal(syscall.SIGKILL) // not reaped yet, so the group's number is still ours
	}
	_ = cmd.Wait() // the state below says more than the error
	c.death.Close()
	c.status = statusOf(cmd.ProcessState)
}

func statusOf(state *os.ProcessState) exitStatus {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return exitStatus{code: -1, signal: ws.Signal()}
	}
	return exitStatus{code: state.ExitCode()}
}

// signal sends sig to the child's process group. Before exited is closed the
// number cannot belong to another group.
func (c *child) signal(sig syscall.Signal) {
	if err := syscall.Kill(-c.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) && !errors.Is(err, syscall.EPERM) {
		panic(fmt.Sprintf("BUG: signal %v to group %d: %v", sig, c.pid, err))
	}
}

// gone says whether the child has exited.
func (c *child) gone() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}
