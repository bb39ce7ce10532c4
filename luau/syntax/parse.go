// Package syntax turns Luau source into the tree of package ast.
//
// It owns the lexical rules, the grammar, the meaning of names (which local,
// or a global) and the texts of syntax errors. Type annotations are checked for
// syntax and dropped. It does no I/O, keeps nothing between calls and starts no
// goroutine; all functions are safe for concurrent use. Limits on locals,
// registers and constants belong to the compiler.
//
// Lines and columns count from 1, columns and sizes are bytes.
package syntax

import (
	"bytes"
	"fmt"

	"github.com/template-worker/template-worker/luau/ast"
)

const (
	// DefaultMaxSourceBytes is the source size that Options allow when they name none.
	DefaultMaxSourceBytes = 16 << 20
	// MaxErrors is how many errors [ParseAll] collects before it gives up.
	MaxErrors = 100
	// MaxDepth bounds nesting. Blocks, expressions and types count together; so do the
	// operators of one chain and the suffixes of one name, which nest in the tree.
	MaxDepth = 1000
	// MaxTypeParts bounds the members of one union or intersection type.
	MaxTypeParts = 1000
)

// Options change what is accepted. The zero value accepts every feature that the
// reference has switched on by default or in its command-line tools.
type Options struct {
	// MaxSourceBytes refuses longer sources; 0 means [DefaultMaxSourceBytes].
	MaxSourceBytes int
}

// Parse reads one source file and returns its tree. The error is the first one
// found and is always an [*Error]; the chunk is then nil. name goes into errors
// as it is. src is not kept.
func Parse(name string, src []byte, opt Options) (*ast.Chunk, error) {
	chunk, errs := parse(name, src, opt, 1)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return chunk, nil
}

// ParseAll is like [Parse] but goes on after an error and returns up to
// [MaxErrors] of them in the order found. The chunk is nil when there are any.
func ParseAll(name string, src []byte, opt Options) (*ast.Chunk, []*Error) {
	return parse(name, src, opt, MaxErrors)
}

// StripShebang returns src without the text of a first line that starts with #!.
// The line end stays, so line numbers do not move. Only what a command line
// reads from a file has such a line; the parser itself refuses it.
func StripShebang(src []byte) []byte {
	if !bytes.HasPrefix(src, []byte("#!")) {
		return src
	}
	if i := bytes.IndexByte(src, '\n'); i >= 0 {
		return src[i:]
	}
	return nil
}

func parse(name string, src []byte, opt Options, maxErrors int) (*ast.Chunk, []*Error) {
	limit := opt.MaxSourceBytes
	if limit == 0 {
		limit = DefaultMaxSourceBytes
	}
	if len(src) > limit {
		return nil, []*Error{{
			Chunk: name,
			Pos:   ast.Pos{Line: 1, Column: 1},
			Msg:   fmt.Sprintf("Source is too long (%d bytes, limit %d)", len(src), limit),
		}}
	}
	p := newParser(name, src, maxErrors)
	chunk := p.chunk()
	if len(p.errs) > 0 {
		return nil, p.errs
	}
	return chunk, nil
}
