// Command luau runs Luau scripts from the command line.
//
//	luau FILE [args]        run a script; its arguments are the chunk's varargs
//	luau --check FILE...    report syntax errors as file:line:column: message
//	luau --dis FILE         print the code the compiler makes
//
// Exit codes: 0 done, 1 the script or a check failed, 2 wrong usage.
package main

import (
	"fmt"
	"io"
	"os"
)

const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

const usage = `usage: luau FILE [args]
       luau --check FILE...
       luau --dis FILE
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program without the process around it.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	switch args[0] {
	case "-h", "--help":
		fmt.Fprint(stdout, usage)
		return exitDone
	case "--check":
		return check(args[1:], stderr)
	case "--dis":
		return disassemble(args[1:], stdout, stderr)
	}
	if len(args[0]) > 1 && args[0][0] == '-' {
		fmt.Fprintf(stderr, "luau: unknown option %s\n%s", args[0], usage)
		return exitUsage
	}
	return runScript(args[0], args[1:], stdout, stderr)
}
