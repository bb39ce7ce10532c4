package vm

// A thread that waits keeps a stack and frame list of up to these sizes as they
// are; larger ones that are mostly empty shrink to twice what is in use.
const (
	idleStack  = 4 * firstStack
	idleFrames = 4 * firstFrames
)

// rest gives back what a deep recursion has left of room, once the thread waits
// for the host. A thread that recurses as deep each time it is woken pays for
// that by growing again, which costs no more than the recursion itself.
func (co *Coroutine) rest() {
	before := co.size()
	if n := int(co.nf); len(co.frames) > idleFrames && 4*n <= len(co.frames) {
		co.frames = append(make([]frame, 0, 2*n), co.frames[:n]...)[:2*n]
	}
	if n := co.reach(); len(co.stack) > idleStack && 4*n <= len(co.stack) {
		co.stack = append(make([]Value, 0, 2*n), co.stack[:n]...)[:2*n]
	}
	co.vm.credit(before - co.size())
}

// reach gives the end of the slots that the frames in progress may use.
func (co *Coroutine) reach() int {
	end := co.extent()
	for i := range co.frames[:co.nf] {
		if f := &co.frames[i]; f.kind == frameScript {
			end = max(end, int(f.base)+int(f.cl.proto.maxStack))
		}
	}
	return min(end, len(co.stack))
}
