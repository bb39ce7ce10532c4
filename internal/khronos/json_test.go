package khronos

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// jsonForms are values with their exact JSON form.
var jsonForms = []struct {
	v    Value
	json string
}{
	{Null(), `"Null"`},
	{Text("x"), `{"Text":"x"}`},
	{Text("\"\\/\b\f\n\r\t\x00\x1f<é😀"), `{"Text":"\"\\/\u0008\u000c\n\r\t\u0000\u001f<é😀"}`},
	{Integer(-5), `{"Integer":-5}`},
	{Integer(math.MinInt64), `{"Integer":-9223372036854775808}`},
	{Integer(math.MaxInt64), `{"Integer":9223372036854775807}`},
	{Integer(1<<53 + 1), `{"Integer":9007199254740993}`},
	{Unsigned(5), `{"UnsignedInteger":5}`},
	{Unsigned(math.MaxUint64), `{"UnsignedInteger":18446744073709551615}`},
	{Float(1.5), `{"Float":1.5}`},
	{Float(3), `{"Float":3.0}`},
	{Float(math.Copysign(0, -1)), `{"Float":-0.0}`},
	{Float(1e300), `{"Float":1e+300}`},
	{Float(5e-324), `{"Float":5e-324}`},
	{Boolean(true), `{"Boolean":true}`},
	{Boolean(false), `{"Boolean":false}`},
	{Buffer([]byte{1, 2, 255}), `{"Buffer":[1,2,255]}`},
	{Buffer(nil), `{"Buffer":[]}`},
	{Vector(1, 2, 3), `{"Vector":[1.0,2.0,3.0]}`},
	{Vector(0.1, -0.5, 1e30), `{"Vector":[0.1,-0.5,1e+30]}`},
	{Map(), `{"Map":[]}`},
	{Map(Pair{Text("a"), Integer(1)}, Pair{Null(), List()}, Pair{Text("a"), Null()}), `{"Map":[[{"Text":"a"},{"Integer":1}],["Null",{"List":[]}],[{"Text":"a"},"Null"]]}`},
	{List(Null(), Boolean(true)), `{"List":["Null",{"Boolean":true}]}`},
	{Timestamp(time.Date(2026, 2, 24, 1, 27, 16, 0, time.UTC)), `{"Timestamptz":"2026-02-24T01:27:16Z"}`},
	{Timestamp(time.Date(2026, 2, 24, 1, 27, 16, 5e8, time.UTC)), `{"Timestamptz":"2026-02-24T01:27:16.500Z"}`},
	{Timestamp(time.Date(2026, 2, 24, 1, 27, 16, 1000, time.UTC)), `{"Timestamptz":"2026-02-24T01:27:16.000001Z"}`},
	{Timestamp(time.Date(2026, 2, 24, 1, 27, 16, 1, time.UTC)), `{"Timestamptz":"2026-02-24T01:27:16.000000001Z"}`},
	{Timestamp(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)), `{"Timestamptz":"0000-01-01T00:00:00Z"}`},
	{Timestamp(time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)), `{"Timestamptz":"9999-12-31T23:59:59.999999999Z"}`},
	{IntervalValue(Interval{-1, 500000000}), `{"Interval":[-1,500000000]}`},
	{IntervalValue(Interval{math.MinInt64, 999999999}), `{"Interval":[-9223372036854775808,999999999]}`},
	{TimeZone("Asia/Kolkata"), `{"TimeZone":"Asia/Kolkata"}`},
	{LazyStringMap(map[string]string{"init.luau": "...", "a": "b"}), `{"LazyStringMap":{"a":"b","init.luau":"..."}}`},
	{LazyStringMap(nil), `{"LazyStringMap":{}}`},
}

func TestValue_MarshalJSON(t *testing.T) {
	for _, c := range jsonForms {
		got, err := c.v.MarshalJSON()
		if err != nil || string(got) != c.json {
			t.Errorf("got  %s, %v\nwant %s", got, err, c.json)
		}
		if !json.Valid(got) {
			t.Errorf("%s is not JSON", got)
		}
		back, err := ParseJSON([]byte(c.json), MaxDepth)
		if err != nil || !back.Equal(c.v) {
			t.Errorf("%s: read as %v, %v", c.json, back, err)
		}
	}
}

