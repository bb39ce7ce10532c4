package syntax

import "github.com/template-worker/template-worker/luau/ast"

// funcHead is what is known of a function before its parameters.
type funcHead struct {
	start   ast.Pos // of its first attribute or of the word function
	open    opener  // what its end closes
	name    string
	self    bool
	native  bool
	declare func() // brings its own name into scope; may be nil
}

// functionBody reads from the generics or the parameters to the end.
func (p *parser) functionBody(h funcHead) *ast.Function {
	f := &ast.Function{Name: h.name, Self: h.self, Native: h.native}
	p.generics(false)
	ids := p.params(f)
	p.returnType()
	if h.declare != nil {
		h.declare()
	}
	mark := p.scope.mark()
	p.scope.enter(f.Vararg)
	f.Depth = p.scope.depth()
	if h.self {
		self := ident{sym: p.lex.names.get([]byte("self")), at: ast.Span{Start: h.start, End: h.start}}
		ids = append([]ident{self}, ids...)
	}
	f.Params = p.declareAll(ids, false)
	f.Body = p.block()
	p.scope.leave()
	p.scope.release(mark)
	f.EndLine = p.tok.at.Start.Line
	p.expectEnd(tokEnd, h.open)
	f.Node = p.since(h.start)
	return f
}

// params reads the parameter list with its parentheses.
func (p *parser) params(f *ast.Function) []ident {
	open := p.here()
	p.expect('(', "function")
	p.stopAt[')']++
	var ids []ident
	if p.tok.kind != ')' {
		ids, f.Vararg = p.bindings(nil, true)
	}
	p.expectCloseOnLine(')', open)
	p.stopAt[')']--
	return ids
}

// functionStat reads a named function from the word function.
func (p *parser) functionStat(a attributes) ast.Stat {
	h := funcHead{start: p.tok.at.Start, open: p.here(), native: a.native}
	if a.any {
		h.start = a.start
	}
	p.next()
	n := &ast.FunctionStat{Target: p.functionName(&h)}
	p.target(n.Target)
	p.stopAt[tokEnd]++
	n.Func = p.functionBody(h)
	p.stopAt[tokEnd]--
	n.Node = p.since(h.start)
	return n
}

// functionName reads a.b:c and notes the debug name and self in h.
func (p *parser) functionName(h *funcHead) ast.Expr {
	id, ok := p.nameOpt("function name")
	if !ok {
		return &ast.Nil{Node: ast.Node{At: id.at}}
	}
	h.name = id.sym.name
	start := id.at.Start
	x := p.resolve(id)
	depth := p.depth
	for p.tok.kind == '.' {
		x = p.namePart(h, x, start, "field name")
		p.nest("function name")
	}
	p.depth = depth
	if p.tok.kind == ':' {
		x = p.namePart(h, x, start, "method name")
		h.self = true
	}
	return x
}

func (p *parser) namePart(h *funcHead, x ast.Expr, start ast.Pos, what string) ast.Expr {
	p.next()
	id := p.name(what)
	h.name = id.sym.name
	n := p.tree.fields.take()
	n.Node, n.X, n.Name, n.NamePos = p.since(start), x, id.sym.name, id.at.Start
	return n
}

// typeFunction reads a type function from the word function. It runs only in a type
// checker, so it leaves no code.
func (p *parser) typeFunction() {
	h := funcHead{start: p.tok.at.Start, open: p.here()}
	p.next()
	h.name = p.name("type function name").sym.name
	outer := p.scope.typeDepth
	p.scope.typeDepth = p.scope.depth() + 1
	p.scope.dropped++
	p.stopAt[tokEnd]++
	p.functionBody(h)
	p.stopAt[tokEnd]--
	p.scope.dropped--
	p.scope.typeDepth = outer
}
