package worker

import (
	"context"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

const (
	// wornEvery is how often a Pool looks for workers that should be replaced.
	wornEvery = time.Second
	// wornPause is how long a worker is left alone after it was replaced for
	// being worn, or could not be.
	wornPause = 5 * time.Minute
)

// RestartStep is what a restart has done with one worker.
type RestartStep struct {
	Worker  khronos.WorkerID
	From    khronos.Generation // that took work before; 0 if there was none
	To      khronos.Generation // that takes work now
	Skipped string             // why the worker was left as it is; empty if it was not
	Err     error              // why it could not be replaced; the old generation goes on
	Took    time.Duration
}

// Restart replaces all workers, one after the other.
func (p *Pool) Restart(ctx context.Context, why string) error {
	return p.RestartEach(ctx, RestartPlan{Why: why, Rolling: true}, func(RestartStep) {})
}

// RestartPlan says which workers to replace, and how.
type RestartPlan struct {
	Why     string
	Workers []khronos.WorkerID // empty means all

	// Rolling means one after the other in slot order, and an end at the first
	// that cannot be replaced: those after it are not touched. Otherwise all
	// are replaced at the same time, whatever happens to the others.
	Rolling bool
}

// RestartEach replaces the workers of plan that are not killed, each as its
// Restart says, and hands what became of each to report, one call at a time. The
// error is that of the first that could not be replaced, or says that another
// restart is under way or that there is no such worker.
func (p *Pool) RestartEach(ctx context.Context, plan RestartPlan, report func(RestartStep)) error {
	workers, err := p.chosen(plan.Workers)
	if err != nil {
		return err
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	default:
		return khronos.Errorf(khronos.ErrKindTenantBusy, "workers are being replaced already")
	}
	if plan.Rolling {
		for _, w := range workers {
			step := restartOne(ctx, w, plan.Why)
			report(step)
			if step.Err != nil {
				return step.Err
			}
		}
		return nil
	}
	steps := make(chan RestartStep, len(workers))
	for _, w := range workers {
		go func() { steps <- restartOne(ctx, w, plan.Why) }()
	}
	var failed error
	for range workers {
		step := <-steps
		report(step)
		if failed == nil {
			failed = step.Err
		}
	}
	return failed
}

// chosen gives the workers with these ids, in their order; all for none.
func (p *Pool) chosen(ids []khronos.WorkerID) ([]Worker, error) {
	if len(ids) == 0 {
		return p.workers, nil
	}
	list := make([]Worker, len(ids))
	for i, id := range ids {
		w, ok := p.Worker(id)
		if !ok {
			return nil, khronos.Errorf(khronos.ErrKindNotFound, "there is no worker %d", id)
		}
		list[i] = w
	}
	return list, nil
}

// restartOne replaces w, unless it was killed.
func restartOne(ctx context.Context, w Worker, why string) RestartStep {
	began := time.Now()
	before := w.Status()[0]
	step := RestartStep{Worker: w.ID()}
	if before.State == StateKilled {
		step.Skipped = "it was killed, and stays down until it is started"
		return step
	}
	if before.State == StateReady {
		step.From = before.Generation
	}
	step.Err = w.Restart(ctx, why)
	step.To, step.Took = w.Status()[0].Generation, time.Since(began)
	return step
}

// replaceWorn replaces workers that are worn, one at a time, until ctx ends.
func (p *Pool) replaceWorn(ctx context.Context) {
	tick := time.NewTicker(wornEvery)
	defer tick.Stop()
	rested := make([]time.Time, len(p.workers)) // when each may be replaced again
	for {
		select {
		case <-tick.C:
			p.replaceFirstWorn(ctx, rested)
		case <-ctx.Done():
			return
		}
	}
}

func (p *Pool) replaceFirstWorn(ctx context.Context, rested []time.Time) {
	for i, w := range p.workers {
		worn := w.Status()[0].Worn
		if worn == "" || time.Now().Before(rested[i]) {
			continue
		}
		select {
		case p.turn <- struct{}{}:
		default:
			return // a restart is under way
		}
		_ = w.Restart(ctx, worn) // the worker has told its listeners why it could not
		<-p.turn
		rested[i] = time.Now().Add(wornPause)
		return
	}
}
