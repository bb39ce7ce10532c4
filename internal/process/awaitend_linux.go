package process

import (
	"errors"

	"golang.org/x/sys/unix"
)

// awaitEnd returns when the child pid has ended, and leaves it unreaped. It
// returns false when the system cannot do that.
func awaitEnd(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == nil {
			return true
		}
		if !errors.Is(err, unix.EINTR) {
			return false
		}
	}
}
