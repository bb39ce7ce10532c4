package process

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/worker"
)

const hour = 1000 * time.Hour // a life without an end

// wishFor asks for a replacement and gives its end, which is nil while it is open.
func wishFor(t *testing.T, b *board) func() error {
	t.Helper()
	w := &wish{why: "test", done: make(chan struct{})}
	if placed, _ := b.place(w); !placed {
		t.Fatal("there is another wish")
	}
	return func() error {
		select {
		case <-w.done:
			if w.err == nil {
				return nil
			}
			return w.err
		default:
			return errOpen
		}
	}
}

var errOpen = fmt.Errorf("the wish is open")

func TestSupervisor_Replaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lives, log, stop := superviseForTest(almostOne, func(khronos.Generation) (time.Duration, time.Duration) {
			return time.Second, hour
		})
		defer stop()
		lives.drains = 10 * time.Second
		time.Sleep(time.Minute)
		synctest.Wait()
		end := wishFor(t, lives.board)
		time.Sleep(time.Second / 2)
		synctest.Wait()
		if now, _ := lives.board.read(); now.state != worker.StateReady || now.generation != 1 || len(now.lives) != 2 || end() != errOpen {
			t.Errorf("while the successor boots: %s in generation %d, %d alive, wish %v", now.state, now.generation, len(now.lives), end())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		now, _ := lives.board.read()
		if now.state != worker.StateReady || now.generation != 2 || len(now.lives) != 2 || end() != nil {
			t.Errorf("when it is up: %s in generation %d, %d alive, wish %v", now.state, now.generation, len(now.lives), end())
		}
		second := wishFor(t, lives.board) // has to wait until the first generation is gone
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if lives.count() != 2 || second() != errOpen {
			t.Errorf("%d starts while one drains, wish %v", lives.count(), second())
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if now, _ := lives.board.read(); now.generation != 3 || second() != nil {
			t.Errorf("generation %d after two wishes, wish %v", now.generation, second())
		}
		exits, _ := log.read()
		if len(exits) != 1 || exits[0].Reason != ReasonReplaced || exits[0].Failures != 0 || !strings.Contains(exits[0].Detail, "generation 2 took over: test") {
			t.Errorf("exits = %+v, want the first generation, replaced", exits)
		}
		if lives.most != 2 {
			t.Errorf("%d alive at once, want 2", lives.most)
		}
	})
}

func TestSupervisor_BadSuccessorLeavesTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lives, log, stop := superviseForTest(almostOne, func(gen khronos.Generation) (time.Duration, time.Duration) {
			if gen == 2 {
				return time.Second, 0
			}
			return time.Second, hour
		})
		defer stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		before, _ := lives.board.read()
		end := wishFor(t, lives.board)
		time.Sleep(time.Hour)
		synctest.Wait()
		now, _ := lives.board.read()
		if now.state != worker.StateReady || now.generation != 1 || !now.readyAt.Equal(before.readyAt) || !now.since.Equal(before.since) || now.history != before.history {
			t.Errorf("standing = %+v, want the first generation untouched", now)
		}
		wantKind(t, end(), khronos.ErrKindWorkerUnavailable)
		if lives.count() != 2 {
			t.Errorf("%d starts, want 2: a failed replacement is not repeated", lives.count())
		}
		if exits, _ := log.read(); len(exits) != 1 || exits[0].Generation != 2 || exits[0].RestartIn != 0 {
			t.Errorf("exits = %+v, want that of generation 2", exits)
		}
	})
}

func TestSupervisor_OldOneDiesWhileItsSuccessorBoots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lives, _, stop := superviseForTest(almostOne, func(gen khronos.Generation) (time.Duration, time.Duration) {
			if gen == 1 {
				return time.Second, 10 * time.Second
			}
			return 4 * time.Second, hour
		})
		defer stop()
		time.Sleep(9 * time.Second)
		synctest.Wait()
		end := wishFor(t, lives.board)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if now, _ := lives.board.read(); now.state != worker.StateStarting || now.generation != 2 || now.ready != nil {
			t.Errorf("%s in generation %d, want starting in 2", now.state, now.generation)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if now, _ := lives.board.read(); now.state != worker.StateReady || now.generation != 2 || end() != nil || lives.count() != 2 {
			t.Errorf("%s in generation %d after %d starts, wish %v; want ready in 2", now.state, now.generation, lives.count(), end())
		}
	})
}

