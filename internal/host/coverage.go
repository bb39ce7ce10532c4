package host

import (
	"cmp"
	"slices"
	"strings"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/luau"
)

// Member says of a member of the original's API whether it is here.
type Member struct {
	Area   string
	Name   string
	Here   bool
	Reason string // why not
}

// Coverage holds the original's API against what is declared here, and its
// globals against those that scripts have.
func Coverage() []Member {
	var list []Member
	globals := NewBase().Globals()
	for _, o := range registry.Originals() {
		for _, name := range o.Members {
			m := Member{Area: o.Area, Name: name, Here: registry.Has(name)}
			if o.Area == "" && !m.Here { // _G is each VM's own
				m.Here = name == "_G" || !globals.GetStr(luau.Const(name).AsString()).IsNil()
			}
			if !m.Here {
				m.Reason = registry.Absent(o.Area, name)
			}
			list = append(list, m)
		}
	}
	return list
}

// coverageTable writes a row for each area: what is here, what is not and why.
func coverageTable(b *strings.Builder) {
	b.WriteString("| where | here | not here |\n| --- | --- | --- |\n")
	members := Coverage()
	for len(members) > 0 {
		n := slices.IndexFunc(members, func(m Member) bool { return m.Area != members[0].Area })
		if n < 0 {
			n = len(members)
		}
		b.WriteString("| `" + cmp.Or(members[0].Area, "globals") + "` | " + hereCell(members[:n]) + " | " + absentCell(members[:n]) + " |\n")
		members = members[n:]
	}
}

func hereCell(members []Member) string {
	var names []string
	for _, m := range members {
		if m.Here {
			names = append(names, "`"+shortName(m)+"`")
		}
	}
	return strings.Join(names, " ")
}

// absentCell groups the names by their reasons.
func absentCell(members []Member) string {
	var reasons []string
	names := map[string][]string{}
	for _, m := range members {
		if m.Here {
			continue
		}
		if names[m.Reason] == nil {
			reasons = append(reasons, m.Reason)
		}
		names[m.Reason] = append(names[m.Reason], "`"+shortName(m)+"`")
	}
	for i, reason := range reasons {
		reasons[i] = strings.Join(names[reason], " ") + ": " + reason
	}
	return strings.Join(reasons, "; ")
}

func shortName(m Member) string { return strings.TrimLeft(strings.TrimPrefix(m.Name, m.Area), ".:") }
