package vm

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestNumberString(t *testing.T) {
	tests := []struct {
		f    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1, "1"}, {-1.5, "-1.5"}, {0.1, "0.1"}, {1e15, "1000000000000000"},
		{123456789012345680000, "123456789012345680000"}, {1e21, "1e+21"}, {1e20, "100000000000000000000"},
		{1e-5, "0.00001"}, {1e-7, "1e-07"}, {1.5e300, "1.5e+300"}, {5e-324, "5e-324"}, {1.0 / 3, "0.3333333333333333"},
		{math.Inf(1), "inf"}, {math.Inf(-1), "-inf"}, {math.NaN(), "nan"}, {1 << 53, "9007199254740992"},
	}
	for _, tt := range tests {
		if got := NumberString(tt.f); got != tt.want {
			t.Errorf("%g: got %s, want %s", tt.f, got, tt.want)
		}
	}
}

func TestParseNumber(t *testing.T) {
	good := map[string]float64{
		"1": 1, " 12.5\n": 12.5, "-3": -3, "+4": 4, "1e3": 1000, ".5": 0.5, "5.": 5, "0x10": 16, "-0xfF": -255, "0x.8": 0.5,
		"0x1p4": 16, "0x1ffffffffffffffff": 0x1ffffffffffffffff, "inf": math.Inf(1), "-Infinity": math.Inf(-1), "1e999": math.Inf(1), "7\x00x": 7,
	}
	for s, want := range good {
		if got, ok := ParseNumber(s); !ok || got != want {
			t.Errorf("%q: got %g, %v", s, got, ok)
		}
	}
	for _, s := range []string{"nan", "-NaN"} {
		if got, ok := ParseNumber(s); !ok || got == got {
			t.Errorf("%q: got %g, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", " ", "x", "1x", "1 2", "0x", "0xg", "1e", "--1", "1_0", "infx", "0b1", "+", "1p3"} {
		if got, ok := ParseNumber(s); ok {
			t.Errorf("%q: reads as %g", s, got)
		}
	}
}

func TestNumberString_roundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		f := math.Float64frombits(r.Uint64())
		if f != f {
			continue
		}
		if got, ok := ParseNumber(NumberString(f)); !ok || got != f {
			t.Fatalf("%b: %s reads as %g", f, NumberString(f), got)
		}
	}
}
