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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}, os.Getenv)
	os.Exit(code)
}
