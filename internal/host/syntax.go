package host

import (
	"errors"
	"fmt"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// sourceError says where a source is no Luau.
type sourceError struct {
	file         string
	line, column int
	message      string
}

func newSourceError(file string, err error) error {
	var syntax *luau.SyntaxError
	if !errors.As(err, &syntax) {
		return fmt.Errorf("compile %s: %w", file, err)
	}
	return &sourceError{file: file, line: int(syntax.Pos.Line), column: int(syntax.Pos.Column), message: syntax.Msg}
}

func (e *sourceError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.file, e.line, e.column, e.message)
}

// SyntaxError gives the script_error, "file:line:column: message", of an error of
// [Loader.Main] or [Loader.Script] that comes from the source. See RATIONALE.md,
// "Why syntax errors of an upload are the script's fault and not a bad request".
func SyntaxError(err error) (*khronos.Error, bool) {
	var source *sourceError
	if !errors.As(err, &source) {
		return nil, false
	}
	return khronos.Errorf(khronos.ErrKindScriptError, "%s", source.Error()), true
}