func TestParseJSON_lenient(t *testing.T) {
	for in, want := range map[string]Value{
		`{"Null":null}`:        Null(),
		" {\t\"Null\" : null}": Null(),
		`{"Float":3}`:          Float(3),
		`{"Float":-0}`:         Float(math.Copysign(0, -1)),
		`{"Float":1E2}`:        Float(100),
		`{"Vector":[1,2,3e0]}`: Vector(1, 2, 3),
		`{"Timestamptz":"2026-02-24T02:27:16.5+01:00"}`:  Timestamp(time.Date(2026, 2, 24, 1, 27, 16, 5e8, time.UTC)),
		`{"LazyStringMap":{"a":"b","a":"c"}}`:            LazyStringMap(map[string]string{"a": "c"}),
		`{"Text":"\u00e9\ud83d\ude00\/\ud83d\ud83d\u0"}`: {},
		"{\"Text\":\"\xff\\n\xff\"}":                     Text("\ufffd\n\ufffd"),
		`{"Text":"\ud83d\ude00\ud83dx\ude00"}`:           Text("😀\ufffdx\ufffd"),
		`{"T\u0065xt":"x"}`:                              Text("x"),
	} {
		got, err := ParseJSON([]byte(in), MaxDepth)
		if strings.HasSuffix(in, `\u0"}`) {
			if err == nil {
				t.Errorf("%s: no error", in)
			}
			continue
		}
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v", in, got, err)
		}
	}
}

