package syntax

import "github.com/template-worker/template-worker/luau/ast"

// attributes is what matters of the attributes before a function.
type attributes struct {
	any    bool
	start  ast.Pos // of the first one
	native bool

	checked, deprecated bool
}

// attributes reads one or more attributes.
func (p *parser) attributes() attributes {
	a := attributes{any: true, start: p.tok.at.Start}
	for {
		switch p.tok.kind {
		case tokAttribute:
			p.attribute(&a, string(p.lex.src[p.tok.from:p.tok.to]), p.tok.at, nil)
			p.next()
		case tokAttributeOpen:
			p.attributeList(&a)
		default:
			return a
		}
	}
}

// attributeList reads @[name args, ...].
func (p *parser) attributeList(a *attributes) {
	open := p.here()
	p.next()
	if p.tok.kind == ']' {
		p.report(ast.Span{Start: open.pos, End: p.tok.at.End}, "Attribute list cannot be empty")
	} else {
		p.attributeItem(a)
		for p.skip(',') {
			p.attributeItem(a)
		}
	}
	p.expectClose(']', open)
}

func (p *parser) attributeItem(a *attributes) {
	id := p.name("attribute name")
	begin := p.tok.at.Start
	var args []ast.Expr
	switch p.tok.kind {
	case '(':
		begin = p.tok.at.End
		args = p.parenArgs()
	case '{':
		begin = p.tok.at.End
		args = p.literalArg()
	case tokQuoted, tokRaw:
		args = p.literalArg()
	}
	for _, x := range args {
		if !isLiteral(x) {
			p.report(ast.Span{Start: begin, End: p.prevEnd}, "Only literals can be passed as arguments for attributes")
		}
	}
	p.attribute(a, id.sym.name, id.at, args)
}

// isLiteral tells whether x is a constant or a table of literals without computed keys.
func isLiteral(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Nil, *ast.True, *ast.False, *ast.Number, *ast.Integer, *ast.String:
		return true
	case *ast.Table:
		for _, it := range x.Items {
			if it.Key != nil || !isLiteral(it.Value) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// attribute checks one attribute and notes it in a.
func (p *parser) attribute(a *attributes, name string, at ast.Span, args []ast.Expr) {
	var seen *bool
	switch name {
	case "checked":
		seen = &a.checked
	case "native":
		seen = &a.native
	case "deprecated":
		seen = &a.deprecated
	case "":
		p.report(at, "Attribute name is missing")
		return
	default:
		p.report(at, "Invalid attribute '@%s'", name)
		return
	}
	if *seen {
		p.report(at, "Cannot duplicate attribute '@%s'", name)
	}
	*seen = true
	if name == "deprecated" {
		p.checkDeprecated(at, args)
	}
}

// checkDeprecated checks the arguments of @deprecated: one table with the strings use and reason.
func (p *parser) checkDeprecated(at ast.Span, args []ast.Expr) {
	if len(args) == 0 {
		return
	}
	if len(args) > 1 {
		p.report(at, "@deprecated can be parametrized only by 1 argument")
		return
	}
	t, ok := args[0].(*ast.Table)
	if !ok {
		p.report(args[0].Span(), "Unknown argument type for @deprecated")
		return
	}
	for _, it := range t.Items {
		_, isString := it.Value.(*ast.String)
		switch {
		case it.Name == "":
			p.report(it.Value.Span(), "Only constants keys 'use' and 'reason' are allowed for @deprecated attribute")
		case it.Name != "use" && it.Name != "reason":
			p.report(ast.Span{Start: it.NameAt, End: it.Value.Span().End}, "Unknown argument '%s' for @deprecated. Only string constants for 'use' and 'reason' are allowed", it.Name)
		case !isString:
			p.report(it.Value.Span(), "Only constant string allowed as value for '%s'", it.Name)
		}
	}
}

// attributedFunction reads a function expression with attributes.
func (p *parser) attributedFunction() ast.Expr {
	at := p.tok.at
	a := p.attributes()
	if p.tok.kind != tokFunction {
		p.report(at, "Expected 'function' declaration after attribute, but got %s instead", p.got())
		return &ast.Nil{Node: ast.Node{At: at}}
	}
	open := p.here()
	p.next()
	return p.functionBody(funcHead{start: a.start, open: open, native: a.native})
}

// attributedStat reads a function statement with attributes.
func (p *parser) attributedStat() ast.Stat {
	a := p.attributes()
	switch {
	case p.tok.kind == tokFunction:
		return p.functionStat(a)
	case p.tok.kind == tokLocal:
		p.next()
		return p.local(declaration{start: a.start, attrs: a})
	case p.isWord("const"):
		p.next()
		return p.local(declaration{start: a.start, attrs: a, isConst: true})
	case p.isWord("export"):
		p.next()
		return p.exportValue(declaration{start: a.start, attrs: a})
	default:
		p.reportHere("Expected 'function', 'local function', 'const function', 'declare function' "+
			"or a function type declaration after attribute, but got %s instead", p.got())
		return nil
	}
}
