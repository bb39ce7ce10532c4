package process

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/worker"
)

// scriptedLives stands in for real generations: each lives as long as lifeOf
// says, or until its context ends.
type scriptedLives struct {
	board  *board
	lifeOf func(gen khronos.Generation) (boot, useful time.Duration)
	drains time.Duration // how long one that is replaced takes to end

	mu     sync.Mutex
	starts []time.Time
	alive  int
	most   int // alive at once
}

func (l *scriptedLives) live(ctx context.Context, one *life) ending {
	l.mu.Lock()
	l.starts = append(l.starts, time.Now())
	l.alive++
	l.most = max(l.most, l.alive)
	l.mu.Unlock()
	defer func() { l.mu.Lock(); l.alive--; l.mu.Unlock() }()

	boot, useful := l.lifeOf(one.generation)
	if !l.sleep(ctx, one, boot) || useful == 0 {
		return ending{reason: l.reason(ctx, ReasonBoot), detail: "exit code 1"}
	}
	ready := time.Now()
	one.becomeUp(nil)
	l.sleep(ctx, one, useful)
	select {
	case <-one.retire:
		l.sleep(ctx, nil, l.drains)
		return ending{reason: ReasonReplaced, detail: one.why, useful: time.Since(ready)}
	default:
	}
	return ending{reason: l.reason(ctx, ReasonCrash), detail: "signal killed", useful: time.Since(ready)}
}

// sleep returns false when the life is ended from outside.
func (l *scriptedLives) sleep(ctx context.Context, one *life, d time.Duration) bool {
	end := time.After(d)
	var retire chan struct{}
	if one != nil {
		retire = one.retire
	}
	for {
		now, changed := l.board.read()
		if now.killed {
			return false
		}
		select {
		case <-end:
			return true
		case <-ctx.Done():
			return false
		case <-retire:
			return false
		case <-changed:
		}
	}
}

func (l *scriptedLives) reason(ctx context.Context, own Reason) Reason {
	if now, _ := l.board.read(); now.killed {
		return ReasonKilled
	}
	if ctx.Err() != nil {
		return ReasonStopped
	}
	return own
}

func (l *scriptedLives) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.starts)
}

// diary is a Listener that remembers.
type diary struct {
	mu     sync.Mutex
	exits  []WorkerExited
	failed []WorkerFailed
}

func (d *diary) WorkerExited(e WorkerExited) {
	d.mu.Lock()
	d.exits = append(d.exits, e)
	d.mu.Unlock()
}
func (d *diary) WorkerFailed(e WorkerFailed) {
	d.mu.Lock()
	d.failed = append(d.failed, e)
	d.mu.Unlock()
}

func (d *diary) read() ([]WorkerExited, []WorkerFailed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.exits), slices.Clone(d.failed)
}

// superviseForTest runs a supervisor inside a synctest bubble until the test
// calls stop.
func superviseForTest(chance float64, lifeOf func(khronos.Generation) (boot, useful time.Duration)) (*scriptedLives, *diary, func()) {
	b := newBoard()
	lives := &scriptedLives{board: b, lifeOf: lifeOf}
	log := &diary{}
	s := &supervisor{
		worker: 3, policy: testPolicy, chance: func() float64 { return chance },
		live: lives.live, board: b, breaker: NewBreaker(0), listeners: []Listener{log},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.serve(ctx) }()
	return lives, log, func() { cancel(); <-done }
}

func TestSupervisor_BootLoopBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lives, log, stop := superviseForTest(almostOne, func(khronos.Generation) (time.Duration, time.Duration) {
			return 50 * time.Millisecond, 0
		})
		defer stop()
		time.Sleep(4 * time.Hour)
		synctest.Wait()

		// 10 starts until it is marked failed, then one every 5 minutes.
		if got := lives.count(); got < 50 || got > 60 {
			t.Errorf("%d starts in 4 h, want 10 and one for every 5 min", got)
		}
		exits, failed := log.read()
		if len(failed) != 1 || failed[0].Failures != 10 || failed[0].ProbeIn != 5*time.Minute {
			t.Errorf("alarms = %+v, want one, after 10 failures", failed)
		}
		want := []time.Duration{200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000}
		for i, w := range want {
			if got := exits[i].RestartIn.Round(time.Millisecond); got != w*time.Millisecond {
				t.Errorf("delay after failure %d = %v, want %v", i+1, got, w*time.Millisecond)
			}
		}
		if now, _ := lives.board.read(); now.state != worker.StateFailed {
			t.Errorf("state = %s, want failed", now.state)
		}
	})
}

func TestSupervisor_HealsAndForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Five boot failures, ten healthy minutes, a crash, then health.
		lives, log, stop := superviseForTest(almostOne, func(gen khronos.Generation) (time.Duration, time.Duration) {
			switch {
			case gen <= 5:
				return 50 * time.Millisecond, 0
			case gen == 6:
				return 50 * time.Millisecond, 10 * time.Minute
			}
			return 50 * time.Millisecond, 1000 * time.Hour
		})
		defer stop()
		time.Sleep(20 * time.Minute)
		synctest.Wait()

		exits, _ := log.read()
		if len(exits) != 6 {
			t.Fatalf("%d exits, want 6", len(exits))
		}
		last := exits[5]
		if last.Reason != ReasonCrash || last.Failures != 0 || last.RestartIn.Round(time.Millisecond) != 200*time.Millisecond {
			t.Errorf("after a long healthy life: %+v, want no failures and the shortest delay", last)
		}
		if now, _ := lives.board.read(); now.state != worker.StateReady || now.generation != 7 {
			t.Errorf("state = %s in generation %d, want ready in 7", now.state, now.generation)
		}
		if lives.most != 1 {
			t.Errorf("%d generations were alive at once, want 1", lives.most)
		}
	})
}

