package syntax

import "github.com/template-worker/template-worker/luau/ast"

const doubleBraces = "Double braces are not permitted within interpolated strings; did you mean '\\{'?"

// interp reads an interpolated string with at least one expression.
func (p *parser) interp() ast.Expr {
	start := p.tok.at.Start
	n := &ast.Interp{}
	begin := p.tree.exprs.begin()
	for {
		at, last := p.tok.at, p.tok.kind == tokInterpEnd
		text, ok := p.text()
		if !ok {
			p.report(ast.Span{Start: start, End: at.End}, "Interpolated string literal contains malformed escape sequence")
			break
		}
		n.Parts = append(n.Parts, text)
		if last || !p.interpExpr(at) {
			break
		}
	}
	n.Exprs = p.tree.exprs.finish(begin)
	n.Node = p.since(start)
	return n
}

// interpExpr reads one expression inside an interpolated string, after the text part at.
// It tells whether another text part follows.
func (p *parser) interpExpr(at ast.Span) bool {
	switch p.tok.kind {
	case tokInterpMid, tokInterpEnd:
		p.next()
		p.report(at, "Malformed interpolated string, expected expression inside '{}'")
		return false
	case tokBrokenString:
		p.next()
		p.report(at, "Malformed interpolated string; did you forget to add a '`'?")
		return false
	}
	p.tree.exprs.add(p.expr(0))
	switch p.tok.kind {
	case tokInterpMid, tokInterpEnd:
		return true
	case tokBrokenBrace:
		p.next()
		p.report(at, "%s", doubleBraces)
	case tokBrokenString:
		broken := p.tok.at
		p.next()
		p.unfinishedInterp(broken)
	case tokEOF:
		p.unfinishedInterp(ast.Span{Start: p.prevEnd, End: p.prevEnd})
	default:
		p.report(at, "Malformed interpolated string, got %s", p.got())
	}
	return false
}

// unfinishedInterp says what the string lacks at this place: its brace or its backtick.
func (p *parser) unfinishedInterp(at ast.Span) {
	braces := p.lex.braces
	if len(braces) == 0 {
		p.report(at, "Malformed interpolated string; did you forget to add a '`'?")
		return
	}
	if braces[len(braces)-1] {
		p.report(at, "Malformed interpolated string; did you forget to add a '}'?")
	}
}
