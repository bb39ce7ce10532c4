package ledger

import (
	"context"
	"log/slog"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// checkEvery is how often the sums are compared with what is live.
const checkEvery = 30 * time.Second

// Serve looks for dispatches that run longer than limits.SlowDispatch, which it
// logs while they still run, and checks the sums. It blocks until ctx ends.
func (l *Ledger) Serve(ctx context.Context) error {
	slow := time.NewTicker(max(l.lim.SlowDispatch/4, time.Millisecond))
	defer slow.Stop()
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-slow.C:
			l.logSlow(ctx)
		case <-check.C:
			l.check()
		}
	}
}

// check logs when the sums begin to be wrong, and when they are right again.
func (l *Ledger) check() {
	_, b := l.Sums()
	wrong := b.Imbalance != 0 || b.Overdue > 0
	if l.wrong.Swap(wrong) == wrong {
		return
	}
	if !wrong {
		l.log.Info("the ledger balances again")
		return
	}
	l.log.Error("the ledger does not balance", "imbalance", b.Imbalance, "overdue", b.Overdue, "live", b.Live)
}

// dumpTimeout is how long the slow log waits for a worker to say what it is at.
const dumpTimeout = time.Second

// logSlow logs each live dispatch that has become slow, with what its scripts
// are at. A worker is asked once for all of its.
func (l *Ledger) logSlow(ctx context.Context) {
	dumps := map[khronos.WorkerID][]khronos.ScriptStack{}
	for _, s := range l.shards {
		for _, d := range s.takeSlow(time.Now(), l.lim.SlowDispatch) {
			if _, asked := dumps[d.Worker]; !asked {
				dumps[d.Worker] = l.dump(ctx, d.Worker)
			}
			l.logSlowOne(&d, time.Since(d.Accepted)-d.Started, stacksOf(&d, dumps[d.Worker])...)
		}
	}
}

// dump asks a worker what all its scripts are at; nothing if it does not answer.
func (l *Ledger) dump(ctx context.Context, id khronos.WorkerID) []khronos.ScriptStack {
	w, ok := l.pool.Worker(id)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dumpTimeout)
	defer cancel()
	stacks, err := w.Dump(ctx)
	if err != nil {
		l.log.Warn("no stacks for the slow log", "worker", int(id), "err", err)
	}
	return stacks
}

// stacksOf picks d's.
func stacksOf(d *Dispatch, all []khronos.ScriptStack) []slog.Attr {
	var attrs []slog.Attr
	for i := range all {
		if st := &all[i]; st.Dispatch == d.ID && st.Stack != "" {
			attrs = append(attrs, slog.Group("script", slog.String("template", st.Template), slog.Int64("version", st.Version),
				slog.String("state", st.State), slog.String("waits", st.Waits), slog.String("stack", st.Stack)))
		}
	}
	return attrs
}

// takeSlow returns the live dispatches that have been running for longer than
// limit, each once.
func (s *shard) takeSlow(now time.Time, limit time.Duration) []Dispatch {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Dispatch
	for e := s.live.next; e != &s.live; e = e.next {
		started := time.Duration(e.started.Load())
		if started == 0 || now.Sub(e.accepted)-started < limit || e.slow.Swap(true) {
			continue
		}
		s.sums.Slow++
		list = append(list, e.snapshotLocked())
	}
	return list
}

// told does what follows from an end: nothing, mostly.
func (s *shard) told(e *entry) {
	l := s.ledger
	started := time.Duration(e.started.Load())
	slow := started != 0 && e.ended-started >= l.lim.SlowDispatch && !e.slow.Swap(true)
	followed := l.ends.Followed(e.book.tenant)
	if !slow && !followed {
		return
	}
	s.mu.Lock()
	if slow {
		s.sums.Slow++
	}
	d := e.snapshotLocked()
	s.mu.Unlock()
	if slow {
		l.logSlowOne(&d, d.Ended-d.Started)
	}
	l.ends.Publish(d.Tenant, d)
}

// logSlowOne writes the slow log's line.
func (l *Ledger) logSlowOne(d *Dispatch, ran time.Duration, more ...slog.Attr) {
	attrs := append(attrsOf(d), slog.Duration("ran", ran), slog.Duration("limit", l.lim.SlowDispatch))
	if d.Ended != 0 {
		attrs = append(attrs, slog.Duration("cpu", d.CPU), slog.String("outcome", d.Outcome().String()))
	}
	l.log.LogAttrs(context.Background(), slog.LevelWarn, "slow dispatch", append(attrs, more...)...)
}

// attrsOf names a dispatch in the log.
func attrsOf(d *Dispatch) []slog.Attr {
	return []slog.Attr{
		slog.String("dispatch", d.ID.String()), slog.String("tenant", d.Tenant.String()),
		slog.String("kind", d.Kind.String()), slog.String("event", d.Event),
		slog.Int("worker", int(d.Worker)), slog.Uint64("generation", uint64(d.Generation)),
	}
}

// logUnawaited logs the failure of an event that nobody waited for.
func (l *Ledger) logUnawaited(e *entry) {
	s := e.book.shard
	s.mu.Lock()
	d := e.snapshotLocked()
	s.mu.Unlock()
	kind, text := d.Outcome(), ""
	if d.Err != nil {
		text = d.Err.Text
	} else if r := d.Failed(); r != nil {
		text = r.Template + ": " + r.Text
	}
	l.log.LogAttrs(context.Background(), level(kind), "event nobody waited for failed",
		append(attrsOf(&d), slog.String("outcome", kind.String()), slog.String("owner", kind.Owner().String()), slog.String("err", text))...)
}

// level is warn for what an operator may have to act on; a script's own error is
// in its tenant's log.
func level(kind khronos.ErrorKind) slog.Level {
	if kind.Owner() == khronos.OwnerScript {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}
