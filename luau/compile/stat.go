package compile

import (
	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// block compiles the statements of a scope of its own.
func (f *function) block(b *ast.Block) {
	m := f.mark()
	f.stats(b.Stats)
	f.close(m)
}

// stats compiles statements in the current scope.
func (f *function) stats(list []ast.Stat) {
	for _, s := range list {
		f.stat(s)
	}
}

// stat compiles one statement. Afterwards only locals hold registers.
func (f *function) stat(s ast.Stat) {
	at := s.Span().Start
	if !f.enter(at) {
		return
	}
	f.line = at.Line
	if b, ok := s.(*ast.Block); ok { // its statements are visited, it is not
		f.block(b)
		f.top = f.base
		f.leave()
		return
	}
	f.visited()
	switch s := s.(type) {
	case *ast.LocalStat:
		f.localStat(s)
	case *ast.LocalFunction:
		f.localFunction(s)
	case *ast.FunctionStat:
		f.functionStat(s)
	case *ast.Assign:
		f.assign(s)
	case *ast.Compound:
		f.compound(s)
	case *ast.CallStat:
		f.effects(s.Call)
	case *ast.If:
		f.ifStat(s)
	case *ast.While:
		f.while(s)
	case *ast.Repeat:
		f.repeat(s)
	case *ast.NumericFor:
		f.numericFor(s)
	case *ast.GenericFor:
		f.genericFor(s)
	case *ast.Return:
		f.returnStat(s)
	case *ast.Break:
		l := f.insideLoop()
		l.breaks = append(l.breaks, f.emit(bytecode.OpJmp, 0, 0, 0, 0))
	case *ast.Continue:
		l := f.insideLoop()
		l.noteContinue(s)
		l.continues = append(l.continues, f.emit(bytecode.OpJmp, 0, 0, 0, 0))
	default:
		panic("BUG: unknown statement")
	}
	f.top = f.base
	f.leave()
}

// localStat declares locals. Those that keep a constant for life get no register.
func (f *function) localStat(s *ast.LocalStat) {
	values := make([]operand, 0, 4)
	names := len(s.Names)
	for i, e := range s.Values {
		switch {
		case i >= names:
			f.effects(e)
		case i == len(s.Values)-1 && isMulti(e) && names > i+1:
			f.tail(e, names-i)
			for len(values) < names {
				values = append(values, inRegister(0))
			}
		default:
			values = append(values, f.initial(s.Names[i], e))
		}
	}
	f.line = s.At.Start.Line
	for i := len(values); i < names; i++ {
		values = append(values, f.initialNil(s.Names[i]))
	}
	for i, l := range s.Names {
		if values[i].isConst() {
			f.declareConst(l, values[i])
			continue
		}
		f.declare(l)
		f.box(l)
	}
}

// initial evaluates the first value of l: a constant that l stands for, or a new register.
func (f *function) initial(l *ast.Local, e ast.Expr) operand {
	reg := f.alloc(1, l.Pos)
	v := f.eval(e, reg)
	if v.isConst() && f.fold && !l.Written {
		f.top = reg
		return v
	}
	f.place(v, reg)
	return inRegister(reg)
}

func (f *function) initialNil(l *ast.Local) operand {
	if f.fold && !l.Written {
		return operand{kind: opNil}
	}
	reg := f.alloc(1, l.Pos)
	f.emit(bytecode.OpLoadNil, reg, 1, 0, 0)
	return inRegister(reg)
}

// localFunction declares a local that its own function can see.
func (f *function) localFunction(s *ast.LocalFunction) {
	reg := f.alloc(1, s.Name.Pos)
	f.declare(s.Name)
	if !shared(s.Name) {
		f.closure(s.Func, s.Name, reg)
		return
	}
	f.emit(bytecode.OpLoadNil, reg, 1, 0, 0)
	f.box(s.Name)
	t := f.localTarget(&ast.LocalRef{Node: s.Node, Local: s.Name, Depth: s.Name.Depth})
	tmp := f.alloc(1, s.At.Start)
	f.closure(s.Func, nil, tmp)
	f.store(t, tmp)
}

func (f *function) functionStat(s *ast.FunctionStat) {
	var none regSet
	t := f.target(s.Target, &none)
	if t.kind == targetReg {
		f.closure(s.Func, nil, t.object)
		return
	}
	tmp := f.alloc(1, s.At.Start)
	f.closure(s.Func, nil, tmp)
	f.store(t, tmp)
}

// ifStat compiles a chain of if, elseif, else.
func (f *function) ifStat(s *ast.If) {
	var ends []int
	for s != nil {
		v, known := f.plainConst(s.Cond)
		known = known && f.fold
		if known && v.isTrue() {
			f.block(s.Then)
			break
		}
		if list := f.leaveList(s); list != nil && !known {
			*list = f.jumpWhen(s.Cond, true, *list)
		} else if !known {
			skip := f.jumpUnless(s.Cond)
			f.block(s.Then)
			if s.Else != nil && !leaves(s.Then) {
				ends = append(ends, f.emit(bytecode.OpJmp, 0, 0, 0, 0))
			}
			f.patchAll(skip)
		}
		s = f.elseOf(s)
	}
	f.patchAll(ends)
}

// leaveList gives the jumps of the loop to which `if Cond then break end` or
// continue adds its own; nil if s is anything else.
func (f *function) leaveList(s *ast.If) *[]int {
	if s.Else != nil || len(s.Then.Stats) != 1 || f.cover {
		return nil
	}
	switch b := s.Then.Stats[0].(type) {
	case *ast.Break:
		return &f.insideLoop().breaks
	case *ast.Continue:
		f.insideLoop().noteContinue(b)
		return &f.insideLoop().continues
	}
	return nil
}

// elseOf compiles the else part of s, or gives the elseif that follows.
func (f *function) elseOf(s *ast.If) *ast.If {
	switch e := s.Else.(type) {
	case *ast.If:
		f.line = e.At.Start.Line
		f.visited()
		return e
	case *ast.Block:
		f.block(e)
	}
	return nil
}

// leaves tells that control never reaches the end of b.
func leaves(b *ast.Block) bool {
	if len(b.Stats) == 0 {
		return false
	}
	switch b.Stats[len(b.Stats)-1].(type) {
	case *ast.Return, *ast.Break, *ast.Continue:
		return true
	}
	return false
}

func (f *function) returnStat(s *ast.Return) {
	switch {
	case len(s.Values) == 0:
		f.emit(bytecode.OpReturn0, 0, 0, 0, 0)
		return
	case len(s.Values) == 1 && !isMulti(s.Values[0]):
		reg := f.evalReg(s.Values[0])
		f.line = s.At.Start.Line
		f.emit(bytecode.OpReturn1, reg, 0, 0, 0)
		return
	}
	if first, ok := f.localRun(s.Values); ok {
		f.emit(bytecode.OpReturn, first, len(s.Values)+1, 0, 0)
		return
	}
	first := f.top
	n := f.args(s.Values)
	f.line = s.At.Start.Line
	f.emit(bytecode.OpReturn, first, n+1, 0, 0)
}

// localRun tells that a list names locals that lie one after the other, and gives the first register.
func (f *function) localRun(list []ast.Expr) (first int, ok bool) {
	for i, e := range list {
		ref, isLocal := e.(*ast.LocalRef)
		if !isLocal {
			return 0, false
		}
		reg, own := f.ownReg(ref)
		if i == 0 {
			first = reg
		}
		if !own || reg != first+i {
			return 0, false
		}
	}
	return first, true
}
