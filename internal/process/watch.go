package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
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
		trouble, still, tell := g.look(now, rssOf(g.child.pid), cpuOf(g.child.pid), slept)
		if tell {
			g.tellTrouble(life, trouble)
		}
		if still >= l.HungAbortAfter {
			end(&cause{ReasonHung, errors.New(trouble)})
			return
		}
	}
}

// look takes the child's vitals. slept says that the master itself did not run,
// so the silence is no sign. tell is true once for each trouble.
func (g *generation) look(now time.Time, rss int64, cpu time.Duration, slept bool) (trouble string, still time.Duration, tell bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := &g.vitals
	v.rssBytes = rss
	v.load.take(now, cpu, cmp.Or(g.h.cfg.Settings.Slots, runtime.NumCPU()))
	if slept {
		v.excuse(now)
	}
	trouble = v.trouble(now, &g.h.cfg.Limits)
	tell = trouble != "" && !v.told
	v.told = v.told || tell
	return trouble, v.still(now), tell
}

// Bounds of what is told of one trouble.
const (
	scriptsInLog     = 50
	scriptsInTrouble = 3
)

// tellTrouble logs that the child is in trouble and what its scripts are at, and
// keeps the first of them for Status.
func (g *generation) tellTrouble(ctx context.Context, trouble string) {
	generation := uint64(g.id.Generation)
	g.h.log.Warn("worker is in trouble", "generation", generation, "pid", g.child.pid, "trouble", trouble)
	list := g.shared()
	g.nameSuspects(list)
	list = list[:0:0]
	for _, s := range g.stacks(ctx) {
		if s.State != khronos.StackQueued {
			list = append(list, s)
		}
	}
	for _, s := range list[:min(len(list), scriptsInLog)] {
		g.h.log.Warn("script of a worker in trouble", "generation", generation, "tenant", s.Tenant.String(), "template", s.Template, "version", s.Version,
			"event", s.Event, "dispatch", s.Dispatch.String(), "state", s.State, "waits", s.Waits, "since", s.Since, "stack", s.Stack)
	}
	if left := len(list) - scriptsInLog; left > 0 {
		g.h.log.Warn("more scripts of a worker in trouble", "generation", generation, "scripts", left)
	}
}

// nameSuspects keeps, for people, what the child is at.
func (g *generation) nameSuspects(list []khronos.ScriptStack) {
	var names []string
	for _, s := range list[:min(len(list), scriptsInTrouble)] {
		names = append(names, fmt.Sprintf("%s template %q event %s %s at %s", s.Tenant, s.Template, s.Event, s.State, cmp.Or(s.Stack, "its beginning")))
	}
	if left := len(list) - scriptsInTrouble; left > 0 {
		names = append(names, fmt.Sprintf("and %d more", left))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.vitals.suspects = strings.Join(names, ", ")
}

// health is what Status shows of a child that is up since then.
func (g *generation) health(up, now time.Time) (v vitals, trouble, worn string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := &g.h.cfg.Limits
	return g.vitals, g.vitals.trouble(now, l), g.vitals.worn(up, now, g.share, l)
}
