package compile

import (
	"math"
	"slices"

	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// function is one function being compiled.
//
// Registers are a stack:
//
//	R: | locals in scope ... | temporaries ... | free
//	   0                  base               top
//
// A temporary belongs to whoever allocated it; freeing is setting top back.
// Registers below base belong to locals that a script can still read, so an
// expression that is not finished may only write registers from base up.
type function struct {
	*compiler
	outer *function
	tree  *ast.Function

	code   []bytecode.Instr
	lines  []int32
	consts []bytecode.Const
	index  map[constKey]int32
	protos []*bytecode.Proto

	line     int32 // line of the next instruction
	base     int   // registers of locals in scope
	top      int   // first free register
	maxStack int

	active   []*ast.Local // locals in scope, innermost last
	inRegs   int          // how many of active have registers
	upvalues []*ast.Local // captured locals, by upvalue index
	captures []bytecode.Capture
	self     *ast.Local // the local function that this is, if it is never written
	loop     *loop
	costs    []int32 // scratch of setCosts
	places   int32   // counters of visits handed out
}

// constKey identifies a constant of one kind by its bits or its text.
type constKey struct {
	kind bytecode.ConstKind
	bits uint64
	text string
}

// open starts a function: parameters get the first registers, those that need cells get them.
func (c *compiler) open(outer *function, tree *ast.Function) *function {
	f := c.recycled()
	f.outer, f.tree = outer, tree
	f.line = tree.At.Start.Line
	for _, p := range tree.Params {
		f.alloc(1, p.Pos)
		f.declare(p)
	}
	f.base = f.top
	for _, p := range tree.Params {
		f.box(p)
	}
	return f
}

// recycled gives an empty function state.
func (c *compiler) recycled() *function {
	n := len(c.idle)
	if n == 0 {
		return &function{compiler: c, index: make(map[constKey]int32)}
	}
	f := c.idle[n-1]
	c.idle = c.idle[:n-1]
	if len(f.index) > 64 {
		f.index = make(map[constKey]int32) // a map never gets smaller, and clearing a big one for each small function adds up
	}
	clear(f.index)
	clear(f.consts)
	*f = function{
		compiler: c,
		code:     f.code[:0],
		lines:    f.lines[:0],
		consts:   f.consts[:0],
		index:    f.index,
		active:   f.active[:0],
		costs:    f.costs[:0],
	}
	return f
}

// finish ends the function and gives its prototype. f may not be used afterwards.
func (f *function) finish() *bytecode.Proto {
	f.line = f.tree.EndLine
	if !f.endsInReturn() {
		f.emit(bytecode.OpReturn0, 0, 0, 0, 0)
	}
	if f.err == nil {
		f.setCosts()
	}
	p := &bytecode.Proto{
		Name:      f.tree.Name,
		Line:      f.tree.At.Start.Line,
		NumParams: uint8(len(f.tree.Params)),
		Vararg:    f.tree.Vararg,
		MaxStack:  uint8(f.maxStack),
		NumUps:    uint8(len(f.upvalues)),
		Code:      slices.Clone(f.code),
		Lines:     slices.Clone(f.lines),
		Consts:    slices.Clone(f.consts),
		Protos:    f.protos,
		Captures:  f.captures,
		Places:    f.places,
	}
	f.idle = append(f.idle, f)
	return p
}

// endsInReturn tells that the end of the body cannot be reached: its last
// statement is a return, which nothing jumps over.
func (f *function) endsInReturn() bool {
	if f.outer == nil && (len(f.compiler.parsed.Exports) > 0 || f.compiler.parsed.OnlyTypes) {
		return true
	}
	stats := f.tree.Body.Stats
	if len(stats) == 0 {
		return false
	}
	_, ok := stats[len(stats)-1].(*ast.Return)
	return ok
}

// emit appends an instruction on the current line and gives its index.
func (f *function) emit(op bytecode.Op, a, b, c int, imm int32) int {
	if len(f.code) >= maxCode {
		f.fail(f.tree.At.Start, "Exceeded function instruction limit; split the function into parts to compile")
		return 0
	}
	f.code = append(f.code, bytecode.Make(op, uint8(a), uint8(b), uint8(c), imm))
	f.lines = append(f.lines, f.line)
	return len(f.code) - 1
}

// visited counts that execution reaches this point, on the current line.
func (f *function) visited() {
	if f.cover {
		f.emit(bytecode.OpCover, 0, 0, 0, f.places)
		f.places++
	}
}

// pc is the index of the next instruction.
func (f *function) pc() int { return len(f.code) }

// patch makes the forward jump at pc lead to the next instruction.
func (f *function) patch(pc int) {
	in := f.code[pc]
	f.code[pc] = bytecode.Make(in.Op(), in.A(), in.B(), in.C(), int32(f.pc()-pc-1))
}

func (f *function) patchAll(list []int) {
	for _, pc := range list {
		f.patch(pc)
	}
}

// jumpBack emits a backward jump to the instruction to.
func (f *function) jumpBack(to int) {
	f.emit(bytecode.OpJmpBack, 0, 0, 0, int32(to-f.pc()-1))
}

// alloc takes n registers from the top and gives the first.
func (f *function) alloc(n int, pos ast.Pos) int {
	if f.top+n > maxRegisters {
		f.fail(pos, "Out of registers when trying to allocate %d registers: exceeded limit %d", n, maxRegisters)
		return 0
	}
	first := f.top
	f.top += n
	f.maxStack = max(f.maxStack, f.top)
	return first
}

// scratch tells that reg is a temporary: writing it early harms nobody.
func (f *function) scratch(reg int) bool { return reg >= f.base }

// constant gives the index of a constant, which is k with its key.
func (f *function) constant(key constKey, k bytecode.Const) int32 {
	if i, ok := f.index[key]; ok {
		return i
	}
	i := f.addConst(k)
	f.index[key] = i
	return i
}

func (f *function) addConst(k bytecode.Const) int32 {
	if len(f.consts) >= maxConsts {
		f.fail(f.tree.At.Start, "Exceeded constant limit; simplify the code to compile")
		return 0
	}
	f.consts = append(f.consts, k)
	return int32(len(f.consts) - 1)
}

func (f *function) stringConst(s string) int32 {
	return f.constant(constKey{kind: bytecode.ConstString, text: s}, bytecode.Const{Kind: bytecode.ConstString, Str: s})
}

func (f *function) numberConst(n float64) int32 {
	return f.constant(
		constKey{kind: bytecode.ConstNumber, bits: math.Float64bits(n)},
		bytecode.Const{Kind: bytecode.ConstNumber, Number: n},
	)
}
