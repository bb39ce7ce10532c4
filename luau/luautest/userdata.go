package luautest

import (
	"fmt"
	"math"

	"github.com/template-worker/template-worker/luau"
)

// vec2 and vertex are what the userdata types of native_userdata.luau and
// udata_direct.luau hold; both keep single-precision components.
type (
	vec2   struct{ x, y float32 }
	vertex struct {
		pos, normal [3]float32
		uv          vec2
	}
)

const (
	vec2Bytes   = 8
	vertexBytes = 32
)

// hostTypes are the two types and what makes their values.
type hostTypes struct {
	vec2, vertex *luau.UserType
}

// userdataNatives make values of the two types.
var userdataNatives = func() []*luau.Native {
	h := new(hostTypes)
	h.vec2, h.vertex = h.vec2Type(), h.vertexType()
	return []*luau.Native{{Name: "vec2", Fn: h.newVec2}, {Name: "vertex", Fn: h.newVertex}}
}()

func (h *hostTypes) newVec2(c *luau.Call) error {
	x, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	y, err := c.CheckNumber(1)
	if err != nil {
		return err
	}
	return h.returnVec2(c, vec2{float32(x), float32(y)})
}

func (h *hostTypes) makeVec2(vm *luau.VM, v vec2) (luau.Value, error) {
	u, err := vm.NewUserdata(h.vec2, &v, vec2Bytes)
	if err != nil {
		return luau.Nil, err
	}
	return u.Value(), nil
}

func (h *hostTypes) returnVec2(c *luau.Call, v vec2) error {
	out, err := h.makeVec2(c.VM(), v)
	if err != nil {
		return err
	}
	return c.Return1(out)
}

func (h *hostTypes) checkVec2(c *luau.Call, i int) (*vec2, error) {
	u, err := c.CheckUserdata(i, h.vec2)
	if err != nil {
		return nil, err
	}
	return u.Data().(*vec2), nil
}

func (h *hostTypes) vec2Type() *luau.UserType {
	return &luau.UserType{
		Name:     "vec2",
		Fields:   h.vec2Fields(),
		SetIndex: setVec2,
		Arith:    h.vec2Arith,
		Methods: map[string]*luau.Native{
			"Dot": {Name: "Dot", Fn: h.vec2Pair(func(c *luau.Call, a, b vec2) error {
				return c.Return1(luau.Number(float64(a.x*b.x + a.y*b.y)))
			})},
			"Min": {Name: "Min", Fn: h.vec2Pair(func(c *luau.Call, a, b vec2) error {
				return h.returnVec2(c, vec2{min(a.x, b.x), min(a.y, b.y)})
			})},
			"Clone": {Name: "Clone", Fn: func(c *luau.Call) error {
				v, err := h.checkVec2(c, 0)
				if err != nil {
					return err
				}
				return h.returnVec2(c, *v)
			}},
			"Reenter": {Name: "Reenter", Fn: h.vec2Reenter},
		},
	}
}

// field reads one field of a userdata.
type field = func(c *luau.Call, self *luau.Userdata) (luau.Value, error)

func (h *hostTypes) vec2Fields() map[string]field {
	return map[string]field{
		"X": func(_ *luau.Call, u *luau.Userdata) (luau.Value, error) {
			return luau.Number(float64(u.Data().(*vec2).x)), nil
		},
		"Y": func(_ *luau.Call, u *luau.Userdata) (luau.Value, error) {
			return luau.Number(float64(u.Data().(*vec2).y)), nil
		},
		"Magnitude": func(_ *luau.Call, u *luau.Userdata) (luau.Value, error) {
			return luau.Number(float64(u.Data().(*vec2).length())), nil
		},
		"Unit": func(c *luau.Call, u *luau.Userdata) (luau.Value, error) {
			v := u.Data().(*vec2)
			inv := 1 / v.length()
			return h.makeVec2(c.VM(), vec2{v.x * inv, v.y * inv})
		},
		"sizeof": func(*luau.Call, *luau.Userdata) (luau.Value, error) { return luau.Number(vec2Bytes), nil },
	}
}

func (v *vec2) length() float32 { return float32(math.Sqrt(float64(v.x*v.x + v.y*v.y))) }

func setVec2(_ *luau.VM, u *luau.Userdata, key string, v luau.Value) error {
	self := u.Data().(*vec2)
	switch {
	case !v.IsNumber():
		return fmt.Errorf("%s of a vec2 must be a number", key)
	case key == "X":
		self.x = float32(v.AsNumber())
	case key == "Y":
		self.y = float32(v.AsNumber())
	default:
		return fmt.Errorf("%s is not a writable member of vec2", key)
	}
	return nil
}

