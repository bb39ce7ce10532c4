package compile

import (
	"strings"

	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// open results: the callee's results lie from the window's start up to the machine's top.
const openList = -1

// isMulti tells that e may give any number of values.
func isMulti(e ast.Expr) bool {
	switch e.(type) {
	case *ast.Call, *ast.Vararg:
		return true
	}
	return false
}

// call compiles a call whose window starts at top and gives that register. The
// results lie there: want of them, or an open list. Nothing stays allocated.
//
//	R: ... | function | arguments ...     before
//	R: ... | results ...                  after
func (f *function) call(e *ast.Call, want int) int {
	base := f.alloc(1, e.At.Start)
	line := e.Func.Span().End.Line
	args := 0
	if e.Method != "" {
		line = e.MethodPos.Line
		f.method(e, base)
		args = 1
	} else {
		f.evalTo(e.Func, base)
	}
	n := f.args(e.Args)
	if n >= 0 {
		n += args
	}
	f.line = line
	f.emitCall(base, n, want, e.At.Start)
	return base
}

// emitCall emits the call of the window at base with n arguments (openList: up to top) and frees the window.
func (f *function) emitCall(base, n, want int, pos ast.Pos) {
	f.emit(bytecode.OpCall, base, n+1, want+1, 0)
	f.top = base
	if want > 0 {
		f.alloc(want, pos)
		f.top = base
	}
}

// method puts the method and the object into the first two registers of the window at base.
func (f *function) method(e *ast.Call, base int) {
	x := f.register(f.eval(e.Func, base), base, e.At.Start)
	f.top = base + 1
	f.alloc(1, e.At.Start)
	f.line = e.MethodPos.Line
	f.nameCall(base, x, e.Method)
}

func (f *function) nameCall(base, x int, name string) {
	f.emit(bytecode.OpNameCall, base, x, int(bytecode.HashHint(name)), f.stringConst(name))
}

// args puts the values of a list into new temporaries and gives their number, or
// openList if the last one leaves an open list.
func (f *function) args(list []ast.Expr) int {
	for i, e := range list {
		if i == len(list)-1 && isMulti(e) {
			f.multi(e)
			return openList
		}
		f.evalNext(e)
	}
	return len(list)
}

// multi compiles a call or ... to an open list that starts at top.
func (f *function) multi(e ast.Expr) {
	f.line = e.Span().Start.Line
	if call, ok := e.(*ast.Call); ok {
		if f.enter(call.At.Start) {
			f.call(call, openList)
			f.leave()
		}
		return
	}
	first := f.alloc(1, e.Span().Start)
	f.emit(bytecode.OpVararg, first, 0, 0, 0)
	f.top = first
}

// oneResult compiles a call for its first result.
func (f *function) oneResult(e *ast.Call, dst int) operand {
	if dst >= 0 && dst == f.top-1 && f.scratch(dst) {
		f.top = dst
		f.call(e, 1)
		f.top = dst + 1
		return inRegister(dst)
	}
	top := f.top
	return f.settle(f.call(e, 1), dst, top)
}

// settle ends an expression whose value is in reg, at top or in dst itself: it
// moves it to dst, or keeps reg if dst < 0. Other temporaries above top are freed.
func (f *function) settle(reg, dst, top int) operand {
	f.top = top
	if dst < 0 {
		f.top = reg + 1
		return inRegister(reg)
	}
	f.place(inRegister(reg), dst)
	return inRegister(dst)
}

// values compiles a list to exactly n values in new temporaries: extra values are
// evaluated and dropped, missing ones come from the last call or are nil.
func (f *function) values(list []ast.Expr, n int, pos ast.Pos) {
	for i, e := range list {
		switch {
		case i >= n:
			f.effects(e)
		case i == len(list)-1 && isMulti(e) && n > i+1:
			f.tail(e, n-i)
			return
		default:
			f.evalNext(e)
		}
	}
	if missing := n - len(list); missing > 0 {
		first := f.alloc(missing, pos)
		f.emit(bytecode.OpLoadNil, first, missing, 0, 0)
	}
}

// tail compiles a call or ... to n values in new temporaries.
func (f *function) tail(e ast.Expr, n int) {
	at := e.Span().Start
	f.line = at.Line
	if call, ok := e.(*ast.Call); ok {
		if f.enter(at) {
			f.call(call, n)
			f.leave()
		}
		f.alloc(n, at)
		return
	}
	first := f.alloc(n, at)
	f.emit(bytecode.OpVararg, first, n+1, 0, 0)
}

// interp compiles an interpolated string to a call of the method format on a
// constant: constant parts are in it, %* stands for each of the others.
func (f *function) interp(e *ast.Interp, dst int) operand {
	var format strings.Builder
	var args []ast.Expr
	addText := func(s string) { format.WriteString(strings.ReplaceAll(s, "%", "%%")) }
	for i, x := range e.Exprs {
		addText(e.Parts[i])
		if s, ok := f.constString(x); ok && f.fold {
			addText(s)
			continue
		}
		format.WriteString("%*")
		args = append(args, x)
	}
	addText(e.Parts[len(e.Exprs)])
	if len(args) == 0 {
		return stringOperand(strings.ReplaceAll(format.String(), "%%", "%"))
	}
	top := f.top
	base := f.runStart(dst, e.At.Start)
	f.place(stringOperand(format.String()), base)
	f.alloc(1, e.At.Start)
	for _, x := range args {
		f.evalNext(x)
	}
	f.line = e.At.Start.Line
	f.nameCall(base, base, "format")
	f.emitCall(base, len(args)+1, 1, e.At.Start)
	return f.settle(base, dst, top)
}
