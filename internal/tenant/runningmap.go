package tenant

import "github.com/template-worker/template-worker/internal/khronos"

// RunningMap is told what a Runtime runs, before it runs it. It lies where
// others can read it while the worker hangs and when it has died.
//
// A place belongs to one run until Leave; the calls for one place never overlap,
// those for different places do. No method blocks or allocates.
type RunningMap interface {
	// Enter gives a run a place, or 0 when none is free. Some are kept for runs
	// that are about to be executed, as now says.
	Enter(what Running, now bool) int
	// Run says that script code of the run is about to be executed, or what
	// loads it when loading is true.
	Run(place int, loading bool)
	// Rest says that it no longer is: it waits for waits, or for its turn when
	// that is empty. chunk and line are where it stands, line 0 if unknown.
	Rest(place int, waits, chunk string, line int)
	// Leave frees the place.
	Leave(place int)
}

// Running is what a RunningMap says of one run.
type Running struct {
	Tenant   khronos.TenantID
	Template string // empty for RunScript and an inspection
	Version  int64
	Kind     JobKind
	Event    string
	Job      uint64
}

// enter puts a run on the map.
func (r *run) enter(now bool) {
	rt := r.m.t.rt
	if rt.cfg.Map == nil {
		return
	}
	job := &r.d.job
	what := Running{Tenant: r.m.t.id, Kind: job.Kind, Event: job.Event.Name, Job: job.ID}
	if job.Kind == JobDispatchEvent {
		what.Template, what.Version = r.m.tpl.Name, r.m.tpl.Version
	}
	r.place = rt.cfg.Map.Enter(what, now)
}

// leave takes a run off the map.
func (r *run) leave() {
	if r.place != 0 {
		r.m.t.rt.cfg.Map.Leave(r.place)
		r.place, r.guest = 0, false
	}
}

// goOn puts on the map that r is executed from now on. A run without a place,
// because it has ended and its threads go on in the background or because the
// map was full, gets one for as long.
func (r *run) goOn(loading bool) {
	if r.place == 0 {
		r.enter(true)
		r.guest = true
	}
	if r.place != 0 {
		r.m.t.rt.cfg.Map.Run(r.place, loading)
	}
}

// rest takes back goOn. th is the thread that was executed, if one was.
func (r *run) rest(th *thread) {
	switch {
	case r.place == 0:
	case r.guest:
		r.leave()
	case th == nil:
		r.m.t.rt.cfg.Map.Rest(r.place, "", "", 0)
	default:
		waits := ""
		if th.state == threadWaiting {
			waits = th.waits
		}
		chunk, line := th.co.CurrentLine()
		r.m.t.rt.cfg.Map.Rest(r.place, waits, chunk, line)
	}
}
