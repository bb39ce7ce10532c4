package pattern

import "strings"

// lead is what every match of a pattern begins with: offsets where it is not
// found are passed over without trying the pattern there.
type lead struct {
	kind leadKind
	b    byte    // leadByte
	set  byteSet // leadSet
	cost int     // leadSet: what a try costs that fails on its first byte
}

type leadKind uint8

const (
	leadUnknown leadKind = iota // nobody has looked yet
	leadAny                     // it may be anything
	leadByte
	leadSet
)

// findLead looks at the first item of the pattern, before a match from offset s
// on. Faults are left for the match to find.
func (m *Matcher) findLead(s int) lead {
	p := m.begin
	for p < len(m.pat) && m.pat[p] == '(' {
		p++
	}
	captures := p - m.begin
	if m.anchored || p == len(m.pat) || captures >= MaxCaptures {
		return lead{kind: leadAny}
	}
	l := lead{kind: leadSet, cost: 2*captures + 1}
	switch c := m.pat[p]; c {
	case ')', '.', '$':
		return lead{kind: leadAny}
	case '%':
		if p+1 == len(m.pat) {
			return lead{kind: leadAny}
		}
		if c = m.pat[p+1]; c == 'b' || c == 'f' || c >= '0' && c <= '9' {
			return lead{kind: leadAny}
		}
		l.set = classSets[c]
	case '[':
		ep, err := m.classEnd(p)
		if err != nil {
			return lead{kind: leadAny}
		}
		if s == len(m.src) {
			return lead{} // no match will read the set, so it must cost nothing
		}
		if !repeats(m.pat, ep) {
			l.set = *m.set(p, ep)
		}
	default:
		if captures > 0 {
			return lead{kind: leadAny}
		}
		l = lead{kind: leadByte, b: c}
	}
	ep, _ := m.classEnd(p) // there is one: the cases above have found it
	if repeats(m.pat, ep) {
		return lead{kind: leadAny}
	}
	return l
}

// repeats tells whether the class that ends at ep may match nothing.
func repeats(pat string, ep int) bool {
	return ep < len(pat) && strings.IndexByte("*?-", pat[ep]) >= 0
}

// skipAtOnce is how many bytes are passed over between two reports to the meter.
const skipAtOnce = 1 << 14

// skip gives the first offset from s on where a match may begin, -1 if there is none.
func (m *Matcher) skip(s int) (int, error) {
	if m.lead.kind == leadByte {
		i := strings.IndexByte(m.src[s:], m.lead.b)
		if i < 0 {
			return -1, m.spend((len(m.src) - s) / 64)
		}
		m.steps += int64(i / 64)
		return s + i, nil
	}
	for s < len(m.src) {
		from, end := s, min(s+skipAtOnce, len(m.src))
		for s < end && !m.lead.set.has(m.src[s]) {
			s++
		}
		if err := m.spend((s - from) * m.lead.cost); err != nil {
			return -1, err
		}
		if s < end {
			return s, nil
		}
	}
	return -1, m.spend(m.lead.cost)
}
