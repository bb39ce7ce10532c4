// Package pattern matches Luau's string patterns.
//
// It is a pure function of subject and pattern, keeps nothing between matches
// but memory, and works without Go recursion: what a match may still try lies on
// a stack of fixed size. Each step, and each byte that a repetition passes, is
// reported to the matcher's meter, so a match that takes exponential time can be
// stopped at any point. Bytes are bytes: classes follow the C locale.
package pattern

// Error is a fault of the pattern itself, found when the match gets to it.
type Error string

func (e Error) Error() string { return string(e) }

// MaxCaptures is the largest number of captures in a pattern.
const MaxCaptures = 32

// maxChoices is how many choices may be open at once; the reference nests 200
// calls, the first of which is the match itself.
const maxChoices = 199

// The special lengths of a capture.
const (
	unfinished = -1
	position   = -2
)

type capture struct{ start, length int }

// Capture is one capture of a match: a piece of the subject, or a position in it.
type Capture struct {
	Start, End int // offsets in the subject
	Position   bool
}

// Meter is told of work, about one unit for each step or repeated byte. An error ends the match.
type Meter interface{ Charge(n int64) error }

// Matcher matches one pattern against one subject. The zero value is ready for
// Reset and may be used again and again; it is not safe for concurrent use.
type Matcher struct {
	src, pat string
	begin    int // of the pattern, behind the anchor
	anchored bool
	meter    Meter // nil: nobody counts
	steps    int64 // not yet reported

	level int
	caps  [MaxCaptures]capture

	n       int // open choices
	choices [maxChoices]choice

	sets [setSlots]setEntry
	lead lead
}

// choice is what to do when the match fails further on.
type choice struct {
	kind     choiceKind
	s, p, ep int // subject and pattern offsets
	i        int // maxRepeat: repetitions left to try; closeCapture: the capture
}

type choiceKind uint8

const (
	skipItem     choiceKind = iota // "?": go on at s without the item
	maxRepeat                      // "*", "+": one repetition fewer
	minRepeat                      // "-": one repetition more
	openCapture                    // forget the capture that was opened last
	closeCapture                   // open capture i again
)

// Reset prepares matches of pat against src. With anchored set, the first byte of
// pat is a ^ that has been dealt with by the caller: it is skipped and
// [Matcher.Find] tries one offset only.
func (m *Matcher) Reset(src, pat string, anchored bool, meter Meter) {
	m.src, m.pat, m.meter, m.begin, m.anchored = src, pat, meter, 0, anchored
	m.level, m.n, m.steps = 0, 0, 0
	m.lead.kind = leadUnknown
	if anchored {
		m.begin = 1
	}
	for i := range m.sets {
		m.sets[i].end = 0
	}
}

// SetMeter changes who is told of work, when a matcher goes on in another call.
func (m *Matcher) SetMeter(meter Meter) { m.meter = meter }

// Anchored tells whether a pattern begins with ^.
func Anchored(pat string) bool { return pat != "" && pat[0] == '^' }

// Plain tells whether a pattern has no special characters.
func Plain(pat string) bool {
	for i := range len(pat) {
		switch pat[i] {
		case '^', '$', '*', '+', '?', '.', '(', '[', '%', '-':
			return false
		}
	}
	return true
}

// flushAt is how much work is done before the meter hears of it.
const flushAt = 1024

// spend counts work.
func (m *Matcher) spend(n int) error {
	if m.steps += int64(n); m.steps < flushAt {
		return nil
	}
	return m.Flush()
}

// Flush reports the work that the meter does not know of yet.
func (m *Matcher) Flush() error {
	n := m.steps
	m.steps = 0
	if m.meter == nil || n == 0 {
		return nil
	}
	return m.meter.Charge(n)
}

// Match tries the pattern at offset s of the subject and gives the offset where
// the match ends. The error is an [Error] or what the meter returned.
func (m *Matcher) Match(s int) (end int, ok bool, err error) {
	m.level, m.n = 0, 0
	return m.run(s, m.begin)
}

// Find gives the first match that starts at offset s or behind it.
func (m *Matcher) Find(s int) (start, end int, ok bool, err error) {
	if m.lead.kind == leadUnknown {
		m.lead = m.findLead(s)
	}
	for {
		if m.lead.kind > leadAny {
			if s, err = m.skip(s); s < 0 || err != nil {
				return 0, 0, false, err
			}
		}
		end, ok, err = m.Match(s)
		if ok || err != nil {
			return s, end, ok, err
		}
		if s++; s > len(m.src) || m.anchored {
			return 0, 0, false, nil
		}
	}
}

// Once tells whether the pattern is anchored, so that it matches once at most.
func (m *Matcher) Once() bool { return m.anchored }

// Captures gives the number of captures of the last match.
func (m *Matcher) Captures() int { return m.level }

// Capture gives capture i of the last match, which ran from start to end. Capture
// 0 of a pattern without captures is the whole match.
func (m *Matcher) Capture(i, start, end int) (Capture, error) {
	if i >= m.level {
		if i > 0 {
			return Capture{}, Error("invalid capture index")
		}
		return Capture{Start: start, End: end}, nil
	}
	c := m.caps[i]
	switch c.length {
	case unfinished:
		return Capture{}, Error("unfinished capture")
	case position:
		return Capture{Start: c.start, Position: true}, nil
	}
	return Capture{Start: c.start, End: c.start + c.length}, nil
}
