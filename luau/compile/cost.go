package compile

import "github.com/template-worker/template-worker/luau/internal/bytecode"

// setCosts fills in the fuel that calls and returns charge: the largest number of
// instructions on any forward path from the function's start, or from the call
// before, up to and including the charging one. Backward jumps charge the length of
// their loop on their own, so a turn of a loop never costs less than it executes.
func (f *function) setCosts() {
	n := len(f.code)
	if cap(f.costs) < n+1 {
		f.costs = make([]int32, n+1, 2*n+1)
	}
	costs := f.costs[:n+1] // instructions run before each one since the last charge
	clear(costs)
	for pc, in := range f.code {
		c := costs[pc] + 1
		switch op := in.Op(); op {
		case bytecode.OpCall, bytecode.OpReturn, bytecode.OpReturn0, bytecode.OpReturn1:
			f.code[pc] = bytecode.Make(op, in.A(), in.B(), in.C(), c)
			c = 0
		default:
			if op.IsJump() && in.Imm() >= 0 {
				to := pc + 1 + int(in.Imm())
				costs[to] = max(costs[to], c)
			}
		}
		if in.Op().Falls() {
			costs[pc+1] = max(costs[pc+1], c)
		}
	}
}
