package vm

// coStatus is the state of a coroutine.
type coStatus uint8

const (
	coSuspended coStatus = iota // not begun, yielded, or between slices
	coWaiting                   // a native suspended it: only the host may resume it
	coRunning
	coNormal // has resumed another coroutine that is running
	coDead
)

// The first sizes of a coroutine's stack and frame list, and their growth bound.
const (
	firstStack  = 32
	firstFrames = 8
	maxStack    = 1 << 24 // slots; over this the coroutine is out of memory
)

// Coroutine is a script thread: a value stack and a list of frames on the heap.
// No goroutine and no Go stack belongs to it.
type Coroutine struct {
	header
	vm      *VM
	stack   []Value
	frames  []frame // frames[:nf] are in use
	waits   []wait  // one for each native frame that keeps something, in order
	nf      int32
	top     int32 // end of an open list, or of the arguments of the native in progress
	inner   int32 // metamethod calls and nested native runs on this coroutine
	depth   int32 // native depth at which it was resumed
	handler int32 // xpcall handlers running: deeper limits apply
	status  coStatus
	begun   bool
	exact   bool          // a native called from here takes a census: registers above its arguments are dead
	hosted  bool          // the host knows it: a root, see hosted.go
	kept    bool          // by HoldThread: hosted also after it yields
	resumer *Coroutine    // the coroutine that waits for this one
	active  *Coroutine    // of a thread that the host runs: where it was sliced
	paused  *pausedNative // the native at work when it was sliced; nil if a script was
	results []Value       // of a thread that the host runs
	failure *thrown       // what a dead coroutine died of
	env     *Table        // its globals, for loadstring and getfenv(0)
}

// newCoroutine makes a coroutine that will run fn. Charges its memory.
func (vm *VM) newCoroutine(fn Value, env *Table) (*Coroutine, error) {
	if err := vm.charge(sizeCoroutine + stackSize(firstStack) + framesSize(firstFrames)); err != nil {
		return nil, err
	}
	co := &Coroutine{vm: vm, stack: make([]Value, firstStack), frames: make([]frame, firstFrames), env: env}
	co.stack[0] = fn
	co.frames[0] = frame{kind: frameBottom, finish: finishNative, base: 1, want: -1}
	co.nf = 1
	co.top = 1
	return co, nil
}

// size gives the accounted bytes of the coroutine.
func (co *Coroutine) size() int64 {
	n := sizeCoroutine + stackSize(len(co.stack)) + framesSize(len(co.frames)) + waitsSize(cap(co.waits))
	for i := range co.waits {
		n += co.waits[i].held
	}
	if co.paused != nil {
		n += co.paused.w.held
	}
	return n
}

// extent gives the end of the slots that are in use.
func (co *Coroutine) extent() int {
	end := int(co.top)
	if co.exact {
		return end
	}
	for i := int(co.nf) - 1; i >= 0; i-- {
		f := &co.frames[i]
		e := int(f.base)
		if f.kind == frameScript {
			e += int(f.cl.proto.maxStack)
		}
		if e > end {
			end = e
		}
		if f.kind == frameScript {
			break // the frames below end lower, but for their results in flight, which top covers
		}
	}
	return min(end, len(co.stack))
}

// trace visits every value the coroutine keeps alive and clears the slots it
// does not use any more. It is the census's view of a coroutine.
func (co *Coroutine) trace(visit func(Value)) {
	end := co.extent()
	for _, v := range co.stack[:end] {
		if v.p != nil {
			visit(v)
		}
	}
	clear(co.stack[end:])
	for i := range co.frames[:co.nf] {
		if cl := co.frames[i].cl; cl != nil {
			visit(cl.Value())
		}
	}
	clear(co.frames[co.nf:])
	for i := range co.waits {
		co.waits[i].trace(visit)
	}
	if co.paused != nil {
		co.paused.w.trace(visit)
	}
	for _, v := range co.results {
		visit(v)
	}
	if co.failure != nil {
		visit(co.failure.value)
	}
	if co.env != nil {
		visit(co.env.Value())
	}
	if co.resumer != nil {
		visit(co.resumer.Value())
	}
	if co.active != nil {
		visit(co.active.Value())
	}
}

func (w *wait) trace(visit func(Value)) {
	if w.err != nil {
		visit(w.err.value)
	}
	traceState(w.state, visit)
}

// traceState visits what the state of a continuation says it holds.
func traceState(state any, visit func(Value)) {
	if t, ok := state.(Tracer); ok {
		t.Trace(visit)
	}
}

// Tracer is implemented by continuation states that hold script values, so that the census counts them.
type Tracer interface{ Trace(visit func(Value)) }

// grow makes room for the slots below need.
func (co *Coroutine) grow(need int) error {
	n := len(co.stack)
	if need <= n {
		return nil
	}
	if need > maxStack {
		return errNoMemory
	}
	size := max(2*n, need)
	if err := co.vm.charge(stackSize(size) - stackSize(n)); err != nil {
		return err
	}
	s := make([]Value, size)
	copy(s, co.stack)
	co.stack = s
	return nil
}

// push adds a frame. It fails with "stack overflow" at the limit.
func (co *Coroutine) push(f frame) error {
	if int(co.nf) == len(co.frames) {
		if err := co.growFrames(); err != nil {
			return err
		}
	}
	co.frames[co.nf] = f
	co.nf++
	return nil
}

// growFrames makes room for at least one frame more, within the limit.
func (co *Coroutine) growFrames() error {
	n, limit := len(co.frames), co.vm.cfg.MaxFrames
	if co.handler > 0 {
		limit += limit / 8
	}
	if n >= limit {
		if co.handler > 0 {
			return errErrErr
		}
		return co.vm.errorAt(1, "stack overflow")
	}
	size := min(2*n, limit)
	if err := co.vm.charge(framesSize(size) - framesSize(n)); err != nil {
		return err
	}
	fs := make([]frame, size)
	copy(fs, co.frames)
	co.frames = fs
	return nil
}

// cur gives the running frame.
func (co *Coroutine) cur() *frame { return &co.frames[co.nf-1] }

// pushWait records what a native frame keeps.
func (co *Coroutine) pushWait(w wait) error {
	if len(co.waits) == cap(co.waits) {
		n := max(4, 2*cap(co.waits))
		if err := co.vm.charge(waitsSize(n) - waitsSize(cap(co.waits))); err != nil {
			return err
		}
		ws := make([]wait, len(co.waits), n)
		copy(ws, co.waits)
		co.waits = ws
	}
	co.waits = append(co.waits, w)
	return nil
}

// popWait takes the last record back.
func (co *Coroutine) popWait() wait {
	n := len(co.waits) - 1
	w := co.waits[n]
	co.waits[n] = wait{}
	co.waits = co.waits[:n]
	return w
}

// nativeDepth counts what the reference counts against 200: resumes, nested native runs, metamethod calls.
func (co *Coroutine) nativeDepth() int { return int(co.depth + co.inner) }

// Results gives what the coroutine returned or yielded at the last [VM.Resume]; valid until the next.
func (co *Coroutine) Results() []Value { return co.results }

// enterNative checks the limit of native depth before it grows by one.
func (co *Coroutine) enterNative() error {
	n, limit := co.nativeDepth(), co.vm.cfg.MaxNative
	if n < limit {
		return nil
	}
	if co.handler == 0 {
		return errCStack
	}
	if n < limit+limit/8 {
		return nil
	}
	return errErrErr
}
