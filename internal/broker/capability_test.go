package broker_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
)

func TestCapabilities(t *testing.T) {
	const allowed = ""
	cases := []struct {
		held    string // separated by spaces
		op      string
		key     string
		scopes  string // separated by commas
		missing string
	}{
		{"", "kv.get", "k", "s", "kv:get:*"},
		{"*", "kv.get", "k", "s", allowed},
		{"kv:*", "kv.get", "k", "s,t", allowed},
		{"kv:get:*", "kv.get", "k", "s", allowed},
		{"kv:get:*", "kv.getrecord", "k", "s", allowed}, // an action of its own does not exist
		{"kv:getrecord:*", "kv.getrecord", "k", "s", "kv:get:*"},
		{"kv:get:*", "kv.set", "k", "s", "kv:set:*"},
		{"kv:get:*", "kv.find", "k", "s", "kv:find:*"},
		{"kv:get:*", "kv.delete", "k", "s", "kv:delete:*"},
		{"kv:get:k", "kv.get", "k", "s", allowed},
		{"kv:get:k", "kv.get", "k2", "s", "kv:get:*"},
		{"kv:get:k*", "kv.get", "k2", "s", "kv:get:*"}, // no patterns
		{"kv:get:K", "kv.get", "k", "s", "kv:get:*"},
		{"kv:get", "kv.get", "k", "s", "kv:get:*"},
		{"kv", "kv.get", "k", "s", "kv:get:*"},
		{"kv.*", "kv.get", "k", "s", "kv:get:*"},
		{"kv:find:a%", "kv.find", "a%", "s", allowed}, // the pattern's text
		{"kv:find:a%", "kv.find", "ab%", "s", "kv:find:*"},

		{"kv[s]:*", "kv.set", "k", "s", allowed},
		{"kv[s]:set", "kv.set", "k", "s", allowed},
		{"kv[s]:set:k", "kv.set", "k", "s", allowed},
		{"kv[s]:set:k", "kv.set", "l", "s", "kv:set:*"},
		{"kv[s]:set:*", "kv.set", "k", "s", "kv:set:*"}, // the star is a key here
		{"kv[s]:get", "kv.set", "k", "s", "kv:set:*"},
		{"kv[s]:*", "kv.set", "k", "t", "kv:set:*"},
		{"kv[s]:*", "kv.set", "k", "s,t", "kv:set:*"}, // every scope
		{"kv[s]:*", "kv.set", "k", "t,s", "kv:set:*"},
		{"kv[s]:* kv[t]:get", "kv.set", "k", "s,t", "kv:set:*"},
		{"kv[s]:* kv[t]:set", "kv.set", "k", "s,t", allowed},
		{"kv[s]:set:k kv[t]:*", "kv.set", "k", "s,t,s", allowed},
		{"kv[s]:*", "kv.get", "k", "s,t", "kv:get:*"},
		{"kv[s]:*", "kv.delete", "k", "t,s", "kv:delete:*"},
		{"kv[s]:*", "kv.find", "%", "s,t", "kv:find:*"},
		{"kv[a]:get:b]:*", "kv.get", "k", "a]:get:b", "kv:get:*"}, // not a name in brackets
		{"kv[a]]:*", "kv.get", "k", "a]", "kv:get:*"},

		{"kv:* kv[s]:*", "kv.list_scopes", "", "", "kv.meta:list_scopes"},
		{"kv.meta:list_scopes", "kv.list_scopes", "", "", allowed},
		{"*", "kv.list_scopes", "", "", allowed},

		{"", "runtime.stats", "", "", "runtime:stats"},
		{"runtime:*", "runtime.stats", "", "", allowed},
		{"runtime:stats", "runtime.stats", "", "", allowed},
		{"runtime:stats", "runtime.links", "", "", "runtime:links"},
		{"runtime:links", "runtime.links", "", "", allowed},
		{"kv:* runtime:links", "runtime.gettenantstate", "", "", "runtime:gettenantstate"},
		{"runtime:gettenantstate", "runtime.gettenantstate", "", "", allowed},
	}
	for i, c := range cases {
		t.Run(fmt.Sprintf("%d %s with %s", i, c.op, c.held), func(t *testing.T) {
			w := newWorld(t, nil)
			caller := w.template(guild, "a", strings.Fields(c.held)...)
			var args []khronos.Value
			if c.scopes != "" {
				args = append(args, text(c.key))
				if c.op == "kv.set" {
					args = append(args, text("v"))
				}
				var scopes []khronos.Value
				for _, s := range strings.Split(c.scopes, ",") {
					scopes = append(scopes, text(s))
				}
				args = append(args, list(scopes...))
			}
			if c.missing != allowed {
				w.refused(khronos.ErrKindCapabilityMissing,
					fmt.Sprintf(`capability %q is missing: add it to the template's capabilities`, c.missing), caller, c.op, args...)
				return
			}
			if _, err := w.exec(caller, c.op, args...); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

// TestCapabilities_beforeActing wants that a refused call changed nothing.
func TestCapabilities_beforeActing(t *testing.T) {
	w := newWorld(t, nil)
	caller := w.template(guild, "a", "kv[s]:*")
	w.refused(khronos.ErrKindCapabilityMissing, "", caller, "kv.set", text("k"), text("v"), list(text("s"), text("templates")))
	w.want(list(), operator, "kv.list_scopes")
}
