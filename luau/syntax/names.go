package syntax

import "github.com/template-worker/template-worker/luau/ast"

// symbol is one name of the source, kept once, with the local it means right now.
type symbol struct {
	name  string
	local *ast.Local // nil: the name is a global here
	fenv  bool       // getfenv or setfenv
}

// names holds every name of one source.
type names map[string]*symbol

// get returns the symbol of text, which is copied when new.
func (n names) get(text []byte) *symbol {
	if s := n[string(text)]; s != nil {
		return s
	}
	name := string(text)
	s := &symbol{name: name, fenv: name == "getfenv" || name == "setfenv"}
	n[name] = s
	return s
}
