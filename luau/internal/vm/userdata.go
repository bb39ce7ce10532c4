package vm

// Userdata is a value of the host. Its data is opaque to scripts; what they can
// do with it is its type's business.
type Userdata struct {
	header
	typ  *UserType
	data any
	meta *Table // only of proxies made by newproxy; host types use UserType
	size int64  // accounted bytes, the object included
}

// UserType is what all userdata of one kind have in common. It is immutable once
// the first of them exists and may be shared by VMs; fields left nil mean that
// the operation is an error.
type UserType struct {
	Name     string                                                  // typeof
	Methods  map[string]*Native                                      // obj:Method(); looked up first
	Fields   map[string]func(c *Call, self *Userdata) (Value, error) // obj.Field
	Index    func(vm *VM, self *Userdata, key string) (Value, error) // any other string key
	SetIndex func(vm *VM, self *Userdata, key string, v Value) error
	ToString func(vm *VM, self *Userdata) (string, error)
	Eq       func(a, b *Userdata) bool // nil: identity
	Less     func(vm *VM, a, b *Userdata) (bool, error)
	Len      func(vm *VM, self *Userdata) (Value, error)
	Arith    func(vm *VM, op ArithOp, a, b Value) (Value, error) // one of a, b is of this type
	Call     Func                                                // the userdata is argument 0
}

// ArithOp is an operation that [UserType].Arith may take.
type ArithOp uint8

// The operations, in the order of the metamethods.
const (
	ArithAdd ArithOp = iota
	ArithSub
	ArithMul
	ArithDiv
	ArithIDiv
	ArithMod
	ArithPow
	ArithUnm
	ArithConcat
)

// NewUserdata makes a userdata. size is what data takes, in bytes; the caller may change it with [VM.Resize].
func (vm *VM) NewUserdata(typ *UserType, data any, size int64) (*Userdata, error) {
	if err := vm.charge(sizeUserdata + size); err != nil {
		return nil, err
	}
	return &Userdata{typ: typ, data: data, size: sizeUserdata + size}, nil
}

// SharedUserdata makes a userdata that belongs to no VM: all may use it, on any
// goroutine, and it counts as nobody's memory. data must not change and holds no values of scripts.
func SharedUserdata(typ *UserType, data any) *Userdata {
	return &Userdata{header: sharedHeader(), typ: typ, data: data}
}

// Type gives the type; nil for a proxy made by newproxy.
func (u *Userdata) Type() *UserType { return u.typ }

// Data gives what the host stored.
func (u *Userdata) Data() any { return u.data }

// Meta gives the metatable of a proxy, nil otherwise.
func (u *Userdata) Meta() *Table { return u.meta }

// SetMeta sets the metatable; for newproxy alone.
func (u *Userdata) SetMeta(t *Table) { u.meta = t }

// Resize changes the accounted size of u's data, charging what it grows by.
func (vm *VM) Resize(u *Userdata, size int64) error {
	d := sizeUserdata + size - u.size
	if d > 0 {
		if err := vm.charge(d); err != nil {
			return err
		}
	} else {
		vm.credit(-d)
	}
	u.size += d
	return nil
}
