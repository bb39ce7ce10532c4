package syntax

import "github.com/template-worker/template-worker/luau/ast"

// scope knows which local every name means at the current place.
type scope struct {
	declared  []shadow // locals in scope, innermost last
	functions []function
	// typeDepth is the depth of the type function around this place, 0 when there is none:
	// locals declared outside it may not be named.
	typeDepth int
	// dropped counts the type annotations around this place. They leave no code, so what
	// they name does not count as used.
	dropped int
}

// shadow is a declared local with the one that its name meant before.
type shadow struct {
	sym  *symbol
	prev *ast.Local
}

// function is one function around the current place.
type function struct {
	vararg bool
	loops  int // loops around the current place, inside this function
}

func (s *scope) enter(vararg bool) { s.functions = append(s.functions, function{vararg: vararg}) }

func (s *scope) leave() { s.functions = s.functions[:len(s.functions)-1] }

// top is the innermost function.
func (s *scope) top() *function { return &s.functions[len(s.functions)-1] }

// depth is the number of functions around; in the main chunk it is 0.
func (s *scope) depth() int { return len(s.functions) - 1 }

// mark is given to release to end the scope of all locals declared since.
func (s *scope) mark() int { return len(s.declared) }

func (s *scope) release(mark int) {
	for i := len(s.declared) - 1; i >= mark; i-- {
		s.declared[i].sym.local = s.declared[i].prev
	}
	s.declared = s.declared[:mark]
}

// declare brings a new local into scope.
func (p *parser) declare(id ident, isConst bool) *ast.Local {
	l := p.tree.locals.take()
	l.Name, l.Pos, l.Const, l.Depth = id.sym.name, id.at.Start, isConst, p.scope.depth()
	p.scope.declared = append(p.scope.declared, shadow{sym: id.sym, prev: id.sym.local})
	id.sym.local = l
	return l
}

// resolve makes the expression that reads a name.
func (p *parser) resolve(id ident) ast.Expr {
	used := p.scope.dropped == 0
	l := id.sym.local
	if l == nil {
		if id.sym.fenv && used {
			p.out.UsesFenv = true
		}
		g := p.tree.globals.take()
		g.At, g.Name = id.at, id.sym.name
		return g
	}
	if l.Depth < p.scope.typeDepth {
		p.report(id.at, "Type function cannot reference outer local '%s'", l.Name)
	}
	r := p.tree.refs.take()
	r.At, r.Local, r.Depth = id.at, l, p.scope.depth()
	if r.Depth > l.Depth && used {
		l.Captured = true
	}
	return r
}

// target checks that x may be assigned to and notes that it is.
func (p *parser) target(x ast.Expr) {
	used := p.scope.dropped == 0
	switch x := x.(type) {
	case *ast.Field, *ast.Index:
	case *ast.Global:
		if used {
			p.out.WrittenGlobals[x.Name] = true
		}
	case *ast.LocalRef:
		if x.Local.Const {
			p.report(x.At, "Variable '%s' is constant and may not be reassigned", x.Local.Name)
		}
		if used {
			x.Local.Written = true
		}
	default:
		p.report(x.Span(), "Assigned expression must be a variable or a field")
	}
}
