// Package telemetry counts what happens and offers it as metrics. It decides
// nothing and starts no goroutine.
package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/template-worker/template-worker/internal/process"
)

// NewRegistry makes the registry behind /metrics, with the process's own numbers.
func NewRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// WorkerEvents counts what happens to workers; it is a [process.Listener].
type WorkerEvents struct {
	restarts *prometheus.CounterVec
	failed   prometheus.Counter
	onFailed func(process.WorkerFailed)
}

// NewWorkerEvents registers the counters. onFailed, if not nil, is called when a
// worker is marked failed; it must not block.
func NewWorkerEvents(r *prometheus.Registry, onFailed func(process.WorkerFailed)) *WorkerEvents {
	e := &WorkerEvents{
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tw_worker_restarts_total", Help: "Ends of worker generations by cause; each but the last is followed by a start."}, []string{"cause"}),
		failed:   prometheus.NewCounter(prometheus.CounterOpts{Name: "tw_workers_failed_total", Help: "Times a worker was marked failed."}),
		onFailed: onFailed,
	}
	r.MustRegister(e.restarts, e.failed)
	return e
}

// WorkerExited counts the end of a generation.
func (e *WorkerEvents) WorkerExited(ev process.WorkerExited) {
	e.restarts.WithLabelValues(string(ev.Reason)).Inc()
}

// WorkerFailed counts and passes on a worker that died too often.
func (e *WorkerEvents) WorkerFailed(ev process.WorkerFailed) {
	e.failed.Inc()
	if e.onFailed != nil {
		e.onFailed(ev)
	}
}
