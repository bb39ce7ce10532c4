package vm

// The natives that touch the insides of the machine. The library registers them.
var (
	nativeNext       = &Native{header: sharedHeader(), Name: "next", Fn: coreNext, Cost: 1}
	nativeIPairsNext = &Native{header: sharedHeader(), Name: "ipairs_iterator", Fn: coreIPairsNext, Cost: 1}
)

// CoreNatives gives the globals that belong to the machine: iteration, errors, environments, collection.
func CoreNatives() []*Native {
	return []*Native{
		nativeNext,
		{header: sharedHeader(), Name: "pairs", Fn: corePairs},
		{header: sharedHeader(), Name: "ipairs", Fn: coreIPairs},
		{header: sharedHeader(), Name: "pcall", Fn: corePCall, Yieldable: true},
		{header: sharedHeader(), Name: "xpcall", Fn: coreXPCall, Yieldable: true},
		{header: sharedHeader(), Name: "error", Fn: coreError},
		{header: sharedHeader(), Name: "assert", Fn: coreAssert, Fast: fastAssert},
		{header: sharedHeader(), Name: "getfenv", Fn: coreGetFEnv},
		{header: sharedHeader(), Name: "setfenv", Fn: coreSetFEnv},
		{header: sharedHeader(), Name: "gcinfo", Fn: coreGCInfo},
		{header: sharedHeader(), Name: "collectgarbage", Fn: coreCollectGarbage},
	}
}

// coreNext: next(t, k) gives the entry after that of k.
func coreNext(c *Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	k, v, ok, err := c.vm.Next(t, c.Arg(1))
	switch {
	case err != nil:
		return err
	case !ok:
		return c.Return1(Nil)
	}
	return c.Return(k, v)
}

func coreIPairsNext(c *Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	n, err := c.CheckInt(1)
	if err != nil {
		return err
	}
	v := t.GetInt(n + 1)
	if v.IsNil() {
		return c.Return0()
	}
	return c.Return(Number(float64(n+1)), v)
}

// corePairs: pairs(t) gives next, t, nil.
func corePairs(c *Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	return c.Return(nativeNext.Value(), t.Value(), Nil)
}

// coreIPairs: ipairs(t) gives an iterator over 1, 2, ... up to the first nil.
func coreIPairs(c *Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	return c.Return(nativeIPairsNext.Value(), t.Value(), Number(0))
}

// corePCall leaves the call to the machine: the function and its arguments lie where they belong.
func corePCall(c *Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	c.after, c.nret = afterPCall, c.n-1
	return nil
}

// coreXPCall puts the handler below the function and leaves the rest to the machine.
func coreXPCall(c *Call) error {
	if _, err := c.CheckFunction(1); err != nil {
		return err
	}
	s := c.co.stack
	s[c.base], s[c.base+1] = s[c.base+1], s[c.base]
	c.after, c.nret = afterXPCall, c.n-2
	return nil
}

// coreError: error(v, level) raises v; a text gets the position of the level in front.
func coreError(c *Call) error {
	level, err := c.OptInt(1, 1)
	if err != nil {
		return err
	}
	v := c.Arg(0)
	if k := v.Kind(); level > 0 && (k == KindString || k == KindNumber) {
		where := c.vm.where(level)
		if where != "" {
			return c.vm.throwText(where + displayString(v))
		}
	}
	return c.Throw(v)
}

// coreAssert: assert(v, message, ...) gives its arguments back or raises the message.
func coreAssert(c *Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	if c.Arg(0).Truthy() {
		copy(c.co.stack[c.ret:], c.Args())
		c.nret = c.n
		return nil
	}
	msg, err := c.OptString(1, "assertion failed!")
	if err != nil {
		return err
	}
	return c.Errorf("%s", msg)
}

func fastAssert(_ *VM, args []Value) (Value, bool) {
	if len(args) == 1 && args[0].Truthy() {
		return args[0], true
	}
	return Nil, false
}

// coreGetFEnv: getfenv(f) gives the globals of a function or of a level; they can be changed from then on.
func coreGetFEnv(c *Call) error {
	fn, err := c.function(0, 1, true)
	if err != nil {
		return err
	}
	env := c.Globals()
	if fn.Kind() == KindClosure {
		env = fn.AsClosure().env
	}
	env.safeEnv = false
	return c.Return1(env.Value())
}

// coreSetFEnv: setfenv(f, env) sets the globals of a function or of a level; level 0 is the coroutine.
func coreSetFEnv(c *Call) error {
	env, err := c.CheckTable(1)
	if err != nil {
		return err
	}
	env.safeEnv = false
	if v := c.Arg(0); v.IsNumber() && v.AsNumber() == 0 {
		c.co.env = env
		return c.Return0()
	}
	fn, err := c.function(0, 1, false)
	if err != nil {
		return err
	}
	if fn.Kind() != KindClosure {
		return c.Errorf("'setfenv' cannot change environment of given object")
	}
	fn.AsClosure().env.safeEnv = false
	fn.AsClosure().env = env
	return c.Return1(fn)
}

// function gives argument i as a function, or the function of the level it names.
func (c *Call) function(i, level int, optional bool) (Value, error) {
	v := c.Arg(i)
	if k := v.Kind(); k == KindClosure || k == KindNative {
		return v, nil
	}
	if !v.IsNil() || !optional {
		n, err := c.CheckInt(i)
		if err != nil {
			return Nil, err
		}
		level = n
	}
	if level < 0 {
		return Nil, c.ArgError(i, "level must be non-negative")
	}
	if level == 0 {
		return Nil, nil
	}
	f := c.co.level(level)
	if f == nil {
		return Nil, c.ArgError(i, "invalid level")
	}
	if f.kind == frameScript {
		return f.cl.Value(), nil
	}
	return Nil, nil
}

// coreGCInfo: gcinfo() gives the memory charged, in KiB.
func coreGCInfo(c *Call) error { return c.Return1(Number(float64(c.vm.used / 1024))) }

// coreCollectGarbage answers the options that have a meaning here.
func coreCollectGarbage(c *Call) error {
	opt, err := c.OptString(0, "collect")
	if err != nil {
		return err
	}
	switch opt {
	case "collect":
		c.collect()
		return c.Return1(Number(0))
	case "count":
		return c.Return1(Number(float64(c.vm.used) / 1024))
	case "step":
		n, err := c.OptInt(1, 0)
		if err != nil {
			return err
		}
		return c.Return1(Bool(c.stepCensus(n)))
	case "isrunning":
		return c.Return1(True)
	case "stop", "restart", "setgoal", "setstepmul", "setstepsize":
		return c.Return1(Number(0))
	}
	return c.ArgError(0, "invalid option '%s'", opt)
}

// stepCensus saves up steps of n KiB, at least one, until they are worth the
// memory in use; then it takes the census, which can not be split.
func (c *Call) stepCensus(n int) bool {
	vm := c.vm
	vm.stepped += int64(max(n, 1)) << 10
	if vm.stepped < vm.used {
		return false
	}
	vm.stepped = 0
	c.collect()
	return true
}

// collect takes a census on behalf of a script, which expects that what its dead registers hold is gone.
func (c *Call) collect() {
	c.co.exact = true
	c.vm.census()
	c.co.exact = false
}
