package syntax

import "github.com/template-worker/template-worker/luau/ast"

const exportReturn = "Exporting values is not compatible with top-level return (export/return conflict)"

// declaration is what stands before the names of a local, const or exported declaration.
type declaration struct {
	start   ast.Pos
	attrs   attributes
	isConst bool
	export  bool
}

// local reads what follows the word local or const.
func (p *parser) local(d declaration) ast.Stat {
	if p.tok.kind == tokFunction {
		return p.localFunction(d)
	}
	if d.attrs.any {
		p.reportHere("Expected 'function' after local declaration with attribute, but got %s instead", p.got())
	}
	p.stopAt['=']++
	ids, _ := p.bindings(nil, false)
	p.stopAt['=']--
	n := &ast.LocalStat{Export: d.export}
	if p.skip('=') {
		n.Values = p.exprList()
	}
	n.Names = p.declareAll(ids, d.isConst)
	n.Node = p.since(d.start)
	if d.isConst && !enough(n.Values, len(ids)) {
		p.report(n.At, "Missing initializer in const declaration")
	}
	return n
}

// enough tells whether values can fill want names.
func enough(values []ast.Expr, want int) bool {
	if len(values) == 0 {
		return want == 0
	}
	switch values[len(values)-1].(type) {
	case *ast.Call, *ast.Vararg:
		return true
	default:
		return len(values) == want
	}
}

// localFunction reads from the word function; the function sees its own name.
func (p *parser) localFunction(d declaration) ast.Stat {
	open := p.here()
	start := open.pos
	if open.pos.Line == d.start.Line {
		open.pos.Column = d.start.Column // its end is indented like the statement
	}
	if d.attrs.any {
		start = d.attrs.start
	}
	p.next()
	id := p.name("variable name")
	n := &ast.LocalFunction{Export: d.export}
	p.stopAt[tokEnd]++
	n.Func = p.functionBody(funcHead{
		start: start, open: open, name: id.sym.name, native: d.attrs.native,
		declare: func() { n.Name = p.declare(id, d.isConst) },
	})
	p.stopAt[tokEnd]--
	n.Node = p.since(d.start)
	return n
}

// binding reads a name and its type.
func (p *parser) binding() ident {
	id := p.name("variable name")
	p.optionalType()
	return id
}

// bindings appends one or more bindings to ids; vararg tells that ... ended them.
func (p *parser) bindings(ids []ident, allowVararg bool) (all []ident, vararg bool) {
	for {
		if allowVararg && p.tok.kind == tokDot3 {
			p.next()
			if p.skip(':') {
				p.variadicType()
			}
			return ids, true
		}
		ids = append(ids, p.binding())
		if !p.skip(',') {
			return ids, false
		}
	}
}

func (p *parser) declareAll(ids []ident, isConst bool) []*ast.Local {
	out := make([]*ast.Local, len(ids))
	for i, id := range ids {
		out[i] = p.declare(id, isConst)
	}
	return out
}

// exports collects what the chunk exports.
type exports struct {
	names     map[string]bool
	locals    []*ast.Local
	types     bool // a type is exported
	hasReturn bool // the main chunk returns somewhere
}

// returned notes a return of the main chunk.
func (e *exports) returned(p *parser, at ast.Span) {
	if len(e.locals) > 0 {
		p.report(at, exportReturn)
	}
	e.hasReturn = true
}

// add exports one local.
func (e *exports) add(p *parser, l *ast.Local) {
	if e.names[l.Name] {
		end := ast.Pos{Line: l.Pos.Line, Column: l.Pos.Column + int32(len(l.Name))}
		p.report(ast.Span{Start: l.Pos, End: end}, "Duplicate exported identifier '%s'", l.Name)
		return
	}
	if e.names == nil {
		e.names = map[string]bool{}
	}
	e.names[l.Name] = true
	e.locals = append(e.locals, l)
}

// export reads what follows the word export at start. ok is false when nothing that can be exported follows.
func (p *parser) export(start ast.Pos) (s ast.Stat, ok bool) {
	switch {
	case p.tok.kind == tokLocal, p.tok.kind == tokFunction, p.isWord("const"):
		return p.exportValue(declaration{start: start}), true
	case p.isWord("type"):
		p.next()
		p.typeStat(true)
		return nil, true
	default:
		return nil, false
	}
}

// exportValue reads an exported local, const or function. d.start is where the statement starts.
func (p *parser) exportValue(d declaration) ast.Stat {
	word := ast.Span{Start: d.start, End: p.prevEnd}
	if p.scope.depth() > 0 || p.depth != 1 {
		p.report(word, "'export' may only be applied to top-level statements")
	}
	if p.exports.hasReturn {
		p.report(word, exportReturn)
	}
	d.export = true
	if p.tok.kind == tokFunction {
		return p.exportFunction(d)
	}
	if d.attrs.any {
		p.reportHere("Expected 'function' after export declaration with attribute, but got %s instead", p.got())
	}
	d.attrs = attributes{}
	d.isConst = p.tok.kind != tokLocal
	if d.isConst && !p.isWord("const") {
		p.report(word, "'export' must be followed by an identifier or 'function'")
		return nil
	}
	p.next()
	if p.tok.kind == tokFunction {
		hint := ""
		if !d.isConst {
			hint = "; try removing 'local'"
		}
		p.report(word, "'export' must be followed by an identifier or 'function'%s", hint)
	}
	s := p.local(d)
	if n, ok := s.(*ast.LocalStat); ok {
		for _, l := range n.Names {
			p.exports.add(p, l)
		}
	}
	return s
}

// exportFunction reads from the word function. Nobody may assign to an exported function.
func (p *parser) exportFunction(d declaration) ast.Stat {
	d.isConst = true
	s := p.localFunction(d)
	if n, ok := s.(*ast.LocalFunction); ok {
		p.exports.add(p, n.Name)
	}
	return s
}
