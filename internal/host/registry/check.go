package registry

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

// Check is bad_request unless args are what the function takes: all of them, a
// Null for each optional one that is left out. Sizes are the matter of
// [Function.CheckSizes].
func (f *Function) Check(args []khronos.Value) *khronos.Error {
	if len(args) != len(f.Args) {
		return f.refuse(khronos.ErrKindBadRequest, "got %d arguments, want %d", len(args), len(f.Args))
	}
	for i, p := range f.Args {
		if err := p.Check(args[i]); err != nil {
			return f.refuse(khronos.ErrKindBadRequest, "%v", err)
		}
	}
	return nil
}

// CheckSizes is too_large when an argument that [Function.Check] took is over a
// limit of its type, and bad_request when a value cannot be kept at all.
func (f *Function) CheckSizes(args []khronos.Value, l *limits.Limits) *khronos.Error {
	for i, p := range f.Args {
		err := p.CheckSize(args[i], l)
		if err == nil {
			continue
		}
		kind := khronos.ErrKindTooLarge
		if errors.Is(err, errUnkeepable) {
			kind = khronos.ErrKindBadRequest
		}
		return f.refuse(kind, "%v", err)
	}
	return nil
}

// errUnkeepable says that a value has no stored form.
var errUnkeepable = errors.New("cannot be kept")

func (f *Function) refuse(kind khronos.ErrorKind, format string, args ...any) *khronos.Error {
	return khronos.Errorf(kind, "%s: %s", f.Label(), fmt.Sprintf(format, args...))
}

// Check tells what is wrong with v's form; the error names the place.
func (p Param) Check(v khronos.Value) error { return p.check(p.Name, v) }

// CheckSize tells which part of v is over a limit.
func (p Param) CheckSize(v khronos.Value, l *limits.Limits) error {
	return p.Type.checkSize(p.Name, v, l)
}

// Missing is the error for an argument that is not there.
func (p Param) Missing() error {
	return fmt.Errorf("%s is missing: it must be %s", p.Name, p.Type.Words())
}

// Wrong is the error for an argument of another type, which got names.
func (p Param) Wrong(got string) error {
	return fmt.Errorf("%s must be %s, not %s", p.Name, p.Type.Words(), got)
}

func (p Param) check(at string, v khronos.Value) error {
	if v.Kind() == khronos.KindNull && p.Type.Kind != KindValue {
		if p.Optional {
			return nil
		}
		return Param{Name: at, Type: p.Type}.Missing()
	}
	return p.Type.check(at, v)
}

func (t Type) check(at string, v khronos.Value) error {
	kind := v.Kind()
	ok := true
	switch t.Kind {
	case KindText:
		ok = kind == khronos.KindText
	case KindBytes:
		ok = kind == khronos.KindText || kind == khronos.KindBuffer
	case KindBuffer:
		ok = kind == khronos.KindBuffer
	case KindBoolean:
		ok = kind == khronos.KindBoolean
	case KindNumber:
		ok = kind == khronos.KindInteger || kind == khronos.KindUnsigned || kind == khronos.KindFloat
	case KindInteger:
		ok = kind == khronos.KindInteger
	case KindList:
		ok = kind == khronos.KindList || kind == khronos.KindMap && v.Len() == 0
	case KindMap, KindRecord:
		ok = kind == khronos.KindMap || kind == khronos.KindList && v.Len() == 0
	case KindObject:
		want, crosses := crossing[t.Name]
		ok = crosses && kind == want
	case KindValue:
		return nil
	default:
		panic("BUG: a value of type " + t.String() + " cannot be an argument of an operation")
	}
	if !ok {
		return Param{Name: at, Type: t}.Wrong(kindWords(kind))
	}
	return t.checkInside(at, v)
}

// kindWords is what errors call a value of that kind.
func kindWords(k khronos.Kind) string {
	switch k {
	case khronos.KindNull:
		return "nil"
	case khronos.KindText:
		return "a string"
	case khronos.KindInteger, khronos.KindUnsigned, khronos.KindFloat:
		return "a number"
	case khronos.KindBoolean:
		return "a boolean"
	case khronos.KindBuffer:
		return "a buffer"
	case khronos.KindVector:
		return "a vector"
	case khronos.KindList:
		return "a list"
	case khronos.KindMap:
		return "a table with keys"
	}
	return "a " + k.String()
}

