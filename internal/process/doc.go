// Package process is a worker in a child process, seen from both ends.
//
// In the master, a [Handle] owns one child: it spawns it, proves its identity
// with a token that is new for each generation, watches it, starts it again as
// its [Policy] says, and stops it in steps (drain, Shutdown, SIGTERM, SIGKILL).
// It hands work to the child over the link, sends what had not started to the
// next generation once, and does the child's host calls through a [HostDoor]
// after checking that they belong to a live dispatch. In the child, [RunChild]
// takes the link's other end and runs a worker.Thread.
//
// The package never runs a script, opens no database, puts nothing secret into
// arguments, environment or logs, and never ends the master: an operator who
// wants that listens for [WorkerFailed].
//
// Goroutines: [Handle.Serve] owns, for each generation, one that reaps the
// child, one that watches for each of its end, Kill, its replacement and its
// progress, one that serves the link, and one for each host call; and one for each event that nobody waits
// for. All have ended when it returns. [RunChild] owns one that watches the
// death pipe, one for the Thread and one for each DropTenant.
//
// At most one generation of a worker takes new work. A worker that died is
// started again only when the dead process has been reaped. One that is to be
// replaced (see [Handle.Restart]) gets its successor started beside it: when that
// has shown that it works, new work goes there, the old one gives back what it
// has not started, ends the rest, and is stopped. Each generation has a token, a
// connection, live dispatches and host calls of its own, so the end of one cannot
// touch the other.
//
// What a child runs stands in memory that it shares with the master. After a death
// that nobody wished, an [Isolation] says to a quarantine.Book what was being
// executed, runs in a worker of its own what the book suspects, and has the others
// refuse what it has convicted. [Isolation.Serve] owns that worker's Serve.
//
// Times are durations and time.Time, sizes bytes.
package process
