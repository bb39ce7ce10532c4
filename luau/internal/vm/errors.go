package vm

import "fmt"

// ScriptError is an error a script raised and nothing in it caught.
type ScriptError struct {
	Value     Value  // the error value
	Msg       string // its text; making it ran no script code
	Traceback string // the calls in progress when it was raised
	Chunk     string // where the newest script call stood; "" if there was none
	Line      int
}

func (e *ScriptError) Error() string { return e.Msg }

// thrown is a script error under way: natives return it, the machine unwinds with it.
type thrown struct {
	value   Value
	handled bool // an xpcall handler has made value
}

func (t *thrown) Error() string { return displayString(t.value) }

// errNoMemory is the refusal of one object that is too large; scripts can catch it.
var errNoMemory = &thrown{value: Const("not enough memory").Value()}

// errErrErr ends an error handler that failed.
var errErrErr = &thrown{value: Const("error in error handling").Value()}

// errCStack is the limit of native depth; its position is that of the script line, if one made the call.
const errCStack objectError = "C stack overflow"

// errYield refuses a yield that would leave Go or metamethod calls behind.
var errYield = &thrown{value: Const("attempt to yield across metamethod/C-call boundary").Value()}

// maxMessage bounds a formatted message in bytes, as the reference's buffer does.
const maxMessage = 511

// errorAt makes an error with the position of the frame at level in front; level 1 is the top frame.
func (vm *VM) errorAt(level int, format string, args ...any) error {
	msg := format
	if len(args) > 0 {
		msg = fmt.Sprintf(format, args...)
	}
	if len(msg) > maxMessage {
		msg = msg[:maxMessage]
	}
	return vm.throwText(vm.where(level) + msg)
}

// throwText makes an error of a text.
func (vm *VM) throwText(msg string) error {
	v, err := vm.NewString(msg)
	if err != nil {
		return err
	}
	return &thrown{value: v}
}

// where gives "chunk:line: " of the frame at a level, or "" if it is not a script's.
func (vm *VM) where(level int) string {
	if vm.co == nil {
		return ""
	}
	f := vm.co.level(level)
	if f == nil || f.kind != frameScript {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", f.cl.proto.chunk, f.line())
}

// level finds a frame: 1 is the top one. It gives nil below the last.
func (co *Coroutine) level(n int) *frame {
	for i := int(co.nf) - 1; i > 0; i-- {
		f := &co.frames[i]
		if f.kind == frameHandler {
			continue
		}
		if n--; n == 0 {
			return f
		}
	}
	return nil
}

// line gives the line of the instruction in progress.
func (f *frame) line() int { return f.lineOf(false) }

// lineOf gives the line of the instruction in progress, or of the next one.
func (f *frame) lineOf(next bool) int {
	lines := f.cl.proto.lines
	pc := int(f.pc)
	if !next {
		pc = max(pc-1, 0)
	}
	if pc >= len(lines) {
		return 0
	}
	return int(lines[pc])
}

// failed makes the host's error of what ended a thread.
func (vm *VM) failed(co *Coroutine, err error) error {
	vm.unhost(co)
	switch e := err.(type) {
	case *thrown:
		se := &ScriptError{Value: e.value, Msg: displayString(e.value), Traceback: co.Traceback("", 0)}
		se.Chunk, se.Line = co.position()
		co.end()
		return se
	case *LimitError:
		limit := *e
		if limit.Traceback == "" {
			limit.Traceback = co.Traceback("", 0)
		}
		if limit.Kind == LimitMemory {
			vm.dead = ErrDead
		}
		co.end()
		return &limit
	}
	co.end()
	return err
}

// position tells where the newest script frame stands.
func (co *Coroutine) position() (chunk string, line int) {
	if f := co.newestScript(); f != nil {
		return f.cl.proto.chunk, f.line()
	}
	return "", 0
}

// displayString gives a value's text without running script code.
func displayString(v Value) string {
	switch v.Kind() {
	case KindNil:
		return "nil"
	case KindBoolean:
		return fmt.Sprint(v.AsBool())
	case KindNumber:
		return NumberString(v.AsNumber())
	case KindInteger:
		return fmt.Sprint(v.AsInteger())
	case KindString:
		return v.AsString().Str()
	}
	return "(error object is a " + typeName(v) + " value)"
}

var kindNames = [...]string{"nil", "boolean", "number", "integer", "userdata", "string", "vector", "table", "function", "function", "thread", "buffer", "userdata", "class", "object", "cell"}

// typeName gives what type() gives.
func typeName(v Value) string { return kindNames[v.Kind()] }

// TypeName gives the name of a value's type for messages and typeof: a host
// userdata shows the name of its type or its metatable's __type.
func (vm *VM) TypeName(v Value) string {
	if v.Kind() != KindUserdata {
		return typeName(v)
	}
	u := v.AsUserdata()
	if u.typ != nil && u.typ.Name != "" {
		return u.typ.Name
	}
	return "userdata"
}
