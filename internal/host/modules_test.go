package host_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/limits"
)

// moduleCase is a script whose printed lines, joined by "|", are wanted.
type moduleCase struct{ code, want string }

// addresses are what tostring shows of tables.
var addresses = regexp.MustCompile(`0x[0-9a-f]+`)

// runModuleCases runs each script with the platform's modules as locals.
func runModuleCases(t *testing.T, cases []moduleCase) {
	t.Helper()
	s := newStage(t)
	const prelude = `local function m(name) return require("@antiraid/" .. name) end `
	for _, tt := range cases {
		if got := addresses.ReplaceAllString(strings.ReplaceAll(s.script(prelude+tt.code), "\n", "|"), ""); got != tt.want {
			t.Errorf("%s\ngives %s\nwant  %s", tt.code, got, tt.want)
		}
	}
}

func TestRequire_unknownModule(t *testing.T) {
	s := newStage(t)
	for _, name := range []string{"@antiraid/chanel", "@AntiRaid/x", "@antiraid/"} {
		got := s.script(`require("` + name + `")`)
		for _, want := range []string{`example:1: require "` + name + `": there is no such module: there are @antiraid/`, "@antiraid/interop, @antiraid/json"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want %q in it", name, got, want)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	const json = `local json, interop = m("json"), m("interop") `
	to := func(value, want string) moduleCase {
		return moduleCase{json + `print(json.tojsonstring(` + value + `))`, want}
	}
	toFails := func(value, want string) moduleCase {
		return moduleCase{json + `print(select(2, pcall(function() json.tojsonstring(` + value + `) end)))`, "example:1: @antiraid/json.tojsonstring: " + want}
	}
	from := func(text, show, want string) moduleCase {
		return moduleCase{json + `local v = json.fromjsonstring(` + text + `) print(` + show + `)`, want}
	}
	runModuleCases(t, []moduleCase{
		to(`nil`, `null`), to(`true`, `true`), to(`"a\"b\\c\n\1é"`, `"a\"b\\c\n\u0001é"`),
		to(`{ 1, 2.5, -0, 1e21, 2^53, 1/0, 0/0, -1/0 }`, `[1,2.5,-0,1e+21,9007199254740992,null,null,null]`),
		to(`{}`, `[]`), to(`setmetatable({}, interop.array_metatable)`, `[]`), to(`{ a = {} }`, `{"a":[]}`),
		to(`{ b = 1, a = 2, ["c d"] = interop.null }`, `{"a":2,"b":1,"c d":null}`),
		to(`{ [1] = 1, [3] = 3 }`, `[1,null,3]`), to(`{ [9] = 1 }`, `[null,null,null,null,null,null,null,null,1]`),
		to(`{ [10] = 1 }`, `{"10":1}`), to(`{ [10] = 1, [0] = 2 }`, `{"0":2,"10":1}`), to(`{ [1.5] = 1 }`, `{"1.5":1}`),
		to(`setmetatable({ 1, x = 2 }, interop.array_metatable)`, `[1]`),
		to(`m("typesext").U64("18446744073709551615")`, `18446744073709551615`),
		to(`(function() local t = { 1 } t[2] = t return t end)()`, `[1,null]`),
		to(`(function() local t = { a = 1 } t.t = { t } return t end)()`, `{"a":1,"t":[null]}`),
		{json + `print(json.tojsonstring({ a = { 1, { b = 2 } }, c = {} }, true))`,
			`{|  "a": [|    1,|    {|      "b": 2|    }|  ],|  "c": []|}`},
		toFails(`{ 1, x = 2 }`, `value: it has strings and numbers as keys, or keys that JSON does not have`),
		toFails(`{ [true] = 2 }`, `value: it has strings and booleans as keys, or keys that JSON does not have`),
		toFails(`{ a = { b = "\xff" } }`, `value.a.b: the string is not UTF-8`),
		toFails(`{ buffer.create(1) }`, `value[1]: a buffer has no JSON form`),
		toFails(`{ ["\xff"] = 1 }`, `value: the string is not UTF-8`),
		toFails(`(function() local t = {} for i = 1, 200 do t = { t } end return t end)()`, "value"+strings.Repeat("[1]", 128)+": nested more than 128 deep"),
		from(`'{"a":[1,null,{"b":"\\u00e9"}],"n":9007199254740993}'`, `v.a[1], v.a[2] == interop.null, v.a[3].b, v.n`, "1\ttrue\té\t9007199254740992"),
		from(`buffer.fromstring("[]")`, `getmetatable(v) == interop.array_metatable`, "true"),
		from(`"null"`, `v == interop.null, typeof(v), tostring(v), type(v)`, "true\tnull\tnull\tuserdata"),
		from(`json.tojsonstring({ x = { 1, interop.null } })`, `json.tojsonstring(v)`, `{"x":[1,null]}`),
		{json + `print(utf8.len(json.fromjsonstring('"a\xff"')))`, "2"},
		{json + `print(pcall(function() ctx.KV:set("k", interop.null, {"s"}) end))`, "false\texample:1: kv.set: value: nulls cannot leave the script"},
		{json + `print(#json.tojsonstring(string.rep('"', 100000)))`, "200002"},
	})
}

// What is written counts as memory before it is there.
func TestJSON_limits(t *testing.T) {
	l := limits.Default()
	l.HeapBytes = 4 << 20
	got := newStageWith(t, l).script(`local t = { string.rep("x", 100000) } for i = 1, 12 do t = { t, t } end
		print(pcall(require("@antiraid/json").tojsonstring, t))`)
	if !strings.Contains(got, "not enough memory") && !strings.Contains(got, "heap_bytes") {
		t.Errorf("got %.200q", got)
	}
}

func TestTypesext(t *testing.T) {
	const types = `local typesext = m("typesext") local U64, I64, bits = typesext.U64, typesext.I64, typesext.bitu64 `
	show := func(expression, want string) moduleCase { return moduleCase{types + "print(" + expression + ")", want} }
	fails := func(expression, want string) moduleCase {
		return moduleCase{types + "print(select(2, pcall(function() return " + expression + " end)))", "example:1: " + want}
	}
	runModuleCases(t, []moduleCase{
		show(`U64(), U64("7") == U64(7), U64(I64(3)), I64(U64(3)), I64("-5"), typeof(U64())`, "0\ttrue\t3\t3\t-5\tU64"),
		show(`U64(0) - 1, I64("9223372036854775807") + 1, U64(3) ^ 2, U64(7) % 4, -I64(3)`, "18446744073709551615\t-9223372036854775808\t9\t3\t-3"),
		show(`I64(1) < I64(2), U64(2) <= U64(2), U64(5):to_i64() + 1`, "true\ttrue\t6"),
		fails(`U64(-1)`, `@antiraid/typesext.U64: the number -1 is no unsigned 64-bit integer`),
		fails(`I64("9223372036854775808")`, `@antiraid/typesext.I64: the string is no 64-bit integer`),
		fails(`I64(U64("9223372036854775808"))`, `@antiraid/typesext.I64: 9223372036854775808 does not fit into an I64`),
		fails(`U64(print)`, `@antiraid/typesext.U64: n must be a whole number, a decimal string, an I64 or a U64, not a function`),
		fails(`I64(-1):to_u64()`, `I64:to_u64: -1 does not fit into a U64`),
		fails(`U64(1) / 0`, `attempt to divide by zero`),
		show(`table.concat(U64(258):to_be_bytes(), ","), table.concat(I64(-2):to_le_bytes(), ",")`, "0,0,0,0,0,0,1,2\t254,255,255,255,255,255,255,255"),
		show(`U64().from_be_bytes(U64(2 ^ 40):to_be_bytes()), I64().from_le_bytes(I64(-2):to_le_bytes())`, "1099511627776\t-2"),
		fails(`U64().from_le_bytes({ 1, 2 })`, `U64.from_le_bytes: bytes has 2 numbers, not 8`),
		fails(`U64().from_le_bytes({ 1, 2, 3, 4, 5, 6, 7, 256 })`, `U64.from_le_bytes: bytes[8] must be between 0 and 255, not 256`),
		show(`bits.band(U64("18446744073709551615"), 255, "15"), bits.bor(1, 2, 4), bits.bxor(5, 1), bits.bnot(0)`, "15\t7\t4\t18446744073709551615"),
		show(`bits.btest(1, 3), bits.btest(1, 2), bits.countlz(0), bits.countrz(0)`, "true\tfalse\t64\t64"),
		show(`bits.lshift(1, 64), bits.lshift(1, 65), bits.rshift(2, 1), bits.lshift(1, -1)`, "1\t2\t1\t9223372036854775808"),
		show(`bits.lrotate(1, 4), bits.rrotate(16, 4), bits.byteswap(258)`, "16\t1\t144396663052566528"),
		show(`bits.extract(U64(0) - 1, 0, 64), bits.extract(255, 63), bits.extract(6, 1)`, "18446744073709551615\t0\t1"),
		show(`bits.replace(0, U64(0) - 1, 0, 64), bits.replace(255, 0, 4, 4)`, "18446744073709551615\t15"),
		fails(`bits.extract(1, 60, 8)`, `@antiraid/typesext.bitu64.extract: field 60 and width 8 reach beyond 64 bits`),
		fails(`bits.band(1, {})`, `@antiraid/typesext.bitu64.band: cannot make a U64 of a table`),
		show(`typesext.randstring(8) ~= typesext.randstring(8), #typesext.randstring(255)`, "true\t255"),
		fails(`typesext.randstring(256)`, `@antiraid/typesext.randstring: length must be between 1 and 255, not 256`),
		show(`(function() local all = {} for i = 1, 100 do for c in string.gmatch(typesext.randstring(255), ".") do all[c] = true end end
			local n = 0 for _ in all do n += 1 end return n end)()`, "62"),
		show(`typesext.newlazystringmap({ a = "b" }).data.a`, "b"),
		show(`(function() local g, h = typesext.createglobalproxy(), typesext.createglobalproxy() g.print = 1
			return g.print, h.print == print, h._G == h, pcall(function() h.math.pi = 3 end) end)()`, "1\ttrue\ttrue\tfalse\texample:2: attempt to modify a readonly table"),
	})
}

func TestDatetime(t *testing.T) {
	const head = `local datetime = m("datetime") local UTC = datetime.UTC `
	show := func(expression, want string) moduleCase { return moduleCase{head + "print(" + expression + ")", want} }
	fails := func(expression, want string) moduleCase {
		return moduleCase{head + "print(select(2, pcall(function() return " + expression + " end)))", "example:1: " + want}
	}
	runModuleCases(t, []moduleCase{
		show(`UTC == datetime.new("UTC"), UTC.name, typeof(UTC), datetime.new("PDT")`, "true\tUTC\tTimezone\tAmerica/Los_Angeles"),
		fails(`datetime.new("Local")`, `@antiraid/datetime.new: there is no time zone "Local"`),
		fails(`datetime.new("")`, `@antiraid/datetime.new: there is no time zone ""`),
		fails(`datetime.new("../../etc/passwd")`, `@antiraid/datetime.new: there is no time zone "../../etc/passwd"`),
		fails(`datetime.new(string.rep("x", 1000))`, `@antiraid/datetime.new: there is no time zone "`+strings.Repeat("x", 64)+`..."`),
		show(`datetime.timedelta_weeks("2").days, datetime.timedelta_millis(-1500).as_secs, datetime.timedelta_nanos(m("typesext").I64(-1))`, "14\t-1.5\t-PT0.000000001S"),
		fails(`datetime.timedelta_weeks("9223372036854775807")`, `@antiraid/datetime.timedelta_weeks: the duration is out of range`),
		fails(`datetime.timedelta_hours(1.5)`, `@antiraid/datetime.timedelta_hours: the number 1.5 is no 64-bit integer`),
		show(`datetime.timedelta_hours(25):offset_string(), datetime.timedelta_minutes(-5):offset_string()`, "+25:00\t-00:05"),
		show(`UTC:fromTime(1e9):with_timezone(datetime.new("Europe/London"))`, "2001-09-09T02:46:40+01:00"),
		{head + `local at = datetime.new("Europe/London"):fromTime(1e9) print(at.base_offset, at.dst_offset.hours, at.timezone, at.hour)`, "PT0S\t1\tEurope/London\t2"},
		{head + `local at = datetime.new("Asia/Kolkata"):fromTime(0) print(at.base_offset.minutes, at.dst_offset.minutes, at == UTC:fromTime(0), at + datetime.timedelta_days(1))`,
			"330\t0\ttrue\t1970-01-02T05:30:00+05:30"},
		show(`UTC:fromTime(-62167219200), UTC:fromTime("253402300799")`, "0000-01-01T00:00:00Z\t9999-12-31T23:59:59Z"),
		fails(`UTC:fromTime(253402300800)`, `Timezone:fromTime: the date is out of range`),
		fails(`UTC:fromTime("9223372036854775807")`, `Timezone:fromTime: the date is out of range`),
		fails(`UTC:fromTime(0) - datetime.timedelta_weeks(1e6)`, `the date is out of range`),
		show(`UTC:fromTimeNanos(-1).timestamp_nanos, UTC:fromTimeMillis(-1)`, "999999999\t1969-12-31T23:59:59.999Z"),
		fails(`UTC:fromString("2026-02-30T00:00:00Z")`, `Timezone:fromString: text is no date and time of RFC 3339, as 2026-02-24T01:27:16Z is one`),
		fails(`UTC:fromString(string.rep("2", 1e6))`, `Timezone:fromString: text is no date and time of RFC 3339, as 2026-02-24T01:27:16Z is one`),
		show(`datetime.new("America/New_York"):tzToUtc(2026, 11, 1, 1, 30, 0)`, "2026-11-01T05:30:00Z"),
		show(`datetime.new("America/New_York"):tzToUtc(2026, 11, 1, 1, 30, 0, true)`, "2026-11-01T05:30:00Z\t2026-11-01T06:30:00Z"),
		show(`datetime.new("America/New_York"):tzToUtc(2026, 7, 1, 1, 30, 0, true)`, "2026-07-01T05:30:00Z"),
		show(`datetime.new("Asia/Kolkata"):utcToTz(2024, 2, 29, 0, 0, 0)`, "2024-02-29T05:30:00+05:30"),
		fails(`UTC:utcToTz(2026, 2, 29, 0, 0, 0)`, `Timezone:utcToTz: 2026-02 has no day 29`),
		fails(`UTC:utcToTz(2026, 13, 1, 0, 0, 0)`, `Timezone:utcToTz: month must be between 1 and 12, not 13`),
		show(`UTC:fromTimeMillis(1772000000123):format("%Y-%m-%dT%H:%M:%S%.f %j %U %W %V %G %u %w %e|%k|%-d %_m %I %p %P %y %C")`,
			"2026-02-25T06:13:20.123 056 08 08 09 2026 3 3 25| 6|25  2 06 AM am 26 20"),
		show(`UTC:fromTimeMillis(1772000000123):format("%A %B %D %F %R %T %r %c %s %Z %z %:z %3f %.6f %f 100%%")`,
			"Wednesday February 02/25/26 2026-02-25 06:13 06:13:20 06:13:20 AM Wed Feb 25 06:13:20 2026 1772000000 UTC +0000 +00:00 123 .123000 123000000 100%"),
		show(`UTC:fromTime(0):format("%+%n%t"), UTC:fromTime(0):format("")`, "1970-01-01T00:00:00+00:00|\t\t"),
		fails(`UTC:fromTime(0):format("%Q")`, `DateTime:format: the format has no specifier "%Q"`),
		fails(`UTC:fromTime(0):format("50%")`, `DateTime:format: the format has no specifier "%"`),
		{head + `print(pcall(function() UTC:fromTime(0):format(string.rep("%c", 1e6)) end))`, "false\tnot enough memory"},
		{head + `local at = datetime.new("Europe/Paris"):fromTime(1e9) ctx.KV:set("at", at, {"s"}) print((ctx.KV:get("at", {"s"})))`, "2001-09-09T01:46:40Z"},
		{`print(pcall(function() m("datetime").UTC = 1 end))`, "false\texample:1: attempt to modify a readonly table"},
	})
}
