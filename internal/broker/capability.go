package broker

import "strings"

// grants is the set of capabilities that a caller holds.
type grants map[string]struct{}

// allGrants is what a script of the operator holds.
var allGrants = newGrants([]string{"*"})

func newGrants(capabilities []string) grants {
	g := make(grants, len(capabilities))
	for _, c := range capabilities {
		g[c] = struct{}{}
	}
	return g
}

// has tells whether one of the capabilities, or `*`, is held. Capabilities are
// compared as texts: no pattern in a held one means anything.
func (g grants) has(capabilities ...string) bool {
	if _, all := g["*"]; all {
		return true
	}
	for _, c := range capabilities {
		if _, held := g[c]; held {
			return true
		}
	}
	return false
}

// kvRule allows an action on the keys and scopes of a request when
//
//   - kv:*   kv:<action>:*   kv:<action>:<key>
//
// is held, or when for EVERY scope of the request one of
//
//	kv[<scope>]:*   kv[<scope>]:<action>   kv[<scope>]:<action>:<key>
//
// is. Every, because a request reaches rows with more scopes than it names: with
// rights on one scope a template must not write a row into another. For find
// the key is the text of the pattern.
func kvRule(action string) func(grants, request) string {
	widest := "kv:" + action + ":*"
	return func(g grants, r request) string {
		if g.has("kv:*", widest, "kv:"+action+":"+r.key) {
			return ""
		}
		for _, scope := range r.scopes {
			if !g.hasScope(scope, action, r.key) {
				return widest
			}
		}
		if len(r.scopes) == 0 { // "every" of none is no permission
			return widest
		}
		return ""
	}
}

// hasScope tells whether the action is allowed through the scope's own
// capabilities. They have no meaning for a scope with a `]`: in
// `kv[a]:get:b]:*` nothing tells where its name would end.
func (g grants) hasScope(scope, action, key string) bool {
	if strings.Contains(scope, "]") {
		return false
	}
	prefix := "kv[" + scope + "]:"
	return g.has(prefix+"*", prefix+action, prefix+action+":"+key)
}

// runtimeRule allows a method when `runtime:*` or `runtime:<method>` is held.
func runtimeRule(method string) func(grants, request) string {
	return func(g grants, _ request) string {
		if g.has("runtime:*", "runtime:"+method) {
			return ""
		}
		return "runtime:" + method
	}
}

// exactRule allows what needs exactly this capability.
func exactRule(capability string) func(grants, request) string {
	return func(g grants, _ request) string {
		if g.has(capability) {
			return ""
		}
		return capability
	}
}
