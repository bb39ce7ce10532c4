package luau

import (
	"errors"
	"io"

	"github.com/template-worker/template-worker/luau/compile"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
	"github.com/template-worker/template-worker/luau/internal/vm"
	"github.com/template-worker/template-worker/luau/syntax"
)

// Options change how a source is read and compiled. The zero value is what
// scripts should run with.
type Options struct {
	Optimize       int  // 0 for the default level, [NoOptimize] for code as written
	Cover          bool // count visits of the lines, for [Program.Coverage]; the code runs slower and uses more fuel
	MaxSourceBytes int  // longer sources are refused; 0 means 16 MiB
}

// NoOptimize is the level of [Options] that emits every operation as written.
const NoOptimize = compile.NoOptimize

// Compile makes code of one source text. name is the chunk name: "=init.luau"
// shows as init.luau in messages, "@/a/b.luau" as the path, anything else as the
// first line of a text. The error is always a [*SyntaxError]. It is safe for
// concurrent use and does not keep src.
func Compile(name string, src []byte) (*Code, error) { return Options{}.Compile(name, src) }

// Compile is like the function [Compile], with these options.
func (o Options) Compile(name string, src []byte) (*Code, error) {
	c, err := compile.Source(name, src, compile.Options{
		Optimize: o.Optimize,
		Cover:    o.Cover,
		Syntax:   syntax.Options{MaxSourceBytes: o.MaxSourceBytes},
	})
	if err != nil {
		return nil, shown(err)
	}
	return c, nil
}

// shown gives a syntax error the chunk name that messages show.
func shown(err error) error {
	if e, ok := err.(*SyntaxError); ok {
		e.Chunk = ChunkName(e.Chunk)
	}
	return err
}

// ChunkName gives the form of a chunk name that messages show.
func ChunkName(name string) string {
	return vm.Load(nil, &Code{Chunk: name, Main: &bytecode.Proto{}}).Main.Chunk()
}

// Load makes code ready to run on the machines of a base. The result is immutable
// and may be used from any goroutine; [VM.NewFunction] makes a function of it.
func Load(b *Base, c *Code) *Program { return vm.Load(b, c) }

// Disassemble writes code as text for people.
func Disassemble(w io.Writer, c *Code) error { return bytecode.Disassemble(w, c) }

// Check reads a source without keeping the result and returns all errors found, in order.
func Check(name string, src []byte) []*SyntaxError {
	chunk, errs := syntax.ParseAll(name, src, syntax.Options{})
	if len(errs) == 0 {
		var e *SyntaxError
		if _, err := compile.Compile(chunk, name, compile.Options{}); errors.As(err, &e) {
			errs = []*SyntaxError{e}
		}
	}
	for _, e := range errs {
		e.Chunk = ChunkName(name)
	}
	return errs
}

// StripShebang returns src without the text of a first line that starts with #!.
// Only what is read from a file has such a line; the parser refuses it.
func StripShebang(src []byte) []byte { return syntax.StripShebang(src) }
