package telemetry

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/template-worker/template-worker/internal/broker"
	"github.com/template-worker/template-worker/internal/expiry"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/process"
	"github.com/template-worker/template-worker/internal/quarantine"
)

// HostCalls is what a broker has counted.
type HostCalls interface {
	Counts() []broker.Count
	Timings() []broker.Timing
}

// RegisterHostCalls offers the broker's counts: every host call by its result,
// and how long each took.
func RegisterHostCalls(r *prometheus.Registry, calls HostCalls) {
	r.MustRegister(hostCallCollector{calls})
}

// RegisterLink offers what the link's server has counted: connections of workers, and those it refused.
func RegisterLink(r *prometheus.Registry, stats func() mesophyll.ServerStats) {
	r.MustRegister(linkCollector(stats))
}

// RegisterHandles offers what the handles of worker processes have counted, summed up.
func RegisterHandles(r *prometheus.Registry, handles []*process.Handle) {
	r.MustRegister(handleCollector(handles))
}

// RegisterExpiry offers how many KeyExpiry events came to their end, and how many tries did not.
func RegisterExpiry(r *prometheus.Registry, counts func() expiry.Counts) {
	for _, c := range []struct {
		name, help string
		of         func(expiry.Counts) uint64
	}{
		{"tw_expiry_fired_total", "KeyExpiry events that came to their end.", func(c expiry.Counts) uint64 { return c.Fired }},
		{"tw_expiry_retried_total", "KeyExpiry events that nobody took to their end, to be raised again.", func(c expiry.Counts) uint64 { return c.Retried }},
	} {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: c.name, Help: c.help}, func() float64 { return float64(c.of(counts())) }))
	}
}

// RegisterQuarantine offers what is suspected and quarantined, and what has become of suspects.
func RegisterQuarantine(r *prometheus.Registry, counts func() quarantine.Counts) {
	r.MustRegister(quarantineCollector(counts))
}

type (
	hostCallCollector struct{ calls HostCalls }
	linkCollector     func() mesophyll.ServerStats
	handleCollector   []*process.Handle

	quarantineCollector func() quarantine.Counts
)

var (
	hostCallsDesc  = prometheus.NewDesc("tw_host_calls_total", "Host calls by operation and result.", []string{"call", "result"}, nil)
	linkDesc       = prometheus.NewDesc("tw_link_upgrades_total", "Connections that claimed to be a worker: accepted, refused, or refused because the token had been used.", []string{"result"}, nil)
	suspicionsDesc = prometheus.NewDesc("tw_quarantine_changes_total", "What has happened to templates' events that workers may have died of.", []string{"change"}, nil)
	suspectsDesc   = prometheus.NewDesc("tw_quarantine", "Templates' events that run alone (probation) or not at all (quarantined).", []string{"kind"}, nil)
	tookDesc       = desc("tw_host_call_seconds", "Time of host calls in the broker, by operation.", "call")
	givenBackDesc  = desc("tw_dispatch_given_back_total", "Dispatches that a worker which was replaced had not started and gave back; its successor got them.")
	evictedDesc    = desc("tw_vm_evicted_total", "VMs that workers closed because nobody used them.")
	refusedDesc    = desc("tw_host_calls_unlawful_total", "Host calls of workers refused before the broker: no live dispatch, not their tenant, or too many.")
	lateDesc       = desc("tw_late_answers_total", "Answers of workers that nobody waited for any more; they are thrown away.")
	framesDesc     = desc("tw_ipc_frames_total", "Messages between the master and its workers, by kind, as the master sees them.", "dir", "type")
	batchesDesc    = desc("tw_ipc_batches_total", "WebSocket frames in which those messages travelled, many in one.", "dir")
	bytesDesc      = desc("tw_ipc_bytes_total", "Bytes of those WebSocket frames.", "dir")
	missedDesc     = desc("tw_ipc_missed_beats_total", "Heartbeats of workers that did not come in time.")
	pendingDesc    = desc("tw_ipc_pending_bytes", "Bytes that wait to be written to workers.")
)

func (c hostCallCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- hostCallsDesc
	ch <- tookDesc
}

func (c linkCollector) Describe(ch chan<- *prometheus.Desc) { ch <- linkDesc }

func (c handleCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{refusedDesc, lateDesc, framesDesc, batchesDesc, bytesDesc, missedDesc, pendingDesc, givenBackDesc, evictedDesc} {
		ch <- d
	}
}

func (c quarantineCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- suspicionsDesc
	ch <- suspectsDesc
}

func (c quarantineCollector) Collect(ch chan<- prometheus.Metric) {
	n := c()
	for what, count := range n.Changes {
		ch <- counter(suspicionsDesc, count, string(what))
	}
	for state, entries := range map[quarantine.State]int{quarantine.Probation: n.Probation, quarantine.Quarantined: n.Quarantined} {
		ch <- prometheus.MustNewConstMetric(suspectsDesc, prometheus.GaugeValue, float64(entries), string(state))
	}
}

func (c hostCallCollector) Collect(ch chan<- prometheus.Metric) {
	for _, n := range c.calls.Counts() {
		ch <- counter(hostCallsDesc, n.N, cmp.Or(n.Op, "unknown"), n.Kind.String())
	}
	for _, n := range c.calls.Timings() {
		ch <- times(tookDesc, &n.Took, cmp.Or(n.Op, "unknown"))
	}
}

func (c linkCollector) Collect(ch chan<- prometheus.Metric) {
	s := c()
	ch <- counter(linkDesc, s.Accepted, "accepted")
	ch <- counter(linkDesc, s.Refused-s.Reused, "refused")
	ch <- counter(linkDesc, s.Reused, "token_reused")
}

func (c handleCollector) Collect(ch chan<- prometheus.Metric) {
	var link mesophyll.ConnStats
	var refused, givenBack, evicted uint64
	for _, h := range c {
		link.Add(h.LinkStats())
		counts := h.Counts()
		refused += counts.HostCallsRefused
		givenBack += counts.GivenBack
		evicted += counts.Evicted
	}
	ch <- counter(refusedDesc, refused)
	ch <- counter(lateDesc, link.LateReplies)
	ch <- counter(givenBackDesc, givenBack)
	ch <- counter(evictedDesc, evicted)
	for _, kind := range mesophyll.Kinds() {
		dir, n := "out", link.KindsOut[kind]
		if kind.FromWorker() {
			dir, n = "in", link.KindsIn[kind]
		}
		ch <- counter(framesDesc, n, dir, kind.String())
	}
	ch <- counter(batchesDesc, link.FramesOut, "out")
	ch <- counter(batchesDesc, link.FramesIn, "in")
	ch <- counter(bytesDesc, link.BytesOut, "out")
	ch <- counter(bytesDesc, link.BytesIn, "in")
	ch <- counter(missedDesc, link.MissedBeats)
	ch <- gauge(pendingDesc, float64(link.PendingBytes))
}

func counter(d *prometheus.Desc, n uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}
