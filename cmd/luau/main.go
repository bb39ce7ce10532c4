// Command luau runs Luau scripts from the command line.
//
//	luau                     read from standard input: run what is typed, print what it gives
//	luau FILE [args]         run a script; its arguments are the chunk's varargs
//	luau --profile FILE ...  the same, then list the fuel by line
//	luau --check FILE...     report syntax errors as file:line:column: message
//	luau --dis FILE          print the code the compiler makes
//
// --fuel N and --memory BYTES limit what runs; in a session, each input anew.
// --slice FUEL runs a script in slices, as a host with many does.
//
// Exit codes: 0 done, 1 the script or a check failed, 2 wrong usage.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

const usage = `usage: luau [--fuel N] [--memory BYTES] [--slice FUEL] [--profile] FILE [args]
       luau [--fuel N] [--memory BYTES]
       luau --check FILE...
       luau --dis FILE
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// options are what flags say.
type options struct {
	profile bool
	slice   int64 // 0: in one piece
	limits  limits
}

// limits bound what a script may use; zero or less means no limit.
type limits struct{ fuel, memory int64 }

// run is the program without the process around it.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("luau", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&o.profile, "profile", false, "")
	flags.Int64Var(&o.limits.fuel, "fuel", 0, "")
	flags.Int64Var(&o.limits.memory, "memory", 0, "")
	flags.Int64Var(&o.slice, "slice", 0, "")
	checks := flags.Bool("check", false, "")
	dis := flags.Bool("dis", false, "")
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		fmt.Fprint(stdout, usage)
		return exitDone
	case err != nil:
		fmt.Fprintf(stderr, "luau: %v\n%s", err, usage)
		return exitUsage
	}
	args = flags.Args()
	switch {
	case *checks:
		return check(args, stderr)
	case *dis:
		return disassemble(args, stdout, stderr)
	case len(args) > 0:
		return runScript(o, args[0], args[1:], stdout, stderr)
	case o.profile:
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	return newSession(o.limits, stdin, stdout, stderr).serve()
}
