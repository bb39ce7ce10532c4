package host

import (
	"fmt"
	"strings"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/limits"
)

const markdownHead = `# The script API

What templates can use beside the language, which docs/LUAU.md describes. This page is generated from
internal/host/registry by ` + "`go test ./internal/host -update`" + `; a test fails while it is stale, and runs every example.

- A call that says *waits* suspends the script until its answer is there; other handlers of the tenant go on meanwhile.
  ` + "`pcall`" + ` works across it. It cannot be made in a metamethod, a comparator of table.sort or a callback of string.gsub.
- Errors are strings: where the call is, the function, the argument, and the limit if there is one.
- A capability is held when the template has exactly that text, or ` + "`*`" + `. No pattern in one means anything.
- Costs are units of fuel, the engine's measure of work (docs/LIMITS.md), beside what depends on the sizes of arguments.
- A rate bucket belongs to the tenant. A call takes a token, and one comes back after each period.

Definition files for luau-lsp: ` + "`template-worker types DIR`" + ` writes them. Give ` + "`DIR/template-worker.d.luau`" + ` to the setting
` + "`luau-lsp.types.definitionFiles`" + ` and let the alias ` + "`antiraid`" + ` of ` + "`.luaurc`" + ` lead to ` + "`DIR/antiraid`" + `; then a handler is
` + "`function(ctx: TemplateContext)`" + `.
`

// Markdown gives docs/script-api.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(markdownHead)
	records := recordsOf(registry.Areas())
	for _, a := range registry.Areas() {
		writeArea(&b, a)
	}
	b.WriteString("\n## Tables\n\nThe tables that functions take and give. A field with `?` may be nil. Where a table is an argument, other fields are an error.\n")
	for _, r := range records {
		fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n", r.Name, r.Doc)
		writeFields(&b, r.Fields)
	}
	b.WriteString("\n## Coverage\n\nWhat the original's scripts could use in February 2026, and whether it is here. Discord operations are a table of their own there.\n\n")
	coverageTable(&b)
	return b.String()
}

func writeArea(b *strings.Builder, a *registry.Area) {
	switch a.Kind {
	case registry.Globals:
		b.WriteString("\n## Globals\n")
	case registry.Module:
		fmt.Fprintf(b, "\n## `require(\"%s\")`\n", a.Name)
	case registry.Part:
		module, table, _ := strings.Cut(a.Name, ".")
		fmt.Fprintf(b, "\n## `require(\"%s\").%s`\n", module, table)
	default:
		fmt.Fprintf(b, "\n## `%s`\n", a.Name)
	}
	fmt.Fprintf(b, "\n%s\n", a.Doc)
	if a.Operators != "" {
		fmt.Fprintf(b, "\nOperators: %s.\n", a.Operators)
	}
	if len(a.Fields) > 0 {
		b.WriteString("\n")
		writeFields(b, a.Fields)
	}
	for i := range a.Functions {
		writeFunction(b, &a.Functions[i])
	}
}

func writeFields(b *strings.Builder, fields []registry.Param) {
	b.WriteString("| field | type | |\n| --- | --- | --- |\n")
	for _, f := range fields {
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", f.Name, strings.ReplaceAll(f.TypeText(), "|", `\|`), f.Doc)
	}
}

func writeFunction(b *strings.Builder, f *registry.Function) {
	fmt.Fprintf(b, "\n### `%s`\n\n```luau\n%s\n```\n\n%s\n", f.FullName(), f.Signature(), f.Doc)
	for _, p := range f.Args {
		if p.Doc != "" {
			fmt.Fprintf(b, "\n- `%s`: %s", p.Name, p.Doc)
		}
	}
	b.WriteString("\n")
	b.WriteString(factsLine(f))
	fmt.Fprintf(b, "\n```luau\n%s\n```\n", f.Example)
}

// factsLine says what a call needs and costs.
func factsLine(f *registry.Function) string {
	var facts []string
	if f.Needs.Name != "" {
		facts = append(facts, "needs `"+f.Needs.Name+"`")
	}
	if f.Yields {
		facts = append(facts, "waits")
	}
	facts = append(facts, fmt.Sprintf("costs %d", f.Cost))
	if q, ok := registry.Quotas[f.Bucket]; ok {
		facts = append(facts, "rate bucket "+q.Name)
	}
	if names := f.LimitNames(); len(names) > 0 {
		facts = append(facts, "limits "+limitList(names))
	}
	return strings.ToUpper(facts[0][:1]) + strings.Join(facts, "; ")[1:] + ".\n"
}

// limitList gives limits with their defaults.
func limitList(names []string) string {
	l := limits.Default()
	texts := make([]string, len(names))
	for i, name := range names {
		value, err := l.Get(name)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		texts[i] = fmt.Sprintf("`%s` (%s)", name, value)
	}
	return strings.Join(texts, ", ")
}

// recordsOf collects the named tables in the order in which they are met.
func recordsOf(areas []*registry.Area) []registry.Type {
	var list []registry.Type
	seen := map[string]bool{}
	var visit func(t registry.Type)
	visit = func(t registry.Type) {
		if t.Item != nil {
			visit(*t.Item)
		}
		if t.Kind == registry.KindRecord && !seen[t.Name] {
			seen[t.Name] = true
			list = append(list, t)
		}
		for _, f := range t.Fields {
			visit(f.Type)
		}
	}
	for _, a := range areas {
		for _, f := range a.Fields {
			visit(f.Type)
		}
		for i := range a.Functions {
			for _, p := range append(a.Functions[i].Args[:len(a.Functions[i].Args):len(a.Functions[i].Args)], a.Functions[i].Results...) {
				visit(p.Type)
			}
		}
	}
	return list
}
