package pattern

// The classes of a byte, as bits.
const (
	classAlpha = 1 << iota
	classControl
	classDigit
	classGraph
	classLower
	classPunct
	classSpace
	classUpper
	classHex
	classZero
)

var classes = makeClasses()

func makeClasses() (t [256]uint16) {
	for c := range 128 {
		t[c] = classesOf(byte(c))
	}
	return t
}

func classesOf(c byte) (k uint16) {
	lower, upper, digit := c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
	if lower {
		k |= classLower | classAlpha
	}
	if upper {
		k |= classUpper | classAlpha
	}
	if digit {
		k |= classDigit
	}
	if digit || c|0x20 >= 'a' && c|0x20 <= 'f' {
		k |= classHex
	}
	if c < ' ' || c == 127 {
		k |= classControl
	}
	if c > ' ' && c < 127 {
		k |= classGraph
		if !lower && !upper && !digit {
			k |= classPunct
		}
	}
	if c == ' ' || c >= '\t' && c <= '\r' {
		k |= classSpace
	}
	if c == 0 {
		k |= classZero
	}
	return k
}

// classBits gives the classes that %letter stands for, 0 if the letter names none. An upper case letter negates.
func classBits(letter byte) (bits uint16, not bool) {
	switch letter | 0x20 {
	case 'a':
		bits = classAlpha
	case 'c':
		bits = classControl
	case 'd':
		bits = classDigit
	case 'g':
		bits = classGraph
	case 'l':
		bits = classLower
	case 'p':
		bits = classPunct
	case 's':
		bits = classSpace
	case 'u':
		bits = classUpper
	case 'w':
		bits = classAlpha | classDigit
	case 'x':
		bits = classHex
	case 'z':
		bits = classZero
	}
	return bits, letter&0x20 == 0
}

// classSets is the bytes that %letter matches, by letter: those of its class, or the letter itself if it names none.
var classSets = makeClassSets()

func makeClassSets() (t [256]byteSet) {
	for letter := range 256 {
		bits, not := classBits(byte(letter))
		if bits == 0 {
			t[letter].add(byte(letter))
			continue
		}
		for c := range 256 {
			if (classes[c]&bits != 0) != not {
				t[letter].add(byte(c))
			}
		}
	}
	return t
}

// classEnd gives the offset behind the single-byte class at p, where its suffix stands.
func (m *Matcher) classEnd(p int) (int, error) {
	c := m.pat[p]
	p++
	switch c {
	case '%':
		if p == len(m.pat) {
			return 0, Error("malformed pattern (ends with '%')")
		}
		return p + 1, nil
	case '[':
		if e := &m.sets[(p-1)%setSlots]; e.end > 0 && e.p == p-1 {
			return e.end, nil
		}
		return m.setEnd(p)
	}
	return p, nil
}

// setEnd gives the offset behind the ] of a set whose content begins at p. A ] that comes first is an element.
func (m *Matcher) setEnd(p int) (int, error) {
	if p < len(m.pat) && m.pat[p] == '^' {
		p++
	}
	for first := true; ; first = false {
		if p >= len(m.pat) {
			return 0, Error("malformed pattern (missing ']')")
		}
		c := m.pat[p]
		if c == ']' && !first {
			return p + 1, nil
		}
		p++
		if c == '%' && p < len(m.pat) {
			p++
		}
	}
}

// matches tells whether the byte at s is in the class from p to ep.
func (m *Matcher) matches(s, p, ep int) bool {
	if s >= len(m.src) {
		return false
	}
	c := m.src[s]
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return classSets[m.pat[p+1]].has(c)
	case '[':
		return m.set(p, ep).has(c)
	}
	return c == m.pat[p]
}

// span gives how many bytes from s on are in the class.
func (m *Matcher) span(s, p, ep int) int {
	src := m.src[s:]
	switch m.pat[p] {
	case '.':
		return len(src)
	case '%':
		return classSets[m.pat[p+1]].span(src)
	case '[':
		return m.set(p, ep).span(src)
	}
	return spanByte(src, m.pat[p])
}

func spanByte(s string, c byte) int {
	for i := range len(s) {
		if s[i] != c {
			return i
		}
	}
	return len(s)
}

// byteSet is a set of bytes.
type byteSet [4]uint64

func (b *byteSet) has(c byte) bool { return b[c>>6]&(1<<(c&63)) != 0 }
func (b *byteSet) add(c byte)      { b[c>>6] |= 1 << (c & 63) }

// addAll adds the bytes of another set.
func (b *byteSet) addAll(o *byteSet) {
	for i := range b {
		b[i] |= o[i]
	}
}

// span gives how many bytes at the start of s are in the set.
func (b *byteSet) span(s string) int {
	for i := range len(s) {
		if !b.has(s[i]) {
			return i
		}
	}
	return len(s)
}

// setSlots is how many sets of a pattern are kept at once.
const setSlots = 8

type setEntry struct {
	p, end int // where the set stands in the pattern; end is 0 for an empty entry
	bits   byteSet
}

// set gives the set that stands in the pattern from p to ep.
func (m *Matcher) set(p, ep int) *byteSet {
	e := &m.sets[p%setSlots]
	if e.end == 0 || e.p != p {
		e.p, e.end = p, ep
		e.bits = readSet(m.pat[p+1 : ep-1])
		m.steps += int64(ep-p) + 8
	}
	return &e.bits
}

// readSet makes the set of what stands between brackets.
func readSet(s string) (b byteSet) {
	not := s != "" && s[0] == '^'
	if not {
		s = s[1:]
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '%' && i+1 < len(s):
			i++
			b.addAll(&classSets[s[i]])
		case i+2 < len(s) && s[i+1] == '-':
			for c := int(s[i]); c <= int(s[i+2]); c++ {
				b.add(byte(c))
			}
			i += 2
		default:
			b.add(s[i])
		}
	}
	if not {
		for i := range b {
			b[i] = ^b[i]
		}
	}
	return b
}
