package registry

import "slices"

// general are the limits that hold for templates whatever they call.
var general = []string{
	"cpu_hard", "cpu_soft", "cpu_window", "cpu_window_budget", "dispatch_deadline", "event_data_bytes", "event_name_bytes",
	"handlers_per_tenant", "heap_bytes", "host_calls_per_tenant", "queue_bytes", "queue_events", "template_bytes",
	"templates_per_tenant", "threads_per_template",
}

// LimitNames returns the limits that a template meets, sorted: the general ones
// and those that functions name. It must not be changed.
func LimitNames() []string { return limitNames }

var limitNames = func() []string {
	list := slices.Clone(general)
	for _, a := range areas {
		for i := range a.Functions {
			list = append(list, a.Functions[i].LimitNames()...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}()

// EnforcedLimits returns the limits that a declaration enforces by itself: those
// of arguments and those of rate buckets.
func EnforcedLimits() []string {
	var list []string
	add := func(name string) { list = append(list, name) }
	for _, f := range ops {
		for _, p := range f.Args {
			p.Type.limitNames(add)
		}
	}
	for _, q := range Quotas {
		add(q.Burst)
		add(q.Refill)
	}
	return list
}
