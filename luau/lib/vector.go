package lib

import (
	"math"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

func openVector(b *vm.BaseBuilder) {
	b.Lib("vector", []*vm.Native{
		fast("create", vectorCreate, fastVectorCreate),
		fast("magnitude", vectorMagnitude, fastMagnitude),
		vectorMap("normalize", normalize),
		vectorJoin("cross", cross),
		fast("dot", vectorDot, fastDot),
		native("angle", vectorAngle),
		vectorMap("floor", each(func(x float32) float32 { return float32(math.Floor(float64(x))) })),
		vectorMap("ceil", each(func(x float32) float32 { return float32(math.Ceil(float64(x))) })),
		vectorMap("abs", each(func(x float32) float32 { return float32(math.Abs(float64(x))) })),
		vectorMap("sign", each(func(x float32) float32 { return float32(sign(float64(x))) })),
		native("clamp", vectorClamp),
		vectorFold("max", func(x, best float32) bool { return x > best }),
		vectorFold("min", func(x, best float32) bool { return x < best }),
		native("lerp", vectorLerp),
	},
		vm.Field{Name: "zero", Value: vm.ConstVector(0, 0, 0)},
		vm.Field{Name: "one", Value: vm.ConstVector(1, 1, 1)},
	)
	meta := vm.SharedTable(0, 1)
	if err := meta.SetStr(nil, vm.Const("__index"), (&vm.Native{Fn: vectorIndex}).Value()); err != nil {
		panic("BUG: vector metatable: " + err.Error())
	}
	meta.Freeze()
	b.SetVectorMeta(meta)
}

// vec is a vector's components. Products are converted before they are added, so
// that no machine joins the two operations into one.
type vec [3]float32

func vecOf(v *vm.Vector) vec {
	x, y, z := v.XYZ()
	return vec{x, y, z}
}

func checkVec(c *vm.Call, i int) (vec, error) {
	v, err := c.CheckVector(i)
	if err != nil {
		return vec{}, err
	}
	return vecOf(v), nil
}

func returnVec(c *vm.Call, v vec) error {
	r, err := c.VM().NewVector(v[0], v[1], v[2])
	if err != nil {
		return err
	}
	return c.Return1(r)
}

func dot(a, b vec) float32 {
	return float32(float32(a[0]*b[0])+float32(a[1]*b[1])) + float32(a[2]*b[2])
}

func magnitude(a vec) float32 { return float32(math.Sqrt(float64(dot(a, a)))) }

func normalize(a vec) vec {
	inv := 1 / magnitude(a)
	return vec{a[0] * inv, a[1] * inv, a[2] * inv}
}

func cross(a, b vec) vec {
	return vec{
		float32(a[1]*b[2]) - float32(a[2]*b[1]),
		float32(a[2]*b[0]) - float32(a[0]*b[2]),
		float32(a[0]*b[1]) - float32(a[1]*b[0]),
	}
}

// each makes a function of vectors from one of components.
func each(f func(float32) float32) func(vec) vec {
	return func(a vec) vec { return vec{f(a[0]), f(a[1]), f(a[2])} }
}

// vectorMap makes a native of a function of one vector.
func vectorMap(name string, f func(vec) vec) *vm.Native {
	return fast(name, func(c *vm.Call) error {
		a, err := checkVec(c, 0)
		if err != nil {
			return err
		}
		return returnVec(c, f(a))
	}, func(m *vm.VM, args []vm.Value) (vm.Value, bool) {
		if len(args) != 1 || args[0].Kind() != vm.KindVector {
			return vm.Nil, false
		}
		return fastVec(m, f(vecOf(args[0].AsVector())))
	})
}

func fastVec(m *vm.VM, r vec) (vm.Value, bool) {
	v, err := m.NewVector(r[0], r[1], r[2])
	return v, err == nil
}

// vectorJoin makes a native of a function of two vectors.
func vectorJoin(name string, f func(a, b vec) vec) *vm.Native {
	return fast(name, func(c *vm.Call) error {
		a, err := checkVec(c, 0)
		if err != nil {
			return err
		}
		b, err := checkVec(c, 1)
		if err != nil {
			return err
		}
		return returnVec(c, f(a, b))
	}, func(m *vm.VM, args []vm.Value) (vm.Value, bool) {
		if len(args) != 2 || args[0].Kind() != vm.KindVector || args[1].Kind() != vm.KindVector {
			return vm.Nil, false
		}
		return fastVec(m, f(vecOf(args[0].AsVector()), vecOf(args[1].AsVector())))
	})
}

// vectorFold makes vector.max and vector.min: one fuel for 4 arguments.
func vectorFold(name string, better func(x, best float32) bool) *vm.Native {
	return native(name, func(c *vm.Call) error {
		best, err := checkVec(c, 0)
		if err != nil {
			return err
		}
		if err := c.Charge(int64(c.NArgs() / 4)); err != nil {
			return err
		}
		for i := 1; i < c.NArgs(); i++ {
			a, err := checkVec(c, i)
			if err != nil {
				return err
			}
			for k, x := range a {
				if better(x, best[k]) {
					best[k] = x
				}
			}
		}
		return returnVec(c, best)
	})
}

// vector.create(x, y, z): z is 0 if absent.
func vectorCreate(c *vm.Call) error {
	var x [3]float64
	n := 2
	if c.NArgs() >= 3 {
		n = 3
	}
	if err := numbers(c, x[:n]); err != nil {
		return err
	}
	return returnVec(c, vec{float32(x[0]), float32(x[1]), float32(x[2])})
}

func fastVectorCreate(m *vm.VM, args []vm.Value) (vm.Value, bool) {
	x, y, z, ok := fastNumbers(args)
	if !ok {
		return vm.Nil, false
	}
	return fastVec(m, vec{float32(x), float32(y), float32(z)})
}

// vector.magnitude(v)
func vectorMagnitude(c *vm.Call) error {
	a, err := checkVec(c, 0)
	if err != nil {
		return err
	}
	return c.Return1(vm.Number(float64(magnitude(a))))
}

func fastMagnitude(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) != 1 || args[0].Kind() != vm.KindVector {
		return vm.Nil, false
	}
	return vm.Number(float64(magnitude(vecOf(args[0].AsVector())))), true
}

