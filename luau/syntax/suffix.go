package syntax

import "github.com/template-worker/template-worker/luau/ast"

// suffixed reads a name or a parenthesised expression and the fields, indexes and calls after it.
//
// At the start of a statement a parenthesis on a new line is read as a call, after
// the complaint that it is ambiguous; inside an expression it ends the expression.
func (p *parser) suffixed(isStat bool) ast.Expr {
	start := p.tok.at.Start
	x := p.primary()
	depth := p.depth
	isInstance := false
	for {
		k := p.tok.kind
		y := p.suffix(x, start, isStat)
		if y == nil {
			break
		}
		x, isInstance = y, k == '<'
		p.nest("expression") // the loop does not recurse, but the tree grows deeper
	}
	p.depth = depth
	if isInstance { // x<<T>> is one value and can neither be assigned nor stand alone
		return &ast.Paren{Node: p.since(start), X: x}
	}
	return x
}

// suffix reads one field, index, call or list of type arguments after x; nil when there is none.
func (p *parser) suffix(x ast.Expr, start ast.Pos, isStat bool) ast.Expr {
	switch p.tok.kind {
	case '.':
		return p.field(x, start)
	case '[':
		return p.index(x, start)
	case ':':
		return p.method(x, start)
	case '(':
		if p.tok.at.Start.Line != p.prevEnd.Line && !isStat {
			p.reportAmbiguous()
			return nil
		}
		return p.call(x, start)
	case '{', tokQuoted, tokRaw:
		return p.call(x, start)
	case '<':
		if p.peek() != '<' {
			return nil
		}
		p.typeArgsTwice()
		return x
	default:
		return nil
	}
}

func (p *parser) primary() ast.Expr {
	if p.tok.kind != '(' {
		id, ok := p.nameOpt("expression")
		if !ok {
			return &ast.Nil{Node: ast.Node{At: id.at}}
		}
		return p.resolve(id)
	}
	open := p.here()
	p.next()
	x := p.expr(0)
	switch {
	case p.skip(')'):
	case p.tok.kind == '=':
		p.closeFail(')', open, "; did you mean to use '{' when defining a table?")
	default:
		p.closeFail(')', open, "")
	}
	return &ast.Paren{Node: p.since(open.pos), X: x}
}

// field reads .Name after x.
func (p *parser) field(x ast.Expr, start ast.Pos) ast.Expr {
	line := p.tok.at.Start.Line
	p.next()
	id := p.fieldName("", line)
	n := p.tree.fields.take()
	n.Node, n.X, n.Name, n.NamePos = p.since(start), x, id.sym.name, id.at.Start
	return n
}

// index reads [key] after x.
func (p *parser) index(x ast.Expr, start ast.Pos) ast.Expr {
	open := p.here()
	p.next()
	key := p.expr(0)
	p.expectClose(']', open)
	return &ast.Index{Node: p.since(start), X: x, Key: key}
}

// method reads :Name and the arguments after x.
func (p *parser) method(x ast.Expr, start ast.Pos) ast.Expr {
	line := p.tok.at.Start.Line
	p.next()
	id := p.fieldName("method name", line)
	nameEnd := p.prevEnd
	if p.tok.kind == '<' && p.peek() == '<' {
		p.typeArgsTwice()
	}
	n := p.tree.calls.take()
	n.Func, n.Method, n.MethodPos = x, id.sym.name, id.at.Start
	p.args(n, start, nameEnd)
	return n
}

// call reads the arguments after x.
func (p *parser) call(x ast.Expr, start ast.Pos) ast.Expr {
	n := p.tree.calls.take()
	n.Func = x
	p.args(n, start, p.prevEnd)
	return n
}

// args reads the arguments of n, whose function part reaches from start to end.
func (p *parser) args(n *ast.Call, start, end ast.Pos) {
	n.ArgsPos = p.tok.at.Start
	switch {
	case p.tok.kind == '(':
		if p.tok.at.Start.Line != end.Line {
			p.reportAmbiguous()
		}
		n.Args = p.parenArgs()
	case p.tok.kind == '{' || p.tok.kind == tokQuoted || p.tok.kind == tokRaw:
		n.Args = p.literalArg()
	case n.Method != "" && p.tok.at.Start.Line != end.Line:
		p.report(ast.Span{Start: start, End: end}, "Expected function call arguments after '('")
	default:
		at := ast.Span{Start: start, End: p.tok.at.Start}
		p.report(at, "Expected '(', '{' or <string> when parsing function call, got %s", p.got())
	}
	n.Node = p.since(start)
}

func (p *parser) parenArgs() []ast.Expr {
	open := p.here()
	p.next()
	begin := p.tree.exprs.begin()
	if p.tok.kind != ')' {
		p.exprs()
	}
	p.expectClose(')', open)
	return p.tree.exprs.finish(begin)
}

// literalArg reads the single argument of f{...} and f"...".
func (p *parser) literalArg() []ast.Expr {
	begin := p.tree.exprs.begin()
	if p.tok.kind == '{' {
		p.tree.exprs.add(p.table())
	} else {
		p.tree.exprs.add(p.str())
	}
	return p.tree.exprs.finish(begin)
}

func (p *parser) reportAmbiguous() {
	p.reportHere("Ambiguous syntax: this looks like an argument list for a function call, " +
		"but could also be a start of new statement; use ';' to separate statements")
}
