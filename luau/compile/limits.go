package compile

import (
	"fmt"

	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/syntax"
)

// The limits of one function, as in the reference where it has one.
const (
	maxRegisters = 255
	maxLocals    = 200
	maxUpvalues  = 200
	maxConsts    = 1 << 23
	maxChildren  = 1 << 15
	maxCode      = 1 << 24 // far below what a jump offset can hold
	maxFolded    = 4096    // bytes of a string made by folding
	maxTemplate  = 32      // keys of a constructor's template
	maxDepth     = 4000    // nesting of the tree; the parser refuses 1000, so only trees from elsewhere meet this
)

// fail records the first error. Compilation goes on, so that callers need no
// error paths, but its result is thrown away.
func (c *compiler) fail(pos ast.Pos, format string, args ...any) {
	if c.err == nil {
		c.err = &syntax.Error{Chunk: c.chunk, Pos: pos, Msg: fmt.Sprintf(format, args...)}
	}
}

// enter counts one level of nesting; false means: do not go deeper.
// Every enter that returned true is paired with a leave.
func (c *compiler) enter(pos ast.Pos) bool {
	if c.depth >= maxDepth {
		c.fail(pos, "Exceeded nesting limit; simplify the code to compile")
		return false
	}
	c.depth++
	return c.err == nil || c.drop()
}

func (c *compiler) leave() { c.depth-- }

// drop undoes the count of enter once an error is known: nothing more needs compiling.
func (c *compiler) drop() bool {
	c.depth--
	return false
}
