package numfmt

import (
	"math"
	"testing"
)

// item formats one value by a whole format item.
func item(t *testing.T, format string, v any) string {
	t.Helper()
	s, n, err := Parse(format[1:])
	if err != nil || n != len(format)-1 {
		t.Fatalf("parse %s: %d bytes, %v", format, n, err)
	}
	switch v := v.(type) {
	case int:
		if s.Verb == 'c' {
			return string(s.AppendChar(nil, byte(v)))
		}
		if s.Verb == 'd' || s.Verb == 'i' {
			return string(s.AppendInt(nil, int64(v)))
		}
		return string(s.AppendUint(nil, uint64(v)))
	case float64:
		return string(s.AppendFloat(nil, v))
	}
	return string(s.AppendString(nil, v.(string)))
}

func TestSpec(t *testing.T) {
	for _, tt := range []struct {
		format string
		v      any
		want   string
	}{
		{"%d", math.MinInt64, "-9223372036854775808"}, {"%5d", 42, "   42"}, {"%-5d", 42, "42   "}, {"%05d", -42, "-0042"},
		{"%+d", 7, "+7"}, {"% d", 7, " 7"}, {"%.3d", 7, "007"}, {"%05.3d", 7, "  007"}, {"%.0d", 0, ""},
		{"%u", -1, "18446744073709551615"}, {"%x", 255, "ff"}, {"%#X", 255, "0XFF"}, {"%#x", 0, "0"}, {"%o", 8, "10"}, {"%#o", 8, "010"},
		{"%#06x", 255, "0x00ff"}, {"%c", 65, "A"}, {"%3c", 65, "  A"},
		{"%f", 1.5, "1.500000"}, {"%.0f", 2.5, "2"}, {"%#.0f", 2.0, "2."}, {"%5.1f", -0.05, " -0.1"}, {"%+.2f", 1.0, "+1.00"},
		{"%e", 12345.678, "1.234568e+04"}, {"%.0e", 5.0, "5e+00"}, {"%#.0E", 5.0, "5.E+00"},
		{"%g", 100000.0, "100000"}, {"%g", 1e6, "1e+06"}, {"%g", 0.0001, "0.0001"}, {"%g", 0.00001, "1e-05"}, {"%.3g", 1234.0, "1.23e+03"},
		{"%.14g", 3.14159265358979, "3.1415926535898"}, {"%#g", 1.0, "1.00000"}, {"%G", 1e-10, "1E-10"}, {"%g", 0.0, "0"},
		{"%010.2f", -3.14159, "-000003.14"}, {"%f", math.Inf(1), "inf"}, {"%05f", math.Inf(-1), " -inf"}, {"%E", math.NaN(), "NAN"}, {"%f", math.Copysign(0, -1), "-0.000000"},
		{"%s", "abc", "abc"}, {"%5s", "abc", "  abc"}, {"%-5s", "abc", "abc  "}, {"%.2s", "abc", "ab"},
	} {
		if got := item(t, tt.format, tt.v); got != tt.want {
			t.Errorf("%s of %v: got %q, want %q", tt.format, tt.v, got, tt.want)
		}
	}
	if got := item(t, "%.99f", 1e308); len(got) != 309+1+99 {
		t.Errorf("%%.99f of 1e308 has %d bytes, want 409", len(got))
	}
}

func TestParse_Refuses(t *testing.T) {
	for f, want := range map[string]string{
		"------d": "invalid format (repeated flags)",
		"123d":    "invalid format (width or precision too long)",
		".123f":   "invalid format (width or precision too long)",
	} {
		if _, _, err := Parse(f); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", f, err, want)
		}
	}
	if s, n, err := Parse("-5"); s.Verb != 0 || n != 2 || err != nil {
		t.Errorf("an item that ends too early: got %+v, %d, %v", s, n, err)
	}
}
