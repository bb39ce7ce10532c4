package quarantine

import (
	"fmt"
	"time"
)

func lastText(d Death) string {
	return fmt.Sprintf("worker %d, generation %d: %s", d.Worker, d.Generation, d.Detail)
}

// String names the subject within its tenant.
func (s Subject) String() string {
	switch {
	case s.Template == "":
		return s.Event
	case s.Event == "":
		return fmt.Sprintf("loading version %d", s.Version)
	}
	return fmt.Sprintf("%s in version %d", s.Event, s.Version)
}

// Reason says, to whom it concerns, why the subject of a quarantine does not
// run, until when, and what ends it.
func (e *Entry) Reason() string {
	cure := "a new version of the template or an operator lifts it"
	if e.Template == "" {
		cure = "an operator lifts it"
	}
	return fmt.Sprintf("quarantined until %s: %s took %d workers down, the last was %s; %s",
		e.Until.UTC().Format(time.RFC3339), e.Subject, e.Deaths, e.Last, cure)
}

// Text is the line of the tenant's log about a change.
func (c Change) Text() string {
	switch c.What {
	case Suspected:
		among := "nothing else did"
		if c.Among > 1 {
			among = fmt.Sprintf("so did others, %d in all", c.Among)
		}
		return fmt.Sprintf("%s: a worker died while this ran, and %s (%s); its next event runs alone, to find out", c.Subject, among, c.Last)
	case Convicted:
		return fmt.Sprintf("%s: %s", c.Subject, c.Reason())
	case Cleared:
		return fmt.Sprintf("%s: ran alone and its worker lives; it is no longer suspected", c.Subject)
	case Renewed:
		return fmt.Sprintf("%s: %s is lifted, the template was changed", c.Subject, c.State)
	case Lifted:
		return fmt.Sprintf("%s: %s is lifted by an operator", c.Subject, c.State)
	}
	return fmt.Sprintf("%s: %s is forgotten, there is too much to remember", c.Subject, c.State)
}
