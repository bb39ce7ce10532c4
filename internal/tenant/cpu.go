package tenant

import "time"

// cpuWindow is a tenant's budget of fuel for each length of time. A tenant that
// has used it up waits for the next window.
type cpuWindow struct {
	length time.Duration
	budget int64
	began  time.Time
	used   int64
}

// spend books fuel that the tenant has used: in its CPU window, and for the turn
// in progress, which pays for it when the step is over.
func (t *tenant) spend(fuel int64) {
	t.window.spend(fuel)
	t.cost += fuel
}

// spend adds fuel that was used.
func (w *cpuWindow) spend(fuel int64) { w.used += fuel }

// wait says how long the tenant has to wait before it may run on; mostly zero.
func (w *cpuWindow) wait(now time.Time) time.Duration {
	if now.Sub(w.began) >= w.length {
		w.began, w.used = now, 0
	}
	if w.used < w.budget {
		return 0
	}
	return w.began.Add(w.length).Sub(now)
}

// open tells whether a window is in progress in which fuel was used.
func (w *cpuWindow) open(now time.Time) bool { return w.used > 0 && now.Sub(w.began) < w.length }

// sitOut makes a tenant that has used up its CPU window wait for the next one:
// no thread runs and no job starts, but deadlines and cancels are heard.
func (t *tenant) sitOut(wait time.Duration) {
	lim := &t.rt.cfg.Limits
	t.log("", "the tenant has used its %s of CPU time for %s and waits %s (cpu_window_budget)",
		lim.CPUWindowBudget, lim.CPUWindow, wait.Round(time.Millisecond))
	t.rest = time.AfterFunc(wait, func() {
		t.post(func() { t.rest = nil })
	})
}
