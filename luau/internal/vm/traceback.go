package vm

import (
	"strconv"
	"strings"
)

// The lines a traceback shows of each end when it is too long.
const (
	traceHead = 64
	traceTail = 32
)

// Traceback lists the script frames in progress, newest first, one line each:
// "chunk:line function name". skip leaves out that many frames.
func (co *Coroutine) Traceback(msg string, skip int) string {
	var b strings.Builder
	if msg != "" {
		b.WriteString(msg)
		b.WriteByte('\n')
	}
	total := co.countLevels() - skip
	shown := 0
	for i := int(co.nf) - 1; i > 0; i-- {
		f := &co.frames[i]
		if f.kind == frameHandler {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		shown++
		if shown > traceHead && shown <= total-traceTail {
			if shown == traceHead+1 {
				b.WriteString("... (+" + strconv.Itoa(total-traceHead-traceTail) + " frames)\n")
			}
			continue
		}
		f.writeTrace(&b)
	}
	return b.String()
}

func (co *Coroutine) countLevels() int {
	n := 0
	for i := int(co.nf) - 1; i > 0; i-- {
		if co.frames[i].kind != frameHandler {
			n++
		}
	}
	return n
}

func (f *frame) writeTrace(b *strings.Builder) {
	if f.kind != frameScript {
		return
	}
	p := f.cl.proto
	b.WriteString(p.chunk)
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(f.line()))
	if p.name != "" {
		b.WriteString(" function ")
		b.WriteString(p.name)
	}
	b.WriteByte('\n')
}
