package pattern

import (
	"fmt"
	"strings"
)

// push opens a choice.
func (m *Matcher) push(c choice) error {
	if m.n == maxChoices {
		return Error("pattern too complex")
	}
	m.choices[m.n] = c
	m.n++
	return nil
}

// run matches the pattern from p on against the subject from s on. It is one
// loop: an item that does not match goes back to the last open choice.
func (m *Matcher) run(s, p int) (end int, ok bool, err error) {
	for {
		if p == len(m.pat) {
			return s, true, nil
		}
		if err := m.spend(1); err != nil {
			return 0, false, err
		}
		s, p, err = m.item(s, p)
		if err != nil {
			return 0, false, err
		}
		if s >= 0 {
			continue
		}
		s, p, err = m.retry()
		if s < 0 || err != nil {
			return 0, false, err
		}
	}
}

// item matches one item and gives where to go on; s is -1 if it does not match.
func (m *Matcher) item(s, p int) (int, int, error) {
	switch m.pat[p] {
	case '(':
		return m.startCapture(s, p)
	case ')':
		return m.endCapture(s, p+1)
	case '$':
		if p+1 == len(m.pat) {
			if s == len(m.src) {
				return s, p + 1, nil
			}
			return -1, 0, nil
		}
	case '%':
		if p+1 < len(m.pat) {
			switch c := m.pat[p+1]; {
			case c == 'b':
				return m.balance(s, p+2)
			case c == 'f':
				return m.frontier(s, p+2)
			case c >= '0' && c <= '9':
				return m.backReference(s, p)
			}
		}
	}
	return m.single(s, p)
}

// single matches a class with its suffix.
func (m *Matcher) single(s, p int) (int, int, error) {
	ep, err := m.classEnd(p)
	if err != nil {
		return -1, 0, err
	}
	suffix := byte(0)
	if ep < len(m.pat) {
		suffix = m.pat[ep]
	}
	switch suffix {
	case '?':
		if !m.matches(s, p, ep) {
			return s, ep + 1, nil
		}
		return s + 1, ep + 1, m.push(choice{kind: skipItem, s: s, p: ep + 1})
	case '*', '+':
		return m.most(s, p, ep, suffix == '+')
	case '-':
		if !m.matches(s, p, ep) {
			return s, ep + 1, nil
		}
		return s, ep + 1, m.push(choice{kind: minRepeat, s: s, p: p, ep: ep})
	}
	if !m.matches(s, p, ep) {
		return -1, 0, nil
	}
	return s + 1, ep, nil
}

// most takes as many repetitions as there are; fewer are tried later.
func (m *Matcher) most(s, p, ep int, one bool) (int, int, error) {
	i := m.span(s, p, ep)
	if one {
		if i == 0 {
			return -1, 0, nil
		}
		s, i = s+1, i-1
	}
	if i == 0 && !one {
		return s, ep + 1, nil
	}
	if err := m.spend(i / 4); err != nil {
		return -1, 0, err
	}
	return s + i, ep + 1, m.push(choice{kind: maxRepeat, s: s, p: ep + 1, i: i})
}

// retry goes back to the last open choice; s is -1 if there is none left.
func (m *Matcher) retry() (s, p int, err error) {
	for m.n > 0 {
		if err := m.spend(1); err != nil {
			return -1, 0, err
		}
		c := &m.choices[m.n-1]
		switch c.kind {
		case maxRepeat:
			if c.i--; c.i >= 0 {
				return c.s + c.i, c.p, nil
			}
		case minRepeat:
			if m.matches(c.s, c.p, c.ep) {
				c.s++
				return c.s, c.ep + 1, nil
			}
		case skipItem:
			m.n--
			return c.s, c.p, nil
		case openCapture:
			m.level--
		case closeCapture:
			m.caps[c.i].length = unfinished
		}
		m.n--
	}
	return -1, 0, nil
}

func (m *Matcher) startCapture(s, p int) (int, int, error) {
	if m.level == MaxCaptures {
		return -1, 0, Error("too many captures")
	}
	c := capture{start: s, length: unfinished}
	p++
	if p < len(m.pat) && m.pat[p] == ')' {
		c.length = position
		p++
	}
	m.caps[m.level] = c
	m.level++
	return s, p, m.push(choice{kind: openCapture})
}

func (m *Matcher) endCapture(s, p int) (int, int, error) {
	for i := m.level - 1; i >= 0; i-- {
		if m.caps[i].length == unfinished {
			m.caps[i].length = s - m.caps[i].start
			return s, p, m.push(choice{kind: closeCapture, i: i})
		}
	}
	return -1, 0, Error("invalid pattern capture")
}

// backReference matches what a capture has matched before.
func (m *Matcher) backReference(s, p int) (int, int, error) {
	i := int(m.pat[p+1]) - '1'
	if i < 0 || i >= m.level || m.caps[i].length == unfinished {
		return -1, 0, Error(fmt.Sprintf("invalid capture index %%%d", i+1))
	}
	c := m.caps[i]
	if c.length < 0 {
		return -1, 0, nil // a position: its length stands for more than any subject has
	}
	if err := m.spend(c.length / 8); err != nil {
		return -1, 0, err
	}
	if !strings.HasPrefix(m.src[s:], m.src[c.start:c.start+c.length]) {
		return -1, 0, nil
	}
	return s + c.length, p + 2, nil
}

// balance matches %bxy: from an x to the y that closes it.
func (m *Matcher) balance(s, p int) (int, int, error) {
	if p+1 >= len(m.pat) {
		return -1, 0, Error("malformed pattern (missing arguments to '%b')")
	}
	if s >= len(m.src) || m.src[s] != m.pat[p] {
		return -1, 0, nil
	}
	open, shut, depth := m.pat[p], m.pat[p+1], 1
	for i := s + 1; i < len(m.src); i++ {
		if m.src[i] == shut {
			if depth--; depth == 0 {
				return i + 1, p + 2, m.spend((i - s) / 4)
			}
		} else if m.src[i] == open {
			depth++
		}
	}
	return -1, 0, m.spend((len(m.src) - s) / 4)
}

// frontier matches %f[set]: between a byte outside the set and one inside. The ends count as a zero byte.
func (m *Matcher) frontier(s, p int) (int, int, error) {
	if p >= len(m.pat) || m.pat[p] != '[' {
		return -1, 0, Error("missing '[' after '%f' in pattern")
	}
	ep, err := m.classEnd(p)
	if err != nil {
		return -1, 0, err
	}
	before, after := byte(0), byte(0)
	if s > 0 {
		before = m.src[s-1]
	}
	if s < len(m.src) {
		after = m.src[s]
	}
	set := m.set(p, ep)
	if set.has(before) || !set.has(after) {
		return -1, 0, nil
	}
	return s, ep, nil
}
