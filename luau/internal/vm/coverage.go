package vm

import (
	"cmp"
	"slices"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// Coverage tells how often the lines of one function were reached. A line
// without a statement, such as one that only says end, is not in it.
type Coverage struct {
	Function string // "" for an anonymous function and the main chunk
	Line     int    // of its definition; 0 for the main chunk
	Depth    int    // 0 for the function asked for, 1 for those defined in it, and so on
	Lines    []LineVisits
}

// LineVisits counts the visits of one line: of its statement that was reached most often.
type LineVisits struct {
	Line   int
	Visits uint64
}

// Coverage gives the visits of all functions of the program by all machines
// since it was loaded, the main chunk first, each followed by those defined in
// it. It is nil unless the code was compiled with Cover. It is safe for
// concurrent use.
func (p *Program) Coverage() []Coverage { return p.Main.coverage(nil, 0) }

// Coverage gives the visits of the function's code and of functions defined in it, as [Program.Coverage] does.
func (c *Closure) Coverage() []Coverage { return c.proto.coverage(nil, 0) }

func (p *Proto) coverage(list []Coverage, depth int) []Coverage {
	if p.visits != nil {
		list = append(list, Coverage{Function: p.name, Line: int(p.line), Depth: depth, Lines: p.lineVisits()})
	}
	for _, child := range p.protos {
		list = child.coverage(list, depth+1)
	}
	return list
}

// lineVisits gives the visits of the function's own lines in their order.
func (p *Proto) lineVisits() []LineVisits {
	most := make(map[int32]uint64)
	for pc, in := range p.code {
		if in.Op() == bytecode.OpCover {
			line := p.lines[pc]
			most[line] = max(most[line], p.visits[in.Imm()].Load())
		}
	}
	out := make([]LineVisits, 0, len(most))
	for line, n := range most {
		out = append(out, LineVisits{Line: int(line), Visits: n})
	}
	slices.SortFunc(out, func(a, b LineVisits) int { return cmp.Compare(a.Line, b.Line) })
	return out
}

// visit counts one visit of a place. Machines on other goroutines may do so at the same time.
//
//go:noinline
func (p *Proto) visit(place int32) { p.visits[place].Add(1) }
