package khronos

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// Extension types of the MessagePack form. They are only ever appended. The
// timestamp is the one that MessagePack defines; below 16 msgp has its own.
const (
	extTimestamp     = 0xff // -1
	extUnsigned      = 16
	extVector        = 17
	extInterval      = 18
	extTimeZone      = 19
	extLazyStringMap = 20
)

// AppendMsg appends the MessagePack form of v to b.
//
// MessagePack's own types carry what they fit, extensions the rest; all numbers
// are big-endian:
//
//	Null             c0
//	Boolean          c2 | c3
//	Integer          any MessagePack integer, the shortest is written
//	Float            cb [8 IEEE 754]
//	Text             str, UTF-8
//	Buffer           bin
//	List             array: header, items
//	Map              map: header, then key, value in turn; keys of any variant, order kept, may repeat
//	UnsignedInteger  d7 10 [8 number]
//	Vector           c7 0c 11 [4 x][4 y][4 z]
//	Interval         c7 0c 12 [8 seconds][4 nanoseconds]
//	Timestamptz      c7 0c ff [4 nanoseconds][8 seconds since 1970]
//	TimeZone         c7 [1 n] 13 [n name]
//	LazyStringMap    c9 [4 n] 14 [n: a MessagePack map from str to str, sorted by key]
//
// So {"Map":[[{"Text":"n"},{"UnsignedInteger":5}]]} is
//
//	81  a1 6e  d7 10 00 00 00 00 00 00 00 05
//
// It refuses values deeper than [MaxResultDepth] ([ErrDepth]), floats that are
// not finite ([ErrNotFinite]) and what has no form ([ErrRange]); b is then
// returned as it was.
func (v Value) AppendMsg(b []byte) ([]byte, error) {
	out, err := v.appendMsg(b, 0)
	if err != nil {
		return b, err
	}
	return out, nil
}

// appendMsg is one flat list of variants.
func (v Value) appendMsg(b []byte, depth int) ([]byte, error) {
	if depth > MaxResultDepth {
		return nil, tooDeep(MaxResultDepth)
	}
	if err := v.check(); err != nil {
		return nil, under(v.kind.String(), err)
	}
	switch v.kind {
	case KindNull:
		return msgp.AppendNil(b), nil
	case KindText:
		return msgp.AppendString(b, v.text()), nil
	case KindInteger:
		return msgp.AppendInt64(b, int64(v.num)), nil
	case KindUnsigned:
		return binary.BigEndian.AppendUint64(append(b, 0xd7, extUnsigned), v.num), nil
	case KindFloat:
		return msgp.AppendFloat64(b, math.Float64frombits(v.num)), nil
	case KindBoolean:
		return msgp.AppendBool(b, v.num != 0), nil
	case KindBuffer:
		return msgp.AppendBytes(b, v.buffer()), nil
	case KindVector:
		b = binary.BigEndian.AppendUint64(append(b, 0xc7, 12, extVector), v.num)
		return binary.BigEndian.AppendUint32(b, v.aux), nil
	case KindMap:
		return appendMsgMap(b, v.pairs(), depth)
	case KindList:
		return appendMsgList(b, v.items(), depth)
	case KindTimestamptz:
		b = binary.BigEndian.AppendUint32(append(b, 0xc7, 12, extTimestamp), v.aux)
		return binary.BigEndian.AppendUint64(b, v.num), nil
	case KindInterval:
		b = binary.BigEndian.AppendUint64(append(b, 0xc7, 12, extInterval), v.num)
		return binary.BigEndian.AppendUint32(b, v.aux), nil
	case KindTimeZone:
		return append(append(b, 0xc7, byte(v.num), extTimeZone), v.text()...), nil
	case KindLazyStringMap:
		return appendMsgLazy(b, v.lazy()), nil
	}
	panic("BUG: value of " + v.kind.String())
}

func appendMsgList(b []byte, items []Value, depth int) ([]byte, error) {
	var err error
	b = msgp.AppendArrayHeader(b, uint32(len(items)))
	for i, item := range items {
		if b, err = item.appendMsg(b, depth+1); err != nil {
			return nil, underItem(i, err)
		}
	}
	return b, nil
}

func appendMsgMap(b []byte, pairs []Pair, depth int) ([]byte, error) {
	var err error
	b = msgp.AppendMapHeader(b, uint32(len(pairs)))
	for i, p := range pairs {
		if b, err = p.Key.appendMsg(b, depth+1); err != nil {
			return nil, underKey(i, err)
		}
		if b, err = p.Value.appendMsg(b, depth+1); err != nil {
			return nil, underValue(i, err)
		}
	}
	return b, nil
}

