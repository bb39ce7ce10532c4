package host

import (
	"fmt"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// shortZones are the names that datetime.new takes beside those of the IANA database.
var shortZones = map[string]string{
	"IST": "Asia/Kolkata", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "EDT": "America/New_York",
}

// newTimezone is datetime.new(name) -> Timezone.
func newTimezone(c *luau.Call) error {
	name := c.Arg(0).AsString()
	full, ok := shortZones[name.Str()]
	if !ok {
		full = name.Str()
	}
	loc, err := location(c, full)
	if err != nil {
		return err
	}
	v, err := times.newTimezone(c.VM(), timezone(loc.String()))
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// timedelta makes datetime.timedelta_hours(n) and its like: units of that many
// seconds, divided by parts.
func timedelta(seconds, parts int64) luau.Func {
	return func(c *luau.Call) error {
		n, err := toI64(c.VM(), c.Arg(0))
		if err != nil {
			return unfitf("%v", err)
		}
		whole, rest := n/parts, n%parts
		if rest < 0 {
			whole, rest = whole-1, rest+parts
		}
		total := whole * seconds
		if total/seconds != whole {
			return unfitf("%v", errOutOfRange)
		}
		v, err := times.newTimeDelta(c.VM(), khronos.Interval{Seconds: total, Nanos: uint32(rest * (1e9 / parts))})
		if err != nil {
			return err
		}
		return c.Return1(v)
	}
}

// offsetString is timeDelta:offset_string() -> string, as in +05:30.
func offsetString(c *luau.Call) error {
	minutes, sign := wholeSeconds(c.Arg(0).AsUserdata().Data().(khronos.Interval))/60, '+'
	if minutes < 0 {
		minutes, sign = -minutes, '-'
	}
	v, err := c.VM().NewString(fmt.Sprintf("%c%02d:%02d", sign, minutes/60, minutes%60))
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// returnDates gives moments as results.
func returnDates(c *luau.Call, list ...time.Time) error {
	results := make([]luau.Value, len(list))
	for i, t := range list {
		if !inYears(t) {
			return unfitf("%v", errDateRange)
		}
		v, err := times.newDateTime(c.VM(), t)
		if err != nil {
			return err
		}
		c.Hold(v)
		results[i] = v
	}
	return c.Return(results...)
}

// withTimezone is dateTime:with_timezone(timezone) -> DateTime.
func withTimezone(c *luau.Call) error {
	loc, err := zoneArg(c, 1)
	if err != nil {
		return err
	}
	return returnDates(c, c.Arg(0).AsUserdata().Data().(time.Time).In(loc))
}

// zoneNow is timezone:now() -> DateTime, by the VM's clock.
func zoneNow(c *luau.Call) error {
	loc, err := zoneArg(c, 0)
	if err != nil {
		return err
	}
	return returnDates(c, now(c).In(loc))
}

// now reads the VM's clock.
func now(c *luau.Call) time.Time {
	if clock := c.VM().Config().Clock; clock != nil {
		return clock()
	}
	return time.Now()
}

// zoneFromString is timezone:fromString(text) -> DateTime.
func zoneFromString(c *luau.Call) error {
	loc, err := zoneArg(c, 0)
	if err != nil {
		return err
	}
	const longest = len("2006-01-02T15:04:05.000000000+00:00")
	text := c.Arg(1).AsString().Str()
	t, err := time.Parse(time.RFC3339, text[:min(len(text), longest+1)])
	if err != nil {
		return unfitf("text is no date and time of RFC 3339, as 2026-02-24T01:27:16Z is one")
	}
	return returnDates(c, t.In(loc))
}

// zoneFrom makes timezone:fromTime(n) and its like, for parts of a second.
func zoneFrom(parts int64) luau.Func {
	return func(c *luau.Call) error {
		loc, err := zoneArg(c, 0)
		if err != nil {
			return err
		}
		n, err := toI64(c.VM(), c.Arg(1))
		if err != nil {
			return unfitf("%v", err)
		}
		seconds, rest := n/parts, n%parts
		const most = 1 << 40 // beyond year 9999 either way, and far from where time.Time turns over
		if seconds > most || seconds < -most {
			return unfitf("%v", errDateRange)
		}
		return returnDates(c, time.Unix(seconds, rest*(1e9/parts)).In(loc))
	}
}

// civilTime reads year, month, day and then the time of day from argument i on, in UTC.
func civilTime(c *luau.Call, i int) (time.Time, error) {
	n := func(j int) int { return int(c.Arg(i + j).AsNumber()) }
	t := time.Date(n(0), time.Month(n(1)), n(2), n(3), n(4), n(5), 0, time.UTC)
	if t.Day() != n(2) {
		return t, unfitf("%04d-%02d has no day %d", n(0), n(1), n(2))
	}
	return t, nil
}

// utcToTz is timezone:utcToTz(year, month, day, hour, minute, second) -> DateTime.
func utcToTz(c *luau.Call) error {
	loc, err := zoneArg(c, 0)
	if err != nil {
		return err
	}
	t, err := civilTime(c, 1)
	if err != nil {
		return err
	}
	return returnDates(c, t.In(loc))
}

// tzToUtc is timezone:tzToUtc(year, month, day, hour, minute, second, all?) -> DateTime, DateTime?
func tzToUtc(c *luau.Call) error {
	loc, err := zoneArg(c, 0)
	if err != nil {
		return err
	}
	t, err := civilTime(c, 1)
	if err != nil {
		return err
	}
	return returnMoments(c, t, loc, c.Arg(7).Truthy())
}

// returnMoments gives the first moment at which clocks show that, or all.
func returnMoments(c *luau.Call, civil time.Time, loc *time.Location, all bool) error {
	found := moments(civil, loc)
	if len(found) == 0 {
		return unfitf("clocks in %s skip %s", loc, civil.Format(time.DateTime))
	}
	for i := range found {
		found[i] = found[i].UTC()
	}
	if !all {
		found = found[:1]
	}
	return returnDates(c, found...)
}

// clockTime reads the time of day from argument 1 on, on the date that now has.
func clockTime(c *luau.Call, now time.Time) time.Time {
	n := func(j int) int { return int(c.Arg(1 + j).AsNumber()) }
	return time.Date(now.Year(), now.Month(), now.Day(), n(0), n(1), n(2), 0, time.UTC)
}

// timeUtcToTz is timezone:timeUtcToTz(hour, minute, second) -> DateTime.
func timeUtcToTz(c *luau.Call) error {
	loc, err := zoneArg(c, 0)
	if err != nil {
		return err
	}
	return returnDates(c, clockTime(c, now(c).UTC()).In(loc))
}

// timeTzToUtc is timezone:timeTzToUtc(hour, minute, second) -> DateTime.
func timeTzToUtc(c *luau.Call) error {
	loc, err := zoneArg(c, 0)
	if err != nil {
		return err
	}
	return returnMoments(c, clockTime(c, now(c).In(loc)), loc, false)
}
