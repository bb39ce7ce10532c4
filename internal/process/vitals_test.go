package process

import (
	"strings"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/mesophyll"
)

func TestVitals_Progress(t *testing.T) {
	type beat = mesophyll.Heartbeat
	tests := []struct {
		name  string
		beats func(second int) beat
		still time.Duration // after 10 s
	}{
		{"idle", func(int) beat { return beat{Started: 5, Ended: 5} }, 0},
		{"waits in host calls", func(int) beat { return beat{Started: 5, Running: 5, Queued: 3} }, 0},
		{"starts and ends work", func(s int) beat { return beat{Started: uint64(s), Running: 1, Busy: 1} }, 0},
		{"one long script in many slices", func(s int) beat {
			return beat{Started: 1, Running: 1, Busy: 1, Slices: uint64(s * 1000), Oldest: uint64(s*1000 - 1)}
		}, 0},
		{"one slice that does not end", func(int) beat { return beat{Started: 1, Running: 1, Busy: 1, Slices: 7, Oldest: 7} }, 10 * time.Second},
		{"one slice that does not end beside others that do", func(s int) beat {
			return beat{Started: uint64(s), Ended: uint64(s), Running: 1, Busy: 2, Slices: uint64(s * 1000), Oldest: 7}
		}, 10 * time.Second},
		{"busy and nothing happens", func(int) beat { return beat{Started: 1, Running: 1, Busy: 1, Slices: 7} }, 10 * time.Second},
		{"busy now and then", func(s int) beat { return beat{Started: 1, Running: 1, Busy: uint64(s % 2), Slices: 7} }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			v := vitals{beatAt: start, progress: start}
			for s := range 11 {
				v.take(tt.beats(s), start.Add(time.Duration(s)*time.Second), time.Second)
			}
			if got := v.still(start.Add(10 * time.Second)); got != tt.still {
				t.Errorf("still for %v after 10 s, want %v", got, tt.still)
			}
		})
	}
}

func TestVitals_Trouble(t *testing.T) {
	l := limits.Default()
	start := time.Now()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	stuck := mesophyll.Heartbeat{Running: 2, Queued: 9, Busy: 1, Slices: 7, Oldest: 7}
	v := vitals{beatAt: start, progress: start}
	v.take(stuck, start, time.Second)
	if got := v.trouble(at(2*time.Second), &l); got != "" {
		t.Errorf("trouble %q within two heartbeats, want none", got)
	}
	if got := v.trouble(at(2100*time.Millisecond), &l); got != "no heartbeat for 2.1s" {
		t.Errorf("trouble %q after two heartbeats", got)
	}
	for s := time.Duration(1); s <= 4; s++ {
		v.take(stuck, at(s*time.Second), time.Second)
	}
	if got := v.trouble(at(4*time.Second), &l); got != "no progress for 4s, with 2 dispatches running and 9 queued" {
		t.Errorf("trouble %q of a worker that hangs", got)
	}
	v.excuse(at(5 * time.Second))
	if got := v.trouble(at(5*time.Second), &l); got != "" {
		t.Errorf("trouble %q when it was the master that slept", got)
	}
}

func TestVitals_Worn(t *testing.T) {
	l := limits.Default()
	l.RecycleAge, l.RecycleDispatches, l.RecycleBytes = time.Hour, 1000, 100<<20
	never := limits.Default()
	never.RecycleAge, never.RecycleDispatches, never.RecycleBytes = 0, 0, 0
	tests := []struct {
		name   string
		limits *limits.Limits
		chance float64
		age    time.Duration
		ended  uint64
		heap   uint64
		rss    int64
		want   string // a part of the reason; empty: not worn
	}{
		{"new", &l, 0, time.Minute, 10, 1 << 20, 1 << 20, ""},
		{"old", &l, 0, time.Hour, 10, 1 << 20, 1 << 20, "recycle_age"},
		{"almost old", &l, 0, 50 * time.Minute, 10, 1 << 20, 1 << 20, ""},
		{"almost old and drew a short life", &l, almostOne, 50 * time.Minute, 10, 1 << 20, 1 << 20, "recycle_age"},
		{"never less than 80 %", &l, almostOne, 47 * time.Minute, 10, 1 << 20, 1 << 20, ""},
		{"much work", &l, 0, time.Minute, 1000, 1 << 20, 1 << 20, "recycle_dispatches"},
		{"its scripts' memory", &l, 0, time.Minute, 10, 100 << 20, 1 << 20, "recycle_bytes"},
		{"the process's memory", &l, 0, time.Minute, 10, 1 << 20, 100 << 20, "recycle_bytes"},
		{"zero means never", &never, almostOne, 10000 * time.Hour, 1 << 40, 1 << 40, 1 << 40, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			v := vitals{rssBytes: tt.rss, beat: mesophyll.Heartbeat{Ended: tt.ended, HeapBytes: tt.heap}}
			got := v.worn(start, start.Add(tt.age), wornShare(tt.chance), tt.limits)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("worn = %q, want %q", got, tt.want)
			}
		})
	}
}

// The time without heartbeats is what goes beyond one interval, when it is more
// than half an interval.
func TestVitals_Silence(t *testing.T) {
	start := time.Unix(1_790_000_000, 0)
	v := vitals{beatAt: start}
	at := func(d time.Duration) time.Time { return start.Add(d) }
	for _, tt := range []struct {
		beat time.Duration // when one comes
		look time.Duration // and a look is taken
		want time.Duration
	}{
		{time.Second, 2400 * time.Millisecond, 0},
		{2 * time.Second, 4 * time.Second, time.Second},
		{5 * time.Second, 5 * time.Second, 2 * time.Second},
		{6 * time.Second, 9 * time.Second, 4 * time.Second},
	} {
		v.take(mesophyll.Heartbeat{}, at(tt.beat), time.Second)
		if got := v.silence(at(tt.look), time.Second); got != tt.want {
			t.Errorf("after %v: silent for %v, want %v", tt.look, got, tt.want)
		}
	}
	v.excuse(at(20 * time.Second))
	if got := v.silence(at(21*time.Second), time.Second); got != 2*time.Second {
		t.Errorf("with the master's own silence excused: %v, want 2s", got)
	}
}
