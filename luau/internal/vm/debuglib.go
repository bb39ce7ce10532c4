package vm

// DebugNatives gives the functions of the debug library.
func DebugNatives() []*Native {
	return []*Native{
		{header: sharedHeader(), Name: "info", Fn: debugInfo},
		{header: sharedHeader(), Name: "traceback", Fn: debugTraceback},
	}
}

// target gives the coroutine that the first argument may name, and how many arguments that takes.
func (c *Call) target() (*Coroutine, int) {
	if v := c.Arg(0); v.Kind() == KindCoroutine {
		return v.AsCoroutine(), 1
	}
	return c.co, 0
}

// levelsPerFuel is how many calls in progress are looked at for a unit of fuel.
const levelsPerFuel = 4

// debugTraceback: traceback([co,] message, level).
func debugTraceback(c *Call) error {
	co, n := c.target()
	msg, err := c.OptString(n, "")
	if err != nil {
		return err
	}
	level := 0
	if co == c.co {
		level = 1
	}
	if level, err = c.OptInt(n+1, level); err != nil {
		return err
	}
	if level < 0 {
		return c.ArgError(n+1, "level can't be negative")
	}
	if co == c.co && level > 0 {
		level-- // the native itself has no frame
	}
	if err := c.Charge(int64(co.nf)/levelsPerFuel + int64(len(msg))/64); err != nil {
		return err
	}
	text := co.Traceback(msg, level)
	if err := c.Charge(int64(len(text) / 64)); err != nil {
		return err
	}
	v, err := c.vm.NewString(text)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// subject is what debug.info tells about: a function, and a frame if it is running.
type subject struct {
	fn     Value
	frame  *frame
	native *Native
}

// debugInfo: info([co,] level or function, options).
func debugInfo(c *Call) error {
	co, n := c.target()
	s, ok, err := c.subject(co, n)
	if err != nil {
		return err
	}
	opts, err := c.infoOptions(n + 1)
	if err != nil {
		return err
	}
	if !ok {
		return c.Return0()
	}
	var out []Value
	for i := range len(opts) {
		vs, err := s.info(c.vm, opts[i])
		if err != nil {
			return err
		}
		out = append(out, vs...)
	}
	return c.Return(out...)
}

func (c *Call) subject(co *Coroutine, n int) (subject, bool, error) {
	switch v := c.Arg(n); v.Kind() {
	case KindClosure:
		return subject{fn: v}, true, nil
	case KindNative:
		return subject{fn: v, native: v.AsNative()}, true, nil
	case KindNumber:
		level, err := c.CheckInt(n)
		if err != nil {
			return subject{}, false, err
		}
		if level < 0 {
			return subject{}, false, c.ArgError(n, "level can't be negative")
		}
		if err := c.Charge(int64(co.nf) / levelsPerFuel); err != nil {
			return subject{}, false, err
		}
		if co == c.co {
			if level == 0 {
				return subject{fn: c.native.Value(), native: c.native}, true, nil
			}
		} else {
			level++
		}
		s, ok := co.subjectAt(level)
		return s, ok, nil
	}
	return subject{}, false, c.ArgError(n, "function or level expected")
}

// subjectAt tells what runs at a level.
func (co *Coroutine) subjectAt(level int) (subject, bool) {
	f := co.level(level)
	if f == nil {
		if co.fresh() && level == 1 {
			return subject{fn: co.stack[0]}, true
		}
		return subject{}, false
	}
	if f.kind == frameScript {
		return subject{fn: f.cl.Value(), frame: f}, true
	}
	return subject{frame: f, native: co.nativeOf(f)}, true
}

// nativeOf gives the native a frame stands for; nil if it is not on record.
func (co *Coroutine) nativeOf(f *frame) *Native {
	if f.kind == frameBoundary {
		return co.vm.calls[f.nvar].native
	}
	if !f.kind.keeps() {
		return nil
	}
	for i := co.nf - 1; i > 0; i-- {
		if &co.frames[i] == f {
			return co.waitOf(i).native
		}
	}
	return nil
}

func (c *Call) infoOptions(i int) (string, error) {
	opts, err := c.CheckString(i)
	if err != nil {
		return "", err
	}
	var seen [256]bool
	for j := range len(opts) {
		o := opts[j]
		switch o {
		case 's', 'l', 'n', 'f', 'a':
		default:
			return "", c.ArgError(i, "invalid option")
		}
		if seen[o] {
			return "", c.ArgError(i, "duplicate option")
		}
		seen[o] = true
	}
	return opts, nil
}

// info gives the values of one option.
func (s subject) info(vm *VM, opt byte) ([]Value, error) {
	var p *Proto
	if s.fn.Kind() == KindClosure {
		p = s.fn.AsClosure().proto
	}
	switch opt {
	case 's':
		if p == nil {
			return textValue(vm, "[C]")
		}
		return textValue(vm, p.chunk)
	case 'l':
		switch {
		case p == nil:
			return []Value{Number(-1)}, nil
		case s.frame != nil:
			return []Value{Number(float64(s.frame.line()))}, nil
		}
		return []Value{Number(float64(p.line))}, nil
	case 'n':
		if p == nil {
			name := ""
			if s.native != nil {
				name = s.native.Name
			}
			return textValue(vm, name)
		}
		return textValue(vm, p.name)
	case 'f':
		if s.fn.IsNil() && s.native != nil {
			return []Value{s.native.Value()}, nil
		}
		return []Value{s.fn}, nil
	}
	if p == nil {
		return []Value{Number(0), True}, nil
	}
	return []Value{Number(float64(p.numParams)), Bool(p.vararg)}, nil
}

func textValue(vm *VM, s string) ([]Value, error) {
	v, err := vm.NewString(s)
	return []Value{v}, err
}