func appendMsgLazy(b []byte, m map[string]string) []byte {
	b = append(b, 0xc9, 0, 0, 0, 0, extLazyStringMap)
	start := len(b)
	b = msgp.AppendMapHeader(b, uint32(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = msgp.AppendString(msgp.AppendString(b, k), m[k])
	}
	binary.BigEndian.PutUint32(b[start-5:], uint32(len(b)-start))
	return b
}

// WalkMsg is [ReadMsg] for a [Visitor].
func WalkMsg(b []byte, maxDepth int, to Visitor) (rest []byte, err error) {
	w := msgWalk{to: to, maxDepth: maxDepth}
	return w.value(b, 0)
}

type msgWalk struct {
	to       Visitor
	maxDepth int
}

// value reads what msgReader.value reads.
func (w *msgWalk) value(b []byte, depth int) ([]byte, error) {
	if depth > w.maxDepth {
		return nil, tooDeep(w.maxDepth)
	}
	if len(b) == 0 {
		return nil, errMsgEnd
	}
	switch kind := msgKinds[b[0]]; kind {
	case msgInteger:
		i, rest, err := readInteger(b)
		if err != nil {
			return nil, err
		}
		return rest, w.to.Integer(i)
	case msgNull:
		return b[1:], w.to.Null()
	case msgBoolean:
		return b[1:], w.to.Boolean(b[0] == 0xc3)
	case msgFloat:
		f, rest, err := readFloat(b)
		if err != nil {
			return nil, err
		}
		return rest, w.to.Float(f)
	case msgText:
		text, rest, err := readText(b)
		if err != nil {
			return nil, err
		}
		return rest, w.to.Text(text)
	case msgBuffer:
		buf, rest, err := readBuffer(b)
		if err != nil {
			return nil, err
		}
		return rest, w.to.Buffer(buf)
	case msgList:
		return w.list(b, depth)
	case msgMap:
		return w.entries(b, depth)
	case msgExtension:
		return w.extension(b)
	}
	return nil, noValue(b[0])
}

func (w *msgWalk) list(b []byte, depth int) ([]byte, error) {
	n, rest, err := readListHeader(b)
	if err != nil {
		return nil, err
	}
	if err := w.to.BeginList(n); err != nil {
		return nil, err
	}
	for i := range n {
		if rest, err = w.value(rest, depth+1); err != nil {
			return nil, underItem(i, err)
		}
	}
	return rest, w.to.EndList()
}

func (w *msgWalk) entries(b []byte, depth int) ([]byte, error) {
	n, rest, err := readMapHeader(b)
	if err != nil {
		return nil, err
	}
	if err := w.to.BeginMap(n); err != nil {
		return nil, err
	}
	for i := range n {
		if rest, err = w.value(rest, depth+1); err != nil {
			return nil, underKey(i, err)
		}
		if rest, err = w.value(rest, depth+1); err != nil {
			return nil, underValue(i, err)
		}
	}
	return rest, w.to.EndMap()
}

// extension is one flat list of extension types.
func (w *msgWalk) extension(b []byte) ([]byte, error) {
	typ, data, rest, err := readExt(b)
	if err != nil {
		return nil, err
	}
	switch {
	case typ == extUnsigned && len(data) == 8:
		return rest, w.to.Unsigned(binary.BigEndian.Uint64(data))
	case typ == extVector && len(data) == 12:
		return rest, w.vector(data)
	case typ == extInterval && len(data) == 12:
		return rest, w.interval(data)
	case typ == extTimestamp && len(data) == 12:
		return rest, w.timestamp(data)
	case typ == extTimeZone:
		if !validZoneName(data) {
			return nil, under("TimeZone", badZone(string(data)))
		}
		return rest, w.to.TimeZone(data)
	case typ == extLazyStringMap:
		m, err := readLazy(data)
		if err != nil {
			return nil, under("LazyStringMap", err)
		}
		return rest, w.to.LazyStringMap(m)
	}
	return nil, malformedMsg("extension %d of %d bytes", int8(typ), len(data))
}

func (w *msgWalk) vector(data []byte) error {
	var xyz [3]float32
	for i := range xyz {
		xyz[i] = math.Float32frombits(binary.BigEndian.Uint32(data[4*i:]))
		if !finite(float64(xyz[i])) {
			return under("Vector", ErrNotFinite)
		}
	}
	return w.to.Vector(xyz[0], xyz[1], xyz[2])
}

func (w *msgWalk) interval(data []byte) error {
	i := Interval{Seconds: int64(binary.BigEndian.Uint64(data)), Nanos: binary.BigEndian.Uint32(data[8:])}
	if err := checkNanos(i.Nanos); err != nil {
		return under("Interval", err)
	}
	return w.to.Interval(i)
}

func (w *msgWalk) timestamp(data []byte) error {
	sec, nanos := int64(binary.BigEndian.Uint64(data[4:])), binary.BigEndian.Uint32(data)
	if err := checkTimestamp(sec, nanos); err != nil {
		return under("Timestamptz", err)
	}
	return w.to.Timestamp(time.Unix(sec, int64(nanos)).UTC())
}
