package khronos

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestFromPlainJSON(t *testing.T) {
	for in, want := range map[string]Value{
		`null`: Null(), ` true `: Boolean(true), `false`: Boolean(false), `"x"`: Text("x"), `""`: Text(""),
		`0`: Integer(0), `-5`: Integer(-5), `9007199254740993`: Integer(9007199254740993), `-9223372036854775808`: Integer(math.MinInt64),
		`9223372036854775808`: Unsigned(1 << 63), `18446744073709551615`: Unsigned(math.MaxUint64),
		`18446744073709551616`: Float(18446744073709551616), `-9223372036854775809`: Float(-9223372036854775809),
		`-0`: Float(math.Copysign(0, -1)), `1.0`: Float(1), `1e2`: Float(100), `1e-999`: Float(0),
		`[]`: List(), `{}`: Map(), `[1,[null]]`: List(Integer(1), List(Null())),
		`{"b":1,"a":{"\u0062":2},"b":3}`: Map(Pair{Text("b"), Integer(1)}, Pair{Text("a"), Map(Pair{Text("b"), Integer(2)})}, Pair{Text("b"), Integer(3)}),
		`{"Text":"x"}`:                   Map(Pair{Text("Text"), Text("x")}),
	} {
		if got, err := FromPlainJSON([]byte(in), MaxJSONDepth); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v", in, got, err)
		}
	}
}

