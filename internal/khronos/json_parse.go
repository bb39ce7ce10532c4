package khronos

import (
	"strconv"
	"time"
)

// ParseJSON reads one value in the tagged form of [Value.MarshalJSON], with
// nothing behind it. It is strict: one member per object, known variants,
// content of the right type, integers without fraction or exponent. Beyond what
// MarshalJSON writes it takes {"Null":null}, integers as Float and Vector
// components, and timestamps with any offset. A repeated key of a LazyStringMap
// replaces the one before. Errors name the path to the place.
func ParseJSON(b []byte, maxDepth int) (Value, error) {
	p := tagged{scanner: scanner{b: b}, maxDepth: maxDepth}
	v, err := p.value(0)
	if err != nil {
		return Value{}, err
	}
	if err := p.end(); err != nil {
		return Value{}, err
	}
	return v, nil
}

// kindByName finds the variant with a tag.
func kindByName(name []byte) (Kind, bool) {
	for k, n := range kindNames {
		if n == string(name) {
			return Kind(k), true
		}
	}
	return 0, false
}

// tagged reads the tagged form.
type tagged struct {
	scanner
	maxDepth int
}

func (p *tagged) value(depth int) (Value, error) {
	if depth > p.maxDepth {
		return Value{}, tooDeep(p.maxDepth)
	}
	if p.next() == '"' {
		name, err := p.text()
		if err == nil && string(name) != "Null" {
			err = p.malformed(`string %s, want "Null" or an object`, clip(string(name)))
		}
		return Value{}, err
	}
	if err := p.take('{'); err != nil {
		return Value{}, err
	}
	kind, err := p.tag()
	if err != nil {
		return Value{}, err
	}
	v, err := p.content(kind, depth)
	if err != nil {
		return Value{}, err
	}
	if p.next() != '}' {
		return Value{}, under(kind.String(), p.unexpected("'}' after the one member"))
	}
	p.i++
	return v, nil
}

func (p *tagged) tag() (Kind, error) {
	if p.next() != '"' {
		return 0, p.unexpected("the name of a variant")
	}
	name, err := p.text()
	if err != nil {
		return 0, err
	}
	kind, ok := kindByName(name)
	if !ok {
		return 0, p.malformed("unknown variant %s", clip(string(name)))
	}
	return kind, p.take(':')
}

func (p *tagged) content(kind Kind, depth int) (Value, error) {
	switch kind {
	case KindList:
		return p.list(depth)
	case KindMap:
		return p.entries(depth)
	}
	v, err := p.scalar(kind)
	if err == nil {
		err = v.check()
	}
	if err != nil {
		return Value{}, under(kind.String(), err)
	}
	return v, nil
}

// scalar is one flat list of variants.
func (p *tagged) scalar(kind Kind) (Value, error) {
	c := p.next()
	switch kind {
	case KindNull:
		return Value{}, p.word("null")
	case KindBoolean:
		if c == 't' {
			return Boolean(true), p.word("true")
		}
		return Boolean(false), p.word("false")
	case KindText:
		s, err := p.str()
		return textValue(KindText, s), err
	case KindTimeZone:
		s, err := p.str()
		return TimeZone(s), err
	case KindTimestamptz:
		return p.timestamp()
	case KindInteger:
		i, err := p.integer()
		return Integer(i), err
	case KindUnsigned:
		u, err := p.unsigned(64)
		return Unsigned(u), err
	case KindFloat:
		f, err := p.float(64)
		return Float(f), err
	case KindBuffer:
		return p.buffer()
	case KindVector:
		return p.vector()
	case KindInterval:
		return p.interval()
	case KindLazyStringMap:
		return p.strings()
	}
	panic("BUG: scalar of " + kind.String())
}

func (p *tagged) str() (string, error) {
	if p.next() != '"' {
		return "", p.unexpected("a string")
	}
	b, err := p.text()
	return string(b), err
}

// numeral takes a number, of the integer form when integer is set.
func (p *tagged) numeral(integer bool) ([]byte, error) {
	want := "a number"
	if integer {
		want = "an integer"
	}
	if !isNumber(p.next()) {
		return nil, p.unexpected(want)
	}
	raw, isInteger, err := p.number()
	if err == nil && integer && !isInteger {
		err = p.malformed("%s, want an integer", clip(string(raw)))
	}
	return raw, err
}

func (p *tagged) integer() (int64, error) {
	raw, err := p.numeral(true)
	if err != nil {
		return 0, err
	}
	i, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, p.malformed("%s does not fit in a signed 64-bit integer", clip(string(raw)))
	}
	return i, nil
}

