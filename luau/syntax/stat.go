package syntax

import "github.com/template-worker/template-worker/luau/ast"

const incomplete = "Incomplete statement: expected assignment or a function call"

// compoundOps gives the operator of each compound assignment.
var compoundOps = map[kind]ast.BinaryOp{
	tokAddAssign: ast.Add, tokSubAssign: ast.Sub, tokMulAssign: ast.Mul, tokDivAssign: ast.Div,
	tokFloorDivAssign: ast.IDiv, tokModAssign: ast.Mod, tokPowAssign: ast.Pow, tokConcatAssign: ast.Concat,
}

// block reads statements in a scope of their own.
func (p *parser) block() *ast.Block {
	mark := p.scope.mark()
	b := p.openBlock()
	p.scope.release(mark)
	return b
}

// openBlock reads statements and leaves their locals in scope.
func (p *parser) openBlock() *ast.Block {
	b := &ast.Block{}
	start := p.tok.at.Start
	begin := p.tree.stats.begin()
	for !p.atBlockEnd() {
		depth := p.depth
		p.nest("block")
		s := p.stat()
		p.depth = depth
		p.skip(';')
		if s == nil { // a type, or an error
			continue
		}
		p.tree.stats.add(s)
		if isLast(s) {
			break
		}
	}
	b.Stats = p.tree.stats.finish(begin)
	b.At = ast.Span{Start: start, End: p.tok.at.Start}
	return b
}

func (p *parser) atBlockEnd() bool {
	switch p.tok.kind {
	case tokEOF, tokElse, tokElseif, tokUntil, tokEnd:
		return true
	default:
		return false
	}
}

// isLast tells whether nothing may follow s in its block.
func isLast(s ast.Stat) bool {
	switch s.(type) {
	case *ast.Return, *ast.Break, *ast.Continue:
		return true
	default:
		return false
	}
}

// stat reads one statement. It returns nil for those that leave no code and after an error.
func (p *parser) stat() ast.Stat {
	switch p.tok.kind {
	case tokIf:
		return p.ifStat()
	case tokWhile:
		return p.while()
	case tokDo:
		return p.do()
	case tokFor:
		return p.forStat()
	case tokRepeat:
		return p.repeat()
	case tokFunction:
		return p.functionStat(attributes{start: p.tok.at.Start})
	case tokLocal:
		start := p.tok.at.Start
		p.next()
		return p.local(declaration{start: start})
	case tokReturn:
		return p.ret()
	case tokBreak:
		return p.breakStat()
	case tokAttribute, tokAttributeOpen:
		return p.attributedStat()
	default:
		return p.exprStat()
	}
}

// exprStat reads the statements that start with an expression, and those whose first
// word is a keyword only there: type, export, continue, const.
func (p *parser) exprStat() ast.Stat {
	first := p.tok.at
	x := p.suffixed(true)
	if call, ok := x.(*ast.Call); ok {
		return &ast.CallStat{Node: call.Node, Call: call}
	}
	if p.tok.kind == '=' || p.tok.kind == ',' {
		return p.assign(x)
	}
	if op, ok := compoundOps[p.tok.kind]; ok {
		return p.compound(x, op)
	}
	switch word(x) {
	case "type":
		p.typeStat(false)
		return nil
	case "export":
		if s, ok := p.export(first.Start); ok {
			return s
		}
	case "continue":
		return p.continueStat(first)
	case "const":
		return p.local(declaration{start: first.Start, isConst: true})
	}
	if p.tok.at == first {
		p.next() // nothing could be made of this token: do not look at it again
	}
	p.report(x.Span(), incomplete)
	return nil
}

// word returns the name that x consists of, or "".
func word(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Global:
		return x.Name
	case *ast.LocalRef:
		return x.Local.Name
	default:
		return ""
	}
}

func (p *parser) assign(first ast.Expr) ast.Stat {
	start := first.Span().Start
	p.target(first)
	begin := p.tree.exprs.begin()
	p.tree.exprs.add(first)
	for p.skip(',') {
		x := p.suffixed(true)
		p.target(x)
		p.tree.exprs.add(x)
	}
	n := &ast.Assign{Targets: p.tree.exprs.finish(begin)}
	p.expect('=', "assignment")
	n.Values = p.exprList()
	n.Node = p.since(start)
	return n
}

