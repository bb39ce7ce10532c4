package host

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/template-worker/template-worker/luau"
)

// formatDate is dateTime:format(format) -> string.
func formatDate(c *luau.Call) error {
	format := c.Arg(1).AsString().Str()
	const longest = 20 // bytes that one of the format becomes
	if err := c.Alloc(int64(len(format)) * longest); err != nil {
		return err
	}
	if err := c.Charge(int64(len(format)) * 40); err != nil {
		return err
	}
	text, err := strftime(c.Arg(0).AsUserdata().Data().(time.Time), format)
	if err != nil {
		return err
	}
	v, err := c.VM().NewString(text)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// composed are the specifiers that stand for others.
var composed = map[string]string{
	"D": "%m/%d/%y", "x": "%m/%d/%y", "F": "%Y-%m-%d", "v": "%e-%b-%Y", "R": "%H:%M", "T": "%H:%M:%S", "X": "%H:%M:%S",
	"r": "%I:%M:%S %p", "c": "%a %b %e %H:%M:%S %Y", "+": "%Y-%m-%dT%H:%M:%S%.f%:z",
}

// specifiers are the others that are longer than a letter, the longest first.
var specifiers = []string{".3f", ".6f", ".9f", ".f", "3f", "6f", "9f", ":z"}

// strftime writes a moment by a format.
func strftime(t time.Time, format string) (string, error) {
	var b strings.Builder
	for format != "" {
		text, rest, found := strings.Cut(format, "%")
		b.WriteString(text)
		if !found {
			break
		}
		pad, spec, after := cutSpecifier(rest)
		if whole, ok := composed[spec]; ok && pad == 0 {
			inner, err := strftime(t, whole)
			if err != nil {
				return "", err
			}
			b.WriteString(inner)
		} else if !writeSpecifier(&b, t, spec, pad) {
			return "", unfitf("the format has no specifier %q", "%"+rest[:min(len(rest), 3)])
		}
		format = after
	}
	return b.String(), nil
}

// cutSpecifier takes the specifier from the front of what follows a percent sign.
// pad is 0, or the sign before it that says how numbers are padded.
func cutSpecifier(s string) (pad byte, spec, rest string) {
	if s != "" && strings.IndexByte("-_0", s[0]) >= 0 {
		pad, s = s[0], s[1:]
	}
	for _, long := range specifiers {
		if strings.HasPrefix(s, long) {
			return pad, long, s[len(long):]
		}
	}
	if s == "" {
		return pad, "", ""
	}
	return pad, s[:1], s[1:]
}

// writeSpecifier is a flat list: one case for each specifier.
func writeSpecifier(b *strings.Builder, t time.Time, spec string, pad byte) bool {
	number := func(n, width int, usual byte) bool {
		if pad != 0 {
			usual = pad
		}
		switch usual {
		case '-':
			b.WriteString(strconv.Itoa(n))
		case '_':
			fmt.Fprintf(b, "%*d", width, n)
		default:
			fmt.Fprintf(b, "%0*d", width, n)
		}
		return true
	}
	switch spec { // what numbers give
	case "Y":
		return number(t.Year(), 4, '0')
	case "C":
		return number(t.Year()/100, 2, '0')
	case "y":
		return number(t.Year()%100, 2, '0')
	case "G", "g", "V":
		year, week := t.ISOWeek()
		return number(map[string]int{"G": year, "g": year % 100, "V": week}[spec], map[string]int{"G": 4, "g": 2, "V": 2}[spec], '0')
	case "m":
		return number(int(t.Month()), 2, '0')
	case "d":
		return number(t.Day(), 2, '0')
	case "e":
		return number(t.Day(), 2, '_')
	case "w":
		return number(int(t.Weekday()), 1, '0')
	case "u":
		return number((int(t.Weekday())+6)%7+1, 1, '0')
	case "U":
		return number((t.YearDay()+6-int(t.Weekday()))/7, 2, '0')
	case "W":
		return number((t.YearDay()+6-(int(t.Weekday())+6)%7)/7, 2, '0')
	case "j":
		return number(t.YearDay(), 3, '0')
	case "H":
		return number(t.Hour(), 2, '0')
	case "k":
		return number(t.Hour(), 2, '_')
	case "I":
		return number((t.Hour()+11)%12+1, 2, '0')
	case "l":
		return number((t.Hour()+11)%12+1, 2, '_')
	case "M":
		return number(t.Minute(), 2, '0')
	case "S":
		return number(t.Second(), 2, '0')
	case "f":
		return number(t.Nanosecond(), 9, '0')
	case "s":
		return number(int(t.Unix()), 1, '0')
	}
	if pad != 0 {
		return false
	}
	switch spec { // what texts give
	case "b", "h":
		b.WriteString(t.Format("Jan"))
	case "B":
		b.WriteString(t.Format("January"))
	case "a":
		b.WriteString(t.Format("Mon"))
	case "A":
		b.WriteString(t.Format("Monday"))
	case "P":
		b.WriteString(t.Format("pm"))
	case "p":
		b.WriteString(t.Format("PM"))
	case ".f":
		b.WriteString(t.Format(fraction(t)))
	case ".3f", ".6f", ".9f":
		b.WriteString(t.Format("." + strings.Repeat("0", int(spec[1]-'0'))))
	case "3f", "6f", "9f":
		b.WriteString(fmt.Sprintf("%09d", t.Nanosecond())[:spec[0]-'0'])
	case "Z":
		b.WriteString(t.Format("MST"))
	case "z":
		b.WriteString(t.Format("-0700"))
	case ":z":
		b.WriteString(t.Format("-07:00"))
	case "t":
		b.WriteByte('\t')
	case "n":
		b.WriteByte('\n')
	case "%":
		b.WriteByte('%')
	default:
		return false
	}
	return true
}

// fraction is the layout of a fraction of 0, 3, 6 or 9 digits, as many as it needs.
func fraction(t time.Time) string {
	n := t.Nanosecond()
	switch {
	case n == 0:
		return ""
	case n%1e6 == 0:
		return ".000"
	case n%1e3 == 0:
		return ".000000"
	}
	return ".000000000"
}
