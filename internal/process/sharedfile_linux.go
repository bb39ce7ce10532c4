package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// sharedFile makes a file that exists only in memory.
func sharedFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}
