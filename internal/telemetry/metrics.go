// Package telemetry counts what happens and offers it as metrics. It decides
// nothing and starts no goroutine.
package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/process"
	"github.com/template-worker/template-worker/internal/worker"
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
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tw_worker_exits_total", Help: "Ends of worker generations by cause."}, []string{"cause"}),
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

// Measured counts and times everything a worker is asked to do.
type Measured struct {
	worker.Worker
	total *prometheus.CounterVec
	took  prometheus.Histogram
}

// Measure wraps w and registers its metrics, the pool's state among them.
func Measure(w worker.Worker, r *prometheus.Registry) *Measured {
	m := &Measured{
		Worker: w,
		total:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tw_dispatch_total", Help: "Dispatches by outcome and owner of the fault."}, []string{"outcome", "owner"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "tw_dispatch_seconds", Help: "Time from acceptance to outcome.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}),
	}
	r.MustRegister(m.total, m.took, poolCollector{w})
	return m
}

// DispatchEvent is worker.Worker's, counted.
func (m *Measured) DispatchEvent(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) (khronos.Value, error) {
	began := time.Now()
	v, err := m.Worker.DispatchEvent(ctx, tenant, ev)
	m.took.Observe(time.Since(began).Seconds())
	m.count(err)
	return v, err
}

// DispatchEventNoWait is worker.Worker's; a refusal is counted.
func (m *Measured) DispatchEventNoWait(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) error {
	err := m.Worker.DispatchEventNoWait(ctx, tenant, ev)
	m.count(err)
	return err
}

// RunScript is worker.Worker's, counted.
func (m *Measured) RunScript(ctx context.Context, tenant khronos.TenantID, name, code string, ev khronos.Event) (khronos.Value, error) {
	v, err := m.Worker.RunScript(ctx, tenant, name, code, ev)
	m.count(err)
	return v, err
}

func (m *Measured) count(err error) {
	kind := khronos.ErrKindOK
	var e *khronos.Error
	if errors.As(err, &e) {
		kind = e.Kind
	}
	m.total.WithLabelValues(kind.String(), kind.Owner().String()).Inc()
}

// poolCollector reads the workers' state when it is scraped.
type poolCollector struct{ w worker.Worker }

var (
	workersDesc = prometheus.NewDesc("tw_workers", "Workers by state.", []string{"state"}, nil)
	queuedDesc  = prometheus.NewDesc("tw_queue_depth", "Dispatches waiting in workers.", nil, nil)
	runningDesc = prometheus.NewDesc("tw_dispatch_running", "Dispatches running in workers.", nil, nil)
	tenantsDesc = prometheus.NewDesc("tw_tenants_loaded", "Tenants loaded in workers.", nil, nil)
	heapDesc    = prometheus.NewDesc("tw_vm_heap_bytes", "Script memory charged to tenants.", nil, nil)
)

// Describe and Collect are prometheus.Collector's.
func (c poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{workersDesc, queuedDesc, runningDesc, tenantsDesc, heapDesc} {
		ch <- d
	}
}

func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	states := map[worker.State]int{}
	var queued, running, tenants int
	var heap int64
	for _, s := range c.w.Status() {
		states[s.State]++
		queued += s.Queued
		running += s.Running
		tenants += s.Tenants
		heap += s.HeapBytes
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for state, n := range states {
		gauge(workersDesc, float64(n), string(state))
	}
	gauge(queuedDesc, float64(queued))
	gauge(runningDesc, float64(running))
	gauge(tenantsDesc, float64(tenants))
	gauge(heapDesc, float64(heap))
}
