package compile

import (
	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// insideLoop gives the innermost loop; the parser has refused break and continue elsewhere.
func (f *function) insideLoop() *loop {
	if f.loop == nil {
		panic("BUG: break or continue outside of a loop")
	}
	return f.loop
}

// while:
//
//	head:  jump to exit unless Cond
//	       Body
//	       JMPBACK head        (continue leads here)
//	exit:                      (break leads here)
func (f *function) while(s *ast.While) {
	if v, ok := f.plainConst(s.Cond); ok && f.fold && !v.isTrue() {
		return
	}
	l := f.openLoop()
	head := f.pc()
	exit := f.jumpUnless(s.Cond)
	f.block(s.Body)
	f.patchAll(l.continues)
	f.line = s.At.Start.Line
	f.jumpBack(head)
	f.patchAll(exit)
	f.closeLoop()
}

// repeat:
//
//	head:  Body
//	       jump to exit if Cond    (continue leads here; Body's locals are in scope)
//	       JMPBACK head
//	exit:                          (break leads here)
func (f *function) repeat(s *ast.Repeat) {
	l := f.openLoop()
	head := f.pc()
	m := f.mark()
	cut := -1 // locals from here on are undefined in Cond after a continue
	for _, b := range s.Body.Stats {
		f.stat(b)
		if cut < 0 && l.line != 0 {
			cut = len(f.active)
		}
	}
	if cut >= 0 {
		f.skip(cut, skip{line: l.line, cond: s.Cond.Span().Start})
	}
	f.patchAll(l.continues)
	f.line = s.Cond.Span().Start.Line
	f.visited()
	exit := f.jumpWhen(s.Cond, true, nil)
	f.jumpBack(head)
	f.patchAll(exit)
	f.close(m)
	f.closeLoop()
}

// numericFor:
//
//	R: A = limit | A+1 = step | A+2 = index, the variable itself unless the body writes it
//
//	       FORNPREP A -> exit
//	body:  Body
//	       FORNLOOP A -> body      (continue leads here)
//	exit:                          (break leads here)
func (f *function) numericFor(s *ast.NumericFor) {
	l := f.openLoop()
	m := f.mark()
	at := s.At.Start
	a := f.alloc(3, at)
	f.evalTo(s.From, a+2)
	f.evalTo(s.To, a)
	if s.Step != nil {
		f.evalTo(s.Step, a+1)
	} else {
		f.place(numberOperand(1), a+1)
	}
	f.line = at.Line
	prep := f.emit(bytecode.OpForNPrep, a, 0, 0, 0)
	body := f.pc()
	f.base += 2
	if s.Var.Written {
		f.base++
		f.place(inRegister(a+2), f.alloc(1, s.Var.Pos))
	}
	f.declare(s.Var)
	f.box(s.Var)
	f.block(s.Body)
	f.patchAll(l.continues)
	f.line = at.Line
	f.emit(bytecode.OpForNLoop, a, 0, 0, int32(body-f.pc()-1))
	f.patch(prep)
	f.close(m)
	f.closeLoop()
}

// genericFor:
//
//	R: A = generator | A+1 = state | A+2 = control | A+3 .. = variables
//
//	       FORGPREP A -> loop
//	body:  Body
//	loop:  FORGLOOP A -> body      (continue leads here)
//	exit:                          (break leads here)
func (f *function) genericFor(s *ast.GenericFor) {
	l := f.openLoop()
	m := f.mark()
	at := s.At.Start
	a := f.top
	f.values(s.Values, 3, at)
	f.line = s.Values[len(s.Values)-1].Span().Start.Line
	prep := f.emit(bytecode.OpForGPrep, a, 0, 0, 0)
	body := f.pc()
	f.base += 3
	f.alloc(3, at) // the generator's call needs as many, however few the variables are
	f.top = f.base
	f.line = at.Line
	for _, v := range s.Vars {
		f.alloc(1, v.Pos)
		f.declare(v)
	}
	for _, v := range s.Vars {
		f.box(v)
	}
	f.block(s.Body)
	f.patchAll(l.continues)
	f.line = at.Line
	f.patch(prep)
	f.emit(bytecode.OpForGLoop, a, len(s.Vars), 0, int32(body-f.pc()-1))
	f.close(m)
	f.closeLoop()
}
