package quarantine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

func guild(n int) khronos.TenantID {
	return khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(n)}
}

func subject(tenant int, template, event string) Subject {
	return Subject{Tenant: guild(tenant), Template: template, Version: 1, Event: event}
}

// clock is a time that tests move.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time { return c.at }

func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

var rules = RulesOf(limits.Default())

// brief is what changed, in short.
func brief(changes []Change) string {
	var parts []string
	for _, c := range changes {
		parts = append(parts, fmt.Sprintf("%s %d/%s/%s", c.What, c.Tenant.ID, c.Template, c.Event))
	}
	return strings.Join(parts, ", ")
}

func TestBook(t *testing.T) {
	x, y := subject(1, "x", "e"), subject(2, "y", "e")
	type step struct {
		do   func(*Book, *clock) []Change
		want string
	}
	died := func(s ...Subject) func(*Book, *clock) []Change {
		return func(b *Book, _ *clock) []Change {
			return b.Died(Death{Worker: 1, Generation: 2, Detail: "exit code 2", Suspects: s})
		}
	}
	survived := func(s Subject) func(*Book, *clock) []Change {
		return func(b *Book, _ *clock) []Change { return b.Survived(s.Tenant, s.Event, []string{s.Template}) }
	}
	pass := func(d time.Duration) func(*Book, *clock) []Change {
		return func(_ *Book, c *clock) []Change { c.pass(d); return nil }
	}
	mark := func(templates ...khronos.Template) func(*Book, *clock) []Change {
		return func(b *Book, _ *clock) []Change { return b.Mark(guild(1), templates) }
	}
	old := subject(1, "x", "e")
	next := khronos.Template{Name: "x", Version: 2}
	for _, c := range []struct {
		name  string
		steps []step
		left  string // template, event, state of what is left of tenant 1
	}{
		{"nothing ran", []step{{died(), ""}}, ""},
		{"a sole suspect", []step{{died(x), "suspected 1/x/e"}}, "x/e probation"},
		{"a sole suspect twice", []step{{died(x), "suspected 1/x/e"}, {died(x), "quarantined 1/x/e"}}, "x/e quarantined"},
		{"the same suspect twice in one death", []step{{died(x, x), "suspected 1/x/e"}}, "x/e probation"},
		{"several suspects, then alone", []step{{died(x, y), "suspected 1/x/e, suspected 2/y/e"}, {survived(y), "cleared 2/y/e"}, {died(x), "quarantined 1/x/e"}}, "x/e quarantined"},
		{"several suspects twice convict nobody", []step{{died(x, y), "suspected 1/x/e, suspected 2/y/e"}, {died(x, y), "suspected 1/x/e, suspected 2/y/e"}}, "x/e probation"},
		{"surviving clears", []step{{died(x), "suspected 1/x/e"}, {survived(x), "cleared 1/x/e"}, {died(x), "suspected 1/x/e"}}, "x/e probation"},
		{"surviving another event does not", []step{{died(x), "suspected 1/x/e"}, {survived(subject(1, "x", "f")), ""}, {survived(subject(1, "z", "e")), ""}}, "x/e probation"},
		{"surviving any event clears a load", []step{{died(subject(1, "x", "")), "suspected 1/x/"}, {survived(x), "cleared 1/x/"}}, ""},
		{"a death in quarantine changes nothing", []step{{died(x), "suspected 1/x/e"}, {died(x), "quarantined 1/x/e"}, {died(x), ""}, {died(x, y), "suspected 2/y/e"}}, "x/e quarantined"},
		{"surviving does not end a quarantine", []step{{died(x), "suspected 1/x/e"}, {died(x), "quarantined 1/x/e"}, {survived(x), ""}}, "x/e quarantined"},
		{"a suspicion is forgotten", []step{{died(x), "suspected 1/x/e"}, {pass(rules.Probation), ""}, {died(x), "suspected 1/x/e"}}, "x/e probation"},
		{"after a quarantine one death is enough", []step{{died(x), "suspected 1/x/e"}, {died(x), "quarantined 1/x/e"}, {pass(rules.First), ""}, {died(x), "quarantined 1/x/e"}}, "x/e quarantined"},
		{"and surviving clears", []step{{died(x), "suspected 1/x/e"}, {died(x), "quarantined 1/x/e"}, {pass(rules.First), ""}, {survived(x), "cleared 1/x/e"}}, ""},
		{"and long after all is forgotten", []step{{died(x), "suspected 1/x/e"}, {died(x), "quarantined 1/x/e"}, {pass(rules.First + rules.Longest), ""}, {died(x), "suspected 1/x/e"}}, "x/e probation"},
		{"a new version lifts", []step{{died(x), "suspected 1/x/e"}, {died(x), "quarantined 1/x/e"}, {mark(next), "renewed 1/x/e"}}, ""},
		{"a deleted template too", []step{{died(x), "suspected 1/x/e"}, {mark(), "renewed 1/x/e"}}, ""},
		{"the same version does not", []step{{died(x), "suspected 1/x/e"}, {mark(khronos.Template{Name: "x", Version: 1}), ""}}, "x/e probation"},
		{"an older list of templates does not", []step{{died(Subject{Tenant: guild(1), Template: "x", Version: 2, Event: "e"}), "suspected 1/x/e"}, {mark(khronos.Template{Name: "x", Version: 1}), ""}}, "x/e probation"},
		{"an operator lifts one template", []step{{died(x), "suspected 1/x/e"}, {died(subject(1, "z", "e")), "suspected 1/z/e"},
			{func(b *Book, _ *clock) []Change { return b.Lift(guild(1), "z") }, "lifted 1/z/e"}}, "x/e probation"},
		{"an operator lifts all", []step{{died(old), "suspected 1/x/e"}, {func(b *Book, _ *clock) []Change { return b.Lift(guild(1), "") }, "lifted 1/x/e"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := newClock()
			b := New(rules, clock.now)
			for i, s := range c.steps {
				changes := s.do(b, clock)
				if got := brief(changes); got != s.want {
					t.Errorf("step %d: %s, want %s", i+1, got, s.want)
				}
				for _, change := range changes {
					if text := change.Text(); len(text) < 20 || strings.Contains(text, "%!") {
						t.Errorf("step %d says %q", i+1, text)
					}
				}
			}
			var left []string
			for _, e := range b.List(guild(1)) {
				left = append(left, e.Template+"/"+e.Event+" "+string(e.State))
			}
			if got := strings.Join(left, ", "); got != c.left {
				t.Errorf("left is %q, want %q", got, c.left)
			}
			if b.Empty() != (len(b.List(guild(1)))+len(b.List(guild(2))) == 0) {
				t.Errorf("Empty is %t", b.Empty())
			}
		})
	}
}

func TestBook_TermsGrow(t *testing.T) {
	c := newClock()
	b := New(rules, c.now)
	x := subject(1, "x", "e")
	b.Died(Death{Suspects: []Subject{x}})
	want := rules.First
	for range 12 {
		b.Died(Death{Suspects: []Subject{x}})
		e := b.List(guild(1))[0]
		if got := e.Until.Sub(c.at); e.State != Quarantined || got != want {
			t.Fatalf("%s for %v, want a quarantine of %v", e.State, got, want)
		}
		if b.Alone(guild(1), "e") {
			t.Error("what is quarantined runs alone")
		}
		c.pass(want)
		if !b.Alone(guild(1), "e") || b.Alone(guild(1), "f") || b.Alone(guild(2), "e") {
			t.Error("after a quarantine not exactly its event runs alone")
		}
		want = min(2*want, rules.Longest)
	}
}

func TestBook_MarksTemplates(t *testing.T) {
	c := newClock()
	b := New(rules, c.now)
	for _, s := range []Subject{subject(1, "x", "e"), subject(1, "y", "")} {
		b.Died(Death{Suspects: []Subject{s}})
		b.Died(Death{Worker: 3, Generation: 4, Detail: "exit code 2", Suspects: []Subject{s}})
	}
	b.Died(Death{Suspects: []Subject{subject(1, "z", "e")}})
	list := []khronos.Template{{Name: "x", Version: 1}, {Name: "y", Version: 1}, {Name: "z", Version: 1}}
	b.Mark(guild(1), list)
	for i, events := range [][]string{{"e"}, {"e", "f"}, nil} {
		var got []string
		for _, event := range []string{"e", "f"} {
			if _, ok := list[i].QuarantineOf(event, c.at); ok {
				got = append(got, event)
			}
		}
		if !slices.Equal(got, events) {
			t.Errorf("quarantined of %s: %q, want %q", list[i].Name, got, events)
		}
	}
	q, _ := list[0].QuarantineOf("e", c.at)
	want := "quarantined until 2026-01-02T03:14:05Z: e in version 1 took 2 workers down, the last was worker 3, generation 4: exit code 2; a new version of the template or an operator lifts it"
	if q.Reason != want {
		t.Errorf("the reason is %q, want %q", q.Reason, want)
	}
	if _, ok := list[0].QuarantineOf("e", q.Until); ok {
		t.Error("it is quarantined for longer than it says")
	}
}

func TestBook_Jobs(t *testing.T) {
	b := New(rules, newClock().now)
	s := Subject{Tenant: guild(1), Event: EventInspection}
	ask := func(wantAlone bool, wantRefused bool) {
		t.Helper()
		alone, refused := b.Job(guild(1), EventInspection)
		if alone != wantAlone || (refused != nil) != wantRefused {
			t.Errorf("alone %t, refused %v", alone, refused)
		}
		if alone, refused := b.Job(guild(1), EventScript); alone || refused != nil {
			t.Error("scripts are held responsible for an inspection")
		}
		if b.Alone(guild(1), EventInspection) {
			t.Error("an event of that name runs alone")
		}
	}
	ask(false, false)
	b.Died(Death{Suspects: []Subject{s}})
	ask(true, false)
	if got := brief(b.Survived(guild(1), EventInspection, nil)); got != "cleared 1//inspection" {
		t.Error(got)
	}
	b.Died(Death{Suspects: []Subject{s}})
	b.Mark(guild(1), nil) // no template's change lifts it
	b.Died(Death{Suspects: []Subject{s}})
	ask(false, true)
}

func TestBook_IsBounded(t *testing.T) {
	c := newClock()
	r := rules
	r.Entries = 3
	b := New(r, c.now)
	bad := subject(1, "bad", "e")
	b.Died(Death{Suspects: []Subject{bad}})
	b.Died(Death{Suspects: []Subject{bad}})
	for i := 2; i < 20; i++ {
		c.pass(time.Second)
		b.Died(Death{Suspects: []Subject{subject(i, "x", "e")}})
	}
	n := b.Counts()
	if n.Quarantined != 1 || n.Probation != 2 || n.Changes[Displaced] != 16 {
		t.Errorf("counts %+v, want the quarantine and the last two suspects", n)
	}
	if len(b.List(guild(19))) != 1 || len(b.List(guild(18))) != 1 {
		t.Error("the last suspects are forgotten")
	}
}

// Whatever runs beside the killers, on however many slots: each is convicted with
// its second death at the latest, nobody else ever is, and an innocent tenant
// loses work to at most one death of each killer.
func TestBook_FindsTheKillers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 8).Draw(t, "slots")
		kinds := rapid.IntRange(2, 20).Draw(t, "kinds")
		killers := map[int]bool{}
		for range rapid.IntRange(1, 3).Draw(t, "killers") {
			killers[rapid.IntRange(0, kinds-1).Draw(t, "killer")] = true
		}
		c := newClock()
		b := New(rules, c.now)
		kind := func(n int) Subject { return subject(n/2, fmt.Sprint("t", n%3), fmt.Sprint("e", n)) }
		convicted := func(s Subject) bool {
			return slices.ContainsFunc(b.List(s.Tenant), func(e Entry) bool { return e.Subject == s && e.State == Quarantined })
		}
		deaths := map[int]int{} // of workers, by who did it
		shared := 0             // that cost others work
		slot := rapid.IntRange(0, kinds-1)
		for range rapid.IntRange(1, 200).Draw(t, "rounds") {
			c.pass(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "ms")) * time.Millisecond)
			var beside []int
			for range slots {
				n := slot.Draw(t, "event")
				s := kind(n)
				switch {
				case convicted(s):
				case b.Alone(s.Tenant, s.Event):
					if killers[n] {
						deaths[n]++
						b.Died(Death{Suspects: []Subject{s}})
					} else {
						b.Survived(s.Tenant, s.Event, []string{s.Template})
					}
				default:
					beside = append(beside, n)
				}
			}
			var dead []int
			for _, n := range beside {
				if killers[n] {
					dead = append(dead, n)
				}
			}
			if len(dead) == 0 {
				continue
			}
			shared++
			deaths[dead[0]]++
			d := Death{}
			for _, n := range beside {
				d.Suspects = append(d.Suspects, kind(n))
			}
			b.Died(d)
		}
		for n := range kinds {
			s := kind(n)
			if convicted(s) && !killers[n] {
				t.Fatalf("%v is innocent and quarantined", s)
			}
			if killers[n] && deaths[n] >= rules.Deaths+1 && c.at.Sub(newClock().at) < rules.First {
				t.Fatalf("%v has taken down %d workers", s, deaths[n])
			}
		}
		// A suspicion lasts ten minutes, so only a killer that was not seen for so
		// long may cost the others another worker.
		if most := len(killers) * (1 + int(c.at.Sub(newClock().at)/rules.Probation)); shared > most {
			t.Fatalf("%d workers with others' work on them were lost to %d killers, want at most %d", shared, len(killers), most)
		}
	})
}
