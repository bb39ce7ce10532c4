package host

import (
	"fmt"

	"github.com/template-worker/template-worker/luau"
)

// Main is the function to make a thread of whose result the host wants: it calls
// its first argument with the others, converts the first result and hands it to
// [Env.Returned], all on the script's budget. A result that cannot leave the
// script is an error of the script.
var Main = (&luau.Native{Name: "main", Yieldable: true, Fn: func(c *luau.Call) error {
	return c.CallThen(c.Arg(0), c.Args()[1:], mainReturned, nil)
}}).Value()

func mainReturned(c *luau.Call, _ any) error {
	v, err := fromLuau(c, "value", c.Arg(0))
	if err != nil {
		return scriptFault(c, "the returned value cannot leave the script", err)
	}
	envOf(c).Returned(c.Coroutine(), v)
	return c.Return0()
}

// scriptFault makes an error of the script of what is wrong with one of its
// values. An error of the machine, such as a limit, stays what it is.
func scriptFault(c *luau.Call, what string, err error) error {
	if err == nil {
		return nil
	}
	if bad, ok := err.(*unfit); ok {
		return c.Errorf("%s", fmt.Sprintf("%s: %s", what, bad.Error()))
	}
	return err
}
