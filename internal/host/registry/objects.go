package registry

var dateTimeArea = Area{
	Name: "DateTime", Kind: Object, Type: "DateTime",
	Doc:       "A moment, in UTC.",
	Operators: "`DateTime + TimeDelta`, `DateTime - TimeDelta`; two of them compare; tostring gives RFC 3339",
	Fields: []Param{
		{Name: "year", Type: Integer}, {Name: "month", Type: Integer}, {Name: "day", Type: Integer},
		{Name: "hour", Type: Integer}, {Name: "minute", Type: Integer}, {Name: "second", Type: Integer},
		{Name: "timestamp_seconds", Type: Integer, Doc: "since 1970"},
		{Name: "timestamp_millis", Type: Integer, Doc: "since 1970"},
		{Name: "timestamp_micros", Type: Integer, Doc: "the part below the second"},
		{Name: "timestamp_nanos", Type: Integer, Doc: "the part below the second"},
		{Name: "base_offset", Type: ObjectOf("TimeDelta")}, {Name: "dst_offset", Type: ObjectOf("TimeDelta")},
		{Name: "timezone", Type: ObjectOf("Timezone")},
	},
	Functions: []Function{{
		Name: "duration_since", Args: []Param{{Name: "other", Type: ObjectOf("DateTime")}},
		Results: []Param{{Name: "duration", Type: ObjectOf("TimeDelta")}}, Cost: 10,
		Doc: "Gives the time from other to this one; negative when other is later.",
		Example: `ctx.KV:set("k", 1, {"s"})
local at = ctx.KV:getrecord("k", {"s"}).created_at
print(at:duration_since(at).as_secs) --> 0`,
	}},
}

var timeDeltaArea = Area{
	Name: "TimeDelta", Kind: Object, Type: "TimeDelta",
	Doc:       "A span of time. Whole units are cut off toward zero.",
	Operators: "`+` and `-` of two; two of them compare; tostring gives an ISO 8601 duration",
	Fields: []Param{
		{Name: "weeks", Type: Integer}, {Name: "days", Type: Integer}, {Name: "hours", Type: Integer},
		{Name: "minutes", Type: Integer}, {Name: "seconds", Type: Integer}, {Name: "millis", Type: Integer},
		opt(Param{Name: "micros", Type: Integer, Doc: "nil when there are too many"}),
		opt(Param{Name: "nanos", Type: Integer, Doc: "nil when there are too many"}),
		{Name: "as_secs", Type: Number, Doc: "with the fraction"},
	},
}

var timezoneArea = Area{
	Name: "Timezone", Kind: Object, Type: "Timezone",
	Doc:       "A time zone of the IANA database.",
	Operators: "two of them are equal when their names are; tostring gives the name",
	Fields:    []Param{{Name: "name", Type: Text}},
}

var i64Area = Area{
	Name: "I64", Kind: Object, Type: "I64",
	Doc:       "A signed integer of 64 bits. Integers that a number cannot hold arrive as one.",
	Operators: wideOperators, Functions: wideFunctions("I64"),
}

var u64Area = Area{
	Name: "U64", Kind: Object, Type: "U64",
	Doc:       "An unsigned integer of 64 bits.",
	Operators: wideOperators, Functions: wideFunctions("U64"),
}

const wideOperators = "`+ - * / // % ^` wrap around, `/` and `//` cut off toward zero; the other side may be a whole number, a decimal string, an I64 or a U64; two of them compare"

func wideFunctions(name string) []Function {
	made := `ctx:with({ capabilities = {}, event = { name = "E", data = 2 ^ 62 } }):event().data`
	example := func(method, want string) string {
		return "local n = " + made + " -- an I64\n" +
			"print(n:" + method + ") --> " + want
	}
	if name == "U64" {
		made += ":to_u64()"
		example = func(method, want string) string {
			return "local n = " + made + " -- a U64\n" + "print(n:" + method + ") --> " + want
		}
	}
	to := func(target, words string) Function {
		return Function{
			Name: "to_" + target, Results: []Param{{Name: "n", Type: ObjectOf(words)}}, Cost: 10,
			Doc: "Gives the same number as " + words + ", an error when that cannot hold it.", Example: example("to_"+target+"()", "4611686018427387904"),
		}
	}
	bytes := func(order, words, want string) Function {
		return Function{
			Name: "to_" + order + "_bytes", Results: []Param{{Name: "bytes", Type: ListOf(Integer)}}, Cost: 10,
			Doc: "Gives its eight bytes, " + words + ".", Example: example("to_"+order+"_bytes()["+want+"]", "64"),
		}
	}
	return []Function{
		to("i64", "I64"), to("u64", "U64"),
		bytes("ne", "the least first, as on our machines", "8"), bytes("le", "the least first", "8"), bytes("be", "the greatest first", "1"),
	}
}

var lazyArea = Area{
	Name: "Lazy", Kind: Object, Type: "Lazy",
	Doc:    "Strings by name that become a table when they are looked at.",
	Fields: []Param{{Name: "data", Type: MapOf(Text), Doc: "a new table each time"}},
}

var interopArea = Area{
	Name: "@antiraid/interop", Kind: Module,
	Doc: "The border between scripts and the platform.",
	Fields: []Param{{Name: "array_metatable", Type: Table,
		Doc: "marks a table as a list: without it `{}` is stored as an empty map"}},
	Functions: []Function{
		{
			Name: "memusage", Results: []Param{{Name: "bytes", Type: Integer}}, Cost: 10,
			Doc: "Gives the bytes that all templates of the tenant use.",
			Example: `local interop = require("@antiraid/interop")
print(interop.memusage() > 0) --> true`,
		},
		{
			Name: "memory_limit", Results: []Param{{Name: "bytes", Type: Integer}}, Cost: 10, Limits: []string{"heap_bytes"},
			Doc:     "Gives the bytes that all templates of the tenant may use together.",
			Example: `print(require("@antiraid/interop").memory_limit()) --> 20971520`,
		},
	},
}
