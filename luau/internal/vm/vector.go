package vm

import "math"

// Vector is three 32-bit floats. It never changes; equality and hashing go by its components.
type Vector struct {
	header
	x, y, z float32
}

// NewVector makes a vector.
func (vm *VM) NewVector(x, y, z float32) (Value, error) {
	if err := vm.charge(sizeVector); err != nil {
		return Nil, err
	}
	return (&Vector{x: x, y: y, z: z}).Value(), nil
}

// ConstVector makes a vector that belongs to no VM.
func ConstVector(x, y, z float32) Value {
	return (&Vector{header: sharedHeader(), x: x, y: y, z: z}).Value()
}

// XYZ gives the components.
func (v *Vector) XYZ() (x, y, z float32) { return v.x, v.y, v.z }

func (v *Vector) equal(o *Vector) bool { return v.x == o.x && v.y == o.y && v.z == o.z }

func (v *Vector) isNaN() bool { return v.x != v.x || v.y != v.y || v.z != v.z }

// hash spreads the components as grid coordinates; the two zeros hash alike.
func (v *Vector) hash() uint32 {
	return vectorBits(v.x)*73856093 ^ vectorBits(v.y)*19349663 ^ vectorBits(v.z)*83492791
}

func vectorBits(f float32) uint32 {
	b := math.Float32bits(f)
	if b == 1<<31 {
		b = 0
	}
	return b ^ b>>17
}
