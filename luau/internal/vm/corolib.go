package vm

// CoroutineNatives gives the functions of the coroutine library.
func CoroutineNatives() []*Native {
	return []*Native{
		{header: sharedHeader(), Name: "create", Fn: coCreate},
		{header: sharedHeader(), Name: "resume", Fn: coResume, Yieldable: true},
		{header: sharedHeader(), Name: "wrap", Fn: coWrap},
		{header: sharedHeader(), Name: "yield", Fn: coYield, Yieldable: true},
		{header: sharedHeader(), Name: "status", Fn: coStatusOf},
		{header: sharedHeader(), Name: "running", Fn: coCurrent},
		{header: sharedHeader(), Name: "isyieldable", Fn: coIsYieldable},
		{header: sharedHeader(), Name: "close", Fn: coClose},
	}
}

func (c *Call) create() (*Coroutine, error) {
	fn, err := c.CheckFunction(0)
	if err != nil {
		return nil, err
	}
	return c.vm.newCoroutine(fn, c.co.env)
}

func coCreate(c *Call) error {
	co, err := c.create()
	if err != nil {
		return err
	}
	return c.Return1(co.Value())
}

func coResume(c *Call) error {
	co, err := c.CheckCoroutine(0)
	if err != nil {
		return err
	}
	c.base, c.nret = c.base+1, c.n-1
	c.after, c.state = afterResume, co
	return nil
}

// coWrap: wrap(f) gives a function that resumes a coroutine and lets its errors through.
func coWrap(c *Call) error {
	co, err := c.create()
	if err != nil {
		return err
	}
	n, err := c.vm.NewNative(Native{Fn: coWrapped, Yieldable: true}, wrapped{co}, 0)
	if err != nil {
		return err
	}
	return c.Return1(n.Value())
}

// wrapped is the state of a function that coroutine.wrap made.
type wrapped struct{ co *Coroutine }

// Trace visits the coroutine.
func (w wrapped) Trace(visit func(Value)) { visit(w.co.Value()) }

func coWrapped(c *Call) error {
	c.nret = c.n
	c.after, c.state = afterWrap, c.native.State.(wrapped).co
	return nil
}

func coYield(c *Call) error {
	c.nret, c.after = c.n, afterYield
	return nil
}

func coStatusOf(c *Call) error {
	co, err := c.CheckCoroutine(0)
	if err != nil {
		return err
	}
	return c.Return1(statusNames[co.status].Value())
}

var statusNames = [...]*String{
	coSuspended: Const("suspended"), coWaiting: Const("suspended"), coRunning: Const("running"),
	coNormal: Const("normal"), coDead: Const("dead"),
}

// coCurrent: running() gives the running coroutine, nil on the main thread.
func coCurrent(c *Call) error {
	if c.co == c.vm.main {
		return c.Return1(Nil)
	}
	return c.Return1(c.co.Value())
}

func coIsYieldable(c *Call) error { return c.Return1(Bool(c.co.inner == 0)) }

// coClose: close(co) ends a coroutine that does not run; it gives true, or false and the error it died of.
func coClose(c *Call) error {
	co, err := c.CheckCoroutine(0)
	if err != nil {
		return err
	}
	if co.status == coRunning || co.status == coNormal {
		return c.Errorf("cannot close %s coroutine", statusNames[co.status].Str())
	}
	if t := co.close(); t != nil {
		return c.Return(False, t.value)
	}
	return c.Return1(True)
}
