// Package limits is the one registry of every limit and default number.
//
// Each has a field in [Limits], a name for configuration, a unit, a default, a
// range and a sentence of documentation, all declared once in registry.go.
// Enforcement, error texts, configuration, docs/LIMITS.md and the types
// come from there. The package enforces nothing itself, starts no goroutine and
// does no I/O.
//
// Sizes are bytes, times are time.Duration.
package limits

import (
	"fmt"
	"time"
)

// Limits holds one value per limit. It is a plain value: copy it freely. The
// zero value is not useful, begin with [Default]. What a field means is said in
// the registry, and so in docs/LIMITS.md.
type Limits struct {
	DispatchDeadline    time.Duration
	DispatchDeadlineMax time.Duration
	CPUSoft             time.Duration
	CPUHard             time.Duration
	CPUWindow           time.Duration
	CPUWindowBudget     time.Duration
	FuelPerSecond       int64
	SliceFuel           int64
	HeapBytes           int64
	VMIdle              time.Duration
	WorkerHeapBytes     int64
	QueueEvents         int
	QueueBytes          int64
	HandlersPerTenant   int
	ThreadsPerTemplate  int
	ChannelWait         time.Duration

	InspectCPU       time.Duration
	InspectHeapBytes int64

	EventNameBytes     int64
	EventDataBytes     int64
	BodyBytes          int64
	TemplateBytes      int64
	TemplatesPerTenant int

	KVKeyBytes        int64
	KVValueBytes      int64
	KVScopes          int
	KVScopeBytes      int64
	KVFindRows        int
	KVBatchOperations int
	KVRows            int64
	KVBytes           int64
	KVBurst           int
	KVRefill          time.Duration
	GlobalKVBurst     int
	GlobalKVRefill    time.Duration
	GlobalKVEntries   int
	GlobalKVTextBytes int64
	RuntimeBurst      int
	RuntimeRefill     time.Duration
	EventBurst        int
	EventRefill       time.Duration
	EventDepth        int
	ExpiryInFlight    int
	ExpiryPerTenant   int
	ExpiryRate        int
	ExpiryRetryMax    time.Duration
	StateBytes        int64

	HTTPBurst         int
	HTTPRefill        time.Duration
	HTTPTimeout       time.Duration
	HTTPRedirects     int
	HTTPURLBytes      int64
	HTTPHeaderBytes   int64
	HTTPRequestBytes  int64
	HTTPResponseBytes int64
	HTTPPerTenant     int
	HTTPAtOnce        int

	DecompressBytes     int64
	ArchiveEntries      int
	DeriveBytes         int64
	DerivePasses        int
	HeavyCallsPerWorker int

	LogLineBytes      int64
	LogLinesPerTenant int

	LedgerDispatches int
	LedgerPerTenant  int
	SlowDispatch     time.Duration
	FollowBuffer     int
	Followers        int

	FrameBytes       int64
	LinkPendingBytes int64
	Heartbeat        time.Duration
	HeartbeatMissed  int

	StartTimeout       time.Duration
	RestartDelay       time.Duration
	RestartDelayMax    time.Duration
	RestartUsefulLife  time.Duration
	RestartHalfLife    time.Duration
	RestartFailures    int
	RestartProbeEvery  time.Duration
	BootFailureWorkers int
	RestartSettle      time.Duration
	CanaryEvery        time.Duration
	CanaryTimeout      time.Duration
	RecycleAge         time.Duration
	RecycleDispatches  int
	RecycleBytes       int64
	HungDumpAfter      time.Duration
	HungAbortAfter     time.Duration
	HungKillAfter      time.Duration
	DrainTimeout       time.Duration
	StopTimeout        time.Duration
	WorkerWait         time.Duration
	NoWaitEvents       int
	HostCallsPerWorker int
	HostCallsPerTenant int

	QuarantineDeaths    int
	QuarantineFirst     time.Duration
	QuarantineLongest   time.Duration
	QuarantineProbation time.Duration
	QuarantineEntries   int
	SoloIdle            time.Duration

	TokenTTL time.Duration
}

