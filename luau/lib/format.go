package lib

import (
	"strings"

	"github.com/template-worker/template-worker/luau/internal/vm"
	"github.com/template-worker/template-worker/luau/lib/numfmt"
)

// string.format(format, ...): costs fuel for each item and for the bytes of the
// result, whose memory is taken as it grows.
func stringFormat(c *vm.Call) error {
	f, err := c.CheckString(0)
	if err != nil {
		return err
	}
	return formatter{f: f, arg: 1, out: newText(c)}.run(c)
}

// formatter is one string.format in progress.
type formatter struct {
	f    string // the rest of the format
	arg  int    // the argument of the next item
	out  text
	args []vm.Value // all arguments, copied once a function has to be called
}

// Trace visits the arguments.
func (f *formatter) Trace(visit func(vm.Value)) {
	for _, v := range f.args {
		visit(v)
	}
}

// run writes the rest.
func (f formatter) run(c *vm.Call) error {
	for f.f != "" {
		i := strings.IndexByte(f.f, '%')
		if i < 0 {
			i = len(f.f)
		}
		if err := f.out.add(f.f[:i]); err != nil {
			return err
		}
		if f.f = f.f[i:]; f.f == "" {
			break
		}
		f.f = f.f[1:]
		if f.f != "" && f.f[0] == '%' {
			if err := f.out.add("%"); err != nil {
				return err
			}
			f.f = f.f[1:]
			continue
		}
		n, handler, err := formatItem(c, &f.out, f.f, f.arg)
		if err != nil {
			return err
		}
		f.f, f.arg = f.f[n:], f.arg+1
		if !handler.IsNil() {
			return f.ask(c, handler)
		}
	}
	v, err := f.out.value()
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// ask calls the __tostring of the argument before f.arg.
func (f formatter) ask(c *vm.Call, handler vm.Value) error {
	v := c.Arg(f.arg - 1)
	if f.args == nil {
		if err := c.Alloc(int64(c.NArgs()) * 16); err != nil {
			return err
		}
		f.args = append([]vm.Value(nil), c.Args()...)
	}
	held := f
	return c.CallThen(handler, []vm.Value{v}, formatGoOn, &held)
}

// formatGoOn takes what __tostring gave.
func formatGoOn(c *vm.Call, state any) error {
	f := *state.(*formatter)
	f.out.c = c
	s, err := c.HandlerText(c.Args())
	if err != nil {
		return err
	}
	if err := f.out.add(s); err != nil {
		return err
	}
	if err := c.Recall(f.args); err != nil {
		return err
	}
	return f.run(c)
}

// formatItem writes one item from argument arg and gives the bytes it takes in
// the format, or the __tostring that must be called to write it.
func formatItem(c *vm.Call, out *text, f string, arg int) (n int, handler vm.Value, err error) {
	if arg >= c.NArgs() {
		return 0, vm.Nil, c.Errorf("missing argument #%d", arg+1)
	}
	if err := c.Charge(2); err != nil {
		return 0, vm.Nil, err
	}
	if f != "" && f[0] == '*' {
		s, handler, err := c.TryString(c.Arg(arg))
		if err != nil || !handler.IsNil() {
			return 1, handler, err
		}
		return 1, vm.Nil, out.add(s)
	}
	spec, n, err := numfmt.Parse(f)
	if err != nil {
		return 0, vm.Nil, c.Errorf("%s", err.Error())
	}
	if spec.Verb == 'q' || spec.Verb == 's' {
		s, err := c.CheckString(arg)
		if err != nil {
			return 0, vm.Nil, err
		}
		return n, vm.Nil, formatString(out, spec, s)
	}
	if err := out.room(maxItem); err != nil {
		return 0, vm.Nil, err
	}
	return n, vm.Nil, formatNumber(c, out, spec, arg)
}

// maxItem is more bytes than any formatted number takes.
const maxItem = 512

func formatString(out *text, spec numfmt.Spec, s string) error {
	switch {
	case spec.Verb == 'q':
		return quote(out, s)
	case spec.Bare || spec.Prec < 0 && len(s) >= 100:
		return out.add(s)
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i] // C ends a string there
	}
	if err := out.room(maxItem); err != nil {
		return err
	}
	out.b = spec.AppendString(out.b, s)
	return nil
}

func formatNumber(c *vm.Call, out *text, spec numfmt.Spec, arg int) error {
	v := c.Arg(arg)
	switch spec.Verb {
	case 'c':
		f, err := c.CheckNumber(arg)
		if err != nil {
			return err
		}
		out.b = spec.AppendChar(out.b, byte(int64(f)))
	case 'd', 'i':
		if v.Kind() == vm.KindInteger {
			out.b = spec.AppendInt(out.b, v.AsInteger())
			return nil
		}
		n, err := c.CheckInt64(arg)
		if err != nil {
			return err
		}
		out.b = spec.AppendInt(out.b, n)
	case 'o', 'u', 'x', 'X':
		if v.Kind() == vm.KindInteger {
			out.b = spec.AppendUint(out.b, uint64(v.AsInteger()))
			return nil
		}
		f, err := c.CheckNumber(arg)
		if err != nil {
			return err
		}
		out.b = spec.AppendUint(out.b, unsigned(f))
	case 'e', 'E', 'f', 'g', 'G':
		f, err := c.CheckNumber(arg)
		if err != nil {
			return err
		}
		out.b = spec.AppendFloat(out.b, f)
	case '*':
		return c.Errorf("'%%*' does not take a form")
	case 0:
		return c.Errorf("invalid option '%%' to 'format'")
	default:
		return c.Errorf("invalid option '%%%s' to 'format'", string([]byte{spec.Verb}))
	}
	return nil
}

// unsigned converts as C on amd64 does: negative numbers through int64, and what
// is out of range becomes 0 or the smallest int64.
func unsigned(f float64) uint64 {
	switch {
	case f != f:
		return 1 << 63
	case f < 0:
		if f < -1<<63 {
			return 1 << 63
		}
		return uint64(int64(f))
	case f >= 1<<64:
		return 0
	case f >= 1<<63:
		return uint64(int64(f-1<<63)) ^ 1<<63
	}
	return uint64(f)
}

// quote adds s as a literal that the compiler reads back.
func quote(out *text, s string) error {
	if err := out.add(`"`); err != nil {
		return err
	}
	start := 0
	for i := range len(s) {
		var esc string
		switch s[i] {
		case '"', '\\', '\n':
			esc = `\` + s[i:i+1]
		case '\r':
			esc = `\r`
		case 0:
			esc = `\000`
		default:
			continue
		}
		if err := out.add(s[start:i]); err != nil {
			return err
		}
		if err := out.add(esc); err != nil {
			return err
		}
		start = i + 1
	}
	if err := out.add(s[start:]); err != nil {
		return err
	}
	return out.add(`"`)
}
