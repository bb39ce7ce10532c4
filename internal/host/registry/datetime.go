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
