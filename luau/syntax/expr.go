package syntax

import "github.com/template-worker/template-worker/luau/ast"

// binaryOp says how an operator binds: x op y needs a left power above the limit of the
// expression it is part of, and y is read with the right power as its limit.
type binaryOp struct {
	op          ast.BinaryOp
	left, right uint8
}

// unaryPower is the limit for the operand of a prefix operator.
const unaryPower = 8

// binaryOps holds the infix operators; all others have left power 0.
var binaryOps = [256]binaryOp{
	tokOr:           {ast.Or, 1, 1},
	tokAnd:          {ast.And, 2, 2},
	tokEqual:        {ast.Eq, 3, 3},
	tokNotEqual:     {ast.Ne, 3, 3},
	'<':             {ast.Lt, 3, 3},
	tokLessEqual:    {ast.Le, 3, 3},
	'>':             {ast.Gt, 3, 3},
	tokGreaterEqual: {ast.Ge, 3, 3},
	tokDot2:         {ast.Concat, 5, 4},
	'+':             {ast.Add, 6, 6},
	'-':             {ast.Sub, 6, 6},
	'*':             {ast.Mul, 7, 7},
	'/':             {ast.Div, 7, 7},
	tokFloorDiv:     {ast.IDiv, 7, 7},
	'%':             {ast.Mod, 7, 7},
	'^':             {ast.Pow, 10, 9},
}

// expr reads an expression as far as its operators bind tighter than limit.
func (p *parser) expr(limit uint8) ast.Expr {
	depth := p.depth
	p.nest("expression")
	start := p.tok.at.Start
	x := p.operand()
	for {
		b := binaryOps[p.tok.kind]
		if b.left == 0 {
			b = p.foreignBinary(limit)
		}
		if b.left <= limit {
			break
		}
		at := p.tok.at.Start
		p.next()
		y := p.expr(b.right)
		n := p.tree.binary.take()
		n.Node, n.Op, n.X, n.Y, n.OpPos = p.since(start), b.op, x, y, at
		x = n
		p.nest("expression") // the loop does not recurse, but the tree grows deeper
	}
	p.depth = depth
	return x
}

// operand reads prefix operators and what they apply to.
func (p *parser) operand() ast.Expr {
	start := p.tok.at.Start
	var op ast.UnaryOp
	switch p.tok.kind {
	case tokNot:
		op = ast.Not
	case '-':
		op = ast.Minus
	case '#':
		op = ast.Length
	case '!':
		p.reportHere("Unexpected '!'; did you mean 'not'?")
		op = ast.Not
	default:
		return p.cast()
	}
	p.next()
	x := p.expr(unaryPower)
	return &ast.Unary{Node: p.since(start), Op: op, X: x}
}

// foreignBinary recognises operators of other languages, reports them and goes on as if
// ours had been written. It leaves tok on the last character of the operator.
func (p *parser) foreignBinary(limit uint8) binaryOp {
	var second, ours kind
	switch p.tok.kind {
	case '&':
		second, ours = '&', tokAnd
	case '|':
		second, ours = '|', tokOr
	case '!':
		second, ours = '=', tokNotEqual
	default:
		return binaryOp{}
	}
	b := binaryOps[ours]
	if p.peek() != second || p.ahead.at.Start != p.tok.at.End || b.left <= limit {
		return binaryOp{}
	}
	at := ast.Span{Start: p.tok.at.Start, End: p.ahead.at.End}
	p.report(at, "Unexpected '%c%c'; did you mean %s?", p.tok.kind, second, ours)
	if !p.stopped {
		p.next()
	}
	return b
}

// cast reads a simple expression and the type it is cast to. A cast leaves one value.
func (p *parser) cast() ast.Expr {
	start := p.tok.at.Start
	x := p.simple()
	if p.tok.kind != tokDoubleColon {
		return x
	}
	p.next()
	p.typ()
	return p.single(x, start)
}

// single wraps an expression that may have several values, so that it has one.
func (p *parser) single(x ast.Expr, start ast.Pos) ast.Expr {
	switch x.(type) {
	case *ast.Call, *ast.Vararg:
		return &ast.Paren{Node: p.since(start), X: x}
	default:
		return x
	}
}

