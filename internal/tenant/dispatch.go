package tenant

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// dispatch is one accepted job until its one outcome.
type dispatch struct {
	job   Job
	bytes int
	timer *time.Timer // its deadline
	since time.Time   // when it was accepted, and then, when it began

	runs   []*run
	left   int   // runs that have not ended
	fuel   int64 // used by all its threads
	warned bool  // about the soft CPU limit
}

// run is one template's, or one script's, share of a dispatch.
type run struct {
	d     *dispatch
	m     *machine
	place int  // on the running map; 0 if it is not there
	guest bool // place is its own only while it is executed
	ended bool
	value khronos.Value
	err   *khronos.Error
}

// needsTenant tells whether the job waits until the master has said what the
// tenant's templates are, and that it is not banned. An inspection is the
// platform's own.
func (d *dispatch) needsTenant() bool { return d.job.Kind != JobInspect }

// begin starts a job: its first instruction is next.
func (t *tenant) begin(d *dispatch) {
	switch d.job.Kind {
	case JobDispatchEvent:
		t.beginEvent(d)
	case JobRunScript:
		t.beginAlone(d, khronos.Template{Files: map[string]string{}}, false)
	case JobInspect:
		t.beginAlone(d, khronos.Template{Name: "inspected", Files: d.job.Files}, true)
	default:
		panic(fmt.Sprintf("BUG: job kind %d", d.job.Kind))
	}
}

// beginEvent gives the event to every template that wants it.
func (t *tenant) beginEvent(d *dispatch) {
	for _, tpl := range t.templates {
		if only := d.job.Event.Template; only != "" && only != tpl.Name {
			continue
		}
		if !tpl.Paused && slices.Contains(tpl.Subscriptions, d.job.Event.Name) {
			d.runs = append(d.runs, &run{d: d, m: t.machineFor(tpl, d.job.Event.Name)})
		}
	}
	if len(d.runs) == 0 {
		t.finish(d, khronos.Outcome{})
		return
	}
	t.start(d)
}

// machineFor gives the machine of a template that runs an event, or one that
// refuses it while it is quarantined.
func (t *tenant) machineFor(tpl khronos.Template, event string) *machine {
	if q, ok := tpl.QuarantineOf(event, time.Now()); ok {
		return &machine{t: t, tpl: tpl, state: machineClosed, err: khronos.Errorf(khronos.ErrKindQuarantined, "%s", q.Reason)}
	}
	m := t.machines[tpl.Name]
	if m == nil || m.stale() {
		m = newMachine(t, tpl, false)
		t.machines[tpl.Name] = m
	}
	return m
}

// beginAlone runs a script or an inspection in a VM of its own.
func (t *tenant) beginAlone(d *dispatch, tpl khronos.Template, inspect bool) {
	d.runs = []*run{{d: d, m: newMachine(t, tpl, inspect)}}
	t.start(d)
}

func (t *tenant) start(d *dispatch) {
	d.left = len(d.runs)
	d.since = time.Now()
	t.live = append(t.live, d)
	t.rt.running.Add(1)
	t.rt.started.Add(1)
	if d.job.Started != nil {
		d.job.Started()
	}
	for _, r := range d.runs {
		r.enter(false)
	}
	for _, r := range d.runs {
		if !r.ended { // another template's memory may have ended it
			r.m.begin(r)
		}
	}
}

// end records how a run ended; the last one ends its dispatch.
func (t *tenant) endRun(r *run, value khronos.Value, err *khronos.Error) {
	if r.ended {
		return
	}
	r.ended, r.value, r.err = true, value, err
	r.leave()
	if err != nil {
		r.logError()
	}
	if r.d.job.Kind != JobDispatchEvent {
		r.m.close()
	}
	r.m.release()
	r.d.left--
	if r.d.left == 0 {
		t.finish(r.d, r.d.outcome())
	}
}

// logError writes why a run ended into the tenant's log.
func (r *run) logError() {
	what := r.d.job.Event.Name
	if r.d.job.Kind != JobDispatchEvent {
		what = r.d.job.Kind.String()
	}
	r.m.logError(what, r.err)
}

// outcome puts the runs' results together.
func (d *dispatch) outcome() khronos.Outcome {
	if d.job.Kind != JobDispatchEvent {
		return khronos.Outcome{Value: d.runs[0].value, Err: d.runs[0].err}
	}
	entries := make([]khronos.Value, len(d.runs))
	for i, r := range d.runs {
		entries[i] = r.entry()
	}
	return khronos.Outcome{Value: khronos.List(entries...)}
}

// entry is a template's item in the result of a dispatch: {type, id, value},
// and for an error also its kind, whose fault it is, the template's version and
// the script's stack, empty if there is none.
func (r *run) entry() khronos.Value {
	pair := func(key string, v khronos.Value) khronos.Pair { return khronos.Pair{Key: khronos.Text(key), Value: v} }
	id := pair("id", khronos.Text(r.m.tpl.Name))
	if r.err == nil {
		return khronos.Map(pair("type", khronos.Text("ok")), id, pair("value", r.value))
	}
	return khronos.Map(pair("type", khronos.Text("err")), id, pair("value", khronos.Text(r.err.Text)),
		pair("kind", khronos.Text(r.err.Kind.String())), pair("owner", khronos.Text(r.err.Kind.Owner().String())),
		pair("version", khronos.Integer(r.m.tpl.Version)), pair("trace", khronos.Text(r.err.Trace)))
}

// abort ends a live dispatch early: the threads of its unfinished runs stop where they are.
func (t *tenant) abort(d *dispatch, err *khronos.Error) {
	if !slices.Contains(t.live, d) {
		return // it has ended with the machine of another one
	}
	var cut []*run
	for _, r := range d.runs {
		if !r.ended {
			r.ended, r.err = true, err
			r.leave()
			r.logError()
			cut = append(cut, r)
		}
	}
	for _, r := range cut { // all have ended by now, so that a machine that dies of this does not end them again
		r.m.abandon(r, err)
		r.m.release()
	}
	if d.job.Kind != JobDispatchEvent {
		d.runs[0].m.close()
	}
	t.finish(d, khronos.Outcome{Err: err})
}

// finish gives a job its outcome. It is called once for each accepted job.
func (t *tenant) finish(d *dispatch, out khronos.Outcome) {
	d.timer.Stop()
	t.used = time.Now()
	if i := slices.Index(t.live, d); i >= 0 {
		t.live = slices.Delete(t.live, i, i+1)
		t.rt.running.Add(-1)
		t.rt.ended.Add(1)
	}
	t.rt.forget(d.job.ID)
	out.Usage = khronos.Usage{Fuel: d.fuel, HeapBytes: t.account.Used()}
	d.job.Done(out)
}

// stack gives the script stack of the first unfinished run that has one.
func (d *dispatch) stack() string {
	for _, r := range d.runs {
		for _, th := range r.m.threads {
			if !r.ended && th.r == r && th.kind != threadOther {
				return th.co.Stack()
			}
		}
	}
	return ""
}

// doing says what a live dispatch's unfinished runs are at, for its caller.
func (d *dispatch) doing() string {
	var parts []string
	for _, r := range d.runs {
		if !r.ended {
			parts = append(parts, r.name()+" "+r.m.doing(r))
		}
	}
	return strings.Join(parts, ", ")
}

// name is what the run is called in texts for its caller.
func (r *run) name() string {
	if r.d.job.Kind == JobRunScript {
		return "the script"
	}
	return fmt.Sprintf("template %q", r.m.tpl.Name)
}
