package registry

var dateTimeArea = Area{
	Name: "DateTime", Kind: Object, Type: "DateTime",
	Doc:       "A moment, and the time zone in which its fields show it. What arrives from outside is in UTC, and outside the zone is forgotten.",
	Operators: "`DateTime + TimeDelta`, `DateTime - TimeDelta`; two of them compare; tostring gives RFC 3339",
	Fields: []Param{
		{Name: "year", Type: Integer}, {Name: "month", Type: Integer}, {Name: "day", Type: Integer},
		{Name: "hour", Type: Integer}, {Name: "minute", Type: Integer}, {Name: "second", Type: Integer},
		{Name: "timestamp_seconds", Type: Integer, Doc: "since 1970"},
		{Name: "timestamp_millis", Type: Integer, Doc: "since 1970"},
		{Name: "timestamp_micros", Type: Integer, Doc: "the part below the second"},
		{Name: "timestamp_nanos", Type: Integer, Doc: "the part below the second"},
		{Name: "base_offset", Type: ObjectOf("TimeDelta"), Doc: "of the zone's standard time from UTC"},
		{Name: "dst_offset", Type: ObjectOf("TimeDelta"), Doc: "what daylight saving adds now"},
		{Name: "timezone", Type: ObjectOf("Timezone")},
	},
	Functions: []Function{{
		Name: "duration_since", Args: []Param{{Name: "other", Type: ObjectOf("DateTime")}},
		Results: []Param{{Name: "duration", Type: ObjectOf("TimeDelta")}}, Cost: 10,
		Doc: "Gives the time from other to this one; negative when other is later.",
		Example: datetimeExample + `local earlier, later = datetime.UTC:fromTime(100), datetime.UTC:fromTimeMillis(101500)
print(later:duration_since(earlier).as_secs, earlier:duration_since(later).as_secs) --> 1.5	-1.5`,
	}, {
		Name: "with_timezone", Args: []Param{{Name: "timezone", Type: ObjectOf("Timezone")}}, Results: []Param{{Name: "at", Type: ObjectOf("DateTime")}}, Cost: 30,
		Doc: "Gives the same moment as another time zone shows it.",
		Example: datetimeExample + `local at = datetime.UTC:fromTime(0):with_timezone(datetime.new("Asia/Kolkata"))
print(at, at.hour, at.timezone) --> 1970-01-01T05:30:00+05:30	5	Asia/Kolkata`,
	}, {
		Name: "format", Args: []Param{{Name: "format", Type: Text}}, Results: []Param{{Name: "text", Type: Text}}, Cost: 50,
		Doc: "Writes the moment by a strftime format, in English: `%Y %C %y %G %g %m %b %B %h %d %e %a %A %w %u %U %W %V %j %D %x %F %v %H %k %I %l %P %p %M %S %f %.f " +
			"%.3f %.6f %.9f %3f %6f %9f %R %T %X %r %Z %z %:z %c %+ %s %t %n %%`; `-`, `_` and `0` after the percent sign pad with nothing, blanks and zeros. Anything else is an error.",
		Example: datetimeExample + `print(datetime.UTC:fromTime(86400):format("%a %d %b %Y, %H:%M %Z")) --> Fri 02 Jan 1970, 00:00 UTC`,
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
	Functions: []Function{{
		Name: "offset_string", Results: []Param{{Name: "text", Type: Text}}, Cost: 20,
		Doc:     "Writes hours and minutes as the offset of a time zone.",
		Example: datetimeExample + `print(datetime.timedelta_minutes(330):offset_string(), datetime.timedelta_minutes(-90):offset_string()) --> +05:30	-01:30`,
	}},
}

var timezoneArea = Area{
	Name: "Timezone", Kind: Object, Type: "Timezone",
	Doc:       "A time zone of the IANA database.",
	Operators: "two of them are equal when their names are; tostring gives the name",
	Fields:    []Param{{Name: "name", Type: Text}},
	Functions: []Function{
		{
			Name: "now", Results: dateTimeResult, Cost: 50,
			Doc:     "Gives this moment.",
			Example: datetimeExample + `print(datetime.UTC:now() > datetime.UTC:fromTime(1700000000)) --> true`,
		},
		{
			Name: "fromString", Args: []Param{{Name: "text", Type: Text, Doc: "as in `2026-02-24T01:27:16.5Z`"}}, Results: dateTimeResult, Cost: 50,
			Doc:     "Reads a date and time in the form of RFC 3339.",
			Example: datetimeExample + `print(datetime.UTC:fromString("2026-02-24T02:27:16.5+01:00")) --> 2026-02-24T01:27:16.5Z`,
		},
		fromEpoch("fromTime", "seconds", "1700000000", "2023-11-14T22:13:20Z"),
		fromEpoch("fromTimeMillis", "milliseconds", "1700000000500", "2023-11-14T22:13:20.5Z"),
		fromEpoch("fromTimeMicros", "microseconds", "1700000000000001", "2023-11-14T22:13:20.000001Z"),
		fromEpoch("fromTimeNanos", "nanoseconds", `"1700000000000000001"`, "2023-11-14T22:13:20.000000001Z"),
		{
			Name: "utcToTz", Args: civilArgs, Results: civilResults, Cost: 300,
			Doc:     "Gives the moment at which clocks in UTC show that, in this zone. There is always one.",
			Example: datetimeExample + `print(datetime.new("America/New_York"):utcToTz(2026, 7, 1, 12, 0, 0)) --> 2026-07-01T08:00:00-04:00`,
		},
		{
			Name: "tzToUtc", Args: civilArgs, Results: civilResults, Cost: 300,
			Doc: "Gives the moment at which clocks in this zone show that, in UTC. It is an error when they skip it. When they show it twice it is the earlier " +
				"one, with `all` the later one follows.",
			Example: datetimeExample + `local zone = datetime.new("Europe/Berlin")
print(zone:tzToUtc(2026, 10, 25, 2, 30, 0, true)) --> 2026-10-25T00:30:00Z	2026-10-25T01:30:00Z
print(pcall(function() zone:tzToUtc(2026, 3, 29, 2, 30, 0) end)) --> false	example:4: Timezone:tzToUtc: clocks in Europe/Berlin skip 2026-03-29 02:30:00`,
		},
		{
			Name: "timeUtcToTz", Args: clockArgs, Results: dateTimeResult, Cost: 300,
			Doc:     "Is utcToTz for today, as UTC has it.",
			Example: datetimeExample + `print(datetime.new("Asia/Kolkata"):timeUtcToTz(12, 0, 0).hour) --> 17`,
		},
		{
			Name: "timeTzToUtc", Args: clockArgs, Results: dateTimeResult, Cost: 300,
			Doc:     "Is tzToUtc for today, as this zone has it.",
			Example: datetimeExample + `print(datetime.new("Asia/Kolkata"):timeTzToUtc(17, 30, 0).hour) --> 12`,
		},
	},
}

const datetimeExample = "local datetime = require(\"@antiraid/datetime\")\n"

var (
	dateTimeResult = []Param{{Name: "at", Type: ObjectOf("DateTime")}}
	civilResults   = []Param{{Name: "at", Type: ObjectOf("DateTime")}, opt(Param{Name: "later", Type: ObjectOf("DateTime")})}
	clockArgs      = []Param{
		{Name: "hour", Type: Integer.Between(0, 23)}, {Name: "minute", Type: Integer.Between(0, 59)}, {Name: "second", Type: Integer.Between(0, 59)},
	}
	civilArgs = append([]Param{
		{Name: "year", Type: Integer.Between(0, 9999)}, {Name: "month", Type: Integer.Between(1, 12)}, {Name: "day", Type: Integer.Between(1, 31)},
	}, clockArgs[0], clockArgs[1], clockArgs[2], opt(Param{Name: "all", Type: Boolean}))
)

func fromEpoch(name, unit, n, want string) Function {
	return Function{
		Name: name, Args: []Param{{Name: "n", Type: Wide}}, Results: dateTimeResult, Cost: 30,
		Doc: "Gives the moment that many " + unit + " after 1970 began.", Example: datetimeExample + "print(datetime.UTC:" + name + "(" + n + ")) --> " + want,
	}
}

var datetimeArea = Area{
	Name: "@antiraid/datetime", Kind: Module,
	Doc:    "Time, in years 0 to 9999.",
	Fields: []Param{{Name: "UTC", Type: ObjectOf("Timezone")}},
	Functions: []Function{
		{
			Name: "new", Args: []Param{{Name: "name", Type: Text}}, Results: []Param{{Name: "timezone", Type: ObjectOf("Timezone")}}, Cost: 500,
			Doc: "Gives the time zone of that name in the IANA database, which is built in. `IST` stands for Asia/Kolkata, `PST` and `PDT` for America/Los_Angeles, `EDT` for America/New_York.",
			Example: datetimeExample + `print(datetime.new("Europe/Paris"), datetime.new("IST").name) --> Europe/Paris	Asia/Kolkata
print(pcall(datetime.new, "Mars/Base")) --> false	@antiraid/datetime.new: there is no time zone "Mars/Base"`,
		},
		timedelta("weeks", "1", "PT604800S"), timedelta("days", "1", "PT86400S"), timedelta("hours", "-2", "-PT7200S"),
		timedelta("minutes", "90", "PT5400S"), timedelta("seconds", "90", "PT90S"), timedelta("millis", "1500", "PT1.5S"),
		timedelta("micros", "-1", "-PT0.000001S"), timedelta("nanos", `"1000000001"`, "PT1.000000001S"),
	},
}

func timedelta(unit, n, want string) Function {
	return Function{
		Name: "timedelta_" + unit, Args: []Param{{Name: "n", Type: Wide}}, Results: []Param{{Name: "span", Type: ObjectOf("TimeDelta")}}, Cost: 20,
		Doc: "Makes a span of that many " + unit + ".", Example: datetimeExample + "print(datetime.timedelta_" + unit + "(" + n + ")) --> " + want,
	}
}