func TestSupervisor_CrashEverySixSecondsIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lives, _, stop := superviseForTest(almostOne, func(khronos.Generation) (time.Duration, time.Duration) {
			return 0, 6 * time.Second
		})
		defer stop()
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if got := lives.count(); got != 10 { // one per 6.2 s
			t.Errorf("%d starts in 61 s, want 10: each after a pause", got)
		}
	})
}

func TestSupervisor_KillStaysDownUntilStart(t *testing.T) {
	for _, when := range []string{"ready", "backoff"} {
		t.Run(when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lives, log, stop := superviseForTest(almostOne, func(gen khronos.Generation) (time.Duration, time.Duration) {
					if when == "backoff" && gen == 1 {
						return time.Millisecond, 0
					}
					return time.Millisecond, 1000 * time.Hour
				})
				defer stop()
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
				if now, _ := lives.board.read(); string(now.state) != when {
					t.Fatalf("state = %s, want %s", now.state, when)
				}

				lives.board.kill()
				time.Sleep(time.Hour)
				synctest.Wait()
				if got := lives.count(); got != 1 {
					t.Errorf("%d starts with the worker killed, want 1", got)
				}
				if now, _ := lives.board.read(); now.state != worker.StateKilled || len(now.lives) > 0 {
					t.Errorf("state = %s, alive %v, want killed and nothing alive", now.state, now.lives)
				}

				lives.board.start()
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
				if now, _ := lives.board.read(); now.state != worker.StateReady || now.generation != 2 {
					t.Errorf("state = %s in generation %d, want ready in 2", now.state, now.generation)
				}
				exits, _ := log.read()
				if when == "ready" && (exits[0].Reason != ReasonKilled || exits[0].Failures != 0) {
					t.Errorf("exit = %+v, want killed and no failure", exits[0])
				}
			})
		})
	}
}

func TestSupervisor_StartSkipsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		lives, _, stop := superviseForTest(almostOne, func(khronos.Generation) (time.Duration, time.Duration) {
			if broken.Load() {
				return time.Millisecond, 0
			}
			return time.Millisecond, 1000 * time.Hour
		})
		defer stop()
		time.Sleep(2 * time.Minute) // failed by now, next probe in minutes
		synctest.Wait()
		if now, _ := lives.board.read(); now.state != worker.StateFailed {
			t.Fatalf("state = %s, want failed", now.state)
		}
		broken.Store(false)
		lives.board.start()
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		if now, _ := lives.board.read(); now.state != worker.StateReady {
			t.Errorf("state = %s, want ready at once", now.state)
		}
	})
}

func TestSupervisor_CommonCauseIsProbedByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 8
		breaker := NewBreaker(2)
		var broken atomic.Bool
		broken.Store(true)
		all := make([]*scriptedLives, n)
		ctx, cancel := context.WithCancel(context.Background())
		var serving sync.WaitGroup
		defer serving.Wait()
		defer cancel()
		for i := range all {
			b := newBoard()
			all[i] = &scriptedLives{board: b, lifeOf: func(khronos.Generation) (time.Duration, time.Duration) {
				if broken.Load() {
					return 50 * time.Millisecond, 0
				}
				return 50 * time.Millisecond, 1000 * time.Hour
			}}
			s := &supervisor{
				worker: khronos.WorkerID(i), policy: testPolicy, chance: func() float64 { return almostOne },
				live: all[i].live, board: b, breaker: breaker,
			}
			serving.Go(func() { s.serve(ctx) })
		}
		time.Sleep(time.Second) // each has failed once, and the breaker is open
		synctest.Wait()
		if !breaker.Open() {
			t.Fatal("the breaker is closed after all have failed alike")
		}
		before := make([]int, n)
		for i, l := range all {
			before[i] = l.count()
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		tried := 0
		for i, l := range all {
			if l.count() > before[i] {
				tried++
			}
		}
		if tried != 1 {
			t.Errorf("%d workers were tried, want 1", tried)
		}

		broken.Store(false)
		time.Sleep(5*time.Minute + 3*time.Second) // until the next probe
		synctest.Wait()
		for i, l := range all {
			if now, _ := l.board.read(); now.state != worker.StateReady {
				t.Errorf("worker %d = %s after the cause is gone, want ready", i, now.state)
			}
		}
		total := 0
		for _, l := range all {
			total += l.count()
		}
		if total > 100 {
			t.Errorf("%d starts in all, want at most 100", total)
		}
	})
}

func TestBreaker_ProberThatIsKilledHandsOver(t *testing.T) {
	b := NewBreaker(2)
	b.failed(1, "same")
	b.failed(2, "other")
	if b.Open() {
		t.Fatal("open after two different errors")
	}
	b.failed(2, "same")
	if !b.Open() {
		t.Fatal("closed after two equal errors")
	}
	if may, _ := b.enter(1); may {
		t.Error("worker 1 may start beside worker 2")
	}
	if may, _ := b.enter(2); !may {
		t.Error("worker 2 may not try")
	}
	b.leave(2)
	if may, _ := b.enter(1); !may {
		t.Error("worker 1 may not take over")
	}
	if may, _ := b.enter(2); may {
		t.Error("worker 2 may start beside worker 1")
	}
	b.healed(1)
	if may, _ := b.enter(2); !may || b.Open() {
		t.Error("still open after worker 1 is ready")
	}
}
