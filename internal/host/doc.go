// Package host is what a template's scripts see of the platform: ctx and its
// plugins, task, require, print, the modules, and the conversion of values at
// the border.
//
// What there is, is declared in package registry; host makes natives of the
// declarations, checks arguments by them and writes docs/script-api.md and the
// definition files from them. To add a function, follow that package's comment.
//
// It decides little: who may do what, how often and how large is the broker's
// business, and which script runs when is that of the tenant that implements
// [Env]. What it does check, so that calls which the broker would refuse are not
// sent, it checks by the same declarations; only that a narrowed ctx holds less
// than its template is its own to enforce. It starts no goroutine and does
// no I/O, but that a time zone may be read from the machine; its clock is the VM's.
//
// Modules, libraries and the types of objects are made once and shared by all
// VMs, so that they cost a VM nothing.
//
// Sizes are bytes. Costs are units of the engine's fuel. Errors that scripts see
// are strings with the position of the script line that made the call.
package host
