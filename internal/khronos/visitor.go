package khronos

import "time"

// Visitor takes a value apart piece by piece, in the order of its bytes, so
// that a decoder can build what it needs without a [Value] in between.
// [WalkMsg] and [WalkJSON] call it; the first error that a method returns ends
// the walk and is returned with the path before it.
//
// A list is BeginList, its items, EndList. A map is BeginMap, key and value in
// turn, EndMap. Byte slices belong to the input: they are valid during the call
// only, and must not be changed. Text and time zone names are UTF-8.
//
// n is the number of items or entries when the form says so beforehand
// (MessagePack), and -1 when it does not (JSON). It never exceeds what the rest
// of the input can hold at one byte per value. An allocation by n is still for
// the visitor to bound and to charge.
type Visitor interface {
	Null() error
	Boolean(b bool) error
	Integer(i int64) error
	Unsigned(u uint64) error
	Float(f float64) error // finite
	Text(b []byte) error
	Buffer(b []byte) error
	Vector(x, y, z float32) error // finite
	Timestamp(t time.Time) error  // UTC, years 0 to 9999
	Interval(i Interval) error
	TimeZone(name []byte) error
	LazyStringMap(m map[string]string) error // m belongs to the visitor
	BeginList(n int) error
	EndList() error
	BeginMap(n int) error
	EndMap() error
}

// builder is the Visitor that makes a Value.
type builder struct {
	root  Value
	stack []partial
}

// partial is a List or Map that is still open.
type partial struct {
	isMap  bool
	hasKey bool // key holds the key of the next entry
	key    Value
	items  []Value
	pairs  []Pair
}

// maxPrealloc bounds what a count in the input makes us allocate at once: a
// hostile count repeated on each level must not multiply.
const maxPrealloc = 64

func (b *builder) add(v Value) error {
	if len(b.stack) == 0 {
		b.root = v
		return nil
	}
	top := &b.stack[len(b.stack)-1]
	switch {
	case !top.isMap:
		top.items = append(top.items, v)
	case !top.hasKey:
		top.key, top.hasKey = v, true
	default:
		top.pairs = append(top.pairs, Pair{Key: top.key, Value: v})
		top.hasKey = false
	}
	return nil
}

func (b *builder) Null() error             { return b.add(Value{}) }
func (b *builder) Boolean(x bool) error    { return b.add(Boolean(x)) }
func (b *builder) Integer(i int64) error   { return b.add(Integer(i)) }
func (b *builder) Unsigned(u uint64) error { return b.add(Unsigned(u)) }
func (b *builder) Float(f float64) error   { return b.add(Float(f)) }
func (b *builder) Text(t []byte) error     { return b.add(textValue(KindText, string(t))) }
func (b *builder) Buffer(x []byte) error   { return b.add(Buffer(append([]byte{}, x...))) }
func (b *builder) Vector(x, y, z float32) error {
	return b.add(Vector(x, y, z))
}
func (b *builder) Timestamp(t time.Time) error { return b.add(Timestamp(t)) }
func (b *builder) Interval(i Interval) error   { return b.add(IntervalValue(i)) }
func (b *builder) TimeZone(name []byte) error  { return b.add(TimeZone(string(name))) }
func (b *builder) LazyStringMap(m map[string]string) error {
	return b.add(lazyValue(m))
}

func (b *builder) BeginList(n int) error {
	b.stack = append(b.stack, partial{items: make([]Value, 0, min(max(n, 0), maxPrealloc))})
	return nil
}

func (b *builder) BeginMap(n int) error {
	b.stack = append(b.stack, partial{isMap: true, pairs: make([]Pair, 0, min(max(n, 0), maxPrealloc))})
	return nil
}

func (b *builder) EndList() error { return b.add(List(b.pop().items...)) }
func (b *builder) EndMap() error  { return b.add(Map(b.pop().pairs...)) }

func (b *builder) pop() partial {
	last := len(b.stack) - 1
	p := b.stack[last]
	b.stack = b.stack[:last]
	return p
}

// discard is the Visitor that only checks.
type discard struct{}

func (discard) Null() error                           { return nil }
func (discard) Boolean(bool) error                    { return nil }
func (discard) Integer(int64) error                   { return nil }
func (discard) Unsigned(uint64) error                 { return nil }
func (discard) Float(float64) error                   { return nil }
func (discard) Text([]byte) error                     { return nil }
func (discard) Buffer([]byte) error                   { return nil }
func (discard) Vector(x, y, z float32) error          { return nil }
func (discard) Timestamp(time.Time) error             { return nil }
func (discard) Interval(Interval) error               { return nil }
func (discard) TimeZone([]byte) error                 { return nil }
func (discard) LazyStringMap(map[string]string) error { return nil }
func (discard) BeginList(int) error                   { return nil }
func (discard) EndList() error                        { return nil }
func (discard) BeginMap(int) error                    { return nil }
func (discard) EndMap() error                         { return nil }
