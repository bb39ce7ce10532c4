package khronos

import (
	"encoding/base64"
	"fmt"
	"strconv"
)

// FromPlainJSON turns ordinary JSON, with nothing behind it, into a Value: null
// is Null; a number written without fraction and exponent is an Integer, or an
// UnsignedInteger when only that holds it, every other number a Float; strings
// are Text, arrays List, objects Map with Text keys in their order. Objects may
// repeat a key, and the Map then does too.
func FromPlainJSON(b []byte, maxDepth int) (Value, error) {
	var build builder
	if err := WalkJSON(b, maxDepth, &build); err != nil {
		return Value{}, err
	}
	return build.root, nil
}

// WalkJSON is [FromPlainJSON] for a [Visitor]. b may be hostile: depth is
// bounded, and the walk allocates for strings with escapes only.
func WalkJSON(b []byte, maxDepth int, to Visitor) error {
	w := jsonWalk{scanner: scanner{b: b}, to: to, maxDepth: maxDepth}
	if err := w.value(0); err != nil {
		return err
	}
	return w.end()
}

type jsonWalk struct {
	scanner
	to       Visitor
	maxDepth int
}

func (w *jsonWalk) value(depth int) error {
	if depth > w.maxDepth {
		return tooDeep(w.maxDepth)
	}
	switch c := w.next(); {
	case c == '"':
		text, err := w.text()
		if err != nil {
			return err
		}
		return w.to.Text(text)
	case c == '{':
		return w.object(depth)
	case c == '[':
		return w.array(depth)
	case isNumber(c):
		return w.numeral()
	case c == 't':
		return w.literal("true", func() error { return w.to.Boolean(true) })
	case c == 'f':
		return w.literal("false", func() error { return w.to.Boolean(false) })
	case c == 'n':
		return w.literal("null", w.to.Null)
	}
	return w.unexpected("a value")
}

func (w *jsonWalk) literal(word string, visit func() error) error {
	if err := w.word(word); err != nil {
		return err
	}
	return visit()
}

func (w *jsonWalk) numeral() error {
	raw, integer, err := w.number()
	if err != nil {
		return err
	}
	if integer && string(raw) != "-0" {
		if i, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			return w.to.Integer(i)
		}
		if u, err := strconv.ParseUint(string(raw), 10, 64); err == nil {
			return w.to.Unsigned(u)
		}
	}
	f, err := parseFloat(raw, 64)
	if err != nil {
		return err
	}
	return w.to.Float(f)
}

func (w *jsonWalk) array(depth int) error {
	w.i++
	if err := w.to.BeginList(-1); err != nil {
		return err
	}
	for i := 0; ; i++ {
		more, err := w.more(i == 0, ']')
		if err != nil {
			return err
		}
		if !more {
			return w.to.EndList()
		}
		if err := w.value(depth + 1); err != nil {
			return under("["+strconv.Itoa(i)+"]", err)
		}
	}
}

func (w *jsonWalk) object(depth int) error {
	w.i++
	if err := w.to.BeginMap(-1); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := w.more(first, '}')
		if err != nil {
			return err
		}
		if !more {
			return w.to.EndMap()
		}
		if err := w.member(depth + 1); err != nil {
			return err
		}
	}
}

func (w *jsonWalk) member(depth int) error {
	if depth > w.maxDepth {
		return tooDeep(w.maxDepth)
	}
	if w.next() != '"' {
		return w.unexpected("a key")
	}
	start := w.i
	key, err := w.text()
	if err != nil {
		return err
	}
	keySource := w.b[start:w.i]
	if err := w.to.Text(key); err != nil {
		return err
	}
	if err := w.take(':'); err != nil {
		return err
	}
	if err := w.value(depth); err != nil {
		return under("["+keyName(keySource)+"]", err)
	}
	return nil
}

// keyName shows a key, as it was written, in a path.
func keyName(source []byte) string { return clip(string(source[1 : len(source)-1])) }

