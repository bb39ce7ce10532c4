package telemetry

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/template-worker/template-worker/internal/worker"
)

// RegisterPool offers the state of the workers.
func RegisterPool(r *prometheus.Registry, status func() []worker.Status) {
	r.MustRegister(poolCollector(status))
}

// poolCollector reads the workers' state when it is scraped.
type poolCollector func() []worker.Status

var (
	workersDesc  = desc("tw_workers", "Workers by state.", "state")
	backoffDesc  = desc("tw_worker_backoff_seconds", "Time until the worker is started again; 0 when it runs.", "worker")
	rssDesc      = desc("tw_worker_rss_bytes", "Memory of the worker's process.", "worker")
	tenantsDesc  = desc("tw_tenants_loaded", "Tenants loaded in workers.")
	vmsDesc      = desc("tw_vm_count", "Template VMs: loaded, all; running, at most one for each dispatch in progress; idle, the rest.", "state")
	stallDesc    = desc("tw_vm_loop_stall_seconds", "Longest time for which a worker that says it lives has made no progress.")
	canaryDesc   = desc("tw_canary_ok", "1 when the worker takes work and its last probe script ran, else 0.", "worker")
	postureDesc  = desc("tw_posture", "Workers by what they say of their confinement.", "item", "state")
	headroomDesc = desc("tw_headroom_ratio", "Least free part of any worker's script memory (worker_heap_bytes), queue (queue_events, as if one tenant had it all) and processors; 0 when a worker takes no work.")
	heapDesc     = desc("tw_vm_heap_bytes", "Script memory charged to tenants.")
)

// workerStates are all that a worker may be in, so that each has a series.
var workerStates = []worker.State{
	worker.StateStarting, worker.StateReady, worker.StateBackoff, worker.StateFailed, worker.StateKilled, worker.StateDraining, worker.StateStopped,
}

// Describe and Collect are prometheus.Collector's.
func (poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{workersDesc, backoffDesc, rssDesc, tenantsDesc, heapDesc, vmsDesc, stallDesc, canaryDesc, postureDesc, headroomDesc} {
		ch <- d
	}
}

func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	states := map[worker.State]int{}
	for _, s := range workerStates {
		states[s] = 0
	}
	now := time.Now()
	tenants, heap := 0, int64(0)
	loaded, running, stall, headroom := 0, 0, time.Duration(0), 1.0
	postures := map[[2]string]int{}
	for _, s := range c() {
		ready := s.State == worker.StateReady
		loaded += s.VMs
		running += min(s.VMs, s.Running)
		stall = max(stall, s.Stalled)
		headroom = min(headroom, headroomOf(&s))
		for item, state := range s.Posture {
			postures[[2]string{item, state}]++
		}
		ch <- gauge(canaryDesc, oneIf(ready && s.Canary == ""), strconv.Itoa(int(s.Worker)))
		states[s.State]++
		tenants += s.Tenants
		heap += s.HeapBytes
		name := strconv.Itoa(int(s.Worker))
		ch <- gauge(backoffDesc, backoff(s.NextStart, now), name)
		if rss, ok := residentBytes(s.PID); ok {
			ch <- gauge(rssDesc, float64(rss), name)
		}
	}
	for state, n := range states {
		ch <- gauge(workersDesc, float64(n), string(state))
	}
	for state, n := range map[string]int{"loaded": loaded, "running": running, "idle": loaded - running} {
		ch <- gauge(vmsDesc, float64(n), state)
	}
	for p, n := range postures {
		ch <- gauge(postureDesc, float64(n), p[0], p[1])
	}
	ch <- gauge(stallDesc, stall.Seconds())
	ch <- gauge(headroomDesc, headroom)
	ch <- gauge(tenantsDesc, float64(tenants))
	ch <- gauge(heapDesc, float64(heap))
}

// headroomOf is a worker's headroom. A thread has its process's and knows none.
func headroomOf(s *worker.Status) float64 {
	switch {
	case s.State != worker.StateReady:
		return 0
	case s.PID == 0:
		return 1
	}
	return s.Headroom
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// backoff is how long a worker still waits for its next start.
func backoff(next, now time.Time) float64 {
	if next.IsZero() {
		return 0
	}
	return max(next.Sub(now), 0).Seconds()
}

// residentBytes is the memory of a process, where /proc tells.
func residentBytes(pid int) (int64, bool) {
	if pid == 0 {
		return 0, false
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}
