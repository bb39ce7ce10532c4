package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a held lock is tried again. Migrations take longer.
const lockPoll = 20 * time.Millisecond

// lockFile takes the lock that lets one process at a time make and migrate the
// database at path, and returns the function that gives it up. Without it two
// that start together could both find a migration missing and apply it twice.
//
// The lock is on a file of its own, which stays: closing any descriptor of the
// database file would drop SQLite's locks of the whole process. A process that
// dies loses the lock.
func lockFile(ctx context.Context, path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f.Close, nil // closing unlocks
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock %s, which another process holds: %w", f.Name(), ctx.Err()), f.Close())
		}
	}
}
