package luautest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/template-worker/template-worker/luau"
)

// Case is one file of the reference's conformance suite.
type Case struct {
	File      string
	Skip      string         // why it is not run; "" if it is
	Natives   []*luau.Native // what the file expects of its host
	Values    []luau.Field   // other globals
	Vectors   *luau.Table    // metatable of vectors, if not the library's
	MaxBytes  int64          // size of one object; 0 for no limit
	Edits     []Edit         // what does not apply here
	Cover     bool           // compile with counters of visits
	AsWritten bool           // run without optimization only

	// Yields is the host's part whenever the script yields; nil if it never does.
	Yields func(vm *luau.VM, co *luau.Coroutine) error
	// Then is the host's part, after the script has returned "OK"; nil if there is none.
	Then func(vm *luau.VM) error
}

// Mode is a way to run a case.
type Mode struct {
	Name     string
	Optimize int
	Slice    int64 // fuel between two looks at the clock
}

// sliceFuel is the fuel between two looks at the clock.
const sliceFuel = 10_000_000

// The modes: code as written, as scripts run by default, and stopped at nearly every loop turn, call and return.
var (
	asWritten = Mode{"O0", luau.NoOptimize, sliceFuel}
	byDefault = Mode{"O1", 0, sliceFuel}
	inSlices  = Mode{"slices", 0, 1}
)

// Modes gives how a case is run.
func (cs Case) Modes() []Mode {
	if cs.AsWritten {
		return []Mode{asWritten}
	}
	return []Mode{asWritten, byDefault, inSlices}
}

// Edit takes a passage out of a file, or puts another in its place.
type Edit struct {
	Old, New string
	Why      string
}

// Result is how a case ended: Err is nil if the script returned "OK".
type Result struct {
	Err  error
	Took time.Duration
}

// Run runs the case's file from a folder in a mode, no longer than limit.
func (cs Case) Run(dir string, mode Mode, limit time.Duration) (r Result) {
	start := time.Now()
	defer func() { r.Took = time.Since(start) }()
	src, err := os.ReadFile(filepath.Join(dir, cs.File))
	if err != nil {
		return Result{Err: err}
	}
	for _, e := range cs.Edits {
		if !bytes.Contains(src, []byte(e.Old)) {
			return Result{Err: fmt.Errorf("%s: %q is not there any more: remove the edit", cs.File, e.Old)}
		}
		src = bytes.ReplaceAll(src, []byte(e.Old), []byte(e.New))
	}
	code, err := luau.Options{Optimize: mode.Optimize, Cover: cs.Cover}.Compile("="+cs.File, src)
	if err != nil {
		return Result{Err: err}
	}
	base := cs.base()
	vm := luau.NewVM(base, luau.Config{MaxObjectBytes: cs.MaxBytes})
	defer vm.Close()
	fn, err := vm.NewFunction(luau.Load(base, code), nil)
	if err != nil {
		return Result{Err: err}
	}
	vm.SetSlice(mode.Slice)
	if err := cs.finish(vm, fn, start.Add(limit)); err != nil || cs.Then == nil {
		return Result{Err: err}
	}
	vm.SetSlice(0)
	if err := cs.Then(vm); err != nil {
		return Result{Err: fmt.Errorf("the host's part: %w", err)}
	}
	return Result{}
}

// base makes the base of a case: the standard one and what the suite's host adds.
func (cs Case) base() *luau.Base {
	return luau.NewBase(func(b *luau.BaseBuilder) {
		luau.OpenAll(b)
		b.Natives(luau.LoadString)
		b.Natives(cs.Natives...)
		for _, f := range cs.Values {
			b.Set(f.Name, f.Value)
		}
		if cs.Vectors != nil {
			b.SetVectorMeta(cs.Vectors)
		}
	})
}

// finish runs fn as the main thread to its end, which must be the text "OK".
func (cs Case) finish(vm *luau.VM, fn luau.Value, deadline time.Time) error {
	co, err := vm.NewThread(fn)
	if err != nil {
		return err
	}
	for {
		st, err := vm.Resume(co)
		var script *luau.ScriptError
		switch {
		case errors.As(err, &script):
			return fmt.Errorf("%w\n%s", err, script.Traceback)
		case err != nil:
			return err
		case time.Now().After(deadline):
			return errors.New("takes too long")
		case st == luau.StatusSliced:
			continue
		case st == luau.StatusYielded && cs.Yields != nil:
			if err := cs.Yields(vm, co); err != nil {
				return fmt.Errorf("the host's part: %w", err)
			}
			continue
		case st != luau.StatusDone:
			return fmt.Errorf("ended with status %d", st)
		}
		if out := co.Results(); len(out) != 1 || out[0].Kind() != luau.KindString || out[0].AsString().Str() != "OK" {
			return errors.New("did not return OK")
		}
		return nil
	}
}
