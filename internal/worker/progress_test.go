package worker

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// steps writes down what it is told.
type steps struct {
	mu   sync.Mutex
	list []string
}

func (s *steps) add(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, fmt.Sprintf(format, args...))
}

func (s *steps) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

func (s *steps) ID() khronos.DispatchID { return 7 }

func (s *steps) Sent(w khronos.WorkerID, gen khronos.Generation) { s.add("sent %d/%d", w, gen) }
func (s *steps) Started()                                        { s.add("started") }
func (s *steps) Used(u khronos.Usage)                            { s.add("used %d", u.Fuel) }
func (s *steps) Ended(out khronos.Outcome)                       { s.add("ended %s", out.Kind()) }

func TestThread_TellsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th, runtimes, stop := servedThread(t)
		defer func() {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		tell := func(name string, do func(ctx context.Context, ev khronos.Event)) []string {
			s := &steps{}
			do(WithProgress(t.Context(), s), khronos.Event{Name: name})
			synctest.Wait()
			return s.told()
		}
		wait := func(ctx context.Context, ev khronos.Event) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			th.DispatchEvent(ctx, guild1, ev)
		}
		noWait := func(ctx context.Context, ev khronos.Event) { th.DispatchEventNoWait(ctx, guild1, ev) }
		for _, c := range []struct {
			name string
			do   func(context.Context, khronos.Event)
			want []string
		}{
			{"echo", wait, []string{"sent 7/1", "started", "used 7"}},
			{"deaf", wait, []string{"sent 7/1", "started"}}, // nobody knows what it has cost
			{"busy", wait, []string{"sent 7/1"}},
			{"echo", noWait, []string{"sent 7/1", "started", "ended ok"}},
			{"busy", noWait, []string{"sent 7/1"}},
		} {
			if got := tell(c.name, c.do); !slices.Equal(got, c.want) {
				t.Errorf("%s: told %q, want %q", c.name, got, c.want)
			}
		}
		if n := len(runtimes()); n != 1 {
			t.Errorf("%d runtimes, want 1", n)
		}
	})
}

func TestScriptDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for _, c := range []struct{ left, want time.Duration }{
			{30 * time.Second, 30*time.Second - 50*time.Millisecond},
			{100 * time.Millisecond, 95 * time.Millisecond},
			{0, 0},
			{-time.Second, -time.Second},
		} {
			if got := ScriptDeadline(now.Add(c.left)).Sub(now); got != c.want {
				t.Errorf("with %s left the script has %s, want %s", c.left, got, c.want)
			}
		}
	})
}
