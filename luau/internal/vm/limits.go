package vm

import "fmt"

// LimitKind names the limit a script ran into.
type LimitKind uint8

// The kinds.
const (
	LimitFuel LimitKind = iota + 1
	LimitMemory
	LimitDeadline
	LimitCancelled
)

func (k LimitKind) String() string {
	switch k {
	case LimitFuel:
		return "cpu limit"
	case LimitMemory:
		return "memory limit"
	case LimitDeadline:
		return "deadline"
	case LimitCancelled:
		return "cancelled"
	}
	return "limit"
}

// LimitError ends a thread and everything that waits for it; scripts can not catch it.
type LimitError struct {
	Kind        LimitKind
	Used, Limit int64  // fuel or bytes; zero for the others
	Cause       string // as given to [VM.Kill]
	Traceback   string // where it struck
}

func (e *LimitError) Error() string {
	switch {
	case e.Cause != "":
		return fmt.Sprintf("%s: %s", e.Kind, e.Cause)
	case e.Limit > 0:
		return fmt.Sprintf("%s: used %d of %d", e.Kind, e.Used, e.Limit)
	}
	return e.Kind.String()
}

type killOrder struct {
	kind  LimitKind
	cause string
}

// SetSlice sets the fuel of one [VM.Resume]; zero or less means none: it runs until it ends or waits.
func (vm *VM) SetSlice(fuel int64) {
	if fuel <= 0 {
		fuel = noSlice
	}
	vm.slice = fuel
}

// SetFuel sets the fuel that is left in total. Spent, threads end with a [*LimitError]. Below zero means no limit.
func (vm *VM) SetFuel(total int64) {
	if total < 0 {
		total = noTotal
	}
	vm.left = total - max(vm.fuel, 0)
}

// FuelUsed gives the fuel used since the VM was made.
func (vm *VM) FuelUsed() int64 { return vm.spent + vm.grant - vm.fuel }

// Kill ends what the VM runs at its next look: the end of a slice, a charge or
// a loop turn of a large native. It is safe from any goroutine. A kill without a
// run in progress meets the next one.
func (vm *VM) Kill(kind LimitKind, cause string) {
	vm.killed.CompareAndSwap(nil, &killOrder{kind, cause})
}

// obeyed withdraws a kill order once it has ended a thread.
func (vm *VM) obeyed(err error) {
	if e, ok := err.(*LimitError); ok && e.Kind != LimitFuel && e.Kind != LimitMemory {
		vm.killed.Store(nil)
	}
}

// killFuel bounds the fuel between two looks at the kill order.
const killFuel = 100_000

// grantSlice hands out the fuel of one Resume.
func (vm *VM) grantSlice() {
	vm.sliceLeft = vm.slice
	vm.grantMore()
}

// grantMore hands out a part of the slice, small enough that a kill is seen soon.
func (vm *VM) grantMore() {
	n := min(vm.sliceLeft, vm.left, killFuel)
	if vm.profile != nil {
		n = min(n, vm.profile.every)
	}
	vm.sliceLeft -= n
	vm.left -= n
	vm.grant += n
	vm.fuel += n
}

// settle books what was used and takes the rest back.
func (vm *VM) settle() {
	vm.spent += vm.grant - vm.fuel
	vm.left += vm.fuel
	vm.fuel, vm.grant = 0, 0
}

// exhaust takes the rest of the grant back, so that the next safepoint looks around.
func (vm *VM) exhaust() {
	rest := vm.fuel + 1
	vm.left += rest
	vm.grant -= rest
	vm.fuel = -1
}

// outOfFuel is the slow path of each safepoint. It returns an error that ends
// the thread, or whether the slice is over.
func (vm *VM) outOfFuel() (sliced bool, err error) {
	if vm.profile != nil {
		vm.profile.look(vm)
	}
	if err := vm.checkKill(); err != nil {
		return false, err
	}
	for vm.fuel < 0 {
		if vm.left+vm.fuel < 0 {
			used := vm.FuelUsed()
			return false, &LimitError{Kind: LimitFuel, Used: used, Limit: used + vm.left + vm.fuel}
		}
		if vm.nested > 0 && vm.sliceLeft <= 0 {
			vm.sliceLeft = killFuel // a nested run can not stop here; it ends the slice when it is over
		}
		if vm.sliceLeft <= 0 {
			return true, nil
		}
		before := vm.fuel
		vm.grantMore()
		if vm.fuel == before {
			return false, &LimitError{Kind: LimitFuel, Used: vm.FuelUsed(), Limit: vm.FuelUsed()}
		}
	}
	return false, nil
}

// checkKill gives the error of a kill order, or the limit error that a native has not passed on.
func (vm *VM) checkKill() error {
	if vm.fatal != nil {
		return vm.fatal
	}
	k := vm.killed.Load()
	if k == nil {
		return nil
	}
	return &LimitError{Kind: k.kind, Cause: k.cause}
}

// burn charges fuel outside the loop: natives, concatenation, the census.
func (vm *VM) burn(n int64) error {
	vm.fuel -= n
	if vm.fuel >= 0 {
		return nil
	}
	return vm.burnSlow()
}

func (vm *VM) burnSlow() error {
	if vm.profile != nil {
		vm.profile.look(vm)
	}
	if err := vm.checkKill(); err != nil {
		return err
	}
	if vm.left+vm.fuel < 0 {
		used := vm.FuelUsed()
		return &LimitError{Kind: LimitFuel, Used: used, Limit: used + vm.left + vm.fuel}
	}
	return nil // the next safepoint ends the slice
}
