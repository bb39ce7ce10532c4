package luautest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/template-worker/template-worker/luau"
)

// interrupts is the host's part of interrupt.luau, told in slices and limits:
// the host sees where a sliced thread stands, takes an endless loop off the
// processor again and again, and ends what hangs inside one call of a native. A
// limit passes pcall, so the last function ends as the other hangs do.
func interrupts(vm *luau.VM) error {
	if err := stopsAt(vm, "test", []int{7, 13, 14, 15, 22, 23}); err != nil {
		return err
	}
	for i := range 10 {
		if err := runsOn(vm, fmt.Sprintf("infloop%d", i+1)); err != nil {
			return err
		}
	}
	for _, name := range []string{"hang1", "hang2", "hang3", "hang4", "hang5", "hang6", "hangpcall"} {
		if err := runsDry(vm, name); err != nil {
			return err
		}
	}
	return nil
}

// threadOf makes a thread of a global function.
func threadOf(vm *luau.VM, name string) (*luau.Coroutine, error) {
	return vm.NewThread(vm.Globals().Get(luau.Const(name)))
}

// stopsAt runs a function in the smallest slices and compares which line came next
// between two, one for each run of equal ones.
func stopsAt(vm *luau.VM, name string, want []int) error {
	co, err := threadOf(vm, name)
	if err != nil {
		return err
	}
	vm.SetSlice(1)
	defer vm.SetSlice(0)
	var got []int
	for {
		st, err := vm.Resume(co)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if st == luau.StatusDone {
			break
		}
		_, line := co.CurrentLine()
		got = append(got, line)
	}
	if got = slices.Compact(got); !slices.Equal(got, want) {
		return fmt.Errorf("%s stopped at lines %d, want %d", name, got, want)
	}
	return nil
}

// loopStops is how often an endless loop is stopped before it is believed to be one.
const loopStops = 10

// runsOn checks that each small slice of a function ends with the function still in progress.
func runsOn(vm *luau.VM, name string) error {
	co, err := threadOf(vm, name)
	if err != nil {
		return err
	}
	vm.SetSlice(10)
	defer vm.SetSlice(0)
	for range loopStops {
		if st, err := vm.Resume(co); err != nil || st != luau.StatusSliced {
			return fmt.Errorf("%s ended: status %d, %v", name, st, err)
		}
	}
	if !vm.CloseThread(co) {
		return fmt.Errorf("%s can not be closed", name)
	}
	return nil
}

// hangFuel is what a hang may use: it would need many thousand times as much.
const hangFuel = 100_000

// runsDry checks that a function meets the limit of fuel.
func runsDry(vm *luau.VM, name string) error {
	co, err := threadOf(vm, name)
	if err != nil {
		return err
	}
	vm.SetFuel(hangFuel)
	defer vm.SetFuel(-1)
	st, err := vm.Resume(co)
	var limit *luau.LimitError
	if !errors.As(err, &limit) || limit.Kind != luau.LimitFuel {
		return fmt.Errorf("%s: status %d, error %v; want the limit of fuel", name, st, err)
	}
	return nil
}
