package lib

import (
	"math"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

// permutation is Ken Perlin's table of the numbers 0 to 255, the first once more at the end.
var permutation = [257]uint8{
	151, 160, 137, 91, 90, 15, 131, 13, 201, 95, 96, 53, 194, 233, 7, 225, 140, 36, 103, 30, 69, 142, 8, 99, 37, 240, 21, 10, 23,
	190, 6, 148, 247, 120, 234, 75, 0, 26, 197, 62, 94, 252, 219, 203, 117, 35, 11, 32, 57, 177, 33, 88, 237, 149, 56, 87, 174, 20,
	125, 136, 171, 168, 68, 175, 74, 165, 71, 134, 139, 48, 27, 166, 77, 146, 158, 231, 83, 111, 229, 122, 60, 211, 133, 230, 220, 105, 92,
	41, 55, 46, 245, 40, 244, 102, 143, 54, 65, 25, 63, 161, 1, 216, 80, 73, 209, 76, 132, 187, 208, 89, 18, 169, 200, 196, 135, 130,
	116, 188, 159, 86, 164, 100, 109, 198, 173, 186, 3, 64, 52, 217, 226, 250, 124, 123, 5, 202, 38, 147, 118, 126, 255, 82, 85, 212, 207,
	206, 59, 227, 47, 16, 58, 17, 182, 189, 28, 42, 223, 183, 170, 213, 119, 248, 152, 2, 44, 154, 163, 70, 221, 153, 101, 155, 167, 43,
	172, 9, 129, 22, 39, 253, 19, 98, 108, 110, 79, 113, 224, 232, 178, 185, 112, 104, 218, 246, 97, 228, 251, 34, 242, 193, 238, 210, 144,
	12, 191, 179, 162, 241, 81, 51, 145, 235, 249, 14, 239, 107, 49, 192, 214, 31, 181, 199, 106, 157, 184, 84, 204, 176, 115, 121, 50, 45,
	127, 4, 150, 254, 138, 236, 205, 93, 222, 114, 67, 29, 24, 72, 243, 141, 128, 195, 78, 66, 215, 61, 156, 180, 151,
}

// gradients are the twelve edges of a cube, four of them twice.
var gradients = [16][3]float32{
	{1, 1, 0}, {-1, 1, 0}, {1, -1, 0}, {-1, -1, 0},
	{1, 0, 1}, {-1, 0, 1}, {1, 0, -1}, {-1, 0, -1},
	{0, 1, 1}, {0, -1, 1}, {0, 1, -1}, {0, -1, -1},
	{1, 1, 0}, {0, -1, 1}, {-1, 1, 0}, {0, -1, -1},
}

// math.noise(x, y, z) is Perlin's noise in single precision.
func mathNoise(c *vm.Call) error {
	x, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	y, err := c.OptNumber(1, 0)
	if err != nil {
		return err
	}
	z, err := c.OptNumber(2, 0)
	if err != nil {
		return err
	}
	return c.Return1(vm.Number(float64(noise(float32(x), float32(y), float32(z)))))
}

// cell splits a coordinate into the number of its cell and the place inside it.
func cell(x float32) (int, float32) {
	f := float32(math.Floor(float64(x)))
	return int(truncInt32(f)) & 255, x - f
}

func truncInt32(f float32) int32 {
	if f > -2147483649 && f < 2147483648 {
		return int32(f)
	}
	return math.MinInt32
}

func noise(x, y, z float32) float32 {
	xi, xf := cell(x)
	yi, yf := cell(y)
	zi, zf := cell(z)
	u, v, w := fade(xf), fade(yf), fade(zf)
	// hash gives the number of one corner's gradient
	hash := func(dx, dy, dz int) uint8 {
		a := (int(permutation[xi+dx]) + yi) & 255
		b := (int(permutation[a+dy]) + zi) & 255
		return permutation[b+dz]
	}
	corner := func(dx, dy, dz int) float32 {
		return gradient(hash(dx, dy, dz), xf-float32(dx), yf-float32(dy), zf-float32(dz))
	}
	face := func(dz int) float32 {
		return mix(v, mix(u, corner(0, 0, dz), corner(1, 0, dz)), mix(u, corner(0, 1, dz), corner(1, 1, dz)))
	}
	return mix(w, face(0), face(1))
}

// The conversions keep the compiler from joining a product and a sum into one
// operation, which rounds differently on machines that have it.
func fade(t float32) float32 {
	inner := float32(t*(float32(t*6)-15)) + 10
	return float32(float32(float32(t*t)*t) * inner)
}

func mix(t, a, b float32) float32 { return a + float32(t*(b-a)) }

func gradient(hash uint8, x, y, z float32) float32 {
	g := &gradients[hash&15]
	return float32(float32(g[0]*x)+float32(g[1]*y)) + float32(g[2]*z)
}