func (t Type) checkInside(at string, v khronos.Value) error {
	switch t.Kind {
	case KindText:
		text, _ := v.AsText()
		return t.CheckText(at, text)
	case KindNumber, KindInteger:
		return t.CheckNumber(at, Float(v))
	case KindList:
		if v.Len() < t.AtLeast {
			return fmt.Errorf("%s: at least one is needed", at)
		}
		for i, item := range v.Items() {
			if err := (Param{Type: *t.Item}).check(at+"["+strconv.Itoa(i+1)+"]", item); err != nil {
				return err
			}
		}
	case KindMap:
		for _, pair := range v.Pairs() {
			key, ok := pair.Key.AsText()
			if !ok {
				return fmt.Errorf("%s: its keys must be strings, not %s", at, kindWords(pair.Key.Kind()))
			}
			if err := (Param{Type: *t.Item}).check(at+"."+clip(key), pair.Value); err != nil {
				return err
			}
		}
	case KindRecord:
		return t.checkFields(at, v)
	}
	return nil
}

// checkFields wants the fields of a record and no others.
func (t Type) checkFields(at string, v khronos.Value) error {
	for _, pair := range v.Pairs() {
		key, ok := pair.Key.AsText()
		if !ok || !t.hasField(key) {
			if !ok {
				key = kindWords(pair.Key.Kind())
			}
			return fmt.Errorf("%s: %s is no field of %s", at, clip(key), t.Name)
		}
	}
	for _, f := range t.Fields {
		item, _ := v.Get(f.Name)
		if err := f.check(at+"."+f.Name, item); err != nil {
			return err
		}
	}
	return nil
}

func (t Type) hasField(name string) bool {
	for _, f := range t.Fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

// CheckText wants UTF-8, and one of the choices if there are any.
func (t Type) CheckText(at, text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("%s is not UTF-8", at)
	}
	for _, choice := range t.Choices {
		if text == choice {
			return nil
		}
	}
	if len(t.Choices) > 0 {
		return fmt.Errorf("%s must be %s, not %s", at, t.Words(), clip(text))
	}
	return nil
}

// CheckNumber wants a number within the range, a whole one for an Integer, and
// never NaN.
func (t Type) CheckNumber(at string, f float64) error {
	switch {
	case math.IsNaN(f):
		return fmt.Errorf("%s is not a number (NaN)", at)
	case t.Kind == KindInteger && f != math.Trunc(f):
		return fmt.Errorf("%s must be %s, not %v", at, t.Words(), f)
	case t.Range != nil && (f < t.Range[0] || f > t.Range[1]):
		return fmt.Errorf("%s must be between %v and %v, not %v", at, t.Range[0], t.Range[1], f)
	}
	return nil
}

// Float gives what a Number argument holds.
func Float(v khronos.Value) float64 {
	if i, ok := v.AsInteger(); ok {
		return float64(i)
	}
	if u, ok := v.AsUnsigned(); ok {
		return float64(u)
	}
	f, _ := v.AsFloat()
	return f
}

func (t Type) checkSize(at string, v khronos.Value, l *limits.Limits) error {
	if t.Limit != "" {
		if err := t.within(at, v, l); err != nil {
			return err
		}
	}
	switch t.Kind {
	case KindList:
		for i, item := range v.Items() {
			if err := t.Item.checkSize(at+"["+strconv.Itoa(i+1)+"]", item, l); err != nil {
				return err
			}
		}
	case KindMap:
		for _, pair := range v.Pairs() {
			key, _ := pair.Key.AsText()
			if err := t.Item.checkSize(at+"."+clip(key), pair.Value, l); err != nil {
				return err
			}
		}
	case KindRecord:
		for _, f := range t.Fields {
			item, _ := v.Get(f.Name)
			if err := f.Type.checkSize(at+"."+f.Name, item, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// within holds v against the type's own limit.
func (t Type) within(at string, v khronos.Value, l *limits.Limits) error {
	unit, n := "bytes", int64(v.Len())
	switch t.Kind {
	case KindList, KindMap:
		unit = "items"
	case KindValue:
		text, err := v.MarshalJSON()
		if err != nil {
			return fmt.Errorf("%s %w: %w", at, errUnkeepable, err)
		}
		unit, n = "bytes in its JSON form", int64(len(text))
	}
	if limit := l.Number(t.Limit); n > limit {
		return fmt.Errorf("%s has %d %s: the limit is %d (%s)", at, n, unit, limit, t.Limit)
	}
	return nil
}

// clip cuts s for an error text.
func clip(s string) string {
	const most = 48
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.Quote(s)
}
