package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/mesophyll"
)

// vitals is what the master knows of how a child gets on: a value that is told
// of heartbeats and knows no clock.
type vitals struct {
	beat     mesophyll.Heartbeat // the last
	beatAt   time.Time           // when it came; before the first, when the child was started
	progress time.Time           // when it was last seen to get on
	stuck    bool                // the last beat showed no progress since the one before
	told     bool                // of its trouble, since it last got on
	suspects string              // what it was at when that was told
	silent   time.Duration       // time without heartbeats, in all, until the last
	rssBytes int64
	canary   string // why the last probe script did not run; empty if it did
	load     load
}

// take notes a heartbeat, one of which is due at each interval.
func (v *vitals) take(beat mesophyll.Heartbeat, now time.Time, interval time.Duration) {
	v.silent = v.silence(now, interval)
	v.stuck = standsStill(v.beat, beat)
	if !v.stuck {
		v.progress, v.told, v.suspects = now, false, ""
	}
	v.beat, v.beatAt = beat, now
}

// standsStill says whether a child got nowhere between two beats: one slice of a
// script has been running all the time, or it had something to do and did
// nothing. Scripts that wait for the host, for time to pass, or for their
// tenant's CPU window are no work.
func standsStill(before, now mesophyll.Heartbeat) bool {
	if now.Oldest != 0 && now.Oldest == before.Oldest {
		return true
	}
	return now.Busy > 0 && before.Busy > 0 &&
		now.Slices == before.Slices && now.Started == before.Started && now.Ended == before.Ended
}

// silence is how long the child has been without heartbeats in all its life: it
// did not run then.
func (v *vitals) silence(now time.Time, interval time.Duration) time.Duration {
	if gap := now.Sub(v.beatAt); gap > interval*3/2 {
		return v.silent + gap - interval
	}
	return v.silent
}

// still is for how long the child has made no progress although it says that it
// lives.
func (v *vitals) still(now time.Time) time.Duration {
	if !v.stuck {
		return 0
	}
	return now.Sub(v.progress)
}

// lateBeats is how many intervals without a heartbeat are too many for a worker
// that is healthy. The link is given up after heartbeat_missed of them.
const lateBeats = 2

// trouble says why the child is not healthy, or nothing.
func (v *vitals) trouble(now time.Time, l *limits.Limits) string {
	if late := now.Sub(v.beatAt); late > lateBeats*l.Heartbeat {
		return fmt.Sprintf("no heartbeat for %v", late.Round(time.Millisecond)) + v.atWhat()
	}
	if still := v.still(now); still >= l.HungDumpAfter {
		return fmt.Sprintf("no progress for %v, with %d dispatches running and %d queued", still.Round(time.Millisecond), v.beat.Running, v.beat.Queued) + v.atWhat()
	}
	return v.canary
}

// atWhat is what the child is at, as the end of a sentence.
func (v *vitals) atWhat() string {
	if v.suspects == "" {
		return ""
	}
	return ": " + v.suspects
}

// excuse forgets a silence that was the master's own: it did not run for long.
func (v *vitals) excuse(now time.Time) {
	v.beatAt, v.progress, v.stuck = now, now, false
}

// worn says why a child that has been up since then should be replaced. share is
// its part of the whole of each limit, so that workers that were started together
// are not replaced together.
func (v *vitals) worn(up, now time.Time, share float64, l *limits.Limits) string {
	part := func(whole int64) int64 { return int64(share * float64(whole)) }
	age := now.Sub(up)
	memory := max(v.rssBytes, int64(v.beat.HeapBytes))
	switch {
	case l.RecycleAge > 0 && age >= time.Duration(part(int64(l.RecycleAge))):
		return fmt.Sprintf("it is %v old (recycle_age)", age.Round(time.Second))
	case l.RecycleDispatches > 0 && int64(v.beat.Ended) >= part(int64(l.RecycleDispatches)):
		return fmt.Sprintf("it has ended %d dispatches (recycle_dispatches)", v.beat.Ended)
	case l.RecycleBytes > 0 && memory >= part(l.RecycleBytes):
		return fmt.Sprintf("it holds %d MiB (recycle_bytes)", memory>>20)
	}
	return ""
}

// wornShare makes the share of a random number in [0, 1).
func wornShare(chance float64) float64 { return 1 - 0.2*chance }

// rssOf reads how much memory a process has, 0 where the system does not say.
func rssOf(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
