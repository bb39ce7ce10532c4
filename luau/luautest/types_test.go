package luautest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau"
)

// The machine has the names that the list of built-ins has, with their types.
func TestBuiltins(t *testing.T) {
	names := make(map[string]luau.Value)
	globals := luau.Standard().Globals()
	for i, k, v, ok := globals.NextIndex(0); ok; i, k, v, ok = globals.NextIndex(i) {
		name := k.AsString().Str()
		if v.Kind() != luau.KindTable {
			names["globals."+name] = v
			continue
		}
		lib := v.AsTable()
		for i, k, v, ok := lib.NextIndex(0); ok; i, k, v, ok = lib.NextIndex(i) {
			names[name+"."+k.AsString().Str()] = v
		}
	}
	for _, b := range builtins {
		for _, f := range append(typed(b.functions, "function"), typed(b.constants, b.constType)...) {
			v, ok := names[b.name+"."+f.Name]
			if got, want := luau.TypeName(v), f.Value.AsString().Str(); !ok || got != want {
				t.Errorf("%s.%s is a %s, listed as a %s", b.name, f.Name, got, want)
			}
			delete(names, b.name+"."+f.Name)
		}
	}
	for name := range names {
		t.Errorf("%s is not listed", name)
	}
}

// The documentation has the same names. A buffer's write functions are told by its read functions, _G belongs to
// each machine.
func TestBuiltins_Documented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/LUAU.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## Libraries\n")
	section, _, _ = strings.Cut(section, "\n\nThere is no")
	entry := regexp.MustCompile("(?s)^\\*\\*(\\w+)\\*\\* `([^`]*)`(?:[^`]*constants? `([^`]*)`)?")
	documented := make(map[string][]string)
	for _, item := range strings.Split(section, "\n- ")[1:] {
		m := entry.FindStringSubmatch(item)
		if m == nil {
			t.Fatalf("no list of names in %q", item)
		}
		documented[m[1]] = slices.Sorted(slices.Values(strings.Fields(m[2] + " " + m[3])))
	}
	for _, b := range builtins {
		want := strings.Fields(b.functions + " " + b.constants)
		switch b.name {
		case "globals":
			want = append(want, "_G")
		case "buffer":
			want = slices.DeleteFunc(want, func(s string) bool { return strings.HasPrefix(s, "write") })
		}
		slices.Sort(want)
		if got := documented[b.name]; !slices.Equal(got, want) {
			t.Errorf("%s: documented are %q, there are %q", b.name, got, want)
		}
		delete(documented, b.name)
	}
	for name := range documented {
		t.Errorf("%s is documented and not there", name)
	}
}
