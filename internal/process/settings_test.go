package process

import (
	"log/slog"
	"runtime"
	"testing"
)

// A child has as many processors as its scripts can take, until they do.
func TestSettings_SlotsSetTheProcessors(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	c := &childEnd{level: new(slog.LevelVar), procs: newProcessors()}
	for _, step := range []struct{ slots, want int }{{0, before}, {3, 3}, {1, 1}} {
		if err := c.apply(Settings{Slots: step.slots}); err != nil {
			t.Fatal(err)
		}
		if got := runtime.GOMAXPROCS(0); got != step.want {
			t.Errorf("%d slots: GOMAXPROCS %d, want %d", step.slots, got, step.want)
		}
	}
}
