// Package compile turns a Luau tree into bytecode.
//
// It owns register allocation, the choice of instructions, constant folding, the
// way locals are captured, and the limits that follow from the bytecode. It
// knows nothing of values, tables or libraries at run time: names such as
// math.max become imports that the machine resolves. Everything here is a pure
// function of its arguments, does no I/O, starts no goroutine and is safe for
// concurrent use.
package compile

import (
	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
	"github.com/template-worker/template-worker/luau/syntax"
)

// NoOptimize is the [Options] level that emits every operation as written.
const NoOptimize = -1

// Options change what code is made. The zero value is what scripts should run with.
type Options struct {
	// Optimize is the level: 0 for the default, which folds constants, keeps constant
	// locals out of registers and resolves imports; 1 and 2 are the same today;
	// [NoOptimize] does none of it. A `--!optimize N` comment in the source wins, where
	// N is 0 for none.
	Optimize int
	// Cover adds counters of visits to each statement, elseif and until, and to the
	// code's cost a unit of fuel for each visit.
	Cover bool
	// Syntax goes to the parser; only [Source] reads it.
	Syntax syntax.Options
}

// Source parses and compiles one source file. name is the chunk name as scripts
// see it. The error is always a [*syntax.Error]. src is not kept.
func Source(name string, src []byte, opt Options) (*bytecode.Program, error) {
	ch, err := syntax.Parse(name, src, opt.Syntax)
	if err != nil {
		return nil, err
	}
	p, err := Compile(ch, name, opt)
	if err != nil {
		return nil, err
	}
	p.Source = len(src)
	return p, nil
}

// Compile makes a program from a tree that the parser has built. The error is
// always a [*syntax.Error]: a limit of the bytecode, or a name that a continue
// leaves undefined. The tree is only read.
func Compile(ch *ast.Chunk, name string, opt Options) (*bytecode.Program, error) {
	c := &compiler{
		chunk:  name,
		parsed: ch,
		fold:   optimizes(ch, opt),
		cover:  opt.Cover,
		locals: make(map[*ast.Local]local),
	}
	main := c.main(ch)
	if c.err != nil {
		return nil, c.err
	}
	return &bytecode.Program{Chunk: name, Main: main}, nil
}

func optimizes(ch *ast.Chunk, opt Options) bool {
	if ch.Optimize >= 0 {
		return ch.Optimize > 0
	}
	return opt.Optimize != NoOptimize
}

// compiler is the state shared by all functions of one chunk.
type compiler struct {
	chunk    string
	parsed   *ast.Chunk
	fold     bool
	cover    bool
	locals   map[*ast.Local]local // every local met so far; those out of scope are never asked for
	exports  *ast.Local           // the export table, if locals live in it
	exported map[*ast.Local]bool  // those locals
	known    []operand            // of constant locals
	skips    []skip               // of locals that a continue jumps over
	idle     []*function          // finished function states, for their memory
	depth    int                  // nesting of the tree at this moment
	err      *syntax.Error        // the first error; code made after it is dropped
}

// main compiles the chunk's own function.
func (c *compiler) main(ch *ast.Chunk) *bytecode.Proto {
	f := c.open(nil, ch.Main)
	outer := f.mark()
	f.openExports(ch.Exports)
	f.stats(ch.Main.Body.Stats)
	f.line = ch.Main.EndLine
	if len(ch.Exports) > 0 || ch.OnlyTypes {
		f.returnExports(ch.Exports)
	}
	f.close(outer)
	p := f.finish()
	p.Name, p.Line = "", 0
	return p
}
