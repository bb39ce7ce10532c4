package ledger

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Explain tells in one paragraph of plain English what became of d, as of now,
// and who has to act.
func Explain(d *Dispatch, now time.Time) string {
	parts := []string{d.head(), d.travel(now)}
	if d.Ended != 0 {
		parts = append(parts, d.cost(), d.ending(), d.advice())
	}
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}

// head says what was accepted, and when.
func (d *Dispatch) head() string {
	what := fmt.Sprintf("Event %s", d.Event)
	switch d.Kind {
	case KindScript:
		what = fmt.Sprintf("Script %q", d.Event)
	case KindInspect:
		what = "The look at an uploaded template"
	}
	return fmt.Sprintf("%s for %s was accepted as dispatch %s at %s, to end within %s.",
		what, d.Tenant, d.ID, d.Accepted.UTC().Format("2006-01-02 15:04:05.000 MST"), d.Allowed.Round(time.Millisecond))
}

// travel says how it got to a worker and began, or why not.
func (d *Dispatch) travel(now time.Time) string {
	live := d.Ended == 0
	age := now.Sub(d.Accepted)
	if d.Sends == 0 {
		if live {
			return fmt.Sprintf("For %s it has been waiting for its worker to be ready.", short(age))
		}
		return fmt.Sprintf("It was never handed to a worker, and ended after %s.", short(d.Ended))
	}
	sent := fmt.Sprintf("After %s it was handed to worker %d, generation %d", short(d.Sent), d.Worker, d.Generation)
	if d.Sends > 1 {
		sent += ", once more because the generation before was lost before it had started"
	}
	switch {
	case d.Started != 0 && live:
		return fmt.Sprintf("%s; its first instruction ran %s later, and it has been running for %s.", sent, short(max(d.Started-d.Sent, 0)), short(age-d.Started))
	case d.Started != 0:
		return fmt.Sprintf("%s; its first instruction ran %s later, and it ended after another %s.", sent, short(max(d.Started-d.Sent, 0)), short(d.Ended-d.Started))
	case live:
		return sent + ", and has not started there: the tenant's earlier events, its templates or a processor are waited for."
	}
	return fmt.Sprintf("%s; nothing of it started there before it ended, %s after it was accepted.", sent, short(d.Ended))
}

// cost says what is known of it.
func (d *Dispatch) cost() string {
	if d.Usage.Fuel == 0 {
		return ""
	}
	return fmt.Sprintf("It used %s of CPU time (%d fuel) and left %.1f KiB charged to the tenant.", short(d.CPU), d.Usage.Fuel, float64(d.Usage.HeapBytes)/(1<<10))
}

// ending says how it ended.
func (d *Dispatch) ending() string {
	if d.Err != nil {
		return fmt.Sprintf("It ended with %s%s: %s.", d.Err.Kind, place(d.Err.Text, d.Err.Trace), sentence(d.Err.Text))
	}
	if d.Kind != KindEvent {
		return "It ended well."
	}
	if len(d.Runs) == 0 {
		return "No template of the tenant wants this event, so nothing ran."
	}
	var well, parts []string
	for i := range d.Runs {
		r := &d.Runs[i]
		if r.Kind == khronos.ErrKindOK {
			well = append(well, r.Template)
			continue
		}
		version := ""
		if r.Version != 0 {
			version = fmt.Sprintf(" (version %d)", r.Version)
		}
		parts = append(parts, fmt.Sprintf("Template %s%s ended with %s%s: %s.", r.Template, version, r.Kind, place(r.Text, r.Trace), sentence(r.Text)))
	}
	switch {
	case len(well) == 1:
		parts = append(parts, fmt.Sprintf("Template %s ended well.", well[0]))
	case len(well) > 1:
		parts = append(parts, fmt.Sprintf("Templates %s ended well.", strings.Join(well, ", ")))
	}
	return strings.Join(parts, " ")
}