func (p *parser) compound(x ast.Expr, op ast.BinaryOp) ast.Stat {
	p.target(x)
	p.next()
	value := p.expr(0)
	return &ast.Compound{Node: p.since(x.Span().Start), Op: op, Target: x, Value: value}
}

// ifStat reads a statement from if or elseif to its end.
func (p *parser) ifStat() ast.Stat {
	start := p.tok.at.Start
	n := &ast.If{}
	p.next()
	n.Cond = p.expr(0)
	open := p.here()
	p.expect(tokThen, "if statement")
	n.Then = p.block()
	switch p.tok.kind {
	case tokElseif:
		depth := p.depth
		p.nest("elseif")
		n.Else = p.ifStat()
		p.depth = depth
	case tokElse:
		open = p.here()
		p.next()
		n.Else = p.block()
		p.expectEnd(tokEnd, open)
	default:
		p.expectEnd(tokEnd, open)
	}
	n.Node = p.since(start)
	return n
}

// loopBody reads the block of a loop from do to end.
func (p *parser) loopBody(what string, vars ...func()) *ast.Block {
	open := p.here()
	p.expect(tokDo, what)
	mark := p.scope.mark()
	p.scope.top().loops++
	for _, declare := range vars {
		declare()
	}
	body := p.block()
	p.scope.top().loops--
	p.scope.release(mark)
	p.expectEnd(tokEnd, open)
	return body
}

func (p *parser) while() ast.Stat {
	start := p.tok.at.Start
	p.next()
	cond := p.expr(0)
	body := p.loopBody("while loop")
	return &ast.While{Node: p.since(start), Cond: cond, Body: body}
}

func (p *parser) repeat() ast.Stat {
	open := p.here()
	p.next()
	mark := p.scope.mark()
	p.scope.top().loops++
	body := p.openBlock()
	p.scope.top().loops--
	p.expectEnd(tokUntil, open)
	cond := p.expr(0)
	p.scope.release(mark)
	return &ast.Repeat{Node: p.since(open.pos), Body: body, Cond: cond}
}

func (p *parser) do() ast.Stat {
	open := p.here()
	p.next()
	b := p.block()
	p.expectEnd(tokEnd, open)
	b.Node = p.since(open.pos)
	return b
}

func (p *parser) forStat() ast.Stat {
	start := p.tok.at.Start
	p.next()
	first := p.binding()
	if p.skip('=') {
		return p.numericFor(start, first)
	}
	ids := []ident{first}
	if p.skip(',') {
		ids, _ = p.bindings(ids, false)
	}
	p.expect(tokIn, "for loop")
	n := &ast.GenericFor{Values: p.exprList()}
	n.Body = p.loopBody("for loop", func() { n.Vars = p.declareAll(ids, false) })
	n.Node = p.since(start)
	return n
}

func (p *parser) numericFor(start ast.Pos, id ident) ast.Stat {
	n := &ast.NumericFor{From: p.expr(0)}
	p.expect(',', "index range")
	n.To = p.expr(0)
	if p.skip(',') {
		n.Step = p.expr(0)
	}
	n.Body = p.loopBody("for loop", func() { n.Var = p.declare(id, false) })
	n.Node = p.since(start)
	return n
}

func (p *parser) ret() ast.Stat {
	start := p.tok.at.Start
	p.next()
	n := &ast.Return{}
	if !p.atBlockEnd() && p.tok.kind != ';' {
		n.Values = p.exprList()
	}
	n.Node = p.since(start)
	if p.scope.depth() == 0 {
		p.exports.returned(p, n.At)
	}
	return n
}

func (p *parser) breakStat() ast.Stat {
	at := p.tok.at
	p.next()
	if p.scope.top().loops == 0 {
		p.report(at, "break statement must be inside a loop")
		return nil
	}
	return &ast.Break{Node: ast.Node{At: at}}
}

// continueStat makes the statement whose word, at, is already taken.
func (p *parser) continueStat(at ast.Span) ast.Stat {
	if p.scope.top().loops == 0 {
		p.report(at, "continue statement must be inside a loop")
		return nil
	}
	return &ast.Continue{Node: ast.Node{At: at}}
}
