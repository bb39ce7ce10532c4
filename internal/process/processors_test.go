package process

import (
	"slices"
	"testing"
	"time"
)

func TestProcessors(t *testing.T) {
	var set []int
	p := newProcessors()
	p.set = func(n int) { set = append(set, n) }
	now := time.Unix(1_790_000_000, 0)
	// run executes scripts for a share of the time.
	run := func(length time.Duration, share float64) {
		const step = 100 * time.Microsecond
		for end := now.Add(length); now.Before(end); now = now.Add(step) {
			p.executed(now, time.Duration(share*float64(step)))
		}
	}
	want := func(what string, n ...int) {
		t.Helper()
		if !slices.Equal(set, n) {
			t.Errorf("%s: processors were set to %v, want %v", what, set, n)
		}
		set = nil
	}
	run(time.Second, 1)
	want("before the settings are known")
	p.start(1)
	want("at the start", 1)
	run(time.Minute, 0.3)
	want("with short scripts")
	run(2*processorWindow, 1)
	want("with a long one", 2)
	run(time.Second/2, 0)
	run(time.Second/2, 1)
	run(time.Second/2, 0.1)
	want("with pauses")
	run(2*time.Second, 0.1)
	want("with short ones again", 1)
	p.executed(now, time.Second)
	want("with one that was not sliced", 2)
	p.start(4)
	want("at another start", 4)
	run(time.Second, 1.9)
	want("with less than half of four processors in use")
	run(time.Second, 2.5)
	want("with more than half", 5)
}
