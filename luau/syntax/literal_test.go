package syntax

import (
	"math"
	"testing"

	"github.com/template-worker/template-worker/luau/ast"
)

// literal parses "return src" and returns the value.
func literal(t *testing.T, src string) ast.Expr {
	t.Helper()
	c := mustParse(t, "return "+src)
	return c.Main.Body.Stats[0].(*ast.Return).Values[0]
}

func TestParse_Numbers(t *testing.T) {
	for src, want := range map[string]float64{
		"0": 0, "007": 7, "1.": 1, ".5": 0.5, "1.5e3": 1500, "1e-5": 1e-5, "1E+2": 100, "1_000_": 1000, "1__0.2_5": 10.25,
		"0.1": 0.1, "1e308": 1e308, "1e309": math.Inf(1), "1e-400": 0, "4.9e-324": 5e-324, "9007199254740993": 9007199254740992,
		"0xff": 255, "0XAb_c": 0xabc, "0b101": 5, "0B1_1": 3, "0x_1": 1, "0b_1": 1,
		"0xffffffffffffffff": math.MaxUint64, "0xfffffffffffffffff": math.MaxUint64, "0x20000000000001": 1 << 53,
	} {
		n, ok := literal(t, src).(*ast.Number)
		if !ok || n.Value != want {
			t.Errorf("%s: got %v, want %v", src, n, want)
		}
	}
}

func TestParse_Integers(t *testing.T) {
	for src, want := range map[string]int64{
		"0i": 0, "12_3i": 123, "9223372036854775807i": math.MaxInt64, "0x7Fi": 127, "0xffffffffffffffffi": -1, "0b11i": 3,
		"0x8000000000000000i": math.MinInt64, "0b1000000000000000000000000000000000000000000000000000000000000000i": math.MinInt64,
	} {
		n, ok := literal(t, src).(*ast.Integer)
		if !ok || n.Value != want {
			t.Errorf("%s: got %v, want %v", src, n, want)
		}
	}
}

func TestParse_Strings(t *testing.T) {
	for src, want := range map[string]string{
		`''`: "", `"a'b"`: "a'b", `'\a\b\f\n\r\t\v'`: "\a\b\f\n\r\t\v", `'\\\'\"\q'`: `\'"q`,
		`'\x41\xfF'`: "A\xff", `'\0\65\0651\255'`: "\x00AA1\xff", `'\u{41}\u{451}\u{10FFFF}\u{0000000000000041}'`: "A\u0451\U0010FFFFA",
		`'\u{D800}'`: "\xed\xa0\x80", "'a\\z \t\r\n  b'": "ab", "'a\\\nb'": "a\nb", "'a\\\r\nb'": "a\nb", "'a\\\rb'": "a\nb",
		"'\\z'": "", "'é\xff'": "é\xff",
		"[[a]]": "a", "[[\na\nb]]": "a\nb", "[[\r\na\r\nb\rc]]": "a\nb\rc", "[=[a]]b]=]": "a]]b", "[==[]=]]==]": "]=]", "[[\\n]]": "\\n", "[[]]": "",
		"`\\{a\\`\\n`": "{a`\n",
	} {
		s, ok := literal(t, src).(*ast.String)
		if !ok || s.Value != want {
			t.Errorf("%q: got %v, want %q", src, s, want)
		}
	}
}
