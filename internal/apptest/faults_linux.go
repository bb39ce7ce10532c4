package apptest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Faults are done to the real program from outside, with what the system gives
// to the owner of a process: signals, a second handle on its sockets, another
// file in the place of its program, a disk of its own that is full. The program
// has no code for any of them.

// Children gives the process ids of the master's children, zombies included.
func (w *World) Children() []int {
	task := fmt.Sprintf("/proc/%d/task", w.PID())
	threads, _ := os.ReadDir(task) // a master that has gone has no children
	var pids []int
	for _, thread := range threads {
		list, _ := os.ReadFile(filepath.Join(task, thread.Name(), "children"))
		for _, field := range strings.Fields(string(list)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// CutLink ends both directions of the socket between a worker and its master.
func CutLink(pid int) error {
	return withLink(pid, func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RDWR) })
}

// HalfFrame puts the head of a frame on the link, which promises more than
// follows, in the name of the worker, and kills the worker.
func HalfFrame(pid int) error {
	err := withLink(pid, func(fd int) error {
		// A final binary frame (RFC 6455, 5.2), masked, of 4096 bytes, and 3 of them.
		head := []byte{0x82, 0x80 | 126, 0x10, 0x00, 1, 2, 3, 4, 'a', 'b', 'c'}
		_, err := unix.Write(fd, head)
		return err
	})
	return errors.Join(err, unix.Kill(pid, unix.SIGKILL))
}

// withLink calls f with a handle of our own on a worker's link, the only socket
// that it has.
func withLink(pid int, f func(fd int) error) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(process)
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil || !strings.HasPrefix(target, "socket:") {
			continue
		}
		theirs, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		fd, err := unix.PidfdGetfd(process, theirs, 0)
		if err != nil {
			return err
		}
		err = f(fd)
		return errors.Join(err, unix.Close(fd))
	}
	return errors.New("the worker has no socket")
}

// Freeze stops a process for a while; it may be killed meanwhile. One that is
// stopped already stays so.
func Freeze(pid int, d time.Duration) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return err
	}
	if _, rest, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(rest, "T") {
		return errors.New("the process is stopped already")
	}
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		return err
	}
	time.Sleep(d)
	if err := unix.Kill(pid, unix.SIGCONT); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	return nil
}

// Stutter lets a process run a little now and then for a while, so that it reads
// its link slowly.
func Stutter(pid int, d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err := Freeze(pid, 60*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// JumpClock sets the machine's clock by d, and back after a while. It needs the
// right to do so.
func JumpClock(d, after time.Duration) error {
	began := time.Now() // with its monotonic reading, which does not jump
	set := func(wall time.Time) error {
		ts := unix.NsecToTimespec(wall.UnixNano())
		return unix.ClockSettime(unix.CLOCK_REALTIME, &ts)
	}
	real := began.UnixNano()
	now := func() time.Time { return time.Unix(0, real+int64(time.Since(began))) }
	if err := set(now().Add(d)); err != nil {
		return err
	}
	time.Sleep(after)
	return set(now())
}

// ownDisk makes cmd run with a disk of its own, of so many bytes, at dir. It
// takes a namespace of users and of mounts, which needs no rights where the
// system allows them.
func ownDisk(cmd *exec.Cmd, dir string, bytes int64) *exec.Cmd {
	script := fmt.Sprintf(`mkdir -p "$0" && mount -t tmpfs -o size=%d none "$0" && exec "$@"`, bytes)
	wrapped := exec.Command("sh", append([]string{"-c", script, dir, cmd.Path}, cmd.Args[1:]...)...)
	wrapped.Env = cmd.Env
	wrapped.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	return wrapped
}

// FillDisk leaves no room on the World's own disk until free is called.
func (w *World) FillDisk() (free func() error, err error) {
	path := fmt.Sprintf("/proc/%d/root%s", w.PID(), filepath.Join(w.DataDir, "ballast"))
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	chunk := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(chunk)
		if err != nil && len(chunk) > 1 {
			chunk, err = chunk[:len(chunk)/2], nil
		}
	}
	if !errors.Is(err, unix.ENOSPC) {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return func() error { return errors.Join(f.Close(), os.Remove(path)) }, nil
}