func (h *hostTypes) vec2Pair(f func(c *luau.Call, a, b vec2) error) luau.Func {
	return func(c *luau.Call) error {
		a, err := h.checkVec2(c, 0)
		if err != nil {
			return err
		}
		b, err := h.checkVec2(c, 1)
		if err != nil {
			return err
		}
		return f(c, *a, *b)
	}
}

// vec2Reenter runs a script function in the middle of a method.
func (h *hostTypes) vec2Reenter(c *luau.Call) error {
	v, err := h.checkVec2(c, 0)
	if err != nil {
		return err
	}
	callback := c.Globals().Get(luau.Const("reenterCallback"))
	if _, err := c.Call(callback); err != nil {
		return err
	}
	return c.Return1(luau.Number(float64(v.x + v.y)))
}

// vec2Arith takes a number for a vec2 with two equal components.
func (h *hostTypes) vec2Arith(vm *luau.VM, op luau.ArithOp, a, b luau.Value) (luau.Value, error) {
	x, okX := h.vec2Of(a)
	y, okY := h.vec2Of(b)
	if op == luau.ArithUnm {
		return h.makeVec2(vm, vec2{-x.x, -x.y})
	}
	if !okX || !okY {
		return luau.Nil, fmt.Errorf("arithmetic on a vec2 takes vec2s and numbers")
	}
	switch op {
	case luau.ArithAdd:
		return h.makeVec2(vm, vec2{x.x + y.x, x.y + y.y})
	case luau.ArithSub:
		return h.makeVec2(vm, vec2{x.x - y.x, x.y - y.y})
	case luau.ArithMul:
		return h.makeVec2(vm, vec2{x.x * y.x, x.y * y.y})
	case luau.ArithDiv:
		return h.makeVec2(vm, vec2{x.x / y.x, x.y / y.y})
	}
	return luau.Nil, fmt.Errorf("a vec2 has no such operation")
}

func (h *hostTypes) vec2Of(v luau.Value) (vec2, bool) {
	switch {
	case v.IsNumber():
		n := float32(v.AsNumber())
		return vec2{n, n}, true
	case v.Kind() == luau.KindUserdata && v.AsUserdata().Type() == h.vec2:
		return *v.AsUserdata().Data().(*vec2), true
	}
	return vec2{}, false
}

func (h *hostTypes) newVertex(c *luau.Call) error {
	pos, err := c.CheckVector(0)
	if err != nil {
		return err
	}
	normal, err := c.CheckVector(1)
	if err != nil {
		return err
	}
	uv, err := h.checkVec2(c, 2)
	if err != nil {
		return err
	}
	return h.returnVertex(c, vertex{pos: components(pos), normal: components(normal), uv: *uv})
}

func (h *hostTypes) returnVertex(c *luau.Call, v vertex) error {
	u, err := c.VM().NewUserdata(h.vertex, &v, vertexBytes)
	if err != nil {
		return err
	}
	return c.Return1(u.Value())
}

func components(v *luau.Vector) [3]float32 {
	x, y, z := v.XYZ()
	return [3]float32{x, y, z}
}

func (h *hostTypes) vertexType() *luau.UserType {
	vector := func(part func(*vertex) [3]float32) field {
		return func(c *luau.Call, u *luau.Userdata) (luau.Value, error) {
			p := part(u.Data().(*vertex))
			return c.VM().NewVector(p[0], p[1], p[2])
		}
	}
	return &luau.UserType{
		Name:     "vertex",
		SetIndex: h.setVertex,
		Fields: map[string]field{
			"pos":    vector(func(v *vertex) [3]float32 { return v.pos }),
			"normal": vector(func(v *vertex) [3]float32 { return v.normal }),
			"uv": func(c *luau.Call, u *luau.Userdata) (luau.Value, error) {
				return h.makeVec2(c.VM(), u.Data().(*vertex).uv)
			},
			"sizeof": func(*luau.Call, *luau.Userdata) (luau.Value, error) { return luau.Number(vertexBytes), nil },
		},
		Methods: map[string]*luau.Native{
			"Clone": {Name: "Clone", Fn: func(c *luau.Call) error {
				u, err := c.CheckUserdata(0, h.vertex)
				if err != nil {
					return err
				}
				return h.returnVertex(c, *u.Data().(*vertex))
			}},
		},
	}
}

func (h *hostTypes) setVertex(_ *luau.VM, u *luau.Userdata, key string, v luau.Value) error {
	self := u.Data().(*vertex)
	uv, isVec2 := h.vec2Of(v)
	switch {
	case key == "uv" && isVec2:
		self.uv = uv
	case key == "pos" && v.Kind() == luau.KindVector:
		self.pos = components(v.AsVector())
	case key == "normal" && v.Kind() == luau.KindVector:
		self.normal = components(v.AsVector())
	default:
		return fmt.Errorf("%s of a vertex can not be set to that", key)
	}
	return nil
}
