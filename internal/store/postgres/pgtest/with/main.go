// Command with runs a command beside a private PostgreSQL server, whose address
// the command finds in TW_TEST_POSTGRES.
//
//	go run ./internal/store/postgres/pgtest/with -unsynced go test ./...
//
// With -unsynced the server does not wait for the disk: for tests, not for measuring.
// It ends with the command's exit code, and 2 when there is no server to run.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/template-worker/template-worker/internal/store/postgres/pgtest"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	var settings []string
	if len(args) > 0 && args[0] == "-unsynced" {
		settings, args = append(settings, pgtest.Unsynced), args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: with [-unsynced] COMMAND [ARGUMENTS]")
		return 2
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	server, err := pgtest.Start(ctx, settings...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "with:", err)
		return 2
	}
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Env = append(os.Environ(), pgtest.Variable+"="+server.URL())
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = c.Run()
	if stopped := server.Stop(); stopped != nil {
		fmt.Fprintln(os.Stderr, "with: stop PostgreSQL:", stopped)
		return 2
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode()
	}
	fmt.Fprintf(os.Stderr, "with: %s: %v\n", args[0], err)
	return 1
}
