package process

import (
	"bytes"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/mesophyll"
)

// Bounds of what is kept and logged of a child's output.
const (
	outputLines     = 64   // kept for the exit event
	outputLineBytes = 4096 // a longer line is cut
	outputPerSecond = 200  // lines logged; the rest is counted
)

// output takes what a child writes to its standard output and error, logs it
// line by line, and keeps the last lines. Its Write never fails and never
// blocks on anything but the log.
type output struct {
	log *slog.Logger
	id  mesophyll.Identity

	mu sync.Mutex
	// mu guards the fields below.
	partial []byte   // a line without its end, at most outputLineBytes
	ring    []string // at most outputLines
	second  time.Time
	inThis  int // lines logged since second
	dropped int // lines not logged since second
}

// Write takes p, which may end anywhere in a line.
func (o *output) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		o.add(line)
		if !ended {
			return n, nil
		}
		o.endLine()
		p = rest
	}
}

func (o *output) add(part []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := outputLineBytes - len(o.partial)
	o.partial = append(o.partial, part[:min(room, len(part))]...)
}

func (o *output) endLine() {
	line, logIt, dropped := o.takeLine(time.Now())
	if dropped > 0 {
		o.log.Warn("worker output not logged", "lines", dropped)
	}
	if logIt && line != "" {
		o.log.Info("worker output", "generation", uint64(o.id.Generation), "line", line)
	}
}

// takeLine moves the partial line into the ring. It says whether the line may
// be logged, and how many could not be in the second that has just ended.
func (o *output) takeLine(now time.Time) (line string, logIt bool, dropped int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	line = string(o.partial)
	o.partial = o.partial[:0]
	if len(o.ring) == outputLines {
		o.ring = slices.Delete(o.ring, 0, 1)
	}
	o.ring = append(o.ring, line)
	if now.Sub(o.second) >= time.Second {
		dropped = o.dropped
		o.second, o.inThis, o.dropped = now, 0, 0
	}
	if o.inThis == outputPerSecond {
		o.dropped++
		return line, false, dropped
	}
	o.inThis++
	return line, true, dropped
}

// last returns the last lines, the unfinished one included.
func (o *output) last() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := slices.Clone(o.ring)
	if len(o.partial) > 0 {
		lines = append(lines, string(o.partial))
	}
	return lines
}