func TestSupervisor_ReplacementIsCalledOff(t *testing.T) {
	for _, how := range []string{"withdrawn", "killed", "stopped"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lives, _, stop := superviseForTest(almostOne, func(khronos.Generation) (time.Duration, time.Duration) {
					return time.Second, hour
				})
				defer stop()
				time.Sleep(time.Minute)
				synctest.Wait()
				end := wishFor(t, lives.board)
				time.Sleep(time.Second / 2)
				switch how {
				case "withdrawn":
					now, _ := lives.board.read()
					lives.board.withdraw(now.wish)
				case "killed":
					lives.board.kill()
				case "stopped":
					stop()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				now, _ := lives.board.read()
				want := map[string]worker.State{"withdrawn": worker.StateReady, "killed": worker.StateKilled, "stopped": worker.StateStopped}[how]
				if now.state != want || now.generation != 1 || lives.count() != 2 || (how == "withdrawn") != (len(now.lives) == 1) {
					t.Errorf("%s in generation %d, %d alive after %d starts, want %s", now.state, now.generation, len(now.lives), lives.count(), want)
				}
				if err := end(); how != "withdrawn" && (err == nil || err == errOpen) {
					t.Errorf("wish ended with %v", err)
				}
			})
		})
	}
}

func TestSupervisor_WishForOneThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lives, _, stop := superviseForTest(almostOne, func(gen khronos.Generation) (time.Duration, time.Duration) {
			if gen <= 10 {
				return time.Millisecond, 0
			}
			return time.Millisecond, hour
		})
		defer stop()
		time.Sleep(2 * time.Minute) // failed by now, next probe in minutes
		synctest.Wait()
		end := wishFor(t, lives.board)
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		if now, _ := lives.board.read(); now.state != worker.StateReady || end() != nil || lives.most != 1 {
			t.Errorf("state = %s, wish %v, want ready at once", now.state, end())
		}
	})
}

// Issue 4: a worker that dies at boot for four hours, heals, and crashes once later.
func TestSupervisor_FourHoursOfFailingBoots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var healed khronos.Generation
		lives, log, stop := superviseForTest(almostOne, func(gen khronos.Generation) (time.Duration, time.Duration) {
			if time.Since(began) < 4*time.Hour {
				return 50 * time.Millisecond, 0
			}
			if healed == 0 {
				healed = gen
			}
			if gen == healed {
				return 50 * time.Millisecond, time.Hour // then it crashes
			}
			return 50 * time.Millisecond, hour
		})
		defer stop()
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		if got := lives.count(); got > 60 {
			t.Errorf("%d starts in 4 hours, want at most 60", got)
		}
		time.Sleep(90 * time.Minute)
		synctest.Wait()
		now, _ := lives.board.read()
		exits, _ := log.read()
		last := exits[len(exits)-1]
		if now.state != worker.StateReady || now.history.Failures != 0 || last.Reason != ReasonCrash || last.RestartIn > testPolicy.MinDelay {
			t.Errorf("%s with %d failures, last exit %+v; want healed and a restart after %v", now.state, now.history.Failures, last, testPolicy.MinDelay)
		}
	})
}

// patient lets a worker miss heartbeats: it is not what the test is about, and
// the machine may be busy.
func patient(c *Config) { c.Limits.HeartbeatMissed = 50 }