func TestParseJSON_errors(t *testing.T) {
	for _, c := range []struct {
		in, want string
		is       error
	}{
		{``, "malformed JSON at byte 0: end of input", ErrMalformed},
		{`null`, "'n', want {", ErrMalformed},
		{`5`, "", ErrMalformed},
		{`"null"`, `string "null", want "Null" or an object`, ErrMalformed},
		{`"Text"`, "", ErrMalformed},
		{`{}`, "want the name of a variant", ErrMalformed},
		{`{"Txt":1}`, `unknown variant "Txt"`, ErrMalformed},
		{`{"text":"x"}`, "unknown variant", ErrMalformed},
		{`{"Text":"x"`, "Text: malformed JSON at byte 11: end of input", ErrMalformed},
		{`{"Text":"x","Text":"y"}`, "Text: malformed JSON at byte 11: ',', want '}' after the one member", ErrMalformed},
		{`{"Text":"x"} x`, "'x' after the value", ErrMalformed},
		{`"Null""Null"`, "after the value", ErrMalformed},
		{`{"Text":5}`, "Text: ", ErrMalformed},
		{`{"Text":null}`, "Text: ", ErrMalformed},
		{`{"Text":"` + "\n" + `"}`, "control character", ErrMalformed},
		{`{"Text":"\x"}`, "unknown escape", ErrMalformed},
		{`{"Null":0}`, "Null: ", ErrMalformed},
		{`{"Null":"Null"}`, "Null: ", ErrMalformed},
		{`{"Boolean":1}`, "Boolean: ", ErrMalformed},
		{`{"Integer":1.0}`, "Integer: malformed JSON at byte 14: \"1.0\", want an integer", ErrMalformed},
		{`{"Integer":1e2}`, "want an integer", ErrMalformed},
		{`{"Integer":"1"}`, "want an integer", ErrMalformed},
		{`{"Integer":01}`, "Integer: ", ErrMalformed},
		{`{"Integer":+1}`, "Integer: ", ErrMalformed},
		{`{"Integer":9223372036854775808}`, "does not fit in a signed", ErrMalformed},
		{`{"UnsignedInteger":-1}`, "does not fit in an unsigned", ErrMalformed},
		{`{"UnsignedInteger":18446744073709551616}`, "does not fit", ErrMalformed},
		{`{"Unsigned":1}`, "unknown variant", ErrMalformed},
		{`{"Float":null}`, "Float: ", ErrMalformed},
		{`{"Float":"NaN"}`, "Float: ", ErrMalformed},
		{`{"Float":NaN}`, "Float: ", ErrMalformed},
		{`{"Float":1e309}`, "Float: number is not finite", ErrNotFinite},
		{`{"Float":.5}`, "Float: ", ErrMalformed},
		{`{"Float":1.}`, "Float: ", ErrMalformed},
		{`{"Vector":[1,2,1e39]}`, "Vector[2]: number is not finite", ErrNotFinite},
		{`{"Vector":[1,2]}`, "Vector: ", ErrMalformed},
		{`{"Vector":[1,2,3,4]}`, "Vector[3]: ", ErrMalformed},
		{`{"Vector":[1,2,null]}`, "Vector[2]: ", ErrMalformed},
		{`{"Buffer":[0,256]}`, "Buffer[1]: ", ErrMalformed},
		{`{"Buffer":[0,-1]}`, "Buffer[1]: ", ErrMalformed},
		{`{"Buffer":[0,]}`, "Buffer[1]: ", ErrMalformed},
		{`{"Buffer":"AQ=="}`, "Buffer: ", ErrMalformed},
		{`{"Interval":500}`, "Interval: ", ErrMalformed},
		{`{"Interval":[1]}`, "Interval: ", ErrMalformed},
		{`{"Interval":[1,1000000000]}`, "Interval: out of range: 1000000000 nanoseconds", ErrRange},
		{`{"Interval":[1,-1]}`, "Interval[1]: ", ErrMalformed},
		{`{"Interval":[1,2,3]}`, "Interval[2]: ", ErrMalformed},
		{`{"Timestamptz":"2026-02-24"}`, "not an RFC 3339 time", ErrMalformed},
		{`{"Timestamptz":"2026-02-24T01:27:16"}`, "not an RFC 3339 time", ErrMalformed},
		{`{"Timestamptz":"2026-02-24T1:27:16Z"}`, "not an RFC 3339 time", ErrMalformed},
		{`{"Timestamptz":"2026-02-24T01:27:16,5Z"}`, "not an RFC 3339 time", ErrMalformed},
		{`{"Timestamptz":"2026-02-30T01:27:16Z"}`, "not an RFC 3339 time", ErrMalformed},
		{`{"Timestamptz":"0000-01-01T00:00:00+01:00"}`, "Timestamptz: out of range", ErrRange},
		{`{"Timestamptz":0}`, "Timestamptz: ", ErrMalformed},
		{`{"TimeZone":""}`, "TimeZone: out of range", ErrRange},
		{`{"TimeZone":"../../etc/passwd"}`, "TimeZone: out of range", ErrRange},
		{`{"LazyStringMap":{"a":1}}`, `LazyStringMap["a"]: `, ErrMalformed},
		{`{"LazyStringMap":[]}`, "LazyStringMap: ", ErrMalformed},
		{`{"LazyStringMap":{"a":"b",}}`, "LazyStringMap: ", ErrMalformed},
		{`{"List":{}}`, "List: ", ErrMalformed},
		{`{"List":["Null",]}`, "List[1]: ", ErrMalformed},
		{`{"List":["Null" "Null"]}`, "List: ", ErrMalformed},
		{`{"List":[null]}`, "List[0]: ", ErrMalformed},
		{`{"List":["Null",{"Map":[["Null",{"Integer":"x"}]]}]}`, "List[1].Map[0].value.Integer: malformed", ErrMalformed},
		{`{"Map":[["Null","Null"],["Null",{"Text":1}]]}`, "Map[1].value.Text: ", ErrMalformed},
		{`{"Map":[[{"Text":1},"Null"]]}`, "Map[0].key.Text: ", ErrMalformed},
		{`{"Map":[["Null"]]}`, "Map[0]: ", ErrMalformed},
		{`{"Map":[["Null","Null","Null"]]}`, "Map[0]: ", ErrMalformed},
		{`{"Map":{"a":"Null"}}`, "Map: ", ErrMalformed},
	} {
		got, err := ParseJSON([]byte(c.in), MaxDepth)
		if err == nil {
			t.Errorf("%s: read as %v", c.in, got)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !errors.Is(err, c.is) {
			t.Errorf("%s:\ngot  %v\nwant %s", c.in, err, c.want)
		}
		if !got.IsNull() {
			t.Errorf("%s: an error and %v", c.in, got)
		}
	}
}

// Both forms refuse the same values, with the same path.
func TestValue_refused(t *testing.T) {
	for _, c := range []struct {
		v    Value
		want string
		is   error
	}{
		{Float(math.NaN()), "Float: number is not finite", ErrNotFinite},
		{Float(math.Inf(-1)), "Float: number is not finite", ErrNotFinite},
		{Vector(0, float32(math.Inf(1)), 0), "Vector: number is not finite", ErrNotFinite},
		{List(Null(), Map(Pair{Text("a"), Float(math.NaN())})), "List[1].Map[0].value.Float: number is not finite", ErrNotFinite},
		{Map(Pair{Float(math.NaN()), Null()}), "Map[0].key.Float: number is not finite", ErrNotFinite},
		{Timestamp(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), "Timestamptz: out of range", ErrRange},
		{Timestamp(time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)), "Timestamptz: out of range", ErrRange},
		{IntervalValue(Interval{0, 1e9}), "Interval: out of range", ErrRange},
		{TimeZone("a b"), `TimeZone: out of range: "a b" is not the name`, ErrRange},
		{TimeZone(strings.Repeat("a", 65)), "TimeZone: out of range", ErrRange},
		{nested(13), strings.Repeat("List[0].", 12) + "List[0]: nested too deeply", ErrDepth},
	} {
		b, jsonErr := c.v.AppendJSON([]byte("x"))
		m, msgErr := c.v.AppendMsg([]byte("x"))
		if string(b) != "x" || string(m) != "x" {
			t.Errorf("%s: partly written: %s, %s", c.want, b, m)
		}
		for _, err := range []error{jsonErr, msgErr} {
			if !errors.Is(err, c.is) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		}
	}
}

