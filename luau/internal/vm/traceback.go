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
	co.writeStack(&b, skip)
	return b.String()
}

// writeStack writes the lines of [Coroutine.Traceback].
func (co *Coroutine) writeStack(b *strings.Builder, skip int) {
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
		if f.kind == frameScript {
			f.cl.proto.writeTrace(b, f.lineOf(co.sliced() && i == int(co.nf)-1))
		}
	}
}

// CurrentLine tells where the script stands: chunk and line of the newest script
// call in progress. A thread between slices answers for the coroutine that it
// runs, with the line that comes next; one that has not begun with the definition
// of its function, line 0 for a main chunk. It gives "" and 0 for a dead coroutine
// and one that runs natives only. It allocates nothing and costs a few loads; call
// it while the machine does not run, or from a native in progress.
func (co *Coroutine) CurrentLine() (chunk string, line int) {
	for at := co.innermost(); at != nil; at = at.outer(co) {
		if f := at.newestScript(); f != nil {
			return f.cl.proto.chunk, f.lineOf(at.sliced() && f == at.cur())
		}
	}
	if p := co.firstProto(); p != nil {
		return p.chunk, int(p.line)
	}
	return "", 0
}

// Stack lists the script calls in progress like [Coroutine.Traceback], beginning
// where [Coroutine.CurrentLine] does: a thread between slices shows the calls of
// the coroutines that it has resumed, newest first, then its own. It may be called
// when CurrentLine may, and charges the script nothing.
func (co *Coroutine) Stack() string {
	if p := co.firstProto(); p != nil {
		var b strings.Builder
		p.writeTrace(&b, int(p.line))
		return b.String()
	}
	var b strings.Builder
	for at := co.innermost(); at != nil; at = at.outer(co) {
		at.writeStack(&b, 0)
	}
	return b.String()
}

// innermost gives the coroutine that runs in a thread between slices, otherwise co itself.
func (co *Coroutine) innermost() *Coroutine {
	if co.active != nil {
		return co.active
	}
	return co
}

// outer gives the coroutine that has resumed co, nil if co is root.
func (co *Coroutine) outer(root *Coroutine) *Coroutine {
	if co == root {
		return nil
	}
	return co.resumer
}

// sliced tells whether the coroutine was left at a safepoint: its pc names the instruction that comes next, not the one in progress.
func (co *Coroutine) sliced() bool {
	return co.status == coRunning && co.vm.co == nil && co.paused == nil
}

// newestScript gives the topmost script frame, nil if there is none.
func (co *Coroutine) newestScript() *frame {
	for i := co.nf - 1; i > 0; i-- {
		if f := &co.frames[i]; f.kind == frameScript {
			return f
		}
	}
	return nil
}

// firstProto gives the function of a coroutine that has not begun, nil if it has or calls a native.
func (co *Coroutine) firstProto() *Proto {
	if co.fresh() && co.stack[0].isClosure() {
		return co.stack[0].AsClosure().proto
	}
	return nil
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

// writeTrace writes one call: "chunk:line function name".
func (p *Proto) writeTrace(b *strings.Builder, line int) {
	b.WriteString(p.chunk)
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(line))
	if p.name != "" {
		b.WriteString(" function ")
		b.WriteString(p.name)
	}
	b.WriteByte('\n')
}

// FunctionAt gives the function of a call in progress: 0 is the newest, which in
// a coroutine that waits is the native that made it wait. It is nil if there is
// no such call, or if the machine has not noted which native it is. It may be
// called when [Coroutine.CurrentLine] may.
func (co *Coroutine) FunctionAt(level int) Value {
	s, _ := co.subjectAt(level + 1)
	if s.fn.IsNil() && s.native != nil {
		return s.native.Value()
	}
	return s.fn
}
