package syntax

import "github.com/template-worker/template-worker/luau/ast"

// Types are read for their syntax only: nothing here builds a tree.

const typeDepth = "type annotation"

// typeStat reads an alias or a type function from behind the word type.
func (p *parser) typeStat(export bool) {
	if p.tok.kind == tokFunction {
		p.typeFunction()
		return
	}
	if export && p.depth == 1 && p.scope.depth() == 0 {
		p.exports.types = true
	}
	p.name("type name")
	p.generics(true)
	p.expect('=', "type alias")
	p.typ()
}

// optionalType reads ": type" if it is there.
func (p *parser) optionalType() {
	if p.skip(':') {
		p.typ()
	}
}

// typ reads one type.
func (p *parser) typ() {
	depth := p.depth
	begin := p.tok.at.Start
	hasFirst := p.tok.kind != '|' && p.tok.kind != '&'
	if hasFirst {
		p.simpleType(false)
		p.depth = depth
	}
	p.typeSuffix(hasFirst, begin)
	p.depth = depth
}

// typeSuffix reads what makes a union, an intersection or an optional of the type before it.
func (p *parser) typeSuffix(hasFirst bool, begin ast.Pos) {
	depth := p.depth
	p.nest(typeDepth)
	parts := 0
	if hasFirst {
		parts = 1
	}
	isUnion, isIntersection := false, false
	for {
		switch p.tok.kind {
		case '|', '&':
			isUnion = isUnion || p.tok.kind == '|'
			isIntersection = isIntersection || p.tok.kind == '&'
			p.next()
			p.simpleType(false)
			parts++
		case '?':
			isUnion = true
			p.next()
		case tokDot3:
			p.reportHere("Unexpected '...' after type annotation")
			p.next()
		default:
			if isUnion && isIntersection {
				at := ast.Span{Start: begin, End: p.prevEnd}
				p.report(at, "Mixing union and intersection types is not allowed; consider wrapping in parentheses.")
			}
			p.depth = depth
			return
		}
		if parts > MaxTypeParts {
			p.fatal(p.prevEnd, "Exceeded allowed type length; simplify your type annotation to make the code compile")
		}
	}
}

// typeShape tells what a parenthesised list in a type turned out to be.
type typeShape uint8

const (
	oneType    typeShape = iota
	singlePack           // (T), where a pack may stand
	otherPack            // () or (T, U), where a pack may stand
)

// simpleType reads a type without suffixes. With allowPack a parenthesised list may be a pack.
func (p *parser) simpleType(allowPack bool) typeShape {
	depth := p.depth
	p.nest(typeDepth)
	defer func() { p.depth = depth }()
	at := p.tok.at
	switch p.tok.kind {
	case tokNil, tokTrue, tokFalse:
		p.next()
	case tokQuoted, tokRaw:
		if _, ok := p.text(); !ok {
			p.report(at, "String literal contains malformed escape sequence")
		}
	case tokName:
		p.namedType()
	case '{':
		p.tableType()
	case '(', '<':
		return p.parenType(allowPack)
	default:
		p.noType(at)
	}
	return oneType
}

// noType reports what stands where a type should.
func (p *parser) noType(at ast.Span) {
	switch p.tok.kind {
	case tokAttribute, tokAttributeOpen:
		p.report(at, "attributes are not allowed in declaration context")
	case tokInterpBegin:
		p.interp()
		p.report(at, "Interpolated string literals cannot be used as types")
	case tokInterpSimple:
		p.next()
		p.report(at, "Interpolated string literals cannot be used as types")
	case tokBrokenString:
		p.broken("Malformed string; did you forget to finish it?")
	case tokFunction:
		p.next()
		p.report(at, "Using 'function' as a type annotation is not supported, "+
			"consider replacing with a function type annotation e.g. '(...any) -> ...any'")
	default:
		p.report(ast.Span{Start: p.prevEnd, End: at.End}, "Expected type, got %s", p.got())
	}
}

// namedType reads a type name with its arguments, or typeof.
func (p *parser) namedType() {
	id := p.name("type name")
	switch {
	case p.tok.kind == '.':
		line := p.tok.at.Start.Line
		p.next()
		p.fieldName("field name", line)
	case p.tok.kind == tokDot3:
		p.reportHere("Unexpected '...' after type name; type pack is not allowed in this context")
		p.next()
	case id.sym.name == "typeof":
		open := p.here()
		p.expect('(', "typeof type")
		p.scope.dropped++
		p.expr(0)
		p.scope.dropped--
		p.expectClose(')', open)
		return
	}
	if p.tok.kind == '<' {
		p.typeArgs()
	}
}

