// Command template-worker runs untrusted Luau templates for many tenants: one
// binary that is the master, its worker processes and the operator's tools.
//
// Each command has a file: its flags, its help and its work. The parts are wired
// in serve.go and local.go and nowhere else.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	hurry, hurryUp := context.WithCancel(context.Background())
	go obey(stop, hurryUp)
	code := run(ctx, hurry, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}, os.Getenv)
	os.Exit(code)
}

// obey calls stop at the first signal and hurryUp at the second; a third one ends
// the process.
func obey(stop, hurryUp func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	stop()
	<-signals
	signal.Stop(signals)
	hurryUp()
}
