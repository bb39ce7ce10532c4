package tenant

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/template-worker/template-worker/internal/khronos"
)

// party is a tenant in a simulation that counts fuel and knows no time.
type party struct {
	share
	used int64
	fair float64 // what it would have with fuel that can be divided at will, since it came
	here bool
}

func newParty() *party { return &party{share: share{bell: make(chan struct{}, 1)}} }

// table is a fair with one processor and those who use it.
type table struct {
	f       *fair
	parties []*party
}

func newTable(n int, quantum int64) *table {
	tb := &table{f: newFair(1, quantum)}
	for range n {
		tb.parties = append(tb.parties, newParty())
	}
	return tb
}

func (tb *table) enter(p *party) {
	p.here, p.used, p.fair = true, 0, 0
	tb.f.enter(&p.share)
}

func (tb *table) leave(p *party) {
	p.here = false
	tb.f.leave(&p.share)
}

// holder gives who has the processor.
func (tb *table) holder() *party {
	for _, p := range tb.parties {
		if p.holds {
			return p
		}
	}
	return nil
}

// slice has the holder use fuel.
func (tb *table) slice(fuel int64) {
	here := 0
	for _, p := range tb.parties {
		if p.here {
			here++
		}
	}
	for _, p := range tb.parties {
		if p.here {
			p.fair += float64(fuel) / float64(here)
		}
	}
	p := tb.holder()
	p.used += fuel
	tb.f.pay(&p.share, fuel)
}

// Over any mix of slice costs nobody who always has something to run gets less
// than the fair share less a quantum and a slice, nor more than it and both.
func TestFair_Shares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quantum := rapid.Int64Range(1, 1000).Draw(t, "quantum")
		tb := newTable(rapid.IntRange(1, 8).Draw(t, "tenants"), quantum)
		cost := rapid.OneOf(rapid.Int64Range(0, quantum), rapid.Int64Range(0, 40*quantum))
		for _, p := range tb.parties {
			tb.enter(p)
		}
		longest := int64(0)
		for _, fuel := range rapid.SliceOfN(cost, 1, 400).Draw(t, "slices") {
			longest = max(longest, fuel)
			tb.slice(fuel)
			for i, p := range tb.parties {
				if off := math.Abs(float64(p.used) - p.fair); off > float64(quantum+longest) {
					t.Fatalf("tenant %d has used %d, its share is %.0f: off by more than %d + %d", i, p.used, p.fair, quantum, longest)
				}
			}
		}
	})
}

// The same holds for those who stay while others come and go.
func TestFair_SharesWhileOthersComeAndGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const quantum = 100
		tb := newTable(rapid.IntRange(2, 8).Draw(t, "tenants"), quantum)
		stays := tb.parties[0]
		tb.enter(stays)
		longest := int64(0)
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			other := tb.parties[rapid.IntRange(1, len(tb.parties)-1).Draw(t, "who")]
			switch h := tb.holder(); {
			case !other.here:
				tb.enter(other)
			case h == other && rapid.Bool().Draw(t, "goes"):
				tb.leave(other)
			default:
				fuel := rapid.Int64Range(0, 3*quantum).Draw(t, "fuel")
				longest = max(longest, fuel)
				tb.slice(fuel)
			}
			if float64(stays.used) < stays.fair-float64(quantum+longest) {
				t.Fatalf("who stays has used %d, its share is %.0f", stays.used, stays.fair)
			}
			if h := tb.holder(); h == nil {
				t.Fatal("somebody is here and nobody has the processor")
			}
		}
	})
}

// Who comes waits for one turn of each that is there, also beside one that has
// used far more than a turn.
func TestFair_OneRound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const quantum = 100
		n := rapid.IntRange(2, 8).Draw(t, "tenants")
		tb := newTable(n, quantum)
		late := tb.parties[n-1]
		for _, p := range tb.parties[:n-1] {
			tb.enter(p)
		}
		cost := rapid.Int64Range(1, 30*quantum)
		for _, fuel := range rapid.SliceOfN(cost, 0, 50).Draw(t, "before") {
			tb.slice(fuel)
		}
		tb.enter(late)
		turns := map[*party]int{tb.holder(): 1}
		for last := tb.holder(); last != late; {
			tb.slice(cost.Draw(t, "fuel"))
			if h := tb.holder(); h != last {
				turns[h]++
				last = h
			}
		}
		for p, n := range turns {
			if n > 1 {
				t.Fatalf("somebody had %d turns before the one who came: %p", n, p)
			}
		}
	})
}

// A slice that could not be cut short is paid back to the others.
func TestFair_PaysBack(t *testing.T) {
	tb := newTable(3, 100)
	for _, p := range tb.parties {
		tb.enter(p)
	}
	tb.slice(1000) // one long native
	for range 200 {
		tb.slice(50)
	}
	var used []int64
	for _, p := range tb.parties {
		used = append(used, p.used)
	}
	if lo, hi := slices.Min(used), slices.Max(used); hi-lo > 200 {
		t.Errorf("used %v, want equal shares but for two turns", used)
	}
}