// vector.dot(a, b)
func vectorDot(c *vm.Call) error {
	a, err := checkVec(c, 0)
	if err != nil {
		return err
	}
	b, err := checkVec(c, 1)
	if err != nil {
		return err
	}
	return c.Return1(vm.Number(float64(dot(a, b))))
}

func fastDot(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) != 2 || args[0].Kind() != vm.KindVector || args[1].Kind() != vm.KindVector {
		return vm.Nil, false
	}
	return vm.Number(float64(dot(vecOf(args[0].AsVector()), vecOf(args[1].AsVector())))), true
}

// vector.angle(a, b, axis): the sign, if there is an axis, tells the side.
func vectorAngle(c *vm.Call) error {
	a, err := checkVec(c, 0)
	if err != nil {
		return err
	}
	b, err := checkVec(c, 1)
	if err != nil {
		return err
	}
	n := cross(a, b)
	angle := math.Atan2(math.Sqrt(float64(dot(n, n))), float64(dot(a, b)))
	if !c.Arg(2).IsNil() {
		axis, err := checkVec(c, 2)
		if err != nil {
			return err
		}
		if dot(n, axis) < 0 {
			angle = -angle
		}
	}
	return c.Return1(vm.Number(angle))
}

// vector.clamp(v, min, max)
func vectorClamp(c *vm.Call) error {
	var v [3]vec
	for i := range v {
		var err error
		if v[i], err = checkVec(c, i); err != nil {
			return err
		}
	}
	for k, name := range []string{"x", "y", "z"} {
		if !(v[1][k] <= v[2][k]) {
			return c.ArgError(2, "max.%s must be greater than or equal to min.%s", name, name)
		}
		v[0][k] = float32(clamp(float64(v[0][k]), float64(v[1][k]), float64(v[2][k])))
	}
	return returnVec(c, v[0])
}

// vector.lerp(a, b, t)
func vectorLerp(c *vm.Call) error {
	a, err := checkVec(c, 0)
	if err != nil {
		return err
	}
	b, err := checkVec(c, 1)
	if err != nil {
		return err
	}
	t64, err := c.CheckNumber(2)
	if err != nil {
		return err
	}
	t := float32(t64)
	for k := range a {
		if t == 1 {
			a[k] = b[k]
		} else {
			a[k] += float32((b[k] - a[k]) * t)
		}
	}
	return returnVec(c, a)
}

// vectorIndex answers names that are no component.
func vectorIndex(c *vm.Call) error {
	a, err := checkVec(c, 0)
	if err != nil {
		return err
	}
	name, err := c.CheckString(1)
	if err != nil {
		return err
	}
	if len(name) == 1 {
		if i := int(name[0]|' ') - 'x'; i >= 0 && i < 3 {
			return c.Return1(vm.Number(float64(a[i])))
		}
	}
	return c.Errorf("attempt to index vector with '%s'", name)
}
