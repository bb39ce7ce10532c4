package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The names of the engines.
const (
	ours      = "luau"
	reference = "reference"
	gopher    = "gopher-lua"
	puc       = "lua5.1"
	sliced    = "sliced"
)

// engine is one way to run a program: command and the script's path behind it.
type engine struct {
	name    string
	command []string
	luau    bool // runs programs with Luau's own libraries
}

// findEngines builds ours into dir and finds the others.
func findEngines(dir string, names []string) ([]engine, error) {
	bin := filepath.Join(dir, "luau")
	build := exec.Command("go", "build", "-o", bin, "github.com/template-worker/template-worker/cmd/luau")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build cmd/luau: %w\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := []engine{{ours, []string{bin}, true}, {gopher, []string{self, gopherVerb}, false}}
	if path, err := exec.LookPath("lua5.1"); err == nil {
		all = append(all, engine{puc, []string{path}, false})
	}
	if path := os.Getenv("LUAU_BIN"); path != "" {
		all = append(all, engine{reference, []string{path}, true})
	}
	if path := os.Getenv("LUAU_OLD"); path != "" { // another build of ours, to compare with
		all = append(all, engine{"old", []string{path}, true})
	}
	var found []engine
	for _, e := range all {
		if wanted(e.name, names) {
			found = append(found, e)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no engine among %s is here", strings.Join(names, ", "))
	}
	return found, nil
}

// sliceFuel is the product's default for the fuel of one slice (slice_fuel).
const sliceFuel = "100000"

// ourselves builds ours and gives it as it is and running in slices.
func ourselves(dir string) ([]engine, error) {
	found, err := findEngines(dir, []string{ours})
	if err != nil {
		return nil, err
	}
	whole := found[0]
	return []engine{whole, {sliced, []string{whole.command[0], "--slice", sliceFuel}, true}}, nil
}

// runs tells whether the engine knows all that the program uses.
func (e engine) runs(p program) bool { return e.luau || !p.luauOnly }
