package vm

import "sync/atomic"

// header is the first field of each heap object.
type header struct {
	epoch uint32 // census that last found the object; sharedEpoch for objects that belong to no VM
	id    uint32 // serial number, given when first needed; in a string: 1 once its hash is known
}

// sharedEpoch marks objects that belong to no VM: they are never counted and never change.
const sharedEpoch = 1<<32 - 1

// objectHeader gives the header of an object value.
func objectHeader(v Value) *header { return (*header)(v.p) }

// heap is the memory side of a VM. It counts what the VM's objects take: each is
// charged before it is made, growth charges the new part before the old one is
// dropped, and what became garbage is found by the census. used is therefore
// never below what is live, and equal to it right after a census.
//
// Go's collector frees the memory itself; it has no part in the count, so the
// same script meets its limit at the same instruction everywhere.
type heap struct {
	vm        *VM
	used      int64 // bytes charged and not known to be garbage
	trigger   int64 // used may grow to here without asking the account
	censusAt  int64 // used above this calls for a census
	billed    int64 // used at which allocation was last turned into fuel
	held      int64 // bytes in buffers of natives in progress
	account   *Account
	maxObject int64 // size of one object
	epoch     uint32
	serial    uint32
	counting  bool // a census is in progress
	refs      []Value
	freeRefs  []uint32
}

const (
	censusFloor   = 1 << 20 // no census below this
	allocPerFuel  = 4       // bytes allocated for one unit of fuel: with its share of collection a small object costs as much as that many instructions
	minGrant      = 4 << 10
	maxGrant      = 64 << 10
	noMemoryLimit = 1<<63 - 1
)

// init joins the VM to its account.
func (h *heap) init(vm *VM) {
	h.vm = vm
	h.censusAt = censusFloor
	h.maxObject = vm.cfg.MaxObjectBytes
	h.account = vm.cfg.Account
	if h.account == nil {
		h.account = NewAccount(0)
	}
	h.account.join(h)
}

// close returns everything to the account. The VM makes no objects after it.
func (h *heap) close() {
	h.account.leave(h)
	h.used, h.trigger, h.billed, h.held = 0, 0, 0, 0
	h.refs, h.freeRefs = nil, nil
}

// charge counts n bytes that are about to be allocated. The error is a
// [*LimitError]: the account is spent, or the VM was killed meanwhile.
func (h *heap) charge(n int64) error {
	if h.used += n; h.used <= h.trigger {
		return nil
	}
	return h.chargeSlow(n)
}

// chargeObject is charge for an object whose size a script chooses: one that is
// too large is refused with an error that scripts can catch.
func (h *heap) chargeObject(n int64) error {
	if n > h.maxObject {
		return errNoMemory
	}
	return h.charge(n)
}

// chargeParts charges a table's fixed size and its two parts, each of which may be too large. A nil heap, that of
// objects outside any VM, charges nothing.
func (h *heap) chargeParts(fixed, arr, nodes int64) error {
	if h == nil {
		return nil
	}
	if arr > h.maxObject || nodes > h.maxObject {
		return errNoMemory
	}
	return h.charge(fixed + arr + nodes)
}

// credit takes back the charge for memory that is known to be dropped.
func (h *heap) credit(n int64) {
	if h == nil {
		return
	}
	if n >= minGrant && !h.counting {
		h.bill() // or a script that takes and drops much would pay only once used has grown
	}
	h.used -= n
	h.billed -= n
}

func (h *heap) chargeSlow(n int64) error {
	if h.counting {
		return nil // a weak table shrinks; the census sets used when it is done
	}
	h.used -= n
	h.bill()
	if err := h.vm.checkKill(); err != nil {
		return err
	}
	counted := h.used+n > h.censusAt
	if counted {
		h.vm.census()
	}
	if !h.account.grant(h, h.used+n) {
		if !counted {
			h.vm.census()
		}
		h.account.reclaim(h, h.used+n)
		if !h.account.grant(h, h.used+n) {
			return &LimitError{Kind: LimitMemory, Used: h.account.Used() + n, Limit: h.account.limit}
		}
	}
	h.used += n
	return nil
}

// bill turns the bytes allocated since the last time into fuel, so that a script
// pays for the work it makes for Go's collector.
func (h *heap) bill() {
	n := (h.used - h.billed) / allocPerFuel
	if n > 0 {
		h.owe(n)
		h.billed += n * allocPerFuel
	}
}

// owe takes fuel for work that could not be foreseen. It never fails: the next
// safepoint sees that the fuel is spent.
func (h *heap) owe(n int64) {
	if h != nil {
		h.vm.fuel -= n
	}
}

// hold charges n bytes that a native keeps in a buffer of its own; the census
// counts them until unhold gives them back.
func (h *heap) hold(n int64) error {
	if err := h.chargeObject(n); err != nil {
		return err
	}
	h.held += n
	return nil
}

func (h *heap) unhold(n int64) {
	h.held -= n
	h.credit(n)
}

// serialOf gives an object's serial number, which stands for its address in hashes and in tostring.
func (h *heap) serialOf(v Value) uint32 {
	if v.Kind() == KindNative && !v.AsNative().owned {
		return v.AsNative().sharedSerial()
	}
	hd := objectHeader(v)
	if hd.id == 0 {
		hd.id = h.nextSerial()
	}
	return hd.id
}

// knownSerial gives the serial number an object has, 0 if it has none yet.
func knownSerial(v Value) uint32 {
	if v.Kind() == KindNative && !v.AsNative().owned {
		return atomic.LoadUint32(&v.AsNative().id)
	}
	return objectHeader(v).id
}

func (h *heap) nextSerial() uint32 {
	if h == nil {
		return nextSharedSerial()
	}
	h.serial++
	if h.serial >= 1<<31 {
		h.serial = 1 // two objects may share a number then: a slower chain, nothing worse
	}
	return h.serial
}

// MemoryUsed gives the bytes charged to the VM: at least what is live.
func (vm *VM) MemoryUsed() int64 { return vm.used }

// Collect runs a census and gives the bytes that are live.
func (vm *VM) Collect() int64 {
	vm.census()
	return vm.used
}

// Ref keeps a value alive for the host until it is released. It is valid only with the VM that made it.
type Ref struct {
	h *heap
	i uint32
}

// NewRef makes a reference to v.
func (vm *VM) NewRef(v Value) Ref {
	h := &vm.heap
	if n := len(h.freeRefs); n > 0 {
		i := h.freeRefs[n-1]
		h.freeRefs = h.freeRefs[:n-1]
		h.refs[i] = v
		return Ref{h, i}
	}
	h.refs = append(h.refs, v)
	h.used += sizeRef
	return Ref{h, uint32(len(h.refs) - 1)}
}

// Value gives the value; Nil after the VM was closed.
func (r Ref) Value() Value {
	if r.h == nil || int(r.i) >= len(r.h.refs) {
		return Nil
	}
	return r.h.refs[r.i]
}

// Release lets the value go. The reference must not be used after it.
func (r Ref) Release() {
	if r.h == nil || int(r.i) >= len(r.h.refs) {
		return
	}
	r.h.refs[r.i] = Nil
	r.h.freeRefs = append(r.h.freeRefs, r.i)
}
