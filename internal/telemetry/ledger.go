package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/template-worker/template-worker/internal/histogram"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/ledger"
)

// topTenants is how many tenants have series of their own: those that use most
// fuel, at the time of the scrape.
const topTenants = 20

// RegisterLedger offers what the ledger has counted and what is live.
func RegisterLedger(r *prometheus.Registry, l *ledger.Ledger) { r.MustRegister(ledgerCollector{l}) }

// ledgerCollector reads the ledger when it is scraped.
type ledgerCollector struct{ l *ledger.Ledger }

var (
	acceptedDesc = desc("tw_dispatch_accepted_total", "Dispatches accepted by the ledger, by what was dispatched.", "kind")
	dispatchDesc = desc("tw_dispatch_total", "Dispatches that have ended, by outcome and owner of the fault.", "outcome", "owner")
	waitDesc     = desc("tw_dispatch_wait_seconds", "Time from acceptance to the first instruction.")
	runDesc      = desc("tw_dispatch_run_seconds", "Time from the first instruction to the end.")
	cpuDesc      = desc("tw_dispatch_cpu_seconds", "CPU time of dispatches that had started.")
	retriedDesc  = desc("tw_dispatch_retried_total", "Dispatches that were sent to a second generation: the first was lost before they had started.")
	slowDesc     = desc("tw_dispatch_slow_total", "Dispatches that ran longer than slow_dispatch.")
	liveDesc     = desc("tw_dispatch_running", "Dispatches that have started and not ended.")
	queueDesc    = desc("tw_queue_depth", "Dispatches that have been accepted and not started.")
	oldestDesc   = desc("tw_queue_oldest_age_seconds", "Age of the oldest dispatch that has not started.")
	rejectedDesc = desc("tw_rejected_total", "Dispatches that ended without having begun because somebody was full, away or not allowed.", "reason")
	hitsDesc     = desc("tw_limit_hits_total", "Shares of dispatches that met a limit.", "limit")
	imbalDesc    = desc("tw_ledger_imbalance", "Accepted less ended less live dispatches, and those that ended twice: anything but 0 is a bug.")
	overdueDesc  = desc("tw_ledger_overdue", "Dispatches still live long after their deadline: anything but 0 is a bug.")

	tenantFuelDesc     = desc("tw_tenant_fuel", "Fuel used in the last minute, of the tenants that used most.", "tenant")
	tenantDispatchDesc = desc("tw_tenant_dispatches", "Dispatches ended in the last minute, of the tenants that used most fuel.", "tenant")
	tenantFailureDesc  = desc("tw_tenant_failures", "Dispatches that failed in the last minute, of the tenants that used most fuel.", "tenant")
)

// rejections are the outcomes of dispatches that nobody began.
var rejections = []khronos.ErrorKind{
	khronos.ErrKindTenantBusy, khronos.ErrKindRateLimited, khronos.ErrKindWorkerUnavailable, khronos.ErrKindDraining, khronos.ErrKindQuarantined,
}

// limitOf names the limits that outcomes are about.
var limitOf = map[khronos.ErrorKind]string{
	khronos.ErrKindCPULimit:    "cpu_hard",
	khronos.ErrKindMemoryLimit: "heap_bytes",
	khronos.ErrKindDeadline:    "dispatch_deadline",
	khronos.ErrKindTenantBusy:  "queue",
	khronos.ErrKindRateLimited: "rate",
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe and Collect are prometheus.Collector's.
func (ledgerCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{acceptedDesc, dispatchDesc, waitDesc, runDesc, cpuDesc, retriedDesc, slowDesc, liveDesc, queueDesc,
		oldestDesc, rejectedDesc, hitsDesc, imbalDesc, overdueDesc, tenantFuelDesc, tenantDispatchDesc, tenantFailureDesc} {
		ch <- d
	}
}

func (c ledgerCollector) Collect(ch chan<- prometheus.Metric) {
	sums, balance := c.l.Sums()
	for _, kind := range ledger.Kinds() {
		ch <- counter(acceptedDesc, sums.Accepted[kind], kind.String())
	}
	for _, outcome := range khronos.ErrorKinds() {
		ch <- counter(dispatchDesc, endedAs(&sums, outcome), outcome.String(), outcome.Owner().String())
	}
	for _, reason := range rejections {
		ch <- counter(rejectedDesc, endedAs(&sums, reason), reason.String())
	}
	for outcome, limit := range limitOf {
		ch <- counter(hitsDesc, sums.Runs[outcome], limit)
	}
	ch <- times(waitDesc, &sums.Wait)
	ch <- times(runDesc, &sums.Run)
	ch <- times(cpuDesc, &sums.CPU)
	ch <- counter(retriedDesc, sums.Retried)
	ch <- counter(slowDesc, sums.Slow)

	ch <- gauge(liveDesc, float64(balance.Live-balance.Waiting))
	ch <- gauge(queueDesc, float64(balance.Waiting))
	ch <- gauge(oldestDesc, balance.Oldest.Seconds())
	ch <- gauge(imbalDesc, float64(balance.Imbalance))
	ch <- gauge(overdueDesc, float64(balance.Overdue))
	for _, u := range c.l.Busiest(topTenants) {
		ch <- gauge(tenantFuelDesc, float64(u.Fuel), u.Tenant.String())
		ch <- gauge(tenantDispatchDesc, float64(u.Dispatches), u.Tenant.String())
		ch <- gauge(tenantFailureDesc, float64(u.Failures), u.Tenant.String())
	}
}

func endedAs(sums *ledger.Sums, outcome khronos.ErrorKind) (n uint64) {
	for _, kind := range ledger.Kinds() {
		n += sums.Ended[kind][outcome]
	}
	return n
}

func times(d *prometheus.Desc, h *histogram.Histogram, labels ...string) prometheus.Metric {
	buckets := map[float64]uint64{}
	sum := uint64(0)
	for i, bound := range histogram.Bounds {
		sum += h.Counts[i]
		buckets[bound.Seconds()] = sum
	}
	sum += h.Counts[len(histogram.Bounds)]
	return prometheus.MustNewConstHistogram(d, sum, h.Sum.Seconds(), buckets, labels...)
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
