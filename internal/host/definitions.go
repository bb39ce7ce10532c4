package host

import (
	"fmt"
	"strings"

	"github.com/template-worker/template-worker/internal/host/registry"
)

const definitionsHead = `-- Generated from internal/host/registry by go test ./internal/host -update.
`

// Definitions gives the files that tell luau-lsp the types of what scripts can
// use, by their path: one with globals and types, and one for each module.
func Definitions() map[string]string {
	var b strings.Builder
	b.WriteString(definitionsHead)
	for _, r := range recordsOf(registry.Areas()) {
		writeRecord(&b, r)
	}
	files := map[string]string{}
	for _, a := range registry.Areas() {
		switch a.Kind {
		case registry.Object:
			writeObject(&b, a)
		case registry.Library:
			writeLibrary(&b, a)
		case registry.Globals:
			writeGlobals(&b, a)
		case registry.Module:
			files["antiraid/"+strings.TrimPrefix(a.Name, "@antiraid/")+".luau"] = moduleDefinition(a)
		}
	}
	files["template-worker.d.luau"] = b.String()
	return files
}

func writeDoc(b *strings.Builder, indent, doc string) {
	for line := range strings.SplitSeq(doc, "\n") {
		b.WriteString(strings.TrimRight(indent+"--- "+line, " ") + "\n")
	}
}

func writeRecord(b *strings.Builder, r registry.Type) {
	b.WriteString("\n")
	writeDoc(b, "", r.Doc)
	fmt.Fprintf(b, "export type %s = {\n", r.Name)
	for _, f := range r.Fields {
		if f.Doc != "" {
			writeDoc(b, "\t", f.Doc)
		}
		fmt.Fprintf(b, "\t%s: %s,\n", f.Name, f.TypeText())
	}
	b.WriteString("}\n")
}

func writeObject(b *strings.Builder, a *registry.Area) {
	b.WriteString("\n")
	writeDoc(b, "", a.Doc)
	fmt.Fprintf(b, "declare extern type %s with\n", a.Type)
	for _, f := range a.Fields {
		if f.Doc != "" {
			writeDoc(b, "\t", f.Doc)
		}
		fmt.Fprintf(b, "\t%s: %s\n", f.Name, f.TypeText())
	}
	for i := range a.Functions {
		f := &a.Functions[i]
		writeDoc(b, "\t", f.Doc)
		args := declaredArgs(f)
		if f.Static { // a property: the function takes no self
			fmt.Fprintf(b, "\t%s: (%s) -> %s\n", f.Name, strings.Join(f.ArgTexts(), ", "), f.ResultText())
			continue
		}
		args = append([]string{"self"}, args...)
		fmt.Fprintf(b, "\tfunction %s(%s): %s\n", f.Name, strings.Join(args, ", "), f.ResultText())
	}
	b.WriteString("end\n")
}

func writeGlobals(b *strings.Builder, a *registry.Area) {
	for i := range a.Functions {
		f := &a.Functions[i]
		if f.Name == "print" || f.Name == "require" {
			continue // luau-lsp knows them, and follows require
		}
		b.WriteString("\n")
		writeDoc(b, "", f.Doc)
		fmt.Fprintf(b, "declare function %s(%s): %s\n", f.Name, strings.Join(declaredArgs(f), ", "), f.ResultText())
	}
}

// declaredArgs gives the arguments as a declaration writes them, which is not
// how a type does.
func declaredArgs(f *registry.Function) []string {
	args := f.ArgTexts()
	if f.Rest {
		args[len(args)-1] = "...: any"
	}
	return args
}

func writeLibrary(b *strings.Builder, a *registry.Area) {
	b.WriteString("\n")
	writeDoc(b, "", a.Doc)
	fmt.Fprintf(b, "declare %s: {\n%s}\n", a.Name, tableMembers(a))
}

// moduleDefinition is a module that has a type and no code.
func moduleDefinition(a *registry.Area) string {
	var b strings.Builder
	b.WriteString(definitionsHead + "\n")
	writeDoc(&b, "", a.Doc)
	fmt.Fprintf(&b, "export type Module = {\n%s}\n\nreturn (nil :: any) :: Module\n", tableMembers(a))
	return b.String()
}

func tableMembers(a *registry.Area) string {
	var b strings.Builder
	for _, part := range registry.Parts(a) {
		writeDoc(&b, "\t", part.Doc)
		fmt.Fprintf(&b, "\t%s: {\n%s\t},\n", strings.TrimPrefix(part.Name, a.Name+"."), indented(tableMembers(part)))
	}
	for _, f := range a.Fields {
		if f.Doc != "" {
			writeDoc(&b, "\t", f.Doc)
		}
		fmt.Fprintf(&b, "\t%s: %s,\n", f.Name, f.TypeText())
	}
	for i := range a.Functions {
		f := &a.Functions[i]
		writeDoc(&b, "\t", f.Doc)
		fmt.Fprintf(&b, "\t%s: (%s) -> %s,\n", f.Name, strings.Join(f.ArgTexts(), ", "), f.ResultText())
	}
	return b.String()
}

// indented puts a tab before each line.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("\t" + line)
	}
	return b.String()
}
