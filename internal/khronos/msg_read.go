package khronos

import "unsafe"

// ReadMsg reads one value in the form of [Value.AppendMsg] from the start of b
// and returns the bytes behind it. b may be hostile: depth is bounded, and no
// count makes it allocate beyond what b holds. The value keeps nothing of b.
// Short strings of one value may share memory.
func ReadMsg(b []byte, maxDepth int) (v Value, rest []byte, err error) {
	r := msgReader{maxDepth: maxDepth}
	return r.read(b)
}

// ReadOwnMsg is ReadMsg for bytes that become the value's own: its strings and
// buffers lie in b, which nobody may change from then on.
func ReadOwnMsg(b []byte, maxDepth int) (v Value, rest []byte, err error) {
	r := msgReader{maxDepth: maxDepth, own: true}
	return r.read(b)
}

// msgReader is WalkMsg into a Value without a visitor in between: a worker reads
// each result and each argument of a host call with it.
type msgReader struct {
	maxDepth int
	own      bool   // strings and buffers need no copy
	room     []byte // what is left of the memory for short strings
}

func (r *msgReader) read(b []byte) (v Value, rest []byte, err error) {
	if rest, err = r.value(&v, b, 0); err != nil {
		return Value{}, b, err
	}
	return v, rest, nil
}

// value fills v, which is Null, and returns what lies behind it. Half of v may
// be there beside an error.
func (r *msgReader) value(v *Value, b []byte, depth int) ([]byte, error) {
	if depth > r.maxDepth {
		return nil, tooDeep(r.maxDepth)
	}
	if len(b) == 0 {
		return nil, errMsgEnd
	}
	switch msgKinds[b[0]] {
	case msgInteger:
		i, rest, err := readInteger(b)
		v.kind, v.num = KindInteger, uint64(i)
		return rest, err
	case msgNull:
		return b[1:], nil
	case msgBoolean:
		v.kind, v.num = KindBoolean, uint64(b[0]&1)
		return b[1:], nil
	case msgText:
		text, rest, err := readText(b)
		*v = textValue(KindText, r.keep(text, rest))
		return rest, err
	case msgList:
		return r.list(v, b, depth)
	case msgMap:
		return r.entries(v, b, depth)
	case msgFloat:
		f, rest, err := readFloat(b)
		*v = Float(f)
		return rest, err
	case msgBuffer:
		buf, rest, err := readBuffer(b)
		if !r.own {
			buf = append([]byte{}, buf...)
		}
		*v = Buffer(buf)
		return rest, err
	case msgExtension: // rarer: by way of the visitor
		var one builder
		rest, err := WalkMsg(b, r.maxDepth, &one)
		*v = one.root
		return rest, err
	}
	return nil, noValue(b[0])
}

func (r *msgReader) list(v *Value, b []byte, depth int) ([]byte, error) {
	n, rest, err := readListHeader(b)
	if err != nil {
		return nil, err
	}
	items := make([]Value, min(n, maxPrealloc))
	for i := range n {
		if i == len(items) {
			items = append(items, make([]Value, min(n-i, i))...)
		}
		if rest, err = r.value(&items[i], rest, depth+1); err != nil {
			return nil, underItem(i, err)
		}
	}
	*v = List(items...)
	return rest, nil
}

func (r *msgReader) entries(v *Value, b []byte, depth int) ([]byte, error) {
	n, rest, err := readMapHeader(b)
	if err != nil {
		return nil, err
	}
	pairs := make([]Pair, min(n, maxPrealloc))
	for i := range n {
		if i == len(pairs) {
			pairs = append(pairs, make([]Pair, min(n-i, i))...)
		}
		if rest, err = r.value(&pairs[i].Key, rest, depth+1); err != nil {
			return nil, underKey(i, err)
		}
		if rest, err = r.value(&pairs[i].Value, rest, depth+1); err != nil {
			return nil, underValue(i, err)
		}
	}
	*v = Map(pairs...)
	return rest, nil
}

// The sizes of the memory that short strings share. Each piece is no larger than
// what is left to read, so that a small value costs no more than its bytes; and
// one string that is kept keeps no more than a piece.
const (
	sharedBytes    = 512
	maxSharedBytes = 64 // a longer string gets memory of its own
)

// keep makes a string of text, behind which rest lies.
func (r *msgReader) keep(text, rest []byte) string {
	n := len(text)
	if r.own {
		return unsafe.String(unsafe.SliceData(text), n)
	}
	if n > maxSharedBytes || n == 0 {
		return string(text)
	}
	if n > len(r.room) {
		r.room = make([]byte, min(n+len(rest), sharedBytes))
	}
	kept := r.room[:n:n]
	r.room = r.room[n:]
	copy(kept, text)
	return unsafe.String(unsafe.SliceData(kept), n) // nobody writes to kept again
}
