package vm

import "sync/atomic"

// Func is the body of a native function. It reads its arguments from c and
// answers with one of c's Return, Throw, CallThen or Suspend methods.
type Func func(c *Call) error

// FastFunc is a native's short cut: pure but for memory it charges to vm, no
// error, exactly one result. args is the window on the caller's stack; it is
// read before the function allocates and never kept. false means that the
// arguments are not the usual ones and Fn must be called instead.
type FastFunc func(vm *VM, args []Value) (Value, bool)

// Native is a function written in Go. One made by a library is shared by every
// VM and never changes after its base is built; one that [VM.NewNative] makes
// belongs to that VM and may carry State.
type Native struct {
	header
	Name      string   // as error messages name it: "format"
	Fn        Func     // never nil
	Fast      FastFunc // nil if there is no short cut
	Cost      int64    // fuel of each call before anything that depends on sizes; 0 counts as 1
	Yieldable bool     // may use CallThen across yields
	State     any      // of one made for a VM: what its Fn reads with Call.State; traced if it is a [Tracer]

	owned bool  // made by NewNative: belongs to one VM
	size  int64 // accounted bytes of State
}

// NewNative makes a native of this VM's own, such as an iterator. size is what state takes in bytes.
func (vm *VM) NewNative(n Native, state any, size int64) (*Native, error) {
	if err := vm.charge(sizeNative + size); err != nil {
		return nil, err
	}
	n.header = header{}
	n.State, n.owned, n.size = state, true, size
	return &n, nil
}

// sharedSerial gives the number that stands for a shared native in hashes and in tostring.
func (n *Native) sharedSerial() uint32 {
	if id := atomic.LoadUint32(&n.id); id != 0 {
		return id
	}
	atomic.CompareAndSwapUint32(&n.id, 0, nextSharedSerial())
	return atomic.LoadUint32(&n.id)
}

// sharedSerials numbers the objects that belong to no VM, from the upper half of
// the range so that they do not meet a VM's own.
var sharedSerials atomic.Uint32

func nextSharedSerial() uint32 { return sharedSerials.Add(1) | 1<<31 }

// sharedHeader is the header of an object that belongs to no VM: the census never marks it.
func sharedHeader() header { return header{epoch: sharedEpoch, id: nextSharedSerial()} }
