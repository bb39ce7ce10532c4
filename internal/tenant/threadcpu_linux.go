package tenant

import (
	"syscall"
	"time"
)

// threadCPU gives the processor time of the calling thread so far.
func threadCPU() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var use syscall.Rusage
	if err := syscall.Getrusage(thread, &use); err != nil {
		panic("BUG: getrusage of a thread: " + err.Error())
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
