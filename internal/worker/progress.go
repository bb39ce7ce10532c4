package worker

import (
	"context"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Progress is told what happens to one dispatch. Its methods must not block and
// may be called from any goroutine; Sent and Started also come late, after the
// dispatch has ended, and must be harmless then.
type Progress interface {
	// ID is the dispatch's name; 0 when it has none.
	ID() khronos.DispatchID

	// Sent says that the dispatch is about to be handed to a generation of a
	// worker; again when it is sent to another one. It comes before the Started
	// of that generation.
	Sent(w khronos.WorkerID, gen khronos.Generation)

	// Started says that the script's first instruction is about to run, or has
	// certainly run; it may be called more than once.
	Started()

	// Used says what the dispatch has cost, before a method that waits returns.
	// It is not called when nobody knows.
	Used(u khronos.Usage)

	// Ended is for DispatchEventNoWait: once for each event that was accepted,
	// and the last call but for late ones. The other methods return the outcome.
	Ended(out khronos.Outcome)
}

type progressKey struct{}

// WithProgress returns a ctx that carries p to the worker that gets it.
func WithProgress(ctx context.Context, p Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, p)
}

// ProgressOf returns what WithProgress put into ctx, or one that does nothing.
func ProgressOf(ctx context.Context) Progress {
	if p, ok := ctx.Value(progressKey{}).(Progress); ok {
		return p
	}
	return noProgress{}
}

type noProgress struct{}

func (noProgress) ID() khronos.DispatchID                    { return 0 }
func (noProgress) Sent(khronos.WorkerID, khronos.Generation) {}
func (noProgress) Started()                                  {}
func (noProgress) Used(khronos.Usage)                        {}
func (noProgress) Ended(khronos.Outcome)                     {}

// answerTime is how much earlier than its caller a script meets its deadline, at
// most: the answer that says what it was doing needs time to arrive.
const answerTime = 50 * time.Millisecond

// ScriptDeadline is the deadline of a script whose caller waits until deadline: a
// twentieth of the time that is left earlier, and no more than 50 ms.
func ScriptDeadline(deadline time.Time) time.Time {
	return deadline.Add(-min(max(time.Until(deadline), 0)/20, answerTime))
}
