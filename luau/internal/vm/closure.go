package vm

import "slices"

// Closure is a script function: code, globals and captured values. A captured
// local that changes is a cell in ups; one that does not is the value itself.
type Closure struct {
	header
	proto *Proto
	env   *Table
	ups   []Value
}

// cell holds a captured local that is assigned after its capture. It is a value
// in registers and upvalues but never reaches a script.
type cell struct {
	header
	v Value
}

// A closure and its few captured values are one allocation.
type (
	closure1 struct {
		Closure
		a [1]Value
	}
	closure2 struct {
		Closure
		a [2]Value
	}
	closure3 struct {
		Closure
		a [3]Value
	}
	closure4 struct {
		Closure
		a [4]Value
	}
)

// newClosure makes a function of p with room for its captures; the caller fills ups.
func (vm *VM) newClosure(p *Proto, env *Table) (*Closure, error) {
	if err := vm.charge(closureSize(int(p.numUps))); err != nil {
		return nil, err
	}
	switch p.numUps {
	case 0:
		return &Closure{proto: p, env: env}, nil
	case 1:
		c := &closure1{Closure: Closure{proto: p, env: env}}
		c.ups = c.a[:]
		return &c.Closure, nil
	case 2:
		c := &closure2{Closure: Closure{proto: p, env: env}}
		c.ups = c.a[:]
		return &c.Closure, nil
	case 3:
		c := &closure3{Closure: Closure{proto: p, env: env}}
		c.ups = c.a[:]
		return &c.Closure, nil
	case 4:
		c := &closure4{Closure: Closure{proto: p, env: env}}
		c.ups = c.a[:]
		return &c.Closure, nil
	}
	return &Closure{proto: p, env: env, ups: make([]Value, p.numUps)}, nil
}

// newCell makes a cell that holds v.
func (vm *VM) newCell(v Value) (*cell, error) {
	if err := vm.charge(sizeCell); err != nil {
		return nil, err
	}
	return &cell{v: v}, nil
}

// closureSize is the accounted size of a closure with n captured values.
func closureSize(n int) int64 {
	if n <= 4 {
		return sizeClosure + int64(n)*sizeValue
	}
	return sizeClosure + scanSize(int64(n)*sizeValue)
}

// Proto gives the function's code; Env its globals.
func (c *Closure) Proto() *Proto { return c.proto }

// Captured gives the values that the locals captured by the function have now, in no promised order. The list is a copy.
func (c *Closure) Captured() []Value {
	vs := slices.Clone(c.ups)
	for i, v := range vs {
		if v.Kind() == KindCell {
			vs[i] = v.asCell().v
		}
	}
	return vs
}

// Env gives the table of globals that the function sees.
func (c *Closure) Env() *Table { return c.env }
