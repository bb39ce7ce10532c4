package tenant

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A slot goes to who has waited longest, and never to more at once than there are.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		s.acquire()
		var mu sync.Mutex
		var order []int
		for i := range 10 {
			go s.do(func() {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
			synctest.Wait()
		}
		if len(order) != 0 {
			t.Errorf("%v ran while the slot was taken", order)
		}
		s.release()
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("order %v", order)
		}
		if s.free != 1 {
			t.Errorf("%d slots are free, want 1", s.free)
		}
	})
}

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
