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
	workersDesc = desc("tw_workers", "Workers by state.", "state")
	backoffDesc = desc("tw_worker_backoff_seconds", "Time until the worker is started again; 0 when it runs.", "worker")
	rssDesc     = desc("tw_worker_rss_bytes", "Memory of the worker's process.", "worker")
	tenantsDesc = desc("tw_tenants_loaded", "Tenants loaded in workers.")
	heapDesc    = desc("tw_vm_heap_bytes", "Script memory charged to tenants.")
)

// workerStates are all that a worker may be in, so that each has a series.
var workerStates = []worker.State{
	worker.StateStarting, worker.StateReady, worker.StateBackoff, worker.StateFailed, worker.StateKilled, worker.StateDraining, worker.StateStopped,
}

// Describe and Collect are prometheus.Collector's.
func (poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{workersDesc, backoffDesc, rssDesc, tenantsDesc, heapDesc} {
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
	for _, s := range c() {
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
	ch <- gauge(tenantsDesc, float64(tenants))
	ch <- gauge(heapDesc, float64(heap))
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