func TestHandle_RestartKeepsWorkAndOrder(t *testing.T) {
	w := newWorld(t, roleWorker, func(c *Config) { patient(c); c.Limits.RestartSettle = 50 * time.Millisecond })
	w.mustDo(t, "echo", "")
	running := make(chan error, 1)
	go func() { _, err := w.do("sleep", "1500"); running <- err }()
	eventually(t, "it runs", func() bool { return w.status().Running == 1 })
	for i := range 100 { // the first generation queues these and never starts them
		if err := w.h.DispatchEventNoWait(t.Context(), guild, khronos.Event{Name: "wait-order", Author: strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all are at the worker", func() bool { return w.status().Running == 101 })

	var restart, feeder sync.WaitGroup
	var restarted error
	restart.Go(func() { restarted = w.h.Restart(context.Background(), "test") })
	switched := make(chan struct{})
	last := 100
	feeder.Go(func() { // before, during and after the switch
		for {
			select {
			case <-switched:
				return
			case <-time.After(time.Millisecond):
			}
			if err := w.h.DispatchEventNoWait(t.Context(), guild, khronos.Event{Name: "wait-order", Author: strconv.Itoa(last)}); err != nil {
				t.Errorf("event %d: %v", last, err)
			}
			last++
		}
	})
	eventually(t, "both generations live", func() bool {
		st := w.status()
		return st.State == worker.StateReady && st.Generation == 1 && len(st.Beside) == 1 && st.Beside[0].State == worker.StateStarting
	})
	restart.Wait()
	close(switched)
	feeder.Wait()
	if restarted != nil {
		t.Fatalf("restart: %v", restarted)
	}
	if err := <-running; err != nil {
		t.Errorf("event that ran across the switch: %v", err)
	}
	if boot, _ := w.mustDo(t, "boot", "").AsInteger(); boot != 2 {
		t.Errorf("new work is done by boot %d, want 2", boot)
	}
	eventually(t, "all have run", func() bool { return len(w.host.logged()) == last })
	for i, line := range w.host.logged() {
		if line != strconv.Itoa(i) {
			t.Fatalf("event %s ran as number %d", line, i)
		}
	}
	eventually(t, "the first generation is gone", func() bool { e, _ := w.events.read(); return len(e) == 1 })
	exits, _ := w.events.read()
	if len(w.status().Beside) != 0 || exits[0].Reason != ReasonReplaced || exits[0].ExitCode != 0 || exits[0].Generation != 1 {
		t.Errorf("exits = %+v, want the first generation, replaced, with code 0", exits)
	}
	if c := w.h.Counts(); c.GivenBack < 100 || c.Retried != 0 || c.LostStarted+c.LostUnstarted+c.Unavailable+c.Draining != 0 {
		t.Errorf("counts = %+v, want some given back and nothing lost", c)
	}
}

// Host calls of what runs in a generation that was replaced are done as before.
func TestHandle_RestartKeepsHostCalls(t *testing.T) {
	w := newWorld(t, roleWorker, func(c *Config) { patient(c); c.Limits.RestartSettle = 0 })
	w.mustDo(t, "echo", "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	late := make(chan error, 1)
	go func() {
		_, err := w.h.DispatchEvent(ctx, guild, khronos.Event{Name: "sleep-exec", Author: "700"})
		late <- err
	}()
	eventually(t, "it runs", func() bool { return w.status().Running == 1 })
	if err := w.h.Restart(context.Background(), "test"); err != nil {
		t.Fatal(err)
	}
	if st := w.status(); st.Generation != 2 || len(st.Beside) != 1 || st.Beside[0].State != worker.StateDraining {
		t.Errorf("status = %+v, want generation 2 beside one that drains", st)
	}
	if err := w.h.DropTenant(context.Background(), other); err != nil {
		t.Errorf("drop with two generations: %v", err)
	}
	if err := <-late; err != nil {
		t.Errorf("host call of a generation that was replaced: %v", err)
	}
	if calls := w.host.made(); len(calls) != 1 {
		t.Errorf("%d host calls, want 1", len(calls))
	}
}

func TestHandle_DropReachesBothGenerations(t *testing.T) {
	w := newWorld(t, roleWorker, func(c *Config) { patient(c); c.Limits.RestartSettle = 0 })
	w.mustDo(t, "echo", "")
	got := make(chan error, 1)
	go func() { _, err := w.do("hang", ""); got <- err }()
	eventually(t, "it runs", func() bool { return w.status().Running == 1 })
	if err := w.h.Restart(context.Background(), "test"); err != nil {
		t.Fatal(err)
	}
	if err := w.h.DropTenant(context.Background(), guild); err != nil {
		t.Errorf("drop: %v", err)
	}
	wantKind(t, <-got, khronos.ErrKindDroppedTenant)
}

func TestHandle_BanReachesBothGenerations(t *testing.T) {
	w := newWorld(t, roleWorker, func(c *Config) { patient(c); c.Limits.RestartSettle = 0 })
	w.mustDo(t, "echo", "")
	got := make(chan error, 1)
	go func() { _, err := w.do("hang", ""); got <- err }()
	eventually(t, "it runs", func() bool { return w.status().Running == 1 })
	if err := w.h.Restart(context.Background(), "test"); err != nil {
		t.Fatal(err)
	}
	if err := w.h.TenantStateChanged(guild, khronos.TenantState{Banned: true}); err != nil {
		t.Errorf("ban: %v", err)
	}
	wantKind(t, <-got, khronos.ErrKindTenantBanned)
}

func TestHandle_BadBuildLeavesTheOldWorker(t *testing.T) {
	for _, role := range []string{roleExit, roleNeverMind, roleStartsBadly} {
		t.Run(role, func(t *testing.T) {
			var program []string
			w := newWorld(t, roleWorker, func(c *Config) {
				patient(c)
				c.Limits.StartTimeout = time.Second
				c.Env = append(c.Env, laterEnv+"="+role)
				program = c.Env
			})
			if !slices.Contains(program, laterEnv+"="+role) {
				t.Fatal("the second boot is like the first")
			}
			w.mustDo(t, "echo", "")
			before := w.status()
			err := w.h.Restart(context.Background(), "test")
			wantKind(t, err, khronos.ErrKindWorkerUnavailable)
			if err != nil && !strings.Contains(err.Error(), "generation 2 of worker 0 did not become healthy") {
				t.Errorf("error = %v, want one that names the generation", err)
			}
			after := w.status()
			if after.PID != before.PID || after.Generation != 1 || after.State != worker.StateReady || len(after.Beside) != 0 || after.Failures != 0 {
				t.Errorf("status = %+v, want %+v", after, before)
			}
			w.mustDo(t, "echo", "")
		})
	}
}

func TestHandle_KillEndsBothGenerations(t *testing.T) {
	w := newWorld(t, roleWorker, func(c *Config) { patient(c); c.Limits.RestartSettle = 0 })
	w.mustDo(t, "echo", "")
	got := make(chan error, 1)
	go func() { _, err := w.do("hang", ""); got <- err }()
	eventually(t, "it runs", func() bool { return w.status().Running == 1 })
	if err := w.h.Restart(context.Background(), "test"); err != nil {
		t.Fatal(err)
	}
	st := w.status()
	if len(st.Beside) != 1 {
		t.Fatalf("status = %+v, want two processes", st)
	}
	if err := w.h.Kill(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{st.PID, st.Beside[0].PID} {
		if alive(pid) {
			t.Errorf("process %d is still there", pid)
		}
	}
	wantKind(t, <-got, khronos.ErrKindWorkerLostStarted)
	wantKind(t, w.h.Restart(context.Background(), "test"), khronos.ErrKindWorkerUnavailable)
}

// The old generation is killed while it drains: what it had started is lost,
// and the new one does not notice.
func TestHandle_OldGenerationDiesWhileItDrains(t *testing.T) {
	w := newWorld(t, roleWorker, func(c *Config) { patient(c); c.Limits.RestartSettle = 0 })
	w.mustDo(t, "echo", "")
	got := make(chan error, 1)
	go func() { _, err := w.do("hang", ""); got <- err }()
	eventually(t, "it runs", func() bool { return w.status().Running == 1 })
	if err := w.h.Restart(context.Background(), "test"); err != nil {
		t.Fatal(err)
	}
	st := w.status()
	if len(st.Beside) != 1 {
		t.Fatalf("status = %+v, want two processes", st)
	}
	if err := syscall.Kill(st.Beside[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wantKind(t, <-got, khronos.ErrKindWorkerLostStarted)
	eventually(t, "it is reaped", func() bool { return len(w.status().Beside) == 0 })
	if now := w.status(); now.PID != st.PID || now.State != worker.StateReady || now.Generation != 2 {
		t.Errorf("status = %+v, want generation 2 untouched", now)
	}
	w.mustDo(t, "echo", "")
}

func TestHandle_StuckWorkerIsToldAbortedAndReplaced(t *testing.T) {
	w := newWorld(t, roleWorker, func(c *Config) {
		patient(c)
		c.Limits.HungDumpAfter, c.Limits.HungAbortAfter, c.Limits.HungKillAfter = 300*time.Millisecond, 900*time.Millisecond, 2*time.Second
	})
	w.mustDo(t, "echo", "")
	got := make(chan error, 1)
	go func() { _, err := w.do("stick", ""); got <- err }()
	eventually(t, "the trouble shows", func() bool { return strings.Contains(w.status().Trouble, "no progress for") })
	if st := w.status(); st.State != worker.StateReady || st.Healthy() {
		t.Errorf("status = %+v, want ready and not healthy", st)
	}
	wantKind(t, <-got, khronos.ErrKindWorkerLostStarted)
	w.mustDo(t, "echo", "")
	exits, _ := w.events.read()
	if len(exits) != 1 || exits[0].Reason != ReasonHung || exits[0].ExitCode != 2 {
		t.Fatalf("exits = %+v, want one, hung, by SIGQUIT", exits)
	}
	if log := w.log.String(); !strings.Contains(log, "script of a worker in trouble") || !strings.Contains(log, "init.luau:7 function f") || !strings.Contains(log, "event=stick") {
		t.Errorf("the log has no stack of the script:\n%s", log)
	}
	if words := strings.Join(exits[0].Output, "\n"); !strings.Contains(words, "goroutine ") {
		t.Errorf("output = %q, want stacks", words)
	}
	eventually(t, "the trouble is over", func() bool { return w.status().Healthy() })
}

func TestHandle_FrozenWorkerIsNotHealthy(t *testing.T) {
	w := newWorld(t, roleWorker, func(c *Config) { c.Limits.HeartbeatMissed = 20 })
	w.mustDo(t, "echo", "")
	pid := w.status().PID
	eventually(t, "it is healthy", func() bool { return w.status().Healthy() })
	frozen := time.Now()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the silence shows", func() bool { return strings.Contains(w.status().Trouble, "no heartbeat for") })
	if took := time.Since(frozen); took > 2*200*time.Millisecond+time.Second {
		t.Errorf("it showed after %v, want within two heartbeats of 200 ms and 1 s", took)
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the trouble is over", func() bool { return w.status().Healthy() })
	if st := w.status(); st.PID != pid {
		t.Errorf("status = %+v, want the same process", st)
	}
}
