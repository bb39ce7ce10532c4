package process

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"github.com/template-worker/template-worker/internal/limits"
)

// clockTick is the unit of processor time in /proc: USER_HZ, which is 100 on
// every system that Go runs on.
const clockTick = 10 * time.Millisecond

// loadEvery is how long the processor time of a child is measured for one look.
const loadEvery = 2 * time.Second

// load is which part of its processors a child uses.
type load struct {
	since time.Time
	spent time.Duration // then
	share float64       // of the processors, in the time before since
}

// take notes the processor time that a child has spent so far.
func (l *load) take(now time.Time, spent time.Duration, processors int) {
	switch elapsed := now.Sub(l.since); {
	case l.since.IsZero():
	case elapsed < loadEvery:
		return
	default:
		l.share = min(1, float64(spent-l.spent)/float64(elapsed)/float64(max(processors, 1)))
	}
	l.since, l.spent = now, spent
}

// headroom is which part of a child's means is free, in [0, 1]: the least of
// script memory (of worker_heap_bytes), queue (of queue_events, as if one tenant
// had it all), and its processors.
func (v *vitals) headroom(l *limits.Limits) float64 {
	free := func(used, whole float64) float64 { return max(0, 1-used/max(whole, 1)) }
	return min(free(float64(v.beat.HeapBytes), float64(l.WorkerHeapBytes)), free(float64(v.beat.Queued), float64(l.QueueEvents)), 1-v.load.share)
}

// cpuOf reads how much processor time a process has spent, 0 where the system
// does not say.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	name := bytes.LastIndexByte(text, ')') // the program's name may hold anything
	if err != nil || name < 0 {
		return 0
	}
	fields := bytes.Fields(text[name+1:]) // from the third field on
	if len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(user+system) * clockTick
}
