package lib

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

func openOS(b *vm.BaseBuilder) {
	b.Lib("os", []*vm.Native{
		native("clock", osClock),
		native("date", osDate),
		native("difftime", osDiffTime),
		native("time", osTime),
	})
}

// clockStart is what os.clock counts from.
var clockStart = time.Now()

// os.clock() gives seconds for measuring how long something takes.
func osClock(c *vm.Call) error {
	return c.Return1(vm.Number(c.VM().Config().Clock().Sub(clockStart).Seconds()))
}

// os.difftime(a, b)
func osDiffTime(c *vm.Call) error {
	a, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	b, err := c.OptNumber(1, 0)
	if err != nil {
		return err
	}
	return c.Return1(vm.Number(math.Trunc(a) - math.Trunc(b)))
}

// os.time(t) gives seconds since 1970 of a date in UTC, or of now.
func osTime(c *vm.Call) error {
	if c.Arg(0).IsNil() {
		return c.Return1(vm.Number(float64(c.VM().Config().Clock().Unix())))
	}
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	var d [6]int64
	for i, f := range []struct {
		name string
		def  int64 // -1: required
	}{{"sec", 0}, {"min", 0}, {"hour", 12}, {"day", -1}, {"month", -1}, {"year", -1}} {
		n, ok := vm.ToNumber(t.GetStr(vm.Const(f.name)))
		switch {
		case ok:
			d[i] = int64(toInt32(n))
		case f.def < 0:
			return c.Errorf("field '%s' missing in date table", f.name)
		default:
			d[i] = f.def
		}
	}
	day := julianDay(d[5], d[4], d[3])
	seconds := (day-epochDay)*86400 + d[2]*3600 + d[1]*60 + d[0]
	if day < epochDay || seconds < 0 {
		return c.Return1(vm.Nil)
	}
	return c.Return1(vm.Number(float64(seconds)))
}

func toInt32(f float64) int32 {
	if f > -2147483649 && f < 2147483648 {
		return int32(f)
	}
	return math.MinInt32
}

// epochDay is the Julian day number of 1970-01-01.
const epochDay = 2440588

// julianDay numbers the days. Months out of range carry over; a year begins in March here, so that a leap day ends it.
func julianDay(year, month, day int64) int64 {
	shift := int64(0)
	if (month-1)%12 < 2 {
		shift = 1
	}
	shift -= (month - 1) / 12
	y, m := year+4800-shift, month+12*shift-3
	return day + (153*m+2)/5 + 365*y + y/4 - y/100 + y/400 - 32045
}

// os.date(format, time): the local zone is UTC.
func osDate(c *vm.Call) error {
	format, err := c.OptString(0, "%c")
	if err != nil {
		return err
	}
	now := float64(c.VM().Config().Clock().Unix())
	at, err := c.OptNumber(1, now)
	if err != nil {
		return err
	}
	utc := strings.HasPrefix(format, "!")
	if utc {
		format = format[1:]
	}
	if at != at || math.Abs(at) > maxTime || !utc && at <= -1 {
		return c.Return1(vm.Nil)
	}
	t := time.Unix(int64(at), 0).UTC()
	if format == "*t" {
		return dateTable(c, t)
	}
	return dateText(c, format, t)
}

// maxTime keeps years within what a C int holds.
const maxTime = 1 << 55

func dateTable(c *vm.Call, t time.Time) error {
	tab, err := c.VM().NewTable(0, 9)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		n    int
	}{
		{"sec", t.Second()}, {"min", t.Minute()}, {"hour", t.Hour()}, {"day", t.Day()}, {"month", int(t.Month())},
		{"year", t.Year()}, {"wday", int(t.Weekday()) + 1}, {"yday", t.YearDay()},
	} {
		if err := tab.SetStr(c.VM(), vm.Const(f.name), vm.Number(float64(f.n))); err != nil {
			return err
		}
	}
	if err := tab.SetStr(c.VM(), vm.Const("isdst"), vm.False); err != nil {
		return err
	}
	return c.Return1(tab.Value())
}

// dateText costs eight units for each character of the format.
func dateText(c *vm.Call, format string, t time.Time) error {
	if err := c.Charge(8 * int64(len(format))); err != nil {
		return err
	}
	out := newText(c)
	for i := 0; i < len(format); i++ {
		piece := format[i : i+1]
		if format[i] == '%' && i+1 < len(format) {
			i++
			var ok bool
			if piece, ok = datePart(format[i], t); !ok {
				return c.ArgError(0, "invalid conversion specifier")
			}
		}
		if err := out.add(piece); err != nil {
			return err
		}
	}
	v, err := out.value()
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// datePart gives what strftime makes of one letter in the C locale.
func datePart(letter byte, t time.Time) (string, bool) {
	switch letter {
	case 'a':
		return t.Format("Mon"), true
	case 'A':
		return t.Format("Monday"), true
	case 'b':
		return t.Format("Jan"), true
	case 'B':
		return t.Format("January"), true
	case 'c':
		return t.Format("Mon Jan _2 15:04:05 ") + fmt.Sprint(t.Year()), true
	case 'd':
		return t.Format("02"), true
	case 'H':
		return t.Format("15"), true
	case 'I':
		return t.Format("03"), true
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay()), true
	case 'm':
		return t.Format("01"), true
	case 'M':
		return t.Format("04"), true
	case 'p':
		return t.Format("PM"), true
	case 'S':
		return t.Format("05"), true
	case 'U':
		return week(t, int(t.Weekday())), true
	case 'w':
		return fmt.Sprint(int(t.Weekday())), true
	case 'W':
		return week(t, (int(t.Weekday())+6)%7), true
	case 'x':
		return fmt.Sprintf("%02d/%02d/%02d", int(t.Month()), t.Day(), ((t.Year()%100)+100)%100), true
	case 'X':
		return t.Format("15:04:05"), true
	case 'y':
		return fmt.Sprintf("%02d", ((t.Year()%100)+100)%100), true
	case 'Y':
		return fmt.Sprint(t.Year()), true
	case 'z':
		return "+0000", true
	case 'Z':
		return "GMT", true
	case '%':
		return "%", true
	}
	return "", false
}

// week numbers the weeks of the year; sinceStart is the number of days since the last day that begins one.
func week(t time.Time, sinceStart int) string {
	return fmt.Sprintf("%02d", (t.YearDay()-1+7-sinceStart)/7)
}
