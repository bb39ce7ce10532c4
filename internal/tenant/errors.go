package tenant

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// noMemory is the message of a script error for one object that is too large.
const noMemory = "not enough memory"

// vmError turns what a VM ended a thread with into an error for the caller.
// fatal tells that the VM cannot be used any more.
func (t *tenant) vmError(err error) (e *khronos.Error, fatal bool) {
	var script *luau.ScriptError
	if errors.As(err, &script) {
		e := &khronos.Error{Kind: khronos.ErrKindScriptError, Text: script.Msg, Trace: script.Traceback}
		if script.Msg == noMemory {
			e.Kind, e.Text = khronos.ErrKindMemoryLimit, t.memoryText()
		}
		return e, false
	}
	var limit *luau.LimitError
	if errors.As(err, &limit) {
		return t.limitError(limit), limit.Kind == luau.LimitMemory
	}
	t.rt.cfg.Log.Error("script machine failed", "tenant", t.id.String(), "cause", err)
	return khronos.Errorf(khronos.ErrKindInternal, "the script's machine failed"), true
}

func (t *tenant) limitError(limit *luau.LimitError) *khronos.Error {
	e := &khronos.Error{Kind: khronos.ErrKindInternal, Text: limit.Error(), Trace: limit.Traceback}
	switch limit.Kind {
	case luau.LimitFuel:
		e.Kind = khronos.ErrKindCPULimit
		e.Text = fmt.Sprintf("over the limit of %s CPU time for one dispatch (cpu_hard)", t.rt.cfg.Limits.CPUHard)
	case luau.LimitMemory:
		e.Kind, e.Text = khronos.ErrKindMemoryLimit, t.memoryText()
	}
	return e
}

func (t *tenant) memoryText() string {
	return fmt.Sprintf("over the tenant's limit of %s of memory (heap_bytes)", sizeText(t.rt.cfg.Limits.HeapBytes))
}

// inspected names the limits of an inspection in an error that met one.
func (t *tenant) inspected(e *khronos.Error) *khronos.Error {
	lim := &t.rt.cfg.Limits
	switch e.Kind {
	case khronos.ErrKindCPULimit:
		e.Text = fmt.Sprintf("init.luau is over the limit of %s CPU time for loading (inspect_cpu)", lim.InspectCPU)
	case khronos.ErrKindMemoryLimit:
		e.Text = fmt.Sprintf("init.luau is over the limit of %s of memory for loading (inspect_heap_bytes)", sizeText(lim.InspectHeapBytes))
	}
	return e
}

// blame gives a script error that is only the uncaught error of a host call the
// kind of that: a broken store is not the script's fault. Kinds that say that
// the work has not begun are not true of a script that runs.
func blame(e, fault *khronos.Error) {
	if fault == nil || e.Kind != khronos.ErrKindScriptError || !strings.HasSuffix(e.Text, fault.Text) || fault.Kind.RetrySafe() {
		return
	}
	switch fault.Kind.Owner() {
	case khronos.OwnerPlatform, khronos.OwnerDependency, khronos.OwnerTenantLimit:
		e.Kind, e.ID = fault.Kind, fault.ID
	}
}

// sizeText writes bytes in the largest unit that divides them.
func sizeText(bytes int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if bytes >= unit.size && bytes%unit.size == 0 {
			return strconv.FormatInt(bytes/unit.size, 10) + " " + unit.name
		}
	}
	return strconv.FormatInt(bytes, 10) + " bytes"
}
