package host

import (
	"errors"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// Loader holds the files of one template, and the modules of it that one VM has
// loaded. It belongs to the VM's goroutine.
type Loader struct {
	files    map[string]string // never written
	programs *Programs

	modules map[string]*module // by file
	waiting map[*luau.Coroutine]*module
	aliases map[string]aliasFile // by folder, once read
	syntax  *sourceError         // the last one that require has met
	botUser luau.Ref             // ctx.current_user, once asked for
	own     *ownCode             // nil for the template's own files
	unpaid  int64                // fuel that reading aliases has cost since the last call that paid
}

// NewLoader makes the loader of one template VM. files are kept and not changed.
func NewLoader(files map[string]string, programs *Programs) *Loader {
	return &Loader{
		files: files, programs: programs,
		modules: map[string]*module{}, waiting: map[*luau.Coroutine]*module{},
		aliases: map[string]aliasFile{},
	}
}

// Main gives the function of init.luau.
func (l *Loader) Main(vm *luau.VM) (luau.Value, error) {
	source, ok := l.files[khronos.InitFile]
	if !ok {
		return luau.Nil, khronos.Errorf(khronos.ErrKindBadRequest, "the template has no %s", khronos.InitFile)
	}
	return l.Script(vm, khronos.InitFile, source)
}

// Script gives the function of a source that is not a file of the template.
// name is how messages call it.
func (l *Loader) Script(vm *luau.VM, name, code string) (luau.Value, error) {
	program, err := l.programs.get(name, code)
	if err != nil {
		return luau.Nil, err
	}
	return vm.NewFunction(program, nil)
}

// function gives the function of a file.
func (l *Loader) function(c *luau.Call, file string) (luau.Value, error) {
	if l.own != nil {
		return l.own.function(c, file, l.files[file])
	}
	return l.Script(c.VM(), file, l.files[file])
}

// Blame gives the script_error, with its place, for an uncaught error that require
// has raised for a file that is no Luau.
func (l *Loader) Blame(err error) (*khronos.Error, bool) {
	var script *luau.ScriptError
	if l.syntax == nil || !errors.As(err, &script) || !strings.HasSuffix(script.Msg, l.syntax.Error()) {
		return nil, false
	}
	return SyntaxError(l.syntax)
}