// With nobody beside it a tenant goes on, whatever it owes, and owes nothing to
// those who come later.
func TestFair_WorkConserving(t *testing.T) {
	tb := newTable(2, 100)
	greedy, late := tb.parties[0], tb.parties[1]
	tb.enter(greedy)
	for range 100 {
		tb.slice(5000)
		if !greedy.holds {
			t.Fatal("it waits though nobody else does")
		}
	}
	tb.enter(late)
	for range 2000 {
		tb.slice(50)
	}
	if want := int64(2000 * 50 / 2); late.used < want-5000 || late.used > want+5000 {
		t.Errorf("who came later has used %d, want about half, %d", late.used, want)
	}
}

// Never more have a processor than there are processors, and each is in use while anybody waits.
func TestFair_Processors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		processors := rapid.IntRange(1, 4).Draw(t, "processors")
		f := newFair(processors, 100)
		parties := make([]*party, 8)
		for i := range parties {
			parties[i] = newParty()
		}
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			p := parties[rapid.IntRange(0, 7).Draw(t, "who")]
			switch what := rapid.IntRange(0, 3).Draw(t, "what"); {
			case what == 0:
				f.leave(&p.share)
			case p.holds:
				f.pay(&p.share, rapid.Int64Range(0, 500).Draw(t, "fuel"))
			default:
				if got := f.enter(&p.share); got != p.holds {
					t.Fatalf("enter says %v", got)
				}
			}
			holds, waits := 0, 0
			for _, p := range parties {
				if p.holds {
					holds++
				}
				if p.place > 0 {
					waits++
				}
				if p.holds && p.place > 0 {
					t.Fatal("one has a processor and waits for one")
				}
			}
			if holds+f.free != processors || waits > 0 && f.free > 0 || waits != len(f.waiting) {
				t.Fatalf("%d hold one, %d wait, %d of %d are free", holds, waits, f.free, processors)
			}
		}
	})
}

// Who gets a processor while it waits is told.
func TestFair_Bell(t *testing.T) {
	tb := newTable(3, 100)
	for _, p := range tb.parties {
		tb.enter(p)
	}
	rung := func() string {
		s := ""
		for i, p := range tb.parties {
			select {
			case <-p.bell:
				s += fmt.Sprint(i)
			default:
			}
		}
		return s
	}
	if got := rung(); got != "" {
		t.Errorf("at first %q was told", got)
	}
	tb.slice(100)
	if got := rung(); got != "1" {
		t.Errorf("after the first turn %q was told, want 1", got)
	}
	tb.leave(tb.parties[2])
	tb.leave(tb.parties[1])
	if got := rung(); got != "0" || !tb.parties[0].holds {
		t.Errorf("after the others had left %q was told, want 0", got)
	}
}

// A tenant that waits for a processor hears what comes in: a dump, a cancel.
func TestFair_HearsWhileItWaits(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Slots = 1; c.Limits.CPUHard = patience })
	w.template(guild(1), "a", `return { e = function()
		for i = 1, 1000000 do end
		return string.find(string.rep("a", 400000), string.rep("a-", 60) .. "b")
	end }`, "e")
	w.template(guild(2), "b", `return { e = function() return 1 end }`, "e")
	stuck := w.event(guild(1), "e", nil)
	w.eventually("the native runs", func() bool { return w.inNative(stuck.id) })
	behind := w.event(guild(2), "e", nil)
	w.eventually("the other one waits for the processor", func() bool {
		return find(w.rt.Dump(t.Context()), behind.id).Waits == "its turn"
	})
	w.rt.Cancel(behind.id)
	if out := w.outcome(behind); out.Kind() != khronos.ErrKindCancelled {
		t.Errorf("the job that waited ended with %s", out.Kind())
	}
	if !w.inNative(stuck.id) {
		t.Error("the native has ended: the test tests nothing")
	}
	w.rt.tenants[guild(1)].kill()
	w.outcome(stuck)
}

// inNative tells whether a job is inside a native that does not let its tenant answer.
func (w *world) inNative(job uint64) bool {
	return strings.Contains(find(w.rt.Dump(w.t.Context()), job).Stack, "does not answer")
}

// Tenants share one processor by the fuel they use, whatever their slices are like.
func TestFair_Scripts(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Slots = 1
		c.Limits.CPUHard, c.Limits.CPUWindow, c.Limits.CPUWindowBudget = time.Hour, time.Hour, time.Hour
	})
	sources := []string{
		`return { e = function() while true do end end }`,
		`return { e = function() while true do string.find(string.rep("a", 100), string.rep("a-", 2) .. "b") end end }`, // slices that overshoot
		`return { e = function() while true do task.spawn(function() for i = 1, 1000 do end end) end end }`,
	}
	var jobs []*ticket
	for i, source := range sources {
		w.template(guild(i+1), "a", source, "e")
		jobs = append(jobs, w.event(guild(i+1), "e", nil))
	}
	var used []int64
	w.eventually("each has used some fuel", func() bool {
		used = nil
		for i := range sources {
			var n int64
			w.onTenant(guild(i+1), func(t *tenant) { n = t.window.used })
			used = append(used, n)
		}
		return slices.Min(used) > 8e6
	})
	if lo, hi := slices.Min(used), slices.Max(used); float64(hi) > 1.2*float64(lo) {
		t.Errorf("used %v, want equal shares", used)
	}
	for _, k := range jobs {
		w.rt.Cancel(k.id)
		w.outcome(k)
	}
}
