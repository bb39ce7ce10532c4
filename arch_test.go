// Package templateworker holds no code: its tests check the architecture of the
// whole repository, as docs/ARCHITECTURE.md states it.
package templateworker

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/limits"
)

const module = "github.com/template-worker/template-worker/"

// goPackage is one folder with Go files that are not tests.
type goPackage struct {
	dir     string // from the repository's root, with slashes
	docs    []string
	imports []string // of this module, without its name
}

// packages reads every package of the main module.
func packages(t *testing.T) []goPackage {
	t.Helper()
	byDir := map[string]*goPackage{}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || isModule(name)) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(name))
		p := byDir[dir]
		if p == nil {
			p = &goPackage{dir: dir}
			byDir[dir] = p
		}
		if file.Doc != nil && strings.HasPrefix(file.Doc.Text(), "Package ") || file.Doc != nil && strings.HasPrefix(file.Doc.Text(), "Command ") {
			p.docs = append(p.docs, name)
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if ours, ok := strings.CutPrefix(imported, module); ok {
				p.imports = append(p.imports, ours)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []goPackage
	for _, p := range byDir {
		list = append(list, *p)
	}
	return list
}

// isModule tells whether a folder is a module of its own.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func TestEveryPackageHasOneDocComment(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.docs) != 1 {
			t.Errorf("%s: package comments in %q, want exactly one", p.dir, p.docs)
		}
	}
}

// mayImport says what each room may import of ours, tests apart. A trailing /...
// stands for a folder and all below it.
var mayImport = map[string][]string{
	"cmd/luau":            {"luau/..."},
	"cmd/template-worker": {"internal/..."},

	"luau":                   {"luau/..."},
	"luau/ast":               {},
	"luau/syntax":            {"luau/ast"},
	"luau/internal/bytecode": {},
	"luau/compile":           {"luau/ast", "luau/syntax", "luau/internal/bytecode"},
	"luau/internal/vm":       {"luau/internal/bytecode"},
	"luau/lib":               {"luau/..."},
	"luau/luautest":          {"luau/..."},

	"internal/khronos":       {},
	"internal/limits":        {"internal/khronos"},
	"internal/quarantine":    {"internal/khronos", "internal/limits"},
	"internal/httpclient":    {"internal/khronos", "internal/limits"},
	"internal/config":        {"internal/khronos", "internal/limits", "internal/httpclient"},
	"internal/auth":          {"internal/khronos"},
	"internal/feed":          {},
	"internal/histogram":     {},
	"internal/tenantlog":     {"internal/khronos", "internal/feed"},
	"internal/ledger":        {"internal/khronos", "internal/limits", "internal/feed", "internal/histogram", "internal/worker"},
	"internal/mesophyll":     {"internal/khronos"},
	"internal/host":          {"internal/khronos", "internal/limits", "internal/host/registry", "luau"},
	"internal/host/registry": {"internal/khronos", "internal/limits"},
	"internal/tenant":        {"internal/khronos", "internal/limits", "internal/host", "internal/host/registry", "luau"},
	"internal/worker":        {"internal/khronos", "internal/limits", "internal/tenant"},
	"internal/process":       {"internal/khronos", "internal/limits", "internal/tenant", "internal/worker", "internal/mesophyll", "internal/quarantine"},
	"internal/broker":        {"internal/khronos", "internal/limits", "internal/httpclient", "internal/host/registry", "internal/store", "internal/histogram"},
	"internal/expiry":        {"internal/khronos", "internal/limits", "internal/store", "internal/worker"},
	"internal/templates":     {"internal/khronos", "internal/limits", "internal/store"},
	"internal/trial":         {"internal/khronos", "internal/host", "internal/host/registry", "internal/tenant", "luau"},
	"internal/telemetry":     {"internal/expiry", "internal/khronos", "internal/worker", "internal/process", "internal/mesophyll", "internal/broker", "internal/quarantine", "internal/ledger", "internal/histogram"},
	"internal/api":           {"internal/khronos", "internal/limits", "internal/auth", "internal/store", "internal/tenantlog", "internal/feed", "internal/ledger", "internal/templates"},
	"internal/apptest":       {"internal/..."},

	"internal/objects":          {"internal/khronos"},
	"internal/store":            {"internal/khronos"},
	"internal/store/memory":     {"internal/khronos", "internal/store"},
	"internal/store/sqlstore":   {"internal/khronos", "internal/store"},
	"internal/store/migrations": {},
	"internal/store/sqlite":     {"internal/store", "internal/store/sqlstore", "internal/store/migrations"},
	"internal/store/postgres":   {"internal/store", "internal/store/sqlstore", "internal/store/migrations"},
	"internal/store/storetest":  {"internal/khronos", "internal/store", "internal/store/memory"},
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		allowed, ok := ruleOf(p.dir)
		if !ok {
			t.Errorf("%s has no rule: add it to mayImport and to docs/ARCHITECTURE.md", p.dir)
			continue
		}
		for _, imported := range p.imports {
			if !slices.ContainsFunc(allowed, func(rule string) bool { return covers(rule, imported) }) {
				t.Errorf("%s imports %s, which its rule does not allow", p.dir, imported)
			}
		}
	}
}

// ruleOf finds the rule of a folder, or of the nearest one above: a room's inner
// packages keep its rule and may import each other.
func ruleOf(dir string) ([]string, bool) {
	for at := dir; at != "."; at = path.Dir(at) {
		if rule, ok := mayImport[at]; ok {
			if at != dir {
				rule = append(slices.Clone(rule), at+"/...")
			}
			return rule, true
		}
	}
	return nil, false
}

func covers(rule, imported string) bool {
	if folder, ok := strings.CutSuffix(rule, "/..."); ok {
		return imported == folder || strings.HasPrefix(imported, folder+"/")
	}
	return imported == rule
}

// Every limit of the registry is read by the code that enforces it: as a field of
// limits.Limits, or by its name in a declaration of what scripts can call.
func TestEveryLimitIsEnforced(t *testing.T) {
	var source strings.Builder
	for _, root := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(filepath.ToSlash(name), "internal/limits/") {
				return err
			}
			text, err := os.ReadFile(name)
			source.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	typ := reflect.TypeFor[limits.Limits]()
	for i := range typ.NumField() {
		field := typ.Field(i).Name
		if !regexp.MustCompile(`\.`+field+`\b`).MatchString(source.String()) && !enforcedByName(field) {
			t.Errorf("nothing reads limits.%s: enforce it or remove it from the registry", field)
		}
	}
}

// enforcedByName tells whether an argument of a function or a rate bucket is
// declared with the limit of that field.
func enforcedByName(field string) bool {
	return slices.ContainsFunc(registry.EnforcedLimits(), func(name string) bool {
		return strings.EqualFold(strings.ReplaceAll(name, "_", ""), field)
	})
}
