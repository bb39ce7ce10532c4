// Package khronos holds the words that every other package shares: tenants,
// events, values, outcomes, error kinds and templates.
//
// It owns the two forms a [Value] has outside a process, the tagged JSON form
// (see [Value.MarshalJSON]) and the MessagePack form (see [Value.AppendMsg]),
// and the rules that are checked wherever such data comes in. It starts no
// goroutine, reads no clock and does no I/O, and it imports nothing but the
// standard library and the MessagePack primitives of msgp.
//
// Sizes are bytes. Depth counts from 0 at the root of a value. Numbers of
// kinds ([Kind], [ErrorKind], [TenantKind], [Format]) travel between processes
// and lie in databases: they are only ever appended.
package khronos
