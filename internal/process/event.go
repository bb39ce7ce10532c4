package process

import (
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Reason says why a generation ended. The texts are labels of metrics.
type Reason string

// The reasons, from the master's point of view: what it saw or did first.
const (
	ReasonSpawn        Reason = "spawn"         // the process could not be started
	ReasonBoot         Reason = "boot"          // it ended before it was ready
	ReasonStartTimeout Reason = "start_timeout" // it was not ready in time
	ReasonCrash        Reason = "crash"         // it ended while it was ready
	ReasonLink         Reason = "link"          // the link ended and the process did not
	ReasonHeartbeat    Reason = "heartbeat"     // its heartbeats stopped
	ReasonHung         Reason = "hung"          // it made no progress for too long
	ReasonKilled       Reason = "killed"        // Kill was called
	ReasonStopped      Reason = "stopped"       // the master stops
	ReasonReplaced     Reason = "replaced"      // another generation took its place
)

// WorkerExited is the end of one generation of a worker. Its process is gone
// and reaped.
type WorkerExited struct {
	Worker     khronos.WorkerID
	Generation khronos.Generation
	PID        int // 0 when no process was started
	Reason     Reason
	Detail     string        // such as "exit code 2" or "signal killed"; for people
	ExitCode   int           // -1 when a signal ended it or nothing was started
	Signal     int           // 0 when none
	UsefulLife time.Duration // for how long it was ready; 0 if never
	Output     []string      // the last lines that it wrote, oldest first
	Failures   int           // the count after this end
	RestartIn  time.Duration // 0 when it is not started again by itself
}

// WorkerFailed is the moment in which a worker is marked failed: it died too
// often in a row and from now on is only probed.
type WorkerFailed struct {
	Worker     khronos.WorkerID
	Generation khronos.Generation // the one that died last
	Failures   int
	ProbeIn    time.Duration
}

// Listener is told what happens to workers. The calls of one worker come in
// order, from the goroutine that supervises it, so they must not block or call
// back into the Handle's Kill or Start.
type Listener interface {
	WorkerExited(WorkerExited)
	WorkerFailed(WorkerFailed)
}
