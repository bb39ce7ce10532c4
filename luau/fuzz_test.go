package luau_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau"
)

// FuzzMachine runs the program that follows from the input in one piece, in
// slices, and in slices on the engine's twin build, in which memory accesses are
// checked if they are not here and the reverse. All must do the same with the same
// fuel, and the twin the same to the byte.
func FuzzMachine(f *testing.F) {
	seeds := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		data := make([]byte, 40+seeds.IntN(400))
		for i := range data {
			data[i] = byte(seeds.Uint32())
		}
		f.Add(data, uint16(seeds.Uint32()%2000))
	}
	tw := startTwin(f)
	f.Fuzz(func(t *testing.T, data []byte, slice uint16) {
		src := generate(data)
		whole := execute(src, 0)
		sliced := execute(src, int64(slice)+1)
		if whole.end == "internal" || sliced.end == "internal" || whole.end == "syntax" {
			t.Fatalf("%s%s\n%s", whole.text, sliced.text, src)
		}
		limited := whole.end == "limit" || sliced.end == "limit" // a limit strikes elsewhere when slices end elsewhere
		if !limited && (whole.text != sliced.text || whole.fuel != sliced.fuel) {
			t.Fatalf("in one piece, %d fuel:\n%s\nin slices of %d, %d fuel:\n%s\n%s", whole.fuel, whole.text, slice+1, sliced.fuel, sliced.text, src)
		}
		if other := tw.execute(t, src, int64(slice)+1); other != sliced.transcript() {
			t.Fatalf("here:\n%s\nthe twin:\n%s\n%s", sliced.transcript(), other, src)
		}
	})
}

// execution is what came of a program.
type execution struct {
	text string // what it printed, returned or failed with
	end  string // done, error, limit, syntax, waits, internal
	fuel int64
	used int64 // bytes charged at the end
	live int64 // bytes live after it
}

func (e execution) transcript() string {
	return fmt.Sprintf("%s%s, fuel %d, bytes %d, live %d", e.text, e.end, e.fuel, e.used, e.live)
}

// The limits of a generated program.
const (
	generatedFuel  = 60_000
	generatedBytes = 1 << 20
	maxPrinted     = 64 << 10
	maxYields      = 30
)

// execute runs a generated program on a machine of its own, within small limits.
func execute(src string, slice int64) (e execution) {
	code, err := luau.Compile("=gen", []byte(src))
	if err != nil {
		return execution{text: err.Error() + "\n", end: "syntax"}
	}
	var out strings.Builder
	vm := luau.NewVM(luau.Standard(), luau.Config{
		Account: luau.NewAccount(generatedBytes), MaxObjectBytes: generatedBytes / 8, MaxFrames: 200, Seed: 1,
		OnPrint: func(line string) {
			if out.Len() < maxPrinted {
				out.WriteString(line + "\n")
			}
		},
	})
	defer vm.Close()
	vm.SetFuel(generatedFuel)
	vm.SetSlice(slice)
	end := drive(vm, luau.Load(luau.Standard(), code), &out)
	e = execution{text: out.String(), end: end, fuel: vm.FuelUsed(), used: vm.MemoryUsed()}
	if e.live = vm.Collect(); e.live > e.used {
		e.end, e.text = "internal", e.text+fmt.Sprintf("live %d of %d charged\n", e.live, e.used)
	}
	return e
}

// drive runs a thread to its end and writes how it ended.
func drive(vm *luau.VM, p *luau.Program, out *strings.Builder) string {
	fn, err := vm.NewFunction(p, nil)
	if err != nil {
		return "limit"
	}
	co, err := vm.NewThread(fn)
	if err != nil {
		return "limit"
	}
	for yields := 0; yields < maxYields; {
		st, err := vm.Resume(co)
		var script *luau.ScriptError
		var limit *luau.LimitError
		switch {
		case errors.As(err, &script):
			fmt.Fprintf(out, "error: %s\n%s", script.Msg, script.Traceback)
			return "error"
		case errors.As(err, &limit):
			fmt.Fprintf(out, "%s\n", limit.Kind)
			return "limit"
		case err != nil:
			fmt.Fprintln(out, err)
			return "internal"
		case st == luau.StatusSliced:
			if chunk, line := co.CurrentLine(); chunk != "gen" || line < 1 || co.Stack() == "" {
				fmt.Fprintf(out, "sliced at %s:%d\n", chunk, line)
				return "internal"
			}
		case st == luau.StatusYielded:
			yields++
			fmt.Fprintf(out, "yielded %d\n", len(co.Results()))
		default:
			for _, v := range co.Results() {
				fmt.Fprintln(out, vm.PlainString(v))
			}
			return "done"
		}
	}
	return "waits"
}