func (p *tagged) unsigned(bits int) (uint64, error) {
	raw, err := p.numeral(true)
	if err != nil {
		return 0, err
	}
	u, err := strconv.ParseUint(string(raw), 10, bits)
	if err != nil {
		return 0, p.malformed("%s does not fit in an unsigned %d-bit integer", clip(string(raw)), bits)
	}
	return u, nil
}

func (p *tagged) float(bits int) (float64, error) {
	raw, err := p.numeral(false)
	if err != nil {
		return 0, err
	}
	return parseFloat(raw, bits)
}

func (p *tagged) timestamp() (Value, error) {
	s, err := p.str()
	if err != nil {
		return Value{}, err
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil || !strictTime(s) {
		return Value{}, p.malformed("%s is not an RFC 3339 time", clip(s))
	}
	return Timestamp(t), nil
}

// strictTime refuses what time.Parse takes beyond RFC 3339: an hour of one
// digit and a comma before the fraction.
func strictTime(s string) bool {
	const seconds = len("2006-01-02T15:04:05")
	return len(s) > seconds && s[seconds-3] == ':' && s[seconds] != ','
}

func (p *tagged) buffer() (Value, error) {
	data := []byte{}
	err := p.array(func(i int) error {
		c, err := p.unsigned(8)
		data = append(data, byte(c))
		return err
	})
	return Buffer(data), err
}

func (p *tagged) vector() (Value, error) {
	var xyz [3]float32
	err := p.tuple(len(xyz), func(i int) error {
		f, err := p.float(32)
		xyz[i] = float32(f)
		return err
	})
	return Vector(xyz[0], xyz[1], xyz[2]), err
}

func (p *tagged) interval() (Value, error) {
	var iv Interval
	err := p.tuple(2, func(i int) (err error) {
		if i == 0 {
			iv.Seconds, err = p.integer()
			return err
		}
		nanos, err := p.unsigned(32)
		iv.Nanos = uint32(nanos)
		return err
	})
	return IntervalValue(iv), err
}

func (p *tagged) strings() (Value, error) {
	if err := p.take('{'); err != nil {
		return Value{}, err
	}
	m := map[string]string{}
	for first := true; ; first = false {
		more, err := p.more(first, '}')
		if err != nil || !more {
			return LazyStringMap(m), err
		}
		key, err := p.str()
		if err == nil {
			err = p.take(':')
		}
		if err != nil {
			return Value{}, err
		}
		if m[key], err = p.str(); err != nil {
			return Value{}, under("["+clip(key)+"]", err)
		}
	}
}

func (p *tagged) list(depth int) (Value, error) {
	items := []Value{}
	err := p.array(func(int) error {
		v, err := p.value(depth + 1)
		items = append(items, v)
		return err
	})
	if err != nil {
		return Value{}, under("List", err)
	}
	return List(items...), nil
}

func (p *tagged) entries(depth int) (Value, error) {
	pairs := []Pair{}
	err := p.array(func(int) error {
		pair, err := p.pair(depth + 1)
		pairs = append(pairs, pair)
		return err
	})
	if err != nil {
		return Value{}, under("Map", err)
	}
	return Map(pairs...), nil
}

func (p *tagged) pair(depth int) (pair Pair, err error) {
	if err := p.take('['); err != nil {
		return pair, err
	}
	if pair.Key, err = p.value(depth); err != nil {
		return pair, under("key", err)
	}
	if err := p.take(','); err != nil {
		return pair, err
	}
	if pair.Value, err = p.value(depth); err != nil {
		return pair, under("value", err)
	}
	return pair, p.take(']')
}

// array takes an array, with one call of element for each; an error of element
// gets its index as path.
func (p *tagged) array(element func(i int) error) error {
	if err := p.take('['); err != nil {
		return err
	}
	for i := 0; ; i++ {
		more, err := p.more(i == 0, ']')
		if err != nil || !more {
			return err
		}
		if err := element(i); err != nil {
			return under("["+strconv.Itoa(i)+"]", err)
		}
	}
}

// tuple takes an array of exactly n elements.
func (p *tagged) tuple(n int, element func(i int) error) error {
	got := 0
	err := p.array(func(i int) error {
		got++
		if i >= n {
			return p.malformed("want %d elements", n)
		}
		return element(i)
	})
	if err == nil && got < n {
		err = p.malformed("%d elements, want %d", got, n)
	}
	return err
}
