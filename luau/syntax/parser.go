package syntax

import (
	"bytes"
	"fmt"

	"github.com/template-worker/template-worker/luau/ast"
)

// parser builds the tree of one source, by recursive descent with one token in
// hand and at most one looked ahead.
//
// After an error it goes on with some node in place of what was missing; the
// tree is thrown away then. [parser.stop] makes everything that follows look like
// the end of the source, which unwinds the descent.
type parser struct {
	chunkName string
	lex       lexer
	tok       token
	ahead     token
	hasAhead  bool
	prevEnd   ast.Pos // where the token before tok ended

	errs      []*Error
	lastError ast.Pos
	maxErrors int
	stopped   bool

	depth   int // nesting, see MaxDepth
	scope   scope
	exports exports
	tree    tree
	out     ast.Chunk

	// stopAt counts, per kind, the callers that can go on from such a token: recovery does not skip it.
	stopAt [256]int
	// suspect is the last opener whose end stood at another indentation.
	suspect opener
}

// opener is a token that another one has to close.
type opener struct {
	kind kind
	pos  ast.Pos
}

func newParser(name string, src []byte, maxErrors int) *parser {
	p := &parser{chunkName: name, lex: newLexer(src), maxErrors: maxErrors}
	p.out.Optimize = -1
	p.out.WrittenGlobals = map[string]bool{}
	p.out.Main = &ast.Function{Vararg: true}
	p.lex.onHot = p.hotComment
	p.lex.scan(&p.tok)
	p.prevEnd = ast.Pos{Line: 1, Column: 1}
	return p
}

// chunk reads the whole source.
func (p *parser) chunk() *ast.Chunk {
	main := p.out.Main
	p.scope.enter(true)
	main.Body = p.block()
	p.scope.leave()
	if p.tok.kind != tokEOF {
		p.expectFail(tokEOF, "")
	}
	main.At = ast.Span{Start: ast.Pos{Line: 1, Column: 1}, End: p.tok.at.End}
	main.EndLine = main.At.End.Line
	p.out.Exports = p.exports.locals
	p.out.OnlyTypes = p.exports.types && len(p.exports.locals) == 0 && !endsInReturn(main.Body)
	return &p.out
}

func endsInReturn(b *ast.Block) bool {
	if len(b.Stats) == 0 {
		return false
	}
	_, ok := b.Stats[len(b.Stats)-1].(*ast.Return)
	return ok
}

// hotComment takes the directives that reach the compiler.
func (p *parser) hotComment(text []byte) {
	text = bytes.TrimRight(text, " \t\r\v\f")
	if string(text) == "native" {
		p.out.Main.Native = true
		return
	}
	level, ok := bytes.CutPrefix(text, []byte("optimize "))
	if !ok {
		return
	}
	p.out.Optimize = 0
	level = bytes.TrimLeft(level, " \t")
	if len(level) > 0 && classes[level[0]]&isDigit != 0 {
		p.out.Optimize = min(int(level[0]-'0'), 2)
	}
}

// next moves to the next token.
func (p *parser) next() {
	p.prevEnd = p.tok.at.End
	if p.hasAhead {
		p.tok, p.hasAhead = p.ahead, false
		return
	}
	p.lex.scan(&p.tok)
}

// peek returns the kind of the token after tok.
func (p *parser) peek() kind {
	if !p.hasAhead {
		p.lex.scan(&p.ahead)
		p.hasAhead = true
	}
	return p.ahead.kind
}

// skip moves on when tok is of kind k and tells whether it was.
func (p *parser) skip(k kind) bool {
	if p.tok.kind != k {
		return false
	}
	p.next()
	return true
}

// isWord tells whether tok is the contextual keyword w.
func (p *parser) isWord(w string) bool {
	return p.tok.kind == tokName && p.tok.sym.name == w
}

// here is the opener at tok.
func (p *parser) here() opener {
	return opener{kind: p.tok.kind, pos: p.tok.at.Start}
}

// since is the span from start to the end of the last token taken.
func (p *parser) since(start ast.Pos) ast.Node {
	return ast.Node{At: ast.Span{Start: start, End: p.prevEnd}}
}

// nest counts one more level. The caller restores p.depth when it leaves the level.
func (p *parser) nest(what string) {
	p.depth++
	if p.depth <= MaxDepth || p.stopped {
		return
	}
	p.fatal(p.tok.at.Start, fmt.Sprintf("Exceeded allowed recursion depth; simplify your %s to make the code compile", what))
}

// stop makes the parser see nothing but the end of the source from now on.
func (p *parser) stop() {
	p.stopped = true
	p.hasAhead = false
	p.lex.off = len(p.lex.src) - 1
	p.lex.braces = nil
	p.tok.kind = tokEOF
}

