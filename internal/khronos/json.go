package khronos

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// MarshalJSON returns the tagged JSON form, the one of the API and of stored
// records: the string "Null", or an object with one member named for the
// variant:
//
//	{"Text":"x"}  {"Integer":-5}  {"UnsignedInteger":5}  {"Float":1.5}
//	{"Boolean":true}  {"Buffer":[1,2,255]}  {"Vector":[1.0,2.0,3.0]}
//	{"Map":[[key,value],...]}  {"List":[value,...]}
//	{"Timestamptz":"2026-02-24T01:27:16.500Z"}   UTC; 0, 3, 6 or 9 digits of fraction
//	{"Interval":[seconds,nanoseconds]}  {"TimeZone":"Asia/Kolkata"}
//	{"LazyStringMap":{"init.luau":"..."}}        sorted by key
//
// It refuses what [Value.AppendMsg] refuses.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil) }

// UnmarshalJSON reads the tagged form to a depth of [MaxResultDepth]. Use
// [ParseJSON] where [MaxDepth] is the rule.
func (v *Value) UnmarshalJSON(b []byte) error {
	got, err := ParseJSON(b, MaxResultDepth)
	if err != nil {
		return err
	}
	*v = got
	return nil
}

// AppendJSON appends what [Value.MarshalJSON] returns to b. On an error it
// returns b as it was.
func (v Value) AppendJSON(b []byte) ([]byte, error) {
	out, err := v.appendJSON(b, 0)
	if err != nil {
		return b, err
	}
	return out, nil
}

// appendJSON is one flat list of variants.
func (v Value) appendJSON(b []byte, depth int) ([]byte, error) {
	if depth > MaxResultDepth {
		return nil, tooDeep(MaxResultDepth)
	}
	if err := v.check(); err != nil {
		return nil, under(v.kind.String(), err)
	}
	if v.kind == KindNull {
		return append(b, `"Null"`...), nil
	}
	var err error
	b = append(append(append(b, `{"`...), v.kind.String()...), `":`...)
	switch v.kind {
	case KindMap:
		b, err = appendJSONMap(b, v.Pairs(), depth)
	case KindList:
		b, err = appendJSONList(b, v.Items(), depth)
	case KindBuffer:
		b = appendJSONBytes(b, v.buffer())
	case KindInterval:
		b = strconv.AppendInt(append(b, '['), int64(v.num), 10)
		b = append(strconv.AppendUint(append(b, ','), uint64(v.aux), 10), ']')
	default:
		b = v.appendJSONScalar(b)
	}
	if err != nil {
		return nil, err
	}
	return append(b, '}'), nil
}

// appendJSONScalar appends a variant whose content is the same in the tagged
// and in the plain form.
func (v Value) appendJSONScalar(b []byte) []byte {
	switch v.kind {
	case KindNull:
		return append(b, "null"...)
	case KindText, KindTimeZone:
		return appendJSONString(b, v.text())
	case KindInteger:
		return strconv.AppendInt(b, int64(v.num), 10)
	case KindUnsigned:
		return strconv.AppendUint(b, v.num, 10)
	case KindFloat:
		f, _ := v.AsFloat()
		return appendJSONFloat(b, f, 64)
	case KindBoolean:
		return strconv.AppendBool(b, v.num != 0)
	case KindVector:
		xyz, _ := v.AsVector()
		b = append(b, '[')
		for i, f := range xyz {
			b = appendJSONFloat(appendComma(b, i), float64(f), 32)
		}
		return append(b, ']')
	case KindTimestamptz:
		t, _ := v.AsTimestamp()
		return append(appendTimestamp(append(b, '"'), t), '"')
	case KindLazyStringMap:
		return appendJSONStrings(b, v.lazy())
	}
	panic("BUG: scalar of " + v.kind.String())
}

func appendJSONList(b []byte, items []Value, depth int) ([]byte, error) {
	var err error
	b = append(b, '[')
	for i, item := range items {
		if b, err = item.appendJSON(appendComma(b, i), depth+1); err != nil {
			return nil, underItem(i, err)
		}
	}
	return append(b, ']'), nil
}

func appendJSONMap(b []byte, pairs []Pair, depth int) ([]byte, error) {
	var err error
	b = append(b, '[')
	for i, p := range pairs {
		if b, err = p.Key.appendJSON(append(appendComma(b, i), '['), depth+1); err != nil {
			return nil, underKey(i, err)
		}
		if b, err = p.Value.appendJSON(append(b, ','), depth+1); err != nil {
			return nil, underValue(i, err)
		}
		b = append(b, ']')
	}
	return append(b, ']'), nil
}

func appendJSONBytes(b, data []byte) []byte {
	b = append(b, '[')
	for i, c := range data {
		b = strconv.AppendUint(appendComma(b, i), uint64(c), 10)
	}
	return append(b, ']')
}

func appendJSONStrings(b []byte, m map[string]string) []byte {
	b = append(b, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		b = append(appendJSONString(appendComma(b, i), k), ':')
		b = appendJSONString(b, m[k])
	}
	return append(b, '}')
}

// appendComma separates element i from the one before it.
func appendComma(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ',')
}

// appendJSONString escapes what JSON demands and nothing else. s is UTF-8.
func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}

// appendJSONFloat writes the shortest number that reads back as f, always with
// a fraction or an exponent, so that it does not read as an integer.
func appendJSONFloat(b []byte, f float64, bits int) []byte {
	format := byte('f')
	if abs := max(f, -f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, format, -1, bits)
	for _, c := range b[start:] {
		if c == '.' || c == 'e' {
			return b
		}
	}
	return append(b, ".0"...)
}

// appendTimestamp writes RFC 3339 in UTC with as few of 0, 3, 6 or 9 digits of
// fraction as hold t.
func appendTimestamp(b []byte, t time.Time) []byte {
	switch nanos := t.Nanosecond(); {
	case nanos == 0:
		return t.AppendFormat(b, "2006-01-02T15:04:05Z")
	case nanos%1e6 == 0:
		return t.AppendFormat(b, "2006-01-02T15:04:05.000Z")
	case nanos%1e3 == 0:
		return t.AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	}
	return t.AppendFormat(b, "2006-01-02T15:04:05.000000000Z")
}
