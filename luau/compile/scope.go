package compile

import (
	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// local says where a local lives.
//
//	constant                known while compiling: no register, no capture
//	never written           a register; closures copy the value
//	written, not captured   a register
//	written and captured    a register that holds a cell; closures copy the cell
//	... and exported        a field of the export table, see exports.go
type local struct {
	home  home
	reg   uint8
	index int32 // asConst: in compiler.known; skipped: in compiler.skips
}

// skip says how a local of a repeat loop came to be undefined in its condition.
type skip struct {
	line int32   // of the continue
	cond ast.Pos // where the condition starts
}

// home is where a local lives.
type home uint8

const (
	inReg home = iota
	inCell
	asConst
	inExports
	skipped // a continue may have jumped over the declaration
)

// shared tells that l needs a cell: closures and their maker must see each other's writes.
func shared(l *ast.Local) bool { return l.Captured && l.Written }

// mark remembers the scope; close returns to it.
type mark struct {
	active, inRegs, base int
}

func (f *function) mark() mark { return mark{len(f.active), f.inRegs, f.base} }

// close ends the scopes opened since m and frees their registers.
func (f *function) close(m mark) {
	f.active = f.active[:m.active]
	f.inRegs = m.inRegs
	f.base, f.top = m.base, m.base
}

// declare brings l into scope in the next register after base, which the caller
// has allocated and filled. A local that needs a cell still has to be boxed.
func (f *function) declare(l *ast.Local) {
	if f.inRegs >= maxLocals {
		f.fail(l.Pos, "Out of local registers when trying to allocate %s: exceeded limit %d", l.Name, maxLocals)
	}
	where := inReg
	switch {
	case f.exported[l]:
		where = inExports
	case shared(l):
		where = inCell
	}
	f.locals[l] = local{home: where, reg: uint8(f.base)}
	f.active = append(f.active, l)
	f.inRegs++
	f.base++
}

// declareConst brings l into scope as a name for v.
func (f *function) declareConst(l *ast.Local, v operand) {
	f.locals[l] = local{home: asConst, index: int32(len(f.known))}
	f.known = append(f.known, v)
	f.active = append(f.active, l)
}

// box puts the value of l into a new cell, or into the export table, if it belongs there.
func (f *function) box(l *ast.Local) {
	switch where := f.locals[l]; where.home {
	case inCell:
		f.emit(bytecode.OpNewCell, int(where.reg), 0, 0, 0)
	case inExports:
		f.store(f.exportTarget(l), int(where.reg))
	}
}

// lookup gives where l lives and checks that it may be read here.
func (f *function) lookup(l *ast.Local) local {
	where, ok := f.locals[l]
	if !ok {
		panic("BUG: local " + l.Name + " is used outside its scope")
	}
	if where.home == skipped {
		s := f.skips[where.index]
		f.fail(s.cond, "Local %s used in the repeat..until condition is undefined because continue statement on line %d jumps over it", l.Name, s.line)
	}
	return where
}

// lives tells that e is a local of f in the register reg.
func (f *function) lives(e *ast.LocalRef, reg int) bool {
	r, ok := f.ownReg(e)
	return ok && r == reg
}

// ownReg gives the register of a local of f that is neither constant nor in a cell.
func (f *function) ownReg(e *ast.LocalRef) (int, bool) {
	if e.Depth != e.Local.Depth {
		return 0, false
	}
	where := f.locals[e.Local]
	return int(where.reg), where.home == inReg
}

// skip makes the locals from active[first] on unusable in the condition of a repeat loop.
func (f *function) skip(first int, s skip) {
	for _, l := range f.active[first:] {
		f.locals[l] = local{home: skipped, index: int32(len(f.skips))}
	}
	f.skips = append(f.skips, s)
}

// upvalue gives the index under which f captures l, which belongs to a function around f.
func (f *function) upvalue(l *ast.Local) int {
	for i, u := range f.upvalues {
		if u == l {
			return i
		}
	}
	if len(f.upvalues) >= maxUpvalues {
		f.fail(l.Pos, "Out of upvalue registers when trying to allocate %s: exceeded limit %d", l.Name, maxUpvalues)
		return 0
	}
	from := f.captureFrom(l)
	f.upvalues = append(f.upvalues, l)
	f.captures = append(f.captures, from)
	return len(f.upvalues) - 1
}

// captureFrom says where the maker of f finds l.
func (f *function) captureFrom(l *ast.Local) bytecode.Capture {
	switch {
	case l.Depth != f.outer.tree.Depth:
		return bytecode.Capture{From: bytecode.FromUp, Index: uint8(f.outer.upvalue(l))}
	case f.self == l:
		return bytecode.Capture{From: bytecode.FromSelf}
	}
	return bytecode.Capture{From: bytecode.FromReg, Index: f.locals[l].reg}
}

// loop is a loop around the statement being compiled.
type loop struct {
	outer     *loop
	breaks    []int
	continues []int
	line      int32 // of the first continue
}

// openLoop enters a loop.
func (f *function) openLoop() *loop {
	f.loop = &loop{outer: f.loop}
	return f.loop
}

// closeLoop leaves the innermost loop: its breaks lead to the next instruction.
func (f *function) closeLoop() {
	f.patchAll(f.loop.breaks)
	f.loop = f.loop.outer
}

// noteContinue remembers the first continue.
func (l *loop) noteContinue(s *ast.Continue) {
	if l.line == 0 {
		l.line = s.At.Start.Line
	}
}
