package host

import "github.com/template-worker/template-worker/luau"

// memoryUsed is interop.memusage() -> bytes of all the tenant's VMs.
func memoryUsed(c *luau.Call) error {
	return c.Return1(luau.Number(float64(c.VM().Config().Account.Used())))
}

// memoryLimit is interop.memory_limit() -> bytes.
func memoryLimit(c *luau.Call) error {
	return c.Return1(luau.Number(float64(c.VM().Config().Account.Limit())))
}