func (p *parser) tableType() {
	open := p.here()
	p.next()
	hasIndexer := false
	for first := true; p.tok.kind != '}'; first = false {
		if (p.isWord("read") || p.isWord("write")) && p.peek() != ':' {
			p.next()
		}
		if first && p.tok.kind != '[' && (p.tok.kind != tokName || p.peek() != ':') {
			p.typ() // an array
			break
		}
		if !p.property(&hasIndexer) || p.tok.kind != ',' && p.tok.kind != ';' {
			break
		}
		p.next()
	}
	p.expectCloseOnLine('}', open)
}

// property reads one property or indexer of a table type. It returns false when there is none.
func (p *parser) property(hasIndexer *bool) bool {
	if p.tok.kind != '[' {
		if _, ok := p.nameOpt("table field"); !ok {
			return false
		}
		p.expect(':', "table field")
		p.typ()
		return true
	}
	open := p.here()
	p.next()
	if (p.tok.kind == tokQuoted || p.tok.kind == tokRaw) && p.peek() == ']' {
		p.stringProperty(open)
		return true
	}
	p.typ()
	p.expectClose(']', open)
	p.expect(':', "table field")
	p.typ()
	if *hasIndexer {
		p.report(ast.Span{Start: open.pos, End: p.prevEnd}, "Cannot have more than one table indexer")
	}
	*hasIndexer = true
	return true
}

func (p *parser) stringProperty(open opener) {
	at := ast.Span{Start: open.pos, End: p.prevEnd}
	name, ok := p.text()
	p.expectClose(']', open)
	p.expect(':', "table field")
	p.typ()
	for i := range len(name) {
		ok = ok && name[i] != 0
	}
	if !ok {
		p.report(at, "String literal contains malformed escape sequence or \\0")
	}
}

// parenType reads a type that starts with ( or with generics: a function type, a type in
// parentheses or, with allowPack, a pack.
func (p *parser) parenType(allowPack bool) typeShape {
	begin := p.tok.at.Start
	isFunction := p.tok.kind == '<'
	hasGenerics := p.generics(false)
	list := p.typeParens(true)
	isFunction = isFunction || list.named || p.tok.kind == tokArrow || p.tok.kind == ':'
	isSingle := list.types == 1 && !list.tail
	switch {
	case isFunction || !isSingle && !allowPack:
		p.arrow(begin, !hasGenerics && list.types == 0)
		return oneType
	case !allowPack:
		return oneType
	case isSingle:
		return singlePack
	default:
		return otherPack
	}
}

// typeList tells what was in a list of types.
type typeList struct {
	types int
	tail  bool // it ended in a pack
	named bool // a type had a name
}

// typeParens reads a list of types in parentheses. expectOpen is for places where the ( may be missing.
func (p *parser) typeParens(expectOpen bool) typeList {
	open := p.here()
	if expectOpen {
		p.expect('(', "function parameters")
	} else {
		p.next()
	}
	p.stopAt[tokArrow]++
	var l typeList
	if p.tok.kind != ')' {
		p.typeList(&l)
	}
	p.expectCloseOnLine(')', open)
	p.stopAt[tokArrow]--
	return l
}

func (p *parser) typeList(l *typeList) {
	for {
		if p.atPack() {
			p.pack()
			l.tail = true
			return
		}
		if p.tok.kind == tokName && p.peek() == ':' {
			l.named = true
			p.next()
			p.next()
		}
		p.typ()
		l.types++
		if !p.skip(',') {
			return
		}
		if p.tok.kind == ')' {
			p.reportHere("Expected type after ',' but got ')' instead")
			return
		}
	}
}

// arrow reads -> and the result of a function type. noParams tells that it started with a bare ().
func (p *parser) arrow(begin ast.Pos, noParams bool) {
	depth := p.depth
	p.nest(typeDepth)
	defer func() { p.depth = depth }()
	switch {
	case p.tok.kind == ':':
		p.reportHere("Return types in function type annotations are written after '->' instead of ':'")
		p.next()
	case p.tok.kind != tokArrow && noParams:
		at := ast.Span{Start: begin, End: p.prevEnd}
		p.report(at, "Expected '->' after '()' when parsing function type; did you mean 'nil'?")
		return
	default:
		p.expect(tokArrow, "function type")
	}
	p.result()
}

