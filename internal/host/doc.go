// Package host is what a template's scripts see of the platform: ctx and its
// plugins, task, require, print, and the conversion of values at the border.
//
// It owns the names, the argument checks and the forms of results. It decides
// nothing: who may do what, how often and how large is the broker's business,
// and which script runs when is that of the tenant that implements [Env].
// It starts no goroutine, reads no clock and does no I/O.
//
// Sizes are bytes. Costs are units of the engine's fuel. Errors that scripts see
// are strings with the position of the script line that made the call.
package host
