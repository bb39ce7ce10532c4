package process

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/worker"
)

func TestLanes(t *testing.T) {
	open, closed := make(chan struct{}), make(chan struct{})
	close(closed)
	ctx := context.Background()
	// may says whether p may be sent to gen now.
	may := func(l *lanes, p *place, gen khronos.Generation) bool {
		ctx, cancel := context.WithDeadlineCause(ctx, time.Now(), errors.New("now"))
		defer cancel()
		return l.await(ctx, p, gen, open)
	}
	l := newLanes()
	nobody := worker.ProgressOf(ctx)
	a, b, c := l.enter(guild, nobody), l.enter(guild, nobody), l.enter(guild, nobody)
	x := l.enter(other, nobody)
	if !may(l, a, 1) || !may(l, x, 1) {
		t.Error("the first of a lane has to wait")
	}
	if may(l, b, 1) {
		t.Error("the second need not wait for the first")
	}
	l.sent(a, 1)
	if !may(l, b, 1) {
		t.Error("the second still waits")
	}
	l.sent(b, 1)
	l.sent(c, 1)
	if may(l, c, 2) || may(l, b, 2) {
		t.Error("sent again before what was accepted earlier")
	}
	l.started(a) // will not be sent again
	if !may(l, b, 2) || may(l, c, 2) {
		t.Error("b may go to generation 2 and c not before it")
	}
	l.leave(b)
	if !may(l, c, 2) {
		t.Error("c waits for b, which has ended")
	}
	d := l.enter(guild, nobody)
	if l.await(ctx, d, 2, closed) {
		t.Error("waited out a generation that has gone")
	}
	for _, p := range []*place{d, a, c, x} {
		l.leave(p)
	}
	if len(l.tails) != 0 {
		t.Errorf("%d lanes are left", len(l.tails))
	}
}
