package vm

// frame is one call in progress on a coroutine. A script frame runs cl; the
// other kinds stand for a native that waits for something and keep what they
// need in the coroutine's waits list.
//
//	stack:  ... | ret: function | varargs ... | base: R[0] R[1] ... R[MaxStack-1] | callee ...
type frame struct {
	cl     *Closure // the function; nil unless kind is frameScript
	pc     int32    // next instruction, valid while the frame is not the running one or a slow path is in progress
	base   int32    // slot of R[0]; for a native frame the end of the slots it keeps
	ret    int32    // slot of the first result
	nvar   int32    // extra arguments, kept in the nvar slots below base
	want   int16    // results the caller takes; -1 leaves the list open and sets top
	kind   frameKind
	finish finish
}

// frameKind tells who runs in a frame.
type frameKind uint8

const (
	frameScript   frameKind = iota
	frameBottom             // the lowest frame of each coroutine: its return ends the coroutine
	frameBoundary           // a native's nested run: its return leaves the loop
	frameCont               // a native that called CallThen; wait holds the continuation
	frameProtect            // the same, errors are caught: ProtectedCallThen
	framePCall              // pcall
	frameXPCall             // xpcall; the handler is in the slot ret
	frameHandler            // xpcall's handler is running for the error in wait
	frameResume             // coroutine.resume: gives true and the values
	frameWrap               // a function made by coroutine.wrap: gives the values
	frameYield              // the coroutine has yielded or not begun to run again
	frameSuspend            // a native waits for the host; wait holds the continuation
)

// finish says what becomes of a frame's results once they lie at ret.
type finish uint8

const (
	finishNone     finish = iota // the frame below is a script frame and takes them as they are
	finishNative                 // the frame below is a native frame
	finishStore                  // R[A] of the instruction that called = first result
	finishIgnore                 // nothing: __newindex
	finishLen                    // as finishStore; must be a number
	finishCompare                // jump as the instruction says; the result's truth replaces the comparison
	finishNotLe                  // the same with the truth inverted: __le answered by __lt with swapped operands
	finishConcat                 // the result becomes the last operand of the concatenation
	finishIter                   // __iter: three results to R[A..A+2], then prepare again
	finishForG                   // generic loop: test the first result
	finishNameCall               // R[A] = first result, the method
	finishImport                 // the result is one step of an import's path; want tells which
)

// isMeta tells whether the call came from a metamethod: such calls count as
// native depth and may not be yielded across.
func (f finish) isMeta() bool { return f >= finishStore && f != finishForG }

// wait is what a native frame keeps while others run.
type wait struct {
	native *Native
	cont   Cont
	state  any
	err    *thrown // frameHandler: the error being handled
	held   int64   // bytes that the native took with Alloc and keeps for its continuation
}
