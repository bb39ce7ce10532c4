package process

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/mesophyll"
)

// A worker that beats and works but does not run the probe is not healthy, and
// is again when it does.
func TestHandle_Canary(t *testing.T) {
	w := newWorld(t, roleWorker, func(c *Config) {
		c.Limits.CanaryEvery, c.Limits.CanaryTimeout = 50*time.Millisecond, 100*time.Millisecond
	})
	w.mustDo(t, "echo", "")
	w.mustDo(t, "blind", "")
	eventually(t, "the canary fails", func() bool {
		st := w.status()
		return st.Canary != "" && !st.Healthy() && strings.Contains(st.Trouble, "run a probe")
	})
	w.mustDo(t, "sighted", "")
	eventually(t, "the canary sings", func() bool { st := w.status(); return st.Canary == "" && st.Healthy() })
	if st := w.status(); st.Posture["environment"] != "set" || st.Posture["user"] == "" { // GORACE and our own variables
		t.Errorf("posture is %v", st.Posture)
	}
	eventually(t, "its evictions are counted", func() bool { return w.h.Counts().Evicted >= 3 })
}

func TestVitals_Headroom(t *testing.T) {
	l := limits.Default()
	l.WorkerHeapBytes, l.QueueEvents = 1000, 100
	for _, c := range []struct {
		heap, queued uint64
		share, want  float64
	}{
		{0, 0, 0, 1}, {250, 0, 0.1, 0.75}, {250, 50, 0.1, 0.5}, {250, 50, 0.75, 0.25}, {2000, 0, 0, 0},
	} {
		v := vitals{beat: mesophyll.Heartbeat{HeapBytes: c.heap, Queued: c.queued}, load: load{share: c.share}}
		if got := v.headroom(&l); got != c.want {
			t.Errorf("%+v: headroom %v", c, got)
		}
	}
}

func TestLoad(t *testing.T) {
	start := time.Now()
	var l load
	l.take(start, 10*time.Second, 2)
	l.take(start.Add(time.Second), 12*time.Second, 2) // too soon
	if l.share != 0 {
		t.Errorf("share %v after the first look", l.share)
	}
	l.take(start.Add(4*time.Second), 14*time.Second, 2)
	if l.share != 0.5 {
		t.Errorf("4 s of 2 processors in 4 s are %v", l.share)
	}
	if spent := cpuOf(os.Getpid()); spent < 0 || spent > time.Hour {
		t.Errorf("we have spent %v", spent)
	}
}

func TestReadPosture(t *testing.T) {
	if got := readPosture([]byte(`{"a": "b", "` + strings.Repeat("x", 65) + `": "c"}`)); len(got) != 1 || got["a"] != "b" {
		t.Errorf("got %v", got)
	}
	if got := readPosture([]byte(`[1]`)); got != nil {
		t.Errorf("got %v of what is no map", got)
	}
	if got := readPosture(posture()); len(got) != 4 {
		t.Errorf("our own is %v", got)
	}
}