// returnType reads the result type of a function body, if there is one.
func (p *parser) returnType() {
	if p.tok.kind != ':' && p.tok.kind != tokArrow {
		return
	}
	if p.tok.kind == tokArrow {
		p.reportHere("Function return type annotations are written after ':' instead of '->'")
	}
	p.next()
	p.result()
	if p.tok.kind == ',' {
		p.reportHere("Expected a statement, got ','; did you forget to wrap the list of return types in parentheses?")
		p.next()
	}
}

// result reads a result type: one type or a pack.
func (p *parser) result() {
	depth := p.depth
	p.nest(typeDepth)
	defer func() { p.depth = depth }()
	if p.atPack() {
		p.pack()
		return
	}
	if p.tok.kind != '(' {
		p.typ()
		return
	}
	begin := p.tok.at.Start
	list := p.typeParens(false)
	switch {
	case p.tok.kind == tokArrow || list.named:
		p.arrow(begin, list.types == 0)
	case list.types == 1: // just a type in parentheses
		p.typeSuffix(true, begin)
	}
}

// atPack tells whether tok starts ...T or T...
func (p *parser) atPack() bool {
	return p.tok.kind == tokDot3 || p.tok.kind == tokName && p.peek() == tokDot3
}

// pack reads ...T or T...; atPack has said that it is there.
func (p *parser) pack() {
	if p.skip(tokDot3) {
		p.typ()
		return
	}
	p.next()
	p.next()
}

// variadicType reads the type of a ... parameter.
func (p *parser) variadicType() {
	if p.atPack() && p.tok.kind == tokName {
		p.pack()
		return
	}
	p.typ()
}

// generics reads <T, U...> if it is there. defaults allows "= type" after the names.
func (p *parser) generics(defaults bool) bool {
	if p.tok.kind != '<' {
		return false
	}
	open := p.here()
	p.next()
	g := generics{defaults: defaults}
	for {
		p.generic(&g)
		if !p.skip(',') {
			break
		}
		if p.tok.kind == '>' {
			p.reportHere("Expected type after ',' but got '>' instead")
			break
		}
	}
	p.expectClose('>', open)
	return true
}

// generics is the state of a list of generic names.
type generics struct {
	defaults, seenDefault, seenPack bool
}

func (p *parser) generic(g *generics) {
	p.name("")
	if p.tok.kind == tokDot3 || g.seenPack {
		p.genericPack(g)
		return
	}
	if g.defaults && p.skip('=') {
		g.seenDefault = true
		p.typ()
		return
	}
	if g.seenDefault {
		p.reportHere("Expected default type after type name")
	}
}

func (p *parser) genericPack(g *generics) {
	g.seenPack = true
	if !p.skip(tokDot3) {
		p.reportHere("Generic types come before generic type packs")
	}
	if !g.defaults || p.tok.kind != '=' {
		if g.seenDefault {
			p.reportHere("Expected default type pack after type pack name")
		}
		return
	}
	g.seenDefault = true
	p.next()
	if p.atPack() {
		p.pack()
		return
	}
	begin := p.tok.at.Start
	if p.simpleType(true) != oneType {
		return
	}
	p.typeSuffix(true, begin)
	p.report(ast.Span{Start: begin, End: p.prevEnd}, "Expected type pack after '=', got type")
}

// typeArgs reads <type, ...>, from its <.
func (p *parser) typeArgs() {
	open := p.here()
	p.next()
	if p.tok.kind != '>' {
		p.typeArg()
		for p.skip(',') {
			p.typeArg()
		}
	}
	p.expectClose('>', open)
}

func (p *parser) typeArg() {
	switch {
	case p.atPack():
		p.pack()
	case p.tok.kind == '(':
		begin := p.tok.at.Start
		shape := p.simpleType(true)
		isSuffix := p.tok.kind == '|' || p.tok.kind == '&' || p.tok.kind == '?'
		if shape == oneType || shape == singlePack && isSuffix {
			p.typeSuffix(true, begin)
		}
	default:
		p.typ()
	}
}

// typeArgsTwice reads <<type, ...>>, whose two < are two tokens.
func (p *parser) typeArgsTwice() {
	open := p.here()
	p.next()
	p.typeArgs()
	p.expectClose('>', open)
}
