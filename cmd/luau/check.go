package main

import (
	"fmt"
	"io"
	"os"

	"github.com/template-worker/template-worker/luau"
)

// readSource reads a script file without its #! line.
func readSource(path string) ([]byte, error) {
	src, err := os.ReadFile(path)
	return luau.StripShebang(src), err
}

// check reports all syntax errors of the files.
func check(paths []string, stderr io.Writer) int {
	if len(paths) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	code := exitDone
	for _, path := range paths {
		src, err := readSource(path)
		if err != nil {
			fmt.Fprintln(stderr, "luau:", err)
			code = exitFailed
			continue
		}
		for _, e := range luau.Check("="+path, src) {
			fmt.Fprintln(stderr, e.Long())
			code = exitFailed
		}
	}
	return code
}

// disassemble prints the code of one file.
func disassemble(paths []string, stdout, stderr io.Writer) int {
	if len(paths) != 1 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	src, err := readSource(paths[0])
	if err == nil {
		var code *luau.Code
		if code, err = luau.Compile("="+paths[0], src); err == nil {
			err = luau.Disassemble(stdout, code)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "luau:", err)
		return exitFailed
	}
	return exitDone
}
