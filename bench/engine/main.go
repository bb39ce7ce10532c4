// Command engine measures our Luau engine against other engines of the Lua
// family: gopher-lua, lua5.1 if it is installed, and the reference interpreter
// if LUAU_BIN names its binary.
//
//	go run ./engine [-rounds 5] [-only fib,sort] [-engines luau,reference] [-o ../docs/bench/engine.md]
//	go run ./engine -slicing [-rounds 7] [-only fib,sort] [-o ../docs/bench/engine.md]
//
// Each round runs every program on every engine once, each in a process of its
// own, in another order each time. What is measured is the wall time of the
// whole process. All engines must print the same. Ratios are taken inside a
// round; the table shows their medians. Only ratios mean something: the machine
// may be shared.
//
// With -slicing, ours runs beside itself in slices of the product's default fuel, and
// processor time is compared. Each of the two forms replaces its own part of the file.
//
// LUAU_OLD may name another build of our cmd/luau: one more column compares with it.
//
// A program that ends in .lua is Lua 5.1 and runs everywhere; one that ends in
// .luau uses libraries that only Luau has.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == gopherVerb {
		if err := runGopher(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	rounds := flag.Int("rounds", 5, "rounds")
	only := flag.String("only", "", "programs to run, by name; all if empty")
	names := flag.String("engines", "", "engines to run; all that are there if empty")
	out := flag.String("o", "../docs/bench/engine.md", "file for the result; none if empty")
	slicing := flag.Bool("slicing", false, "compare running in slices with running in one piece")
	flag.Parse()
	if err := bench(*rounds, list(*only), list(*names), *slicing, *out); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
}

// bench builds what has to be built, measures and reports.
func bench(rounds int, only, names []string, slicing bool, out string) error {
	dir, err := os.MkdirTemp("", "bench-engine")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // only binaries of this run lie there
	find := func() ([]engine, error) { return findEngines(dir, names) }
	if slicing {
		find = func() ([]engine, error) { return ourselves(dir) }
	}
	engines, err := find()
	if err != nil {
		return err
	}
	programs, err := findPrograms("engine/programs", only)
	if err != nil {
		return err
	}
	all, err := measure(rounds, programs, engines, slicing)
	if err != nil {
		return err
	}
	text := report(rounds, programs, engines, all)
	fmt.Print(text)
	if out == "" {
		return nil
	}
	return writePart(out, text, slicing)
}

// writePart replaces one of the two parts of the file.
func writePart(path, text string, slicing bool) error {
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	beside, slices, _ := strings.Cut(string(old), slicesHeading)
	if slicing {
		slices = text
	} else {
		beside = heading + text + "\n"
	}
	if slices != "" {
		slices = slicesHeading + slices
	}
	return os.WriteFile(path, []byte(beside+slices), 0o644)
}

const slicesHeading = "## The cost of slices\n\nMade by `go run ./engine -slicing -rounds 7` in bench/, with " + sliceFuel +
	" fuel in a slice; processor time of the whole process. Wanted: under 1.02 in the mean.\n\n"

const heading = `# The engine beside others

Made by ` + "`make bench-engine`" + `, with LUAU_BIN naming the reference interpreter (run without native code).

`

// program is one script.
type program struct {
	name, path string
	luauOnly   bool
}

func findPrograms(dir string, only []string) ([]program, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.lua*"))
	if err != nil {
		return nil, err
	}
	var ps []program
	for _, path := range paths {
		ext := filepath.Ext(path)
		name := strings.TrimSuffix(filepath.Base(path), ext)
		if wanted(name, only) {
			ps = append(ps, program{name, path, ext == ".luau"})
		}
	}
	if len(ps) == 0 {
		return nil, fmt.Errorf("no such programs in %s", dir)
	}
	return ps, nil
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func wanted(name string, only []string) bool {
	for _, o := range only {
		if o == name {
			return true
		}
	}
	return only == nil
}
