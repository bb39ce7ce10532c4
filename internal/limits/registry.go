package limits

import (
	"math"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Units of limits, as [Entry] and docs/LIMITS.md show them.
const (
	unitDuration = "duration"
	unitBytes    = "bytes"
	unitCount    = "count"
	unitFuel     = "fuel"
)

// Groups, in the order of docs/LIMITS.md.
const (
	groupDispatch   = "Dispatches"
	groupInspect    = "Inspection of templates"
	groupData       = "Events, values and templates"
	groupKV         = "Host calls"
	groupLog        = "Logs"
	groupLedger     = "Ledger"
	groupLink       = "Link between master and worker"
	groupProcess    = "Worker processes"
	groupQuarantine = "Quarantine"
	groupAPI        = "Internal API"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
	day = int64(24 * time.Hour)
)

// entry declares one limit. field returns a pointer to a time.Duration, an
// int64 or an int of l. def, min and max are nanoseconds, bytes or counts.
type entry struct {
	name  string
	group string
	unit  string
	def   int64
	min   int64
	max   int64
	field func(l *Limits) any
	doc   string
}

const (
	sec = int64(time.Second)
	ms  = int64(time.Millisecond)
)

// registry declares every limit. The order is that of docs/LIMITS.md, by group.
var registry = []entry{
	{"dispatch_deadline", groupDispatch, unitDuration, 30 * sec, 10 * ms, day, func(l *Limits) any { return &l.DispatchDeadline },
		"Time from the acceptance of a dispatch to its outcome, unless the caller gives a deadline."},
	{"dispatch_deadline_max", groupDispatch, unitDuration, 600 * sec, 10 * ms, day, func(l *Limits) any { return &l.DispatchDeadlineMax },
		"The longest deadline that a caller may give."},
	{"cpu_soft", groupDispatch, unitDuration, 250 * ms, ms, day, func(l *Limits) any { return &l.CPUSoft },
		"CPU time of one dispatch after which a warning is logged for the tenant."},
	{"cpu_hard", groupDispatch, unitDuration, sec, ms, day, func(l *Limits) any { return &l.CPUHard },
		"CPU time of one dispatch after which it ends with cpu_limit. A script cannot catch it."},
	{"cpu_window", groupDispatch, unitDuration, 60 * sec, sec, day, func(l *Limits) any { return &l.CPUWindow },
		"Length of the window in which a tenant may use cpu_window_budget."},
	{"cpu_window_budget", groupDispatch, unitDuration, 6 * sec, ms, day, func(l *Limits) any { return &l.CPUWindowBudget },
		"CPU time of all dispatches of one tenant within cpu_window."},
	{"fuel_per_second", groupDispatch, unitFuel, 300e6, 1e6, 1e12, func(l *Limits) any { return &l.FuelPerSecond },
		"Fuel that the engine burns in one second of CPU time: how CPU limits become fuel. Calibrated by measurement."},
	{"slice_fuel", groupDispatch, unitFuel, 100_000, 1000, 1e9, func(l *Limits) any { return &l.SliceFuel },
		"Fuel after which a running script makes room for another tenant, and so a tenant's turn when others wait; fuel beyond it is paid back."},
	{"heap_bytes", groupDispatch, unitBytes, 20 * mib, mib, 4 * gib, func(l *Limits) any { return &l.HeapBytes },
		"Memory of all template VMs of one tenant together."},
	{"vm_idle", groupDispatch, unitDuration, 600 * sec, sec, day, func(l *Limits) any { return &l.VMIdle },
		"Time without use after which a template's VM is closed, unless it has threads that wait. A tenant that has nothing left is forgotten."},
	{"worker_heap_bytes", groupDispatch, unitBytes, gib, mib, 1024 * gib, func(l *Limits) any { return &l.WorkerHeapBytes },
		"Memory of all template VMs of one worker together; above it VMs that nobody uses are closed, those first that were used longest ago."},
	{"queue_events", groupDispatch, unitCount, 256, 1, 1e6, func(l *Limits) any { return &l.QueueEvents },
		"Events of one tenant that wait; one more is refused with tenant_busy."},
	{"queue_bytes", groupDispatch, unitBytes, 4 * mib, kib, 4 * gib, func(l *Limits) any { return &l.QueueBytes },
		"Bytes of the events of one tenant that wait; more is refused with tenant_busy."},
	{"handlers_per_tenant", groupDispatch, unitCount, 16, 1, 10_000, func(l *Limits) any { return &l.HandlersPerTenant },
		"Dispatches of one tenant that have started and not ended, those that wait in a host call included."},
	{"threads_per_template", groupDispatch, unitCount, 1000, 1, 1e6, func(l *Limits) any { return &l.ThreadsPerTemplate },
		"Threads that a template has made with the task library and that have not ended."},
	{"channel_wait", groupDispatch, unitDuration, 7 * sec, ms, day, func(l *Limits) any { return &l.ChannelWait },
		"The longest time that a script may give to recvtimeout and selectoneshots."},

	{"inspect_cpu", groupInspect, unitDuration, 250 * ms, ms, day, func(l *Limits) any { return &l.InspectCPU },
		"CPU time for running init.luau when a template is stored."},
	{"inspect_heap_bytes", groupInspect, unitBytes, 4 * mib, 64 * kib, 4 * gib, func(l *Limits) any { return &l.InspectHeapBytes },
		"Memory for running init.luau when a template is stored."},

	{"event_name_bytes", groupData, unitBytes, khronos.MaxEventNameBytes, 1, khronos.MaxEventNameBytes, func(l *Limits) any { return &l.EventNameBytes },
		"Length of an event's name."},
	{"event_data_bytes", groupData, unitBytes, mib, kib, gib, func(l *Limits) any { return &l.EventDataBytes },
		"Data of one event, as it travels."},
	{"body_bytes", groupData, unitBytes, mib, kib, gib, func(l *Limits) any { return &l.BodyBytes },
		"Body of one HTTP request to our API."},
	{"template_bytes", groupData, unitBytes, khronos.MaxTemplateBytes, kib, khronos.MaxTemplateBytes, func(l *Limits) any { return &l.TemplateBytes },
		"File names and contents of one template together."},
	{"templates_per_tenant", groupData, unitCount, 50, 1, 10_000, func(l *Limits) any { return &l.TemplatesPerTenant },
		"Templates that one tenant may have."},

	{"kv_key_bytes", groupKV, unitBytes, 512, 1, 64 * kib, func(l *Limits) any { return &l.KVKeyBytes },
		"Length of a key, or of a pattern of find."},
	{"kv_value_bytes", groupKV, unitBytes, 256 * kib, 1, gib, func(l *Limits) any { return &l.KVValueBytes },
		"Length of the JSON form of a stored value."},
	{"kv_scopes", groupKV, unitCount, 10, 1, 100, func(l *Limits) any { return &l.KVScopes },
		"Scopes of one record; at least one is needed."},
	{"kv_scope_bytes", groupKV, unitBytes, 512, 1, 64 * kib, func(l *Limits) any { return &l.KVScopeBytes },
		"Length of one scope."},
	{"kv_find_rows", groupKV, unitCount, 1000, 1, 1e6, func(l *Limits) any { return &l.KVFindRows },
		"Records that one find returns."},
	{"kv_batch_operations", groupKV, unitCount, 100, 1, 10_000, func(l *Limits) any { return &l.KVBatchOperations },
		"Operations of one batch."},
	{"kv_rows", groupKV, unitCount, 100_000, 1, 1e9, func(l *Limits) any { return &l.KVRows },
		"Records that one tenant may keep."},
	{"kv_bytes", groupKV, unitBytes, 256 * mib, kib, 1024 * gib, func(l *Limits) any { return &l.KVBytes },
		"Keys, scopes and values, in their JSON form, that one tenant may keep."},
	{"kv_burst", groupKV, unitCount, 500, 1, 1e6, func(l *Limits) any { return &l.KVBurst },
		"KV calls that a tenant may make at once, list_scopes not counted."},
	{"kv_refill", groupKV, unitDuration, 100 * ms, 1000, day, func(l *Limits) any { return &l.KVRefill },
		"Time after which one KV call is given back."},
	{"globalkv_burst", groupKV, unitCount, 30, 1, 1e6, func(l *Limits) any { return &l.GlobalKVBurst },
		"GlobalKV calls that a tenant may make at once."},
	{"globalkv_refill", groupKV, unitDuration, sec, 1000, day, func(l *Limits) any { return &l.GlobalKVRefill },
		"Time after which one GlobalKV call is given back."},
	{"globalkv_entries", groupKV, unitCount, 100, 1, 10_000, func(l *Limits) any { return &l.GlobalKVEntries },
		"GlobalKV entries that one tenant may have published."},
	{"globalkv_text_bytes", groupKV, unitBytes, 4 * kib, 1, mib, func(l *Limits) any { return &l.GlobalKVTextBytes },
		"Length of each text, and of the JSON form of the metadata, of a GlobalKV entry."},
	{"runtime_burst", groupKV, unitCount, 10, 1, 1e6, func(l *Limits) any { return &l.RuntimeBurst },
		"Runtime calls that a tenant may make at once."},
	{"runtime_refill", groupKV, unitDuration, sec, 1000, day, func(l *Limits) any { return &l.RuntimeRefill },
		"Time after which one Runtime call is given back."},
	{"event_burst", groupKV, unitCount, 20, 1, 1e6, func(l *Limits) any { return &l.EventBurst },
		"Custom events that a tenant's templates may raise at once."},
	{"event_refill", groupKV, unitDuration, sec, 1000, day, func(l *Limits) any { return &l.EventRefill },
		"Time after which one custom event is given back."},
	{"event_depth", groupKV, unitCount, 8, 1, 1000, func(l *Limits) any { return &l.EventDepth },
		"Custom events in a row, each raised by a handler of the one before."},
	{"expiry_in_flight", groupKV, unitCount, 1024, 1, 1e6, func(l *Limits) any { return &l.ExpiryInFlight },
		"KeyExpiry events under way at once, of all tenants together."},
	{"expiry_per_tenant", groupKV, unitCount, 64, 1, 1e6, func(l *Limits) any { return &l.ExpiryPerTenant },
		"KeyExpiry events of one tenant under way at once; it should be well below queue_events."},
	{"expiry_rate", groupKV, unitCount, 5000, 1, 1e6, func(l *Limits) any { return &l.ExpiryRate },
		"KeyExpiry events raised in a second, of all tenants together: what is overdue at start comes at this pace."},
	{"expiry_retry_max", groupKV, unitDuration, 60 * sec, ms, day, func(l *Limits) any { return &l.ExpiryRetryMax },
		"The longest time after which a KeyExpiry event that nobody took to its end is raised again."},
	{"state_bytes", groupKV, unitBytes, 256 * kib, 1, gib, func(l *Limits) any { return &l.StateBytes },
		"Data of a tenant's state, as JSON."},
	{"http_burst", groupKV, unitCount, 3, 1, 1e6, func(l *Limits) any { return &l.HTTPBurst },
		"HTTP requests that a tenant's templates may make at once."},
	{"http_refill", groupKV, unitDuration, 5 * sec, 1000, day, func(l *Limits) any { return &l.HTTPRefill },
		"Time after which one HTTP request is given back."},
	{"http_timeout", groupKV, unitDuration, 5 * sec, ms, 600 * sec, func(l *Limits) any { return &l.HTTPTimeout },
		"Time of one HTTP request of a template, redirects and the answer's body included."},
	{"http_redirects", groupKV, unitCount, 3, 0, 20, func(l *Limits) any { return &l.HTTPRedirects },
		"Redirects that one HTTP request follows; each is held against the rules again."},
	{"http_url_bytes", groupKV, unitBytes, 2 * kib, 16, 64 * kib, func(l *Limits) any { return &l.HTTPURLBytes },
		"Length of the URL of an HTTP request."},
	{"http_header_bytes", groupKV, unitBytes, 16 * kib, kib, mib, func(l *Limits) any { return &l.HTTPHeaderBytes },
		"Headers of an HTTP request, and those of its answer."},
	{"http_request_bytes", groupKV, unitBytes, 256 * kib, 1, gib, func(l *Limits) any { return &l.HTTPRequestBytes },
		"Body of an HTTP request."},
	{"http_response_bytes", groupKV, unitBytes, 3 * mib, 1, gib, func(l *Limits) any { return &l.HTTPResponseBytes },
		"Body of the answer to an HTTP request; a longer one is refused."},
	{"http_per_tenant", groupKV, unitCount, 4, 1, 10_000, func(l *Limits) any { return &l.HTTPPerTenant },
		"HTTP requests of one tenant that are under way; one more is refused with rate_limited."},
	{"http_at_once", groupKV, unitCount, 64, 1, 1e6, func(l *Limits) any { return &l.HTTPAtOnce },
		"HTTP requests of all tenants that are under way; one more is refused with rate_limited."},
	{"decompress_bytes", groupKV, unitBytes, 8 * mib, kib, gib, func(l *Limits) any { return &l.DecompressBytes },
		"What one call of decompress may give; more is refused while it is unfolded."},
	{"archive_entries", groupKV, unitCount, 10_000, 1, 1e6, func(l *Limits) any { return &l.ArchiveEntries },
		"Files of one archive."},
	{"derive_bytes", groupKV, unitBytes, 64 * mib, 64 * kib, 4 * gib, func(l *Limits) any { return &l.DeriveBytes },
		"Memory of the derivation of one key, beside heap_bytes. Less than 64 MiB closes aes256encrypt and aes256decrypt."},
	{"derive_passes", groupKV, unitCount, 4, 1, 1000, func(l *Limits) any { return &l.DerivePasses },
		"Passes over its memory that the derivation of one key may make."},
	{"heavy_calls_per_worker", groupKV, unitCount, 2, 1, 1024, func(l *Limits) any { return &l.HeavyCallsPerWorker },
		"Compressions, key derivations and the like that one worker does at once, one of each tenant; others wait."},

	{"log_line_bytes", groupLog, unitBytes, 8 * kib, 64, mib, func(l *Limits) any { return &l.LogLineBytes },
		"Length of one line that a script logs; the rest is cut."},
	{"log_lines_per_tenant", groupLog, unitCount, 1000, 1, 1e6, func(l *Limits) any { return &l.LogLinesPerTenant },
		"Lines kept for each tenant; a new one displaces the oldest."},

	{"ledger_dispatches", groupLedger, unitCount, 50_000, 16, 1e8, func(l *Limits) any { return &l.LedgerDispatches },
		"Dispatches that have ended and are kept, of all tenants; the tenant that has been quiet longest is forgotten first."},
	{"ledger_per_tenant", groupLedger, unitCount, 200, 1, 1e6, func(l *Limits) any { return &l.LedgerPerTenant },
		"Dispatches that have ended and are kept of one tenant; a new one displaces the oldest."},
	{"slow_dispatch", groupLedger, unitDuration, 2 * sec, ms, day, func(l *Limits) any { return &l.SlowDispatch },
		"Time from its first instruction after which a dispatch is written to the log as slow."},
	{"follow_buffer", groupLedger, unitCount, 256, 1, 1e6, func(l *Limits) any { return &l.FollowBuffer },
		"Lines and outcomes that a reader of a tenant's live log may be behind; it is told how many more it has lost."},
	{"followers", groupLedger, unitCount, 64, 1, 1e6, func(l *Limits) any { return &l.Followers },
		"Readers of live logs at once; one more is refused with rate_limited."},

	{"frame_bytes", groupLink, unitBytes, 4 * mib, 64 * kib, gib, func(l *Limits) any { return &l.FrameBytes },
		"One frame; a longer one ends the link."},
	{"link_pending_bytes", groupLink, unitBytes, 64 * mib, 64 * kib, 16 * gib, func(l *Limits) any { return &l.LinkPendingBytes },
		"Bytes that wait to be written to one worker."},
	{"heartbeat", groupLink, unitDuration, sec, 10 * ms, 3600 * sec, func(l *Limits) any { return &l.Heartbeat },
		"Time between two heartbeats of a worker."},
	{"heartbeat_missed", groupLink, unitCount, 3, 1, 1000, func(l *Limits) any { return &l.HeartbeatMissed },
		"Heartbeats in a row that may stay away before the link is given up."},

	{"start_timeout", groupProcess, unitDuration, 10 * sec, 100 * ms, 3600 * sec, func(l *Limits) any { return &l.StartTimeout },
		"Time from the start of a process to its Ready."},
	{"restart_delay", groupProcess, unitDuration, 200 * ms, ms, 3600 * sec, func(l *Limits) any { return &l.RestartDelay },
		"Delay after the first failure; doubles with each further one, with full jitter."},
	{"restart_delay_max", groupProcess, unitDuration, 15 * sec, ms, day, func(l *Limits) any { return &l.RestartDelayMax },
		"Longest delay between two starts."},
	{"restart_useful_life", groupProcess, unitDuration, 5 * sec, 0, day, func(l *Limits) any { return &l.RestartUsefulLife },
		"A death before this much useful life counts as a failure."},
	{"restart_half_life", groupProcess, unitDuration, 120 * sec, ms, day, func(l *Limits) any { return &l.RestartHalfLife },
		"Healthy time that halves the count of failures."},
	{"restart_failures", groupProcess, unitCount, 10, 1, 1000, func(l *Limits) any { return &l.RestartFailures },
		"Failures in a row after which a worker is marked failed."},
	{"restart_probe_every", groupProcess, unitDuration, 300 * sec, 100 * ms, day, func(l *Limits) any { return &l.RestartProbeEvery },
		"Time between two starts of a worker that is marked failed."},
	{"boot_failure_workers", groupProcess, unitCount, 2, 1, 1000, func(l *Limits) any { return &l.BootFailureWorkers },
		"Workers that fail to start with the same error before one of them tries and the others wait."},
	{"restart_settle", groupProcess, unitDuration, sec, 0, 3600 * sec, func(l *Limits) any { return &l.RestartSettle },
		"Time for which a worker that has replaced another must stay healthy before a rolling restart goes on."},
	{"canary_every", groupProcess, unitDuration, 15 * sec, 100 * ms, day, func(l *Limits) any { return &l.CanaryEvery },
		"Time between two probe scripts that a worker runs to show that it works."},
	{"canary_timeout", groupProcess, unitDuration, 10 * sec, 10 * ms, 3600 * sec, func(l *Limits) any { return &l.CanaryTimeout },
		"Time in which a worker has to run a probe script; one that does not is not ready."},
	{"recycle_age", groupProcess, unitDuration, day, 0, 365 * day, func(l *Limits) any { return &l.RecycleAge },
		"Age at which a worker process is replaced by a new one; 0 means never. Each process draws 80 to 100 % of it."},
	{"recycle_dispatches", groupProcess, unitCount, 0, 0, 1e12, func(l *Limits) any { return &l.RecycleDispatches },
		"Dispatches ended after which a worker process is replaced; 0 means never. Each process draws 80 to 100 % of it."},
	{"recycle_bytes", groupProcess, unitBytes, 2 * gib, 0, 1024 * gib, func(l *Limits) any { return &l.RecycleBytes },
		"Memory at which a worker process is replaced, as the system or its scripts' accounts show it; 0 means never. Each process draws 80 to 100 % of it."},
	{"hung_dump_after", groupProcess, unitDuration, 3 * sec, 100 * ms, day, func(l *Limits) any { return &l.HungDumpAfter },
		"Time without progress after which a worker is asked for the stacks of its scripts, and is not ready any more."},
	{"hung_abort_after", groupProcess, unitDuration, 5 * sec, 100 * ms, day, func(l *Limits) any { return &l.HungAbortAfter },
		"Time without progress after which a worker process is ended by SIGQUIT, which writes its stacks into the log."},
	{"hung_kill_after", groupProcess, unitDuration, 10 * sec, 100 * ms, day, func(l *Limits) any { return &l.HungKillAfter },
		"Time without progress after which a worker process that still runs is ended by SIGKILL."},
	{"drain_timeout", groupProcess, unitDuration, 20 * sec, 0, 3600 * sec, func(l *Limits) any { return &l.DrainTimeout },
		"First step of stopping: time for running dispatches to end."},
	{"stop_timeout", groupProcess, unitDuration, 5 * sec, 0, 3600 * sec, func(l *Limits) any { return &l.StopTimeout },
		"Second step of stopping: time from SIGTERM to SIGKILL."},
	{"worker_wait", groupProcess, unitDuration, 2 * sec, 0, 3600 * sec, func(l *Limits) any { return &l.WorkerWait },
		"Time that a dispatch waits for its worker to become ready; then it ends with worker_unavailable."},
	{"no_wait_events", groupProcess, unitCount, 10_000, 1, 1e6, func(l *Limits) any { return &l.NoWaitEvents },
		"Events of one worker that nobody waits for and that have not ended; one more is refused with worker_unavailable."},
	{"host_calls_per_worker", groupProcess, unitCount, 1024, 1, 1e6, func(l *Limits) any { return &l.HostCallsPerWorker },
		"Host calls of one worker that the master does at once; one more is refused with worker_unavailable."},
	{"host_calls_per_tenant", groupProcess, unitCount, 64, 1, 1e6, func(l *Limits) any { return &l.HostCallsPerTenant },
		"Host calls of one tenant that the master does at once; one more is refused with rate_limited."},

	{"quarantine_deaths", groupQuarantine, unitCount, 2, 1, 100, func(l *Limits) any { return &l.QuarantineDeaths },
		"Workers that die of a template's event, of which the last quarantines it: the event of that version does not run for a while."},
	{"quarantine_first", groupQuarantine, unitDuration, 600 * sec, ms, 365 * day, func(l *Limits) any { return &l.QuarantineFirst },
		"Length of a first quarantine; each further one is twice as long."},
	{"quarantine_longest", groupQuarantine, unitDuration, day, ms, 365 * day, func(l *Limits) any { return &l.QuarantineLongest },
		"The longest quarantine, and how long after its end it is remembered."},
	{"quarantine_probation", groupQuarantine, unitDuration, 600 * sec, ms, 365 * day, func(l *Limits) any { return &l.QuarantineProbation },
		"Time after which a suspicion is forgotten. Until then, or until it has survived, a suspect's events run alone."},
	{"quarantine_entries", groupQuarantine, unitCount, 10_000, 1, 1e6, func(l *Limits) any { return &l.QuarantineEntries },
		"Suspicions and quarantines that are remembered; one more displaces the one that would end first."},
	{"solo_idle", groupQuarantine, unitDuration, 10 * sec, ms, day, func(l *Limits) any { return &l.SoloIdle },
		"Time without work after which the worker for suspects is stopped."},

	{"token_ttl", groupAPI, unitDuration, 3600 * sec, sec, math.MaxInt64, func(l *Limits) any { return &l.TokenTTL },
		"Life of a token of the internal API."},
}

// byName finds the entries.
var byName = func() map[string]*entry {
	m := make(map[string]*entry, len(registry))
	for i := range registry {
		m[registry[i].name] = &registry[i]
	}
	return m
}()

// find returns the entry called name, nil when there is none.
func find(name string) *entry { return byName[name] }

func (e *entry) get(l *Limits) int64 {
	switch p := e.field(l).(type) {
	case *time.Duration:
		return int64(*p)
	case *int64:
		return *p
	case *int:
		return int64(*p)
	}
	panic("BUG: limit " + e.name + " has a field of an unknown type")
}

func (e *entry) put(l *Limits, n int64) {
	switch p := e.field(l).(type) {
	case *time.Duration:
		*p = time.Duration(n)
	case *int64:
		*p = n
	case *int:
		*p = int(n)
	default:
		panic("BUG: limit " + e.name + " has a field of an unknown type")
	}
}

// Entry describes a limit to people and to generators.
type Entry struct {
	Name    string // as configuration spells it
	Unit    string // "duration", "bytes", "count" or "fuel"
	Default string // as Limits.Set reads it
	Min     string
	Max     string // empty when there is none
	Doc     string
	Group   string
}

// Registry returns all limits, by group.
func Registry() []Entry {
	entries := make([]Entry, len(registry))
	for i := range registry {
		e := &registry[i]
		entries[i] = Entry{
			Name: e.name, Unit: e.unit, Doc: e.doc, Group: e.group,
			Default: e.format(e.def), Min: e.format(e.min),
		}
		if e.max != math.MaxInt64 {
			entries[i].Max = e.format(e.max)
		}
	}
	return entries
}
