package tenant

import (
	"testing"
	"time"
)

func TestCPUWindow(t *testing.T) {
	now := time.Unix(1000, 0)
	w := cpuWindow{length: 60 * time.Second, budget: 100}
	for _, tt := range []struct {
		after time.Duration
		spend int64
		want  time.Duration
	}{
		{0, 99, 0}, {10 * time.Second, 1, 0}, {0, 0, 50 * time.Second}, {49 * time.Second, 0, time.Second},
		{time.Second, 500, 0}, {0, 0, 60 * time.Second}, {time.Hour, 0, 0},
	} {
		now = now.Add(tt.after)
		if got := w.wait(now); got != tt.want {
			t.Errorf("at %s: wait %s, want %s", now, got, tt.want)
		}
		w.spend(tt.spend)
	}
}