// advice says who has to act, and whether sending it again may help.
func (d *Dispatch) advice() string {
	kind := d.Outcome()
	text := whoActs[kind]
	if kind == khronos.ErrKindOK {
		return ""
	}
	if kind.RetrySafe() {
		return text + " Nothing of it ran, so it is safe to send it again."
	}
	if d.Started != 0 && kind.Owner() != khronos.OwnerCaller {
		return text + " It had started and may have had effects, so nobody sends it again by itself."
	}
	return text
}

// whoActs says for each kind of failure who has to do something about it; a
// test holds it complete.
var whoActs = map[khronos.ErrorKind]string{
	khronos.ErrKindScriptError:         "The template's author has to mend it.",
	khronos.ErrKindCPULimit:            "The template's author has to make it do less, or the operator to raise cpu_hard.",
	khronos.ErrKindMemoryLimit:         "The template's author has to keep less in memory, or the operator to raise heap_bytes.",
	khronos.ErrKindDeadline:            "The template's author has to find what it waited for or did for so long, or the caller to give it more time.",
	khronos.ErrKindCancelled:           "Whoever had sent it went away; nobody has to act.",
	khronos.ErrKindTenantBusy:          "The tenant gets events faster than its templates handle them: whoever sends them has to slow down, or the template's author to make it do less.",
	khronos.ErrKindQuarantined:         "The template has taken its worker down with this event before; its author has to push a version that does not.",
	khronos.ErrKindDroppedTenant:       "The tenant was unloaded while this ran, by an operator or because a template changed; whoever sent it may send it again if its effects can bear that.",
	khronos.ErrKindWorkerLostUnstarted: "The worker died, twice if it was sent twice; the operator finds why in the log and in `workers list`.",
	khronos.ErrKindWorkerLostStarted:   "The worker died under it; the operator finds why in the log and in `workers list`.",
	khronos.ErrKindWorkerUnavailable:   "The tenant's worker takes no work; the operator finds why in `workers list` and in /readyz.",
	khronos.ErrKindDraining:            "The server was stopping; nobody has to act once it is back.",
	khronos.ErrKindBadRequest:          "Whoever sent it has to send something else.",
	khronos.ErrKindDependency:          "Something behind us failed; the operator has to look at it.",
	khronos.ErrKindInternal:            "This is a fault of ours; the operator finds the cause in the log and should report it.",
	khronos.ErrKindRateLimited:         "The tenant did this too often; the template's author has to do it less often.",
	khronos.ErrKindWorkerSilent:        "The worker did not answer in time, not even to say what the script was at; the operator finds why in the log and in `workers list`.",
	khronos.ErrKindTenantBanned:        "The platform has banned the tenant; an operator can lift that with PUT /i/tenants/{tenant}/state.",
	khronos.ErrKindCapabilityMissing:   "The template lacks a capability; its owner has to grant it and push the template again.",
	khronos.ErrKindTooLarge:            "Whoever made what was too large has to make it smaller.",
	khronos.ErrKindQuotaExceeded:       "The tenant keeps as much as it may: its templates have to delete something, or the operator to raise the limit that the text names.",
	khronos.ErrKindNotFound:            "Whoever asked for it has to ask for something that is there.",
}

var luauPlace = regexp.MustCompile(`[\w./@-]+\.luau:\d+`)

// place finds the line of a script that an error is about: the top of its stack,
// or else what its text names.
func place(text, trace string) string {
	top, _, _ := strings.Cut(strings.TrimSpace(trace), "\n")
	top, _, _ = strings.Cut(top, " ")
	if top == "" {
		top = luauPlace.FindString(text)
	}
	if top == "" {
		return ""
	}
	return " at " + top
}

// sentence makes text the end of one.
func sentence(text string) string {
	if text == "" {
		return "without a message"
	}
	return strings.TrimRight(text, ".\n ")
}

// short writes a duration to about three digits.
func short(d time.Duration) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond} {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	if d >= time.Microsecond {
		return d.Round(time.Microsecond).String()
	}
	return d.String()
}