// Default returns the defaults.
func Default() Limits {
	var l Limits
	for i := range registry {
		registry[i].put(&l, registry[i].def)
	}
	return l
}

// Set reads value in the unit of the limit called name. A duration is written
// like "250ms", a size like "20MiB" or as a number of bytes, a count as a
// number; "_" may group digits. A refused value leaves l as it was. Limits that
// depend on each other are the matter of [Limits.Validate].
func (l *Limits) Set(name, value string) error {
	e := find(name)
	if e == nil {
		return fmt.Errorf("set limit %q: no limit has this name", name)
	}
	n, err := e.parse(value)
	if err != nil {
		return fmt.Errorf("set limit %s: %w", name, err)
	}
	if err := e.inRange(n); err != nil {
		return fmt.Errorf("set limit %s: %w", name, err)
	}
	e.put(l, n)
	return nil
}

// Get returns the limit called name as [Limits.Set] reads it.
func (l Limits) Get(name string) (string, error) {
	e := find(name)
	if e == nil {
		return "", fmt.Errorf("get limit %q: no limit has this name", name)
	}
	return e.format(e.get(&l)), nil
}

// Number returns the limit called name in its unit: nanoseconds, bytes, a count
// or fuel. Names that no limit has are a bug of the caller.
func (l *Limits) Number(name string) int64 {
	e := byName[name]
	if e == nil {
		panic("BUG: no limit has the name " + name)
	}
	return e.get(l)
}

// IsDuration tells whether the limit called name is a time.
func IsDuration(name string) bool { return byName[name] != nil && byName[name].unit == unitDuration }

// Validate checks that each limit is in its range and that they fit each other.
// It returns the first thing that is wrong.
func (l Limits) Validate() error {
	for i := range registry {
		e := &registry[i]
		if err := e.inRange(e.get(&l)); err != nil {
			return fmt.Errorf("limit %s: %w", e.name, err)
		}
	}
	for _, pair := range ordered {
		if err := pair.check(&l); err != nil {
			return err
		}
	}
	return nil
}

// pair names two limits of which the first may not exceed the second.
type pair struct{ low, high string }

// ordered lists what has to fit what, beyond the ranges of the registry.
var ordered = []pair{
	{"cpu_soft", "cpu_hard"},
	{"cpu_hard", "cpu_window_budget"},
	{"cpu_hard", "dispatch_deadline"},
	{"dispatch_deadline", "dispatch_deadline_max"},
	{"slice_fuel", "fuel_per_second"},
	{"inspect_heap_bytes", "heap_bytes"},
	{"heap_bytes", "worker_heap_bytes"},
	{"event_data_bytes", "queue_bytes"},
	{"event_data_bytes", "body_bytes"},
	{"event_data_bytes", "frame_bytes"},
	{"kv_value_bytes", "frame_bytes"},
	{"http_request_bytes", "frame_bytes"},
	{"http_response_bytes", "frame_bytes"},
	{"http_per_tenant", "http_at_once"},
	{"template_bytes", "frame_bytes"},
	{"template_bytes", "body_bytes"},
	{"frame_bytes", "link_pending_bytes"},
	{"restart_delay", "restart_delay_max"},
	{"hung_dump_after", "hung_abort_after"},
	{"hung_abort_after", "hung_kill_after"},
	{"quarantine_first", "quarantine_longest"},
	{"host_calls_per_tenant", "host_calls_per_worker"},
}

func (p pair) check(l *Limits) error {
	low, high := find(p.low), find(p.high)
	if low.get(l) > high.get(l) {
		return fmt.Errorf("limit %s: %s exceeds %s, which is %s", low.name, low.format(low.get(l)), high.name, high.format(high.get(l)))
	}
	return nil
}
