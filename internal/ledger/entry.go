package ledger

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/worker"
)

// entry is one dispatch. It is the [worker.Progress] of its dispatch.
type entry struct {
	book     *book
	id       khronos.DispatchID
	kind     Kind
	event    string // of a script its name
	accepted time.Time
	allowed  time.Duration // from acceptance to the deadline

	// Written by the worker's goroutines while the dispatch lives, and late
	// calls do no harm: nothing reads them as newer than ended.
	sent, started atomic.Int64 // ns after accepted; 0 is not yet
	where         atomic.Uint64
	sends         atomic.Int32
	fuel, heap    atomic.Int64
	slow          atomic.Bool // has been logged

	// The fields below are guarded by the shard's lock.
	ended      time.Duration // after accepted; 0 is not yet
	err        *khronos.Error
	runs       []Run
	first      [1]Run // runs, mostly
	prev, next *entry // in the shard's list of live ones
}

// where packs a worker and a generation into one word.
const generationBits = 44

func packWhere(w khronos.WorkerID, gen khronos.Generation) uint64 {
	return uint64(w)<<generationBits | uint64(gen)&(1<<generationBits-1)
}

func unpackWhere(n uint64) (khronos.WorkerID, khronos.Generation) {
	return khronos.WorkerID(n >> generationBits), khronos.Generation(n & (1<<generationBits - 1))
}

// age is the time since acceptance, never 0.
func (e *entry) age() time.Duration { return max(time.Since(e.accepted), 1) }

// ID is the dispatch's.
func (e *entry) ID() khronos.DispatchID { return e.id }

// Sent notes the generation that gets the dispatch.
func (e *entry) Sent(w khronos.WorkerID, gen khronos.Generation) {
	e.where.Store(packWhere(w, gen))
	e.sent.Store(int64(e.age()))
	e.sends.Add(1)
}

// Started notes when the script began; only the first time counts.
func (e *entry) Started() {
	if e.started.Load() == 0 {
		e.started.CompareAndSwap(0, int64(e.age()))
	}
}

// Used notes the cost.
func (e *entry) Used(u khronos.Usage) {
	e.fuel.Store(u.Fuel)
	e.heap.Store(u.HeapBytes)
}

// Ended ends a dispatch that nobody waits for.
func (e *entry) Ended(out khronos.Outcome) {
	e.Used(out.Usage)
	e.end(out)
	if kind := e.failure(); kind != khronos.ErrKindOK {
		e.book.shard.ledger.logUnawaited(e)
	}
}

// told is an entry and the Progress of whoever had it dispatched. It lives no
// longer than the dispatch, unlike the entry.
type told struct {
	*entry
	outer worker.Progress
}

func (t told) Sent(w khronos.WorkerID, gen khronos.Generation) {
	t.entry.Sent(w, gen)
	t.outer.Sent(w, gen)
}

func (t told) Started() {
	t.entry.Started()
	t.outer.Started()
}

func (t told) Used(u khronos.Usage) {
	t.entry.Used(u)
	t.outer.Used(u)
}

func (t told) Ended(out khronos.Outcome) {
	t.entry.Ended(out)
	t.outer.Ended(out)
}

// end ends the dispatch.
func (e *entry) end(out khronos.Outcome) {
	runs := e.runsOf(out)
	e.book.shard.end(e, out.Err, runs)
}

// failure is the kind with which the dispatch has ended: its own, or that of the
// first template that has not ended well. It is for the goroutine that has ended
// the dispatch, or under the lock.
func (e *entry) failure() khronos.ErrorKind {
	if e.err != nil {
		return e.err.Kind
	}
	for i := range e.runs {
		if e.runs[i].Kind != khronos.ErrKindOK {
			return e.runs[i].Kind
		}
	}
	return khronos.ErrKindOK
}

// runsOf reads the result of an event: a List with one Map per template, or
// Null. The texts are copies, because the value holds the whole reply; of the
// templates' names the shard has copies.
func (e *entry) runsOf(out khronos.Outcome) []Run {
	if e.kind != KindEvent || out.Err != nil {
		return nil
	}
	runs := e.first[:0]
	for _, item := range out.Value.Items() {
		template := textOf(item, "id")
		if textOf(item, "type") == "ok" {
			runs = append(runs, Run{Template: template})
			continue
		}
		version, _ := item.Get("version")
		n, _ := version.AsInteger()
		runs = append(runs, Run{
			Template: template, Version: n, Kind: khronos.ParseErrorKind(textOf(item, "kind")),
			Text: clip(textOf(item, "value"), maxTextBytes), Trace: clip(textOf(item, "trace"), maxTraceBytes),
		})
	}
	return runs
}

func textOf(item khronos.Value, key string) string {
	v, _ := item.Get(key)
	text, _ := v.AsText()
	return text
}

// What is kept of an error: a script chooses how long its message is.
const (
	maxTextBytes  = 1 << 10
	maxTraceBytes = 2 << 10
)

// clip copies at most n bytes of text.
func clip(text string, n int) string {
	if len(text) <= n {
		return strings.Clone(text)
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}

// clipError copies what is kept of err.
func clipError(err *khronos.Error) *khronos.Error {
	if err == nil {
		return nil
	}
	return &khronos.Error{Kind: err.Kind, Text: clip(err.Text, maxTextBytes), Trace: clip(err.Trace, maxTraceBytes), ID: strings.Clone(err.ID)}
}
