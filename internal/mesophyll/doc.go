// Package mesophyll carries messages between the master and its workers over
// one WebSocket per worker.
//
// There are two layers. A [Pipe] carries opaque messages: it owns the RFC 6455
// frames, the batching of everything queued into one write, the bounds and the
// closing handshake. A [Conn] lies on a Pipe and knows the messages of this
// program: it encodes them, pairs replies with calls by number and keeps the
// heartbeat. A [Server] with its tickets, and [Dial], make Conns.
//
// The package knows messages, not what is done with them: it never decodes
// event data or values, runs no script, starts no process and keeps no list of
// workers. So the end of one connection cannot touch another.
//
// Goroutines: [Conn.Serve] and [Pipe.Serve] run the reader on the calling
// goroutine and own one writer; both have ended when Serve returns.
// [Server.Serve] owns one short-lived goroutine for each handshake.
//
// Sizes are bytes. Times on the wire are milliseconds since the Unix epoch.
// Message kinds and error kinds are numbers that are only ever appended.
// docs/PROTOCOL.md shows the bytes.
package mesophyll
