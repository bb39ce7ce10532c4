package host

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

func pair(k string, v khronos.Value) khronos.Pair {
	return khronos.Pair{Key: khronos.Text(k), Value: v}
}

func TestFromLuau(t *testing.T) {
	for code, want := range map[string]khronos.Value{
		`return nil`:                         khronos.Null(),
		`return true`:                        khronos.Boolean(true),
		`return 3`:                           khronos.Integer(3),
		`return 3.0`:                         khronos.Integer(3),
		`return -0.0`:                        khronos.Float(math.Copysign(0, -1)),
		`return 1.5`:                         khronos.Float(1.5),
		`return 2^60`:                        khronos.Integer(1 << 60),
		`return -2^63`:                       khronos.Integer(math.MinInt64),
		`return 2^63`:                        khronos.Float(1 << 63),
		`return 1e300`:                       khronos.Float(1e300),
		`return "tÄxt"`:                      khronos.Text("tÄxt"),
		`return "a\xffb"`:                    khronos.Text("a\uFFFDb"),
		`return buffer.fromstring("\0\xff")`: khronos.Buffer([]byte{0, 255}),
		`return vector.create(1, 2, 3)`:      khronos.Vector(1, 2, 3),
		`return {}`:                          khronos.Map(),
		`return {1, "a"}`:                    khronos.List(khronos.Integer(1), khronos.Text("a")),
		`return {1, 2, x = 3}`:               khronos.List(khronos.Integer(1), khronos.Integer(2)),
		`return {x = {y = 1}}`:               khronos.Map(pair("x", khronos.Map(pair("y", khronos.Integer(1))))),
		`return {[true] = 1}`:                khronos.Map(khronos.Pair{Key: khronos.Boolean(true), Value: khronos.Integer(1)}),
		`return {[2] = 1}`:                   khronos.Map(khronos.Pair{Key: khronos.Integer(2), Value: khronos.Integer(1)}),
		`return setmetatable({}, getmetatable(...))`:                                khronos.List(),
		`return setmetatable({}, {__len = function() return 5 end, __index = {7}})`: khronos.Map(),
	} {
		if got := mustRun(t, code, khronos.List()); !got.Equal(want) {
			t.Errorf("%s: got %v, want %v", code, got, want)
		}
	}
}

func TestFromLuau_Refuses(t *testing.T) {
	nest := func(n int, inner string) string {
		return "return " + strings.Repeat("{", n) + inner + strings.Repeat("}", n)
	}
	for code, want := range map[string]string{
		`return print`:                         "value: functions cannot leave the script",
		`return coroutine.running()`:           "value: threads cannot leave the script",
		`return newproxy()`:                    "value: userdatas cannot leave the script",
		`return {items = {1, 2, print}}`:       "value.items[3]: functions cannot leave the script",
		`return {["odd key"] = {a_1 = print}}`: `value["odd key"].a_1: functions cannot leave the script`,
		`return {[print] = 1}`:                 "value[function]: functions cannot leave the script",
		`return 0/0`:                           "value: the number nan is not finite",
		`return {x = -1/0}`:                    "value.x: the number -inf is not finite",
		`return vector.create(0/0, 0, 0)`:      "value: a component of the vector is not finite",
		nest(11, "1"):                          "nested more than 10 deep",
		`local t = {} t[1] = t return t`:       "nested more than 10 deep",
		`return string.rep("x", 2e6)`:          "value: larger than 1048576 bytes",
		`local t = {} for i = 1, 10 do t = {t, t, t, t, t, t, t, t} end return t`: "larger than 1048576 bytes",
	} {
		d, vm := newDesk(t)
		_, err := run(d, vm, code)
		var script *luau.ScriptError
		if !errors.As(err, &script) || !strings.Contains(script.Msg, want) {
			t.Errorf("%s: %v, want %q", code, err, want)
		}
	}
	if got := mustRun(t, nest(10, "1"), khronos.Null()); got.Depth() != 10 {
		t.Errorf("ten tables: depth %d", got.Depth())
	}
	if got := mustRun(t, nest(11, ""), khronos.Null()); got.Depth() != 10 {
		t.Errorf("an eleventh table that is empty: depth %d", got.Depth())
	}
}