func TestFromPlainJSON_errors(t *testing.T) {
	for _, c := range []struct {
		in, want string
		is       error
	}{
		{``, "end of input, want a value", ErrMalformed},
		{`nul`, "want null", ErrMalformed},
		{`tru`, "want true", ErrMalformed},
		{`NaN`, "'N', want a value", ErrMalformed},
		{`-`, "want a digit", ErrMalformed},
		{`-Infinity`, "want a digit", ErrMalformed},
		{`1e`, "want a digit", ErrMalformed},
		{`01`, "'1' after the value", ErrMalformed},
		{`1 2`, "after the value", ErrMalformed},
		{`[1,]`, "[1]: malformed JSON at byte 3", ErrMalformed},
		{`[1 2]`, "want ',' or ']'", ErrMalformed},
		{`[1}`, "want ',' or ']'", ErrMalformed},
		{`{"a":1,}`, "want a key", ErrMalformed},
		{`{a:1}`, "want a key", ErrMalformed},
		{`{"a" 1}`, "want :", ErrMalformed},
		{`{"a":{"b\n":x}}`, `["a"]["b\\n"]: malformed JSON at byte 12: 'x'`, ErrMalformed},
		{`[1,1e999]`, "[1]: number is not finite", ErrNotFinite},
		{`"a`, "string without end", ErrMalformed},
		{`"a\`, "string without end", ErrMalformed},
		{`"a\u12"`, "four hexadecimal digits", ErrMalformed},
		{`[[[1]]]`, "[0][0][0]: nested too deeply", ErrDepth},
		{`[[{"a":1}]]`, "[0][0]: nested too deeply", ErrDepth},
	} {
		got, err := FromPlainJSON([]byte(c.in), 2)
		if err == nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) || !got.IsNull() {
			t.Errorf("%s: got %v, %v\nwant %s", c.in, got, err, c.want)
		}
	}
	if _, err := FromPlainJSON([]byte(strings.Repeat("[", 1e6)), MaxJSONDepth); !errors.Is(err, ErrDepth) {
		t.Errorf("bomb: got %v", err)
	}
}

func TestValue_PlainJSON(t *testing.T) {
	for _, c := range []struct {
		v    Value
		want string
	}{
		{Null(), `null`}, {Text("<a\n>"), `"<a\n>"`}, {Integer(-5), `-5`}, {Unsigned(math.MaxUint64), `18446744073709551615`},
		{Float(3), `3.0`}, {Float(0.25), `0.25`}, {Boolean(true), `true`}, {Buffer([]byte{0, 255}), `"AP8="`}, {Vector(1, 2.5, 3), `[1.0,2.5,3.0]`},
		{Timestamp(time.Unix(0, 0)), `"1970-01-01T00:00:00Z"`}, {TimeZone("UTC"), `"UTC"`},
		{IntervalValue(Interval{1, 0}), `1`}, {IntervalValue(Interval{1, 5e8}), `1.5`}, {IntervalValue(Interval{-1, 5e8}), `-0.5`},
		{IntervalValue(Interval{-2, 999999999}), `-1.000000001`}, {IntervalValue(Interval{-2, 0}), `-2`}, {IntervalValue(Interval{0, 10}), `0.00000001`},
		{IntervalValue(Interval{math.MinInt64, 1}), `-9223372036854775807.999999999`},
		{LazyStringMap(map[string]string{"b": "1", "a": "2"}), `{"a":"2","b":"1"}`},
		{List(), `[]`}, {Map(), `{}`},
		{Map(Pair{Text("b"), Integer(1)}, Pair{Integer(2), Null()}, Pair{Boolean(true), List(Null())}), `{"b":1,"2":null,"true":[null]}`},
		{Map(Pair{Text("2"), Null()}, Pair{Integer(2), Null()}), `[["2",null],[2,null]]`},
		{Map(Pair{Float(2), Text("x")}), `[[2.0,"x"]]`},
		{nested(20), strings.Repeat("[", 20) + `"deep"` + strings.Repeat("]", 20)},
	} {
		got, err := c.v.PlainJSON()
		if err != nil || string(got) != c.want || !json.Valid(got) {
			t.Errorf("got %s, %v, want %s", got, err, c.want)
		}
	}
	for _, v := range []Value{Float(math.NaN()), List(Vector(0, 0, float32(math.NaN()))), Map(Pair{Null(), Float(math.Inf(1))}), nested(MaxJSONDepth + 1)} {
		if got, err := v.PlainJSON(); err == nil || got != nil {
			t.Errorf("got %s, %v", got, err)
		}
	}
}

// What came from plain JSON goes back to the same JSON.
func TestPlainJSON_roundTrip(t *testing.T) {
	var gen func(depth int) *rapid.Generator[Value]
	gen = func(depth int) *rapid.Generator[Value] {
		scalar := rapid.OneOf(rapid.Just(Null()), rapid.Map(genText(), Text), rapid.Map(rapid.Int64(), Integer),
			rapid.Map(rapid.Uint64Min(1<<63), Unsigned), rapid.Map(finiteFloat(), Float), rapid.Map(rapid.Bool(), Boolean))
		if depth == 0 {
			return scalar
		}
		return rapid.OneOf(scalar,
			rapid.Map(rapid.SliceOfN(gen(depth-1), 0, 4), func(items []Value) Value { return List(items...) }),
			rapid.Custom(func(t *rapid.T) Value {
				keys := rapid.SliceOfNDistinct(genText(), 0, 4, rapid.ID).Draw(t, "keys")
				pairs := []Pair{}
				for _, k := range keys {
					pairs = append(pairs, Pair{Text(k), gen(depth-1).Draw(t, "value")})
				}
				return Map(pairs...)
			}))
	}
	rapid.Check(t, func(t *rapid.T) {
		v := gen(3).Draw(t, "v")
		b, err := v.PlainJSON()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := FromPlainJSON(b, MaxJSONDepth); err != nil || !got.Equal(v) {
			t.Fatalf("%s: read as %v, %v", b, got, err)
		}
	})
}

// anyJSON decodes with encoding/json, keeping numbers as they were written.
func anyJSON(b []byte) (out any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err = d.Decode(&out)
	return out, err
}

// The scanner accepts what encoding/json accepts, but for depth and for numbers
// too large for a float, and reads the same strings.
func FuzzFromPlainJSON(f *testing.F) {
	for _, c := range jsonForms {
		f.Add([]byte(c.json))
	}
	for _, s := range []string{`{"a":[1,-0.5e3,true,null]}`, "\"\xff\\ud800\"", `[1e999]`, ` {} `, `"\u0041"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := FromPlainJSON(b, MaxJSONDepth)
		if errors.Is(err, ErrDepth) || errors.Is(err, ErrNotFinite) {
			return
		}
		if valid := json.Valid(b); valid != (err == nil) {
			t.Fatalf("%q: encoding/json says %v, we say %v", b, valid, err)
		}
		if err != nil {
			return
		}
		if text, ok := v.AsText(); ok {
			if want, _ := anyJSON(b); want != any(text) {
				t.Fatalf("%q: got %q, want %q", b, text, want)
			}
		}
		out, err := v.PlainJSON()
		if err != nil {
			t.Fatalf("%q: read, not written: %v", b, err)
		}
		if _, err := anyJSON(out); err != nil {
			t.Fatalf("%q: written as %q: %v", b, out, err)
		}
	})
}
