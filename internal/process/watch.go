package process

import (
	"context"
	"fmt"
	"time"
)

// watch looks after a child that is up until life ends: it notes what memory the
// child has, tells of trouble once, and ends the life of a child that makes no
// progress for too long. A child whose heartbeats stay away is the link's
// business; of that it only tells.
func (g *generation) watch(life context.Context, end context.CancelCauseFunc) {
	l := &g.h.cfg.Limits
	every := min(l.Heartbeat, l.HungDumpAfter) / 4
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-tick.C:
		case <-life.Done():
			return
		}
		now := time.Now()
		slept := now.Sub(last) > every+l.Heartbeat
		last = now
		rss := rssOf(g.child.pid)
		trouble, still, tell := g.look(now, rss, slept)
		if tell {
			g.tellTrouble(life, trouble)
		}
		if still >= l.HungAbortAfter {
			end(&cause{ReasonHung, fmt.Errorf("no progress for %v", still.Round(time.Millisecond))})
			return
		}
	}
}

// look takes the child's vitals. slept says that the master itself did not run,
// so the silence is no sign. tell is true once for each trouble.
func (g *generation) look(now time.Time, rss int64, slept bool) (trouble string, still time.Duration, tell bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := &g.vitals
	v.rssBytes = rss
	if slept {
		v.excuse(now)
	}
	trouble = v.trouble(now, &g.h.cfg.Limits)
	tell = trouble != "" && !v.told
	v.told = v.told || tell
	return trouble, v.still(now), tell
}

// tellTrouble logs that the child is in trouble.
func (g *generation) tellTrouble(ctx context.Context, trouble string) {
	g.h.log.Warn("worker makes no progress", "generation", uint64(g.id.Generation), "pid", g.child.pid, "trouble", trouble)
}

// health is what Status shows of a child that is up since then.
func (g *generation) health(up, now time.Time) (v vitals, trouble, worn string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := &g.h.cfg.Limits
	return g.vitals, g.vitals.trouble(now, l), g.vitals.worn(up, now, g.share, l)
}
