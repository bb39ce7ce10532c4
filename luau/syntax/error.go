package syntax

import (
	"fmt"

	"github.com/template-worker/template-worker/luau/ast"
)

// Error is one syntax error.
type Error struct {
	Chunk string  // the name given to Parse
	Pos   ast.Pos // where the offending text starts
	Msg   string  // without the position
}

// Error gives the form that scripts see: "chunk:LINE: message".
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.Chunk, e.Pos.Line, e.Msg)
}

// Long gives the form for editors: "chunk:LINE:COLUMN: message".
func (e *Error) Long() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Chunk, e.Pos.Line, e.Pos.Column, e.Msg)
}
