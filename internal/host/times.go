package host

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// timezone is what a Timezone userdata holds: an IANA name.
type timezone string

// timeTypes are the userdata of time: DateTime holds a time.Time in its zone,
// TimeDelta a khronos.Interval, Timezone a timezone.
type timeTypes struct{ dateTime, timeDelta, zone *luau.UserType }

var times = newTimeTypes()

func (t *timeTypes) newDateTime(vm *luau.VM, at time.Time) (luau.Value, error) {
	return newHostValue(vm, t.dateTime, at, 24)
}

func (t *timeTypes) newTimeDelta(vm *luau.VM, d khronos.Interval) (luau.Value, error) {
	return newHostValue(vm, t.timeDelta, d, 16)
}

func (t *timeTypes) newTimezone(vm *luau.VM, name timezone) (luau.Value, error) {
	return newHostValue(vm, t.zone, name, int64(len(name)+16))
}

type field = func(c *luau.Call, self *luau.Userdata) (luau.Value, error)

func newTimeTypes() *timeTypes {
	t := &timeTypes{}
	t.zone = newZoneType()
	t.timeDelta = t.newDeltaType()
	t.dateTime = t.newDateType()
	return t
}

func newZoneType() *luau.UserType {
	name := func(_ *luau.VM, self *luau.Userdata) (string, error) { return string(self.Data().(timezone)), nil }
	return &luau.UserType{
		Name:     "Timezone",
		Eq:       func(a, b *luau.Userdata) bool { return a.Data() == b.Data() },
		ToString: name,
		Fields: map[string]field{"name": func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return c.VM().NewString(string(self.Data().(timezone)))
		}},
	}
}

// newDateType makes DateTime. timestamp_micros and timestamp_nanos are the part
// below the second, as scripts know them.
func (t *timeTypes) newDateType() *luau.UserType {
	number := func(f func(time.Time) int64) field {
		return func(_ *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return luau.Number(float64(f(self.Data().(time.Time)))), nil
		}
	}
	offset := func(f func(standard, extra int) int) field {
		return func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
			seconds := f(offsets(self.Data().(time.Time)))
			return t.newTimeDelta(c.VM(), khronos.Interval{Seconds: int64(seconds)})
		}
	}
	return &luau.UserType{
		Name: "DateTime",
		Eq:   func(a, b *luau.Userdata) bool { return a.Data().(time.Time).Equal(b.Data().(time.Time)) },
		Less: func(_ *luau.VM, a, b *luau.Userdata) (bool, error) {
			return a.Data().(time.Time).Before(b.Data().(time.Time)), nil
		},
		ToString: func(_ *luau.VM, self *luau.Userdata) (string, error) {
			return self.Data().(time.Time).Format(time.RFC3339Nano), nil
		},
		Arith: t.dateArith,
		Fields: map[string]field{
			"year":              number(func(at time.Time) int64 { return int64(at.Year()) }),
			"month":             number(func(at time.Time) int64 { return int64(at.Month()) }),
			"day":               number(func(at time.Time) int64 { return int64(at.Day()) }),
			"hour":              number(func(at time.Time) int64 { return int64(at.Hour()) }),
			"minute":            number(func(at time.Time) int64 { return int64(at.Minute()) }),
			"second":            number(func(at time.Time) int64 { return int64(at.Second()) }),
			"timestamp_seconds": number(time.Time.Unix),
			"timestamp_millis":  number(time.Time.UnixMilli),
			"timestamp_micros":  number(func(at time.Time) int64 { return int64(at.Nanosecond()) / 1000 }),
			"timestamp_nanos":   number(func(at time.Time) int64 { return int64(at.Nanosecond()) }),
			"base_offset":       offset(func(standard, _ int) int { return standard }),
			"dst_offset":        offset(func(_, extra int) int { return extra }),
			"timezone": func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
				return t.newTimezone(c.VM(), timezone(self.Data().(time.Time).Location().String()))
			},
		},
	}
}

// durationSince is dateTime:duration_since(other) -> TimeDelta.
func durationSince(c *luau.Call) error {
	a, b := c.Arg(0).AsUserdata().Data().(time.Time), c.Arg(1).AsUserdata().Data().(time.Time)
	d, err := times.newTimeDelta(c.VM(), since(a, b))
	if err != nil {
		return err
	}
	return c.Return1(d)
}

// since gives a - b, which a time.Duration may not hold.
func since(a, b time.Time) khronos.Interval {
	seconds, nanos := a.Unix()-b.Unix(), int64(a.Nanosecond()-b.Nanosecond())
	if nanos < 0 {
		seconds, nanos = seconds-1, nanos+1e9
	}
	return khronos.Interval{Seconds: seconds, Nanos: uint32(nanos)}
}

// dateArith is DateTime + TimeDelta and DateTime - TimeDelta.
func (t *timeTypes) dateArith(vm *luau.VM, op luau.ArithOp, a, b luau.Value) (luau.Value, error) {
	at, okA := hostData[time.Time](a)
	d, okB := hostData[khronos.Interval](b)
	if !okA || !okB || op != luau.ArithAdd && op != luau.ArithSub {
		return luau.Nil, fmt.Errorf("a DateTime takes only + TimeDelta and - TimeDelta, not %s with %s", vm.TypeName(a), vm.TypeName(b))
	}
	if op == luau.ArithSub {
		var err error
		if d, err = negate(d); err != nil {
			return luau.Nil, err
		}
	}
	seconds, ok := addInt64(at.Unix(), d.Seconds)
	sum := time.Unix(seconds, int64(at.Nanosecond())+int64(d.Nanos)).In(at.Location())
	if !ok || !inYears(sum) {
		return luau.Nil, errDateRange
	}
	return t.newDateTime(vm, sum)
}