func TestValue_depth(t *testing.T) {
	for _, c := range []struct {
		v    Value
		max  int
		fits bool
	}{
		{nested(10), MaxDepth, true}, {nested(11), MaxDepth, false}, {nested(12), MaxResultDepth, true}, {nested(0), 0, true}, {nested(1), 0, false},
		{List(nested(9), List()), MaxDepth, true},
		{Map(Pair{nested(9), Null()}), MaxDepth, true}, {Map(Pair{nested(10), Null()}), MaxDepth, false}, {Map(Pair{Null(), nested(10)}), MaxDepth, false},
	} {
		b, err := c.v.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		m, err := c.v.AppendMsg(nil)
		if err != nil {
			t.Fatal(err)
		}
		_, errJSON := ParseJSON(b, c.max)
		_, _, errMsg := ReadMsg(m, c.max)
		for _, err := range []error{errJSON, errMsg} {
			if c.fits && err != nil || !c.fits && !errors.Is(err, ErrDepth) {
				t.Errorf("depth %d of at most %d: %v", c.v.Depth(), c.max, err)
			}
		}
	}
	// An eleventh list passes only when it is empty.
	empty := List()
	for range 10 {
		empty = List(empty)
	}
	if _, err := ValuePayload(empty); err != nil {
		t.Error(err)
	}
	if _, err := ValuePayload(nested(11)); !errors.Is(err, ErrDepth) {
		t.Errorf("got %v", err)
	}
	if _, err := ParseJSON([]byte(strings.Repeat(`{"List":[`, 1e6)), MaxDepth); !errors.Is(err, ErrDepth) {
		t.Errorf("bomb: got %v", err)
	}
}

func TestValue_UnmarshalJSON(t *testing.T) {
	var got struct{ A, B Value }
	if err := json.Unmarshal([]byte(`{"A":{"List":["Null"]},"B":"Null"}`), &got); err != nil || !got.A.Equal(List(Null())) {
		t.Errorf("got %v, %v", got, err)
	}
	b, err := json.Marshal(nested(12))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &got.A); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal([]byte(`{"A":{"Text":5}}`), &got); !errors.Is(err, ErrMalformed) || !got.A.Equal(nested(12)) {
		t.Errorf("got %v, value %v", err, got.A)
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, c := range jsonForms {
		f.Add([]byte(c.json))
	}
	f.Add([]byte(`{"Null":null}`))
	f.Add([]byte(`{"List":[{"Float":1e999}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ParseJSON(b, MaxDepth)
		if err != nil {
			return
		}
		if !json.Valid(b) || v.Depth() > MaxDepth {
			t.Fatalf("%q accepted", b)
		}
		out, err := v.MarshalJSON()
		if err != nil {
			t.Fatalf("%q: read, not written: %v", b, err)
		}
		if back, err := ParseJSON(out, MaxDepth); err != nil || !back.Equal(v) {
			t.Fatalf("%q: written as %s, read as %v, %v", b, out, back, err)
		}
	})
}