// PlainJSON returns v as JSON without tags, for people and their tools to read.
// It loses the variant: Buffer is a base64 string, Timestamptz and TimeZone are
// strings, Vector is an array, Interval the number of seconds. A Map is an
// object when its keys are texts, integers or booleans that all differ as text,
// and otherwise an array of [key, value]. It refuses what [Value.AppendMsg]
// refuses, except that the depth may be [MaxJSONDepth].
func (v Value) PlainJSON() ([]byte, error) {
	return v.appendPlain(nil, 0)
}

func (v Value) appendPlain(b []byte, depth int) ([]byte, error) {
	if depth > MaxJSONDepth {
		return nil, tooDeep(MaxJSONDepth)
	}
	if err := v.check(); err != nil {
		return nil, under(v.kind.String(), err)
	}
	switch v.kind {
	case KindMap:
		return appendPlainMap(b, v.Pairs(), depth+1)
	case KindList:
		return appendPlainList(b, v.Items(), depth+1)
	case KindBuffer:
		b = base64.StdEncoding.AppendEncode(append(b, '"'), v.buffer())
		return append(b, '"'), nil
	case KindInterval:
		return appendSeconds(b, Interval{Seconds: int64(v.num), Nanos: v.aux}), nil
	}
	return v.appendJSONScalar(b), nil
}

func appendPlainList(b []byte, items []Value, depth int) ([]byte, error) {
	var err error
	b = append(b, '[')
	for i, item := range items {
		if b, err = item.appendPlain(appendComma(b, i), depth); err != nil {
			return nil, underItem(i, err)
		}
	}
	return append(b, ']'), nil
}

func appendPlainMap(b []byte, pairs []Pair, depth int) ([]byte, error) {
	names, ok := memberNames(pairs)
	if !ok {
		return appendPlainPairs(b, pairs, depth)
	}
	var err error
	b = append(b, '{')
	for i, p := range pairs {
		b = append(appendJSONString(appendComma(b, i), names[i]), ':')
		if b, err = p.Value.appendPlain(b, depth); err != nil {
			return nil, underValue(i, err)
		}
	}
	return append(b, '}'), nil
}

func appendPlainPairs(b []byte, pairs []Pair, depth int) ([]byte, error) {
	var err error
	b = append(b, '[')
	for i, p := range pairs {
		b = append(appendComma(b, i), '[')
		if b, err = p.Key.appendPlain(b, depth); err != nil {
			return nil, underKey(i, err)
		}
		if b, err = p.Value.appendPlain(append(b, ','), depth); err != nil {
			return nil, underValue(i, err)
		}
		b = append(b, ']')
	}
	return append(b, ']'), nil
}

// memberNames returns the keys of pairs as the names of an object's members,
// or false when they cannot be that.
func memberNames(pairs []Pair) ([]string, bool) {
	names := make([]string, len(pairs))
	seen := make(map[string]struct{}, len(pairs))
	for i, p := range pairs {
		switch p.Key.kind {
		case KindText:
			names[i] = p.Key.text()
		case KindInteger, KindUnsigned, KindBoolean:
			names[i] = string(p.Key.appendJSONScalar(nil))
		default:
			return nil, false
		}
		if _, dup := seen[names[i]]; dup {
			return nil, false
		}
		seen[names[i]] = struct{}{}
	}
	return names, true
}

// appendSeconds writes an interval as decimal seconds, exactly: {-1, 500_000_000}
// is -0.5.
func appendSeconds(b []byte, iv Interval) []byte {
	sec, nanos := iv.Seconds, iv.Nanos
	if sec < 0 && nanos > 0 { // count both from zero downwards
		sec, nanos = sec+1, 1e9-nanos
		if sec == 0 {
			b = append(b, '-')
		}
	}
	b = strconv.AppendInt(b, sec, 10)
	if nanos == 0 {
		return b
	}
	b = fmt.Appendf(b, ".%09d", nanos)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}