// newDeltaType makes TimeDelta. Its whole-unit fields are truncated toward zero.
func (t *timeTypes) newDeltaType() *luau.UserType {
	unit := func(seconds int64) field {
		return func(_ *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return luau.Number(float64(wholeSeconds(self.Data().(khronos.Interval)) / seconds)), nil
		}
	}
	fraction := func(perSecond int64) field {
		return func(_ *luau.Call, self *luau.Userdata) (luau.Value, error) {
			n, ok := subSeconds(self.Data().(khronos.Interval), perSecond)
			if !ok {
				return luau.Nil, nil
			}
			return luau.Number(float64(n)), nil
		}
	}
	return &luau.UserType{
		Name: "TimeDelta",
		Eq:   func(a, b *luau.Userdata) bool { return a.Data() == b.Data() },
		Less: func(_ *luau.VM, a, b *luau.Userdata) (bool, error) {
			x, y := a.Data().(khronos.Interval), b.Data().(khronos.Interval)
			return x.Seconds < y.Seconds || x.Seconds == y.Seconds && x.Nanos < y.Nanos, nil
		},
		ToString: func(_ *luau.VM, self *luau.Userdata) (string, error) {
			return isoDuration(self.Data().(khronos.Interval)), nil
		},
		Arith: t.deltaArith,
		Fields: map[string]field{
			"weeks": unit(7 * 86400), "days": unit(86400), "hours": unit(3600), "minutes": unit(60), "seconds": unit(1),
			"millis": fraction(1e3), "micros": fraction(1e6), "nanos": fraction(1e9),
			"as_secs": func(_ *luau.Call, self *luau.Userdata) (luau.Value, error) {
				d := self.Data().(khronos.Interval)
				return luau.Number(float64(d.Seconds) + float64(d.Nanos)/1e9), nil
			},
		},
	}
}

func (t *timeTypes) deltaArith(vm *luau.VM, op luau.ArithOp, a, b luau.Value) (luau.Value, error) {
	x, okA := hostData[khronos.Interval](a)
	y, okB := hostData[khronos.Interval](b)
	if !okA || !okB || op != luau.ArithAdd && op != luau.ArithSub {
		return luau.Nil, fmt.Errorf("a TimeDelta takes only + and - of TimeDelta, not %s with %s", vm.TypeName(a), vm.TypeName(b))
	}
	if op == luau.ArithSub {
		var err error
		if y, err = negate(y); err != nil {
			return luau.Nil, err
		}
	}
	seconds, ok := addInt64(x.Seconds, y.Seconds)
	nanos := x.Nanos + y.Nanos
	if nanos >= 1e9 && ok {
		nanos -= 1e9
		seconds, ok = addInt64(seconds, 1)
	}
	if !ok {
		return luau.Nil, errOutOfRange
	}
	return t.newTimeDelta(vm, khronos.Interval{Seconds: seconds, Nanos: nanos})
}

var errDateRange = errors.New("the date is out of range")

// inYears tells whether t is in the years that a Khronos value can hold.
func inYears(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 0 && year <= 9999
}

var errOutOfRange = errors.New("the duration is out of range")

// hostData gives the Go value of a userdata, if it is of that type.
func hostData[T any](v luau.Value) (data T, ok bool) {
	if v.Kind() != luau.KindUserdata {
		return data, false
	}
	data, ok = v.AsUserdata().Data().(T)
	return data, ok
}

func negate(d khronos.Interval) (khronos.Interval, error) {
	if d.Seconds == math.MinInt64 {
		return d, errOutOfRange
	}
	if d.Nanos == 0 {
		return khronos.Interval{Seconds: -d.Seconds}, nil
	}
	return khronos.Interval{Seconds: -d.Seconds - 1, Nanos: 1e9 - d.Nanos}, nil
}

func addInt64(a, b int64) (sum int64, ok bool) {
	sum = a + b
	return sum, (sum > a) == (b > 0)
}

// wholeSeconds truncates toward zero; d.Seconds alone is the floor.
func wholeSeconds(d khronos.Interval) int64 {
	if d.Seconds < 0 && d.Nanos > 0 {
		return d.Seconds + 1
	}
	return d.Seconds
}

// subSeconds gives d in units of which a second has perSecond, truncated toward
// zero; not ok when there are too many.
func subSeconds(d khronos.Interval, perSecond int64) (n int64, ok bool) {
	seconds, nanos := d.Seconds, int64(d.Nanos)
	if seconds < 0 && nanos > 0 {
		seconds, nanos = seconds+1, nanos-1e9
	}
	if seconds > math.MaxInt64/perSecond || seconds < math.MinInt64/perSecond {
		return 0, false
	}
	n, part := seconds*perSecond, nanos/(1e9/perSecond)
	if part == 0 {
		return n, true
	}
	sum := n + part
	return sum, (sum > n) == (part > 0)
}

// isoDuration writes an ISO 8601 duration of seconds, as in PT90.5S or -PT0.5S.
func isoDuration(d khronos.Interval) string {
	sign := ""
	seconds, nanos := d.Seconds, int64(d.Nanos)
	if seconds < 0 {
		sign = "-"
		if nanos > 0 {
			seconds, nanos = seconds+1, 1e9-nanos
		}
	}
	text := strings.TrimPrefix(fmt.Sprint(seconds), "-")
	if nanos > 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%09d", nanos), "0")
	}
	return sign + "PT" + text + "S"
}
