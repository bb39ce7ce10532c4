package luautest

import (
	"math"

	"github.com/template-worker/template-worker/luau"
)

// vectorMeta is the metatable of vectors that vector.luau expects.
var vectorMeta = luau.SharedTable(
	luau.Field{Name: "__index", Value: (&luau.Native{Fn: vectorIndex}).Value()},
)

// They have no name in the file's messages.
var (
	dotNative   = &luau.Native{Fn: vectorDot}
	crossNative = &luau.Native{Fn: vectorCross}
)

func vectorIndex(c *luau.Call) error {
	v, err := c.CheckVector(0)
	if err != nil {
		return err
	}
	name, err := c.CheckString(1)
	if err != nil {
		return err
	}
	x, y, z := v.XYZ()
	length := float32(math.Sqrt(float64(x*x + y*y + z*z)))
	switch name {
	case "Magnitude":
		return c.Return1(luau.Number(float64(length)))
	case "Unit":
		inv := 1 / length
		u, err := c.VM().NewVector(x*inv, y*inv, z*inv)
		if err != nil {
			return err
		}
		return c.Return1(u)
	case "Dot":
		return c.Return1(dotNative.Value())
	case "Cross":
		return c.Return1(crossNative.Value())
	}
	return c.Errorf("%s is not a valid member of vector", name)
}

func vectorDot(c *luau.Call) error {
	a, err := c.CheckVector(0)
	if err != nil {
		return err
	}
	b, err := c.CheckVector(1)
	if err != nil {
		return err
	}
	ax, ay, az := a.XYZ()
	bx, by, bz := b.XYZ()
	return c.Return1(luau.Number(float64(ax*bx + ay*by + az*bz)))
}

func vectorCross(c *luau.Call) error {
	a, err := c.CheckVector(0)
	if err != nil {
		return err
	}
	b, err := c.CheckVector(1)
	if err != nil {
		return err
	}
	ax, ay, az := a.XYZ()
	bx, by, bz := b.XYZ()
	v, err := c.VM().NewVector(ay*bz-az*by, az*bx-ax*bz, ax*by-ay*bx)
	if err != nil {
		return err
	}
	return c.Return1(v)
}