// simple reads an expression without operators.
func (p *parser) simple() ast.Expr {
	at := ast.Node{At: p.tok.at}
	switch p.tok.kind {
	case tokNil:
		p.next()
		return &ast.Nil{Node: at}
	case tokTrue:
		p.next()
		return &ast.True{Node: at}
	case tokFalse:
		p.next()
		return &ast.False{Node: at}
	case tokNumber:
		return p.number()
	case tokQuoted, tokRaw, tokInterpSimple:
		return p.str()
	case tokInterpBegin:
		return p.interp()
	case tokDot3:
		p.next()
		if !p.scope.top().vararg {
			p.report(at.At, "Cannot use '...' outside of a vararg function")
		}
		return &ast.Vararg{Node: at}
	case '{':
		return p.table()
	case tokFunction:
		open := p.here()
		p.next()
		return p.functionBody(funcHead{start: open.pos, open: open})
	case tokIf:
		return p.ifExpr()
	case tokAttribute, tokAttributeOpen:
		return p.attributedFunction()
	case tokBrokenString:
		return p.broken("Malformed string; did you forget to finish it?")
	case tokBrokenBrace:
		return p.broken(doubleBraces)
	default:
		return p.suffixed(false)
	}
}

// broken takes tok, which no expression can start with, and reports why.
func (p *parser) broken(msg string) ast.Expr {
	at := p.tok.at
	p.next()
	p.report(at, "%s", msg)
	return &ast.Nil{Node: ast.Node{At: at}}
}

func (p *parser) number() ast.Expr {
	at := p.tok.at
	v, msg := parseNumber(p.lex.src[p.tok.from:p.tok.to])
	p.next()
	if msg != "" {
		p.report(at, "%s", msg)
	}
	if v.isInteger {
		return &ast.Integer{Node: ast.Node{At: at}, Value: v.integer}
	}
	n := p.tree.numbers.take()
	n.At, n.Value = at, v.float
	return n
}

// str reads a string literal without expressions in it.
func (p *parser) str() ast.Expr {
	n := p.tree.strings.take()
	n.At = p.tok.at
	value, ok := p.text()
	n.Value = value
	if !ok {
		p.report(n.At, "String literal contains malformed escape sequence")
	}
	return n
}

// text takes a string token and returns its value.
func (p *parser) text() (value string, ok bool) {
	raw := p.lex.src[p.tok.from:p.tok.to]
	if p.tok.kind == tokRaw {
		value, ok = longText(raw), true
	} else {
		value, ok = unescape(raw)
	}
	p.next()
	return value, ok
}

// ifExpr reads the expression form of if, from if or elseif.
func (p *parser) ifExpr() ast.Expr {
	start := p.tok.at.Start
	p.next()
	n := &ast.IfExpr{}
	n.Cond = p.expr(0)
	p.expect(tokThen, "if then else expression")
	n.Then = p.expr(0)
	if p.tok.kind == tokElseif {
		depth := p.depth
		p.nest("expression")
		n.Else = p.ifExpr()
		p.depth = depth
	} else {
		p.expect(tokElse, "if then else expression")
		n.Else = p.expr(0)
	}
	n.Node = p.since(start)
	return n
}

// exprs reads one or more expressions onto the stack of p.tree.exprs.
func (p *parser) exprs() {
	p.tree.exprs.add(p.expr(0))
	for p.skip(',') {
		if p.tok.kind == ')' {
			p.reportHere("Expected expression after ',' but got ')' instead")
			return
		}
		p.tree.exprs.add(p.expr(0))
	}
}

// exprList reads one or more expressions.
func (p *parser) exprList() []ast.Expr {
	begin := p.tree.exprs.begin()
	p.exprs()
	return p.tree.exprs.finish(begin)
}

func (p *parser) table() ast.Expr {
	open := p.here()
	p.expect('{', "table literal")
	begin := p.tree.items.begin()
	for p.tok.kind != '}' {
		p.tree.items.add(p.item())
		if p.tok.kind == ',' || p.tok.kind == ';' {
			p.next()
			continue
		}
		if p.tok.kind == '[' || p.tok.kind == tokName {
			p.reportHere("Expected ',' after table constructor element")
			continue
		}
		break
	}
	p.expectClose('}', open)
	return &ast.Table{Node: p.since(open.pos), Items: p.tree.items.finish(begin)}
}

func (p *parser) item() ast.Item {
	switch {
	case p.tok.kind == '[':
		open := p.here()
		p.next()
		key := p.expr(0)
		p.expectClose(']', open)
		p.expect('=', "table field")
		return ast.Item{Key: key, Value: p.expr(0)}
	case p.tok.kind == tokName && p.peek() == '=':
		name, at := p.tok.sym.name, p.tok.at.Start
		p.next()
		p.next()
		value := p.expr(0)
		if f, ok := value.(*ast.Function); ok {
			f.Name = name
		}
		return ast.Item{Name: name, NameAt: at, Value: value}
	default:
		return ast.Item{Value: p.expr(0)}
	}
}
