package ledger

import (
	"time"

	"github.com/template-worker/template-worker/internal/histogram"
	"github.com/template-worker/template-worker/internal/khronos"
)

// maxOutcomes bounds the arrays by kind; a test holds it above the number of kinds.
const maxOutcomes = 32

// Sums is what the ledger has counted since it was made. The numbers only grow.
type Sums struct {
	Accepted   [kinds]uint64
	Ended      [kinds][maxOutcomes]uint64 // by [khronos.ErrorKind]
	Runs       [maxOutcomes]uint64        // templates' and scripts' shares of dispatches, by kind
	EndedTwice uint64                     // our bug
	Retried    uint64                     // ended after they were sent to a second generation
	Slow       uint64                     // ran longer than slow_dispatch

	Wait histogram.Histogram // from acceptance to the first instruction
	Run  histogram.Histogram // from there to the end
	CPU  histogram.Histogram // of all that started
}

// end counts an entry that has just ended.
func (s *Sums) end(e *entry, fuelPerSecond int64) {
	kind := e.failure()
	s.Ended[e.kind][index(kind)]++
	if e.err != nil || len(e.runs) == 0 {
		s.Runs[index(kind)]++
	}
	for i := range e.runs {
		s.Runs[index(e.runs[i].Kind)]++
	}
	if e.sends.Load() > 1 {
		s.Retried++
	}
	started := time.Duration(e.started.Load())
	if started == 0 || started > e.ended {
		return
	}
	s.Wait.Add(started)
	s.Run.Add(e.ended - started)
	s.CPU.Add(cpuTime(e.fuel.Load(), fuelPerSecond))
}

// index is where an outcome is counted; one that this build does not know counts
// as internal.
func index(kind khronos.ErrorKind) khronos.ErrorKind { return khronos.ErrorKindFromWire(uint64(kind)) }

// add adds other to s.
func (s *Sums) add(other *Sums) {
	for k := range kinds {
		s.Accepted[k] += other.Accepted[k]
		for i := range maxOutcomes {
			s.Ended[k][i] += other.Ended[k][i]
		}
	}
	for i := range maxOutcomes {
		s.Runs[i] += other.Runs[i]
	}
	s.EndedTwice += other.EndedTwice
	s.Retried += other.Retried
	s.Slow += other.Slow
	s.Wait.Merge(&other.Wait)
	s.Run.Merge(&other.Run)
	s.CPU.Merge(&other.CPU)
}

// cpuTime turns fuel into time of the engine.
func cpuTime(fuel, fuelPerSecond int64) time.Duration {
	return time.Duration(float64(fuel) / float64(max(fuelPerSecond, 1)) * float64(time.Second))
}

// Balance compares the sums with what is there now.
type Balance struct {
	Live    int           // dispatches that have not ended
	Waiting int           // of them, not started
	Oldest  time.Duration // age of the oldest that waits
	Overdue int           // live past their deadline by more than overdueAfter

	// Imbalance is accepted - ended - live, and what ended twice. Anything but 0
	// is a bug of ours.
	Imbalance int64
}

// overdueAfter is how long after its deadline a dispatch should have ended in
// any case.
const overdueAfter = 5 * time.Second

// Sums returns the sums, and how they compare with the live dispatches, which it
// counts one by one.
func (l *Ledger) Sums() (Sums, Balance) {
	var sums Sums
	var b Balance
	now := time.Now()
	for _, s := range l.shards {
		s.mu.Lock()
		sums.add(&s.sums)
		b.Imbalance += s.balanceLocked(&b, now)
		s.mu.Unlock()
	}
	return sums, b
}

// balanceLocked adds the shard's live dispatches to b and returns its imbalance.
func (s *shard) balanceLocked(b *Balance, now time.Time) int64 {
	live := 0
	for e := s.live.next; e != &s.live; e = e.next {
		live++
		age := now.Sub(e.accepted)
		if e.started.Load() == 0 {
			b.Waiting++
			b.Oldest = max(b.Oldest, age)
		}
		if age > e.allowed+overdueAfter {
			b.Overdue++
		}
	}
	b.Live += live
	off := -int64(live) + int64(s.sums.EndedTwice)
	for k := range kinds {
		off += int64(s.sums.Accepted[k])
		for _, n := range s.sums.Ended[k] {
			off -= int64(n)
		}
	}
	return off
}