// fatal adds an error after which nothing more is looked at.
func (p *parser) fatal(at ast.Pos, msg string) {
	if p.stopped {
		return
	}
	p.errs = append(p.errs, &Error{Chunk: p.chunkName, Pos: at, Msg: msg})
	p.stop()
}

// report adds an error. One that begins where the error before did is dropped: it
// follows from that one.
func (p *parser) report(at ast.Span, format string, args ...any) {
	if p.stopped || len(p.errs) > 0 && at.Start == p.lastError {
		return
	}
	p.lastError = at.Start
	p.errs = append(p.errs, &Error{Chunk: p.chunkName, Pos: at.Start, Msg: fmt.Sprintf(format, args...)})
	if len(p.errs) >= p.maxErrors {
		p.stop()
	}
}

// reportHere adds an error about tok.
func (p *parser) reportHere(format string, args ...any) {
	p.report(p.tok.at, format, args...)
}

// got is tok as messages show it.
func (p *parser) got() string { return p.tok.show(p.lex.src) }

// expect takes a token of kind k. what names the construct for the message, if it is not "".
func (p *parser) expect(k kind, what string) {
	if p.skip(k) {
		return
	}
	p.expectFail(k, what)
	p.skipExtra(k)
}

func (p *parser) expectFail(k kind, what string) {
	if p.stopped {
		return
	}
	if what == "" {
		p.reportHere("Expected %s, got %s", k, p.got())
		return
	}
	p.reportHere("Expected %s when parsing %s, got %s", k, what, p.got())
}

// skipExtra drops tok when only it stands before the token that was expected.
func (p *parser) skipExtra(k kind) bool {
	if p.peek() != k {
		return false
	}
	p.next()
	p.next()
	return true
}

// expectClose takes the token k that closes open.
func (p *parser) expectClose(k kind, open opener) {
	if p.skip(k) {
		return
	}
	p.closeFail(k, open, "")
	p.skipExtra(k)
}

// expectCloseOnLine is expectClose that, on an error, skips the rest of the line in search of k.
func (p *parser) expectCloseOnLine(k kind, open opener) {
	if p.skip(k) {
		return
	}
	p.closeFail(k, open, "")
	line := p.prevEnd.Line
	for p.tok.kind != tokEOF && p.tok.kind != k && p.tok.at.Start.Line == line && p.stopAt[p.tok.kind] == 0 {
		p.next()
	}
	p.skip(k)
}

// expectEnd takes the end or until that closes a block, and watches the indentation.
func (p *parser) expectEnd(k kind, open opener) {
	if p.tok.kind == k {
		at := p.tok.at.Start
		if at.Line != open.pos.Line && at.Column != open.pos.Column && p.suspect.pos.Line < open.pos.Line {
			p.suspect = open
		}
		p.next()
		return
	}
	hint := ""
	if p.suspect.pos.Line > open.pos.Line {
		hint = fmt.Sprintf("; did you forget to close %s at line %d?", p.suspect.kind, p.suspect.pos.Line)
	}
	p.closeFail(k, open, hint)
	p.skipExtra(k)
}

func (p *parser) closeFail(k kind, open opener, hint string) {
	if p.stopped {
		return
	}
	if p.tok.at.Start.Line == open.pos.Line {
		p.reportHere("Expected %s (to close %s at column %d), got %s%s", k, open.kind, open.pos.Column, p.got(), hint)
		return
	}
	p.reportHere("Expected %s (to close %s at line %d), got %s%s", k, open.kind, open.pos.Line, p.got(), hint)
}

// ident is a name and where it stands. After an error sym is noName's.
type ident struct {
	sym *symbol
	at  ast.Span
}

// name takes a name; on an error it takes nothing and makes one up.
func (p *parser) name(what string) ident {
	id, _ := p.nameOpt(what)
	return id
}

// nameOpt is name that tells whether there was one.
func (p *parser) nameOpt(what string) (ident, bool) {
	if p.tok.kind == tokName {
		id := ident{sym: p.tok.sym, at: p.tok.at}
		p.next()
		return id, true
	}
	if !p.stopped {
		if what == "" {
			p.reportHere("Expected identifier, got %s", p.got())
		} else {
			p.reportHere("Expected identifier when parsing %s, got %s", what, p.got())
		}
	}
	at := p.tok.at.Start
	return ident{sym: p.lex.names.get([]byte("%error")), at: ast.Span{Start: at, End: at}}, false
}

// fieldName takes the name after a dot or colon on line. A reserved word there is an
// error, but it is taken: somebody is about to finish the name.
func (p *parser) fieldName(what string, line int32) ident {
	id, ok := p.nameOpt(what)
	if !ok && p.tok.kind.isReserved() && p.tok.at.Start.Line == line {
		id.at = p.tok.at
		p.next()
	}
	return id
}