func TestToLuau(t *testing.T) {
	at := time.Date(2026, 2, 24, 1, 27, 16, 500_000_000, time.UTC)
	for _, tt := range []struct {
		in   khronos.Value
		code string // gives true
	}{
		{khronos.Null(), `return ... == nil`},
		{khronos.Integer(1<<53 - 1), `return ... == 9007199254740991 and typeof(...) == "number"`},
		{khronos.Integer(1 << 53), `local v = ... return typeof(v) == "I64" and tostring(v) == "9007199254740992"`},
		{khronos.Integer(math.MinInt64), `return tostring(...) == "-9223372036854775808"`},
		{khronos.Unsigned(5), `local v = ... return typeof(v) == "U64" and tostring(v) == "5"`},
		{khronos.Float(0), `return 1 / ... == math.huge`},
		{khronos.Text("x"), `return ... == "x"`},
		{khronos.Buffer([]byte("ab")), `return buffer.tostring(...) == "ab"`},
		{khronos.Vector(1, 2, 3), `return (...).z == 3`},
		{khronos.List(khronos.Null(), khronos.Integer(1), khronos.Null(), khronos.Integer(2)), `local t = ... return #t == 2 and t[1] == 1 and t[2] == 2`},
		{khronos.List(), `local t = ... return next(t) == nil and table.isfrozen(getmetatable(t))`},
		{khronos.Map(pair("a", khronos.Null()), pair("b", khronos.Integer(1))), `local t = ... return t.a == nil and t.b == 1 and getmetatable(t) == nil`},
		{khronos.Map(pair("a", khronos.Integer(1)), pair("a", khronos.Integer(2))), `return (...).a == 2`},
		{khronos.Map(khronos.Pair{Key: khronos.List(khronos.Integer(7)), Value: khronos.Integer(1)}), `for k, v in ... do return k[1] == 7 and v == 1 end`},
		{khronos.LazyStringMap(map[string]string{"init.luau": "x"}), `local l = ... return typeof(l) == "Lazy" and l.data["init.luau"] == "x"`},
		{khronos.TimeZone("Asia/Kolkata"), `local z = ... return typeof(z) == "Timezone" and z.name == "Asia/Kolkata" and tostring(z) == z.name`},
		{khronos.Timestamp(at), `local d = ...
			return typeof(d) == "DateTime" and tostring(d) == "2026-02-24T01:27:16.5Z" and d.year == 2026 and d.month == 2 and d.day == 24
				and d.hour == 1 and d.minute == 27 and d.second == 16 and d.timestamp_seconds == 1771896436 and d.timestamp_millis == 1771896436500
				and d.timestamp_micros == 500000 and d.timestamp_nanos == 500000000 and d.timezone.name == "UTC" and d.base_offset.seconds == 0
				and d == d and not (d < d) and d <= d and d:duration_since(d).as_secs == 0`},
		{khronos.List(khronos.Timestamp(at), khronos.IntervalValue(khronos.Interval{Seconds: 90, Nanos: 500_000_000})), `local at, d = (...)[1], (...)[2]
			return (at + d):duration_since(at) == d and (at + d) - d == at and at < at + d and (at - d) < at and d - d < d and (d + d).as_secs == 181`},
		{khronos.IntervalValue(khronos.Interval{Seconds: 90061, Nanos: 500_000_000}), `local d = ...
			return typeof(d) == "TimeDelta" and d.days == 1 and d.hours == 25 and d.minutes == 1501 and d.seconds == 90061 and d.millis == 90061500
				and d.micros == 90061500000 and d.nanos == 90061500000000 and d.weeks == 0 and tostring(d) == "PT90061.5S"`},
		{khronos.IntervalValue(khronos.Interval{Seconds: -1, Nanos: 500_000_000}), `local d = ...
			return d.as_secs == -0.5 and d.seconds == 0 and d.millis == -500 and tostring(d) == "-PT0.5S"`},
		{khronos.IntervalValue(khronos.Interval{Seconds: math.MaxInt64}), `local d = ... return d.nanos == nil and d.micros == nil and not pcall(function() return d + d end)`},
	} {
		if got := mustRun(t, tt.code, tt.in); !got.Equal(khronos.Boolean(true)) {
			t.Errorf("%v: %s\n gives %v", tt.in, tt.code, got)
		}
	}
	_, vm := newDesk(t)
	for _, bad := range []khronos.Value{
		khronos.Map(khronos.Pair{Value: khronos.Integer(1)}),
		khronos.Map(khronos.Pair{Key: khronos.Float(math.NaN()), Value: khronos.Integer(1)}),
	} {
		if _, err := ToLuau(vm, bad); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

func TestWideIntegers(t *testing.T) {
	both := khronos.List(khronos.Unsigned(math.MaxUint64), khronos.Integer(math.MaxInt64), khronos.Integer(math.MinInt64), khronos.Unsigned(7))
	for code, want := range map[string]string{
		`tostring(u + 1)`: "0", `tostring(u * 2)`: "18446744073709551614", `tostring(i + 1)`: "-9223372036854775808",
		`tostring(m - 1)`: "9223372036854775807", `tostring(-m)`: "-9223372036854775808", `tostring(s / 2)`: "3", `tostring(s // "2")`: "3",
		`tostring(s % 4)`: "3", `tostring(s ^ 2)`: "49", `tostring(2 + s)`: "9", `tostring(m // -1)`: "-9223372036854775808",
		`tostring(s < u)`: "true", `tostring(s == s + 0)`: "true", `tostring(m <= i)`: "true", `typeof(i:to_u64())`: "U64",
		`tostring(#u:to_be_bytes() + s:to_le_bytes()[1] + s:to_be_bytes()[8])`: "22",
		`select(2, pcall(function() return s / 0 end))`:                        "script:1: attempt to divide by zero",
		`select(2, pcall(function() return s + 1.5 end))`:                      "script:1: the number 1.5 is no unsigned 64-bit integer",
		`select(2, pcall(function() return s + {} end))`:                       "script:1: cannot make a U64 of a table",
		`select(2, pcall(function() return s + "x" end))`:                      "script:1: the string is no unsigned 64-bit integer",
		`select(2, pcall(function() return u:to_i64() end))`:                   "script:1: U64:to_i64: 18446744073709551615 does not fit into an I64",
		`select(2, pcall(function() return m:to_u64() end))`:                   "script:1: I64:to_u64: -9223372036854775808 does not fit into a U64",
	} {
		got := mustRun(t, `local u, i, m, s = unpack(...) return `+code, both)
		if text, _ := got.AsText(); text != want {
			t.Errorf("%s gives %v, want %q", code, got, want)
		}
	}
}

// values generates values that a script hands back as they are: no Null inside,
// no numbers that change their kind, no tables as keys.
func values(depth int) *rapid.Generator[khronos.Value] {
	return rapid.Custom(func(t *rapid.T) khronos.Value {
		kinds := 11
		if depth > 0 {
			kinds = 13
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return khronos.Text(rapid.String().Draw(t, "text"))
		case 1:
			return khronos.Integer(rapid.Int64().Draw(t, "integer"))
		case 2:
			return khronos.Unsigned(rapid.Uint64().Draw(t, "unsigned"))
		case 3:
			return khronos.Float(rapid.Float64Range(0, 1).Draw(t, "float")/3 + 0.1)
		case 4:
			return khronos.Boolean(rapid.Bool().Draw(t, "boolean"))
		case 5:
			return khronos.Buffer(rapid.SliceOf(rapid.Byte()).Draw(t, "buffer"))
		case 6:
			return khronos.Vector(rapid.Float32Range(-9, 9).Draw(t, "x"), rapid.Float32Range(-9, 9).Draw(t, "y"), 1)
		case 7:
			return khronos.Timestamp(time.Unix(rapid.Int64Range(-6e10, 2e11).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")))
		case 8:
			return khronos.IntervalValue(khronos.Interval{Seconds: rapid.Int64().Draw(t, "seconds"), Nanos: rapid.Uint32Range(0, 999_999_999).Draw(t, "nanos")})
		case 9:
			return khronos.TimeZone("Europe/Berlin")
		case 10:
			return khronos.LazyStringMap(rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "strings"))
		case 11:
			return khronos.List(rapid.SliceOfN(values(depth-1), 0, 5).Draw(t, "items")...)
		}
		var pairs []khronos.Pair
		for _, key := range rapid.SliceOfNDistinct(rapid.StringN(0, 50, -1), 0, 1, rapid.ID[string]).Draw(t, "keys") {
			pairs = append(pairs, pair(key, values(depth-1).Draw(t, "value")))
		}
		return khronos.Map(pairs...)
	})
}

func TestConvert_RoundTrip(t *testing.T) {
	_, vm := newDesk(t)
	rapid.Check(t, func(r *rapid.T) {
		v := values(8).Draw(r, "value")
		in, err := ToLuau(vm, v)
		if err != nil {
			r.Fatal(err)
		}
		out, err := FromLuau(vm, in)
		if err != nil || !out.Equal(v) {
			r.Fatalf("%v\ncame back as %v, %v", v, out, err)
		}
		payload, err := khronos.ValuePayload(v)
		if err != nil {
			r.Fatal(err)
		}
		if in, err = PayloadToLuau(vm, payload); err != nil {
			r.Fatal(err)
		}
		if out, err = FromLuau(vm, in); err != nil || !out.Equal(v) {
			r.Fatalf("as payload %v\ncame back as %v, %v", v, out, err)
		}
	})
}

// A value that does not fit into the memory of the VM ends in a memory limit,
// with nothing left behind.
func TestToLuau_Charges(t *testing.T) {
	account := luau.NewAccount(1 << 20)
	vm := luau.NewVM(NewBase(), luau.Config{Account: account})
	defer vm.Close()
	items := make([]khronos.Value, 50_000)
	for i := range items {
		items[i] = khronos.List()
	}
	_, err := ToLuau(vm, khronos.List(items...))
	var limit *luau.LimitError
	if !errors.As(err, &limit) || limit.Kind != luau.LimitMemory {
		t.Fatalf("got %v, want a memory limit", err)
	}
	if live := vm.Collect(); live > 8<<10 {
		t.Errorf("%d bytes stay", live)
	}
}
