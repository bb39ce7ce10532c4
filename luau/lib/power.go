package lib

import (
	"math"
	"strconv"
)

// powersOfTen are 1e-323 to 1e308, correctly rounded; math.Pow is off for most of them.
var powersOfTen = makePowersOfTen()

func makePowersOfTen() (t [632]float64) {
	for i := range t {
		f, err := strconv.ParseFloat("1e"+strconv.Itoa(i-323), 64)
		if err != nil {
			panic("BUG: power of ten: " + err.Error())
		}
		t[i] = f
	}
	return t
}

// pow is x^y as the ^ operator computes it: squares, roots and powers of ten are exact.
func pow(x, y float64) float64 {
	switch {
	case y == 2:
		return x * x
	case y == 0.5:
		return math.Sqrt(x)
	case x == 10 && y == math.Trunc(y) && y >= -323 && y <= 308:
		return powersOfTen[int(y)+323]
	}
	return math.Pow(x, y)
}

// log10 is exact for powers of ten, which math.Log10 is not.
func log10(x float64) float64 {
	r := math.Log10(x)
	if n := math.Round(r); n != r && math.Abs(r-n) < 1e-9 && pow(10, n) == x {
		return n
	}
	return r
}
