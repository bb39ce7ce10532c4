package registry

import (
	"slices"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

func TestAreas(t *testing.T) {
	types, l := map[string]bool{}, limits.Default()
	for _, a := range Areas() {
		if a.Doc == "" || types[a.Type] && a.Type != "" || (a.Kind == Object) != (a.Type != "") {
			t.Errorf("area %q lacks text or type, or its type is there twice", a.Name)
		}
		types[a.Type] = true
	}
	for _, a := range Areas() {
		for i := range a.Functions {
			f := &a.Functions[i]
			for _, problem := range f.Problems() {
				t.Error(problem)
			}
			for _, name := range f.LimitNames() {
				l.Number(name) // panics when there is none
			}
			for _, p := range slices.Concat(f.Args, f.Results) {
				checkType(t, f.FullName(), p.Type, types)
			}
			for _, p := range f.Args {
				if f.Op != "" && !p.Type.Crosses() {
					t.Errorf("%s: %s cannot leave the script", f.FullName(), p.Name)
				}
			}
			if f.Op == "" && (f.Bucket != Free || strings.Contains(strings.Join(f.Needs.Or, ""), "<")) {
				t.Errorf("%s runs inside the worker, which keeps no rates and knows no rules about arguments", f.FullName())
			}
		}
		for _, f := range a.Fields {
			checkType(t, a.Name, f.Type, types)
		}
	}
}

func checkType(t *testing.T, where string, typ Type, types map[string]bool) {
	t.Helper()
	if typ.Kind == KindObject && !types[typ.Name] {
		t.Errorf("%s: no area has the type %s", where, typ.Name)
	}
	if typ.Item != nil {
		checkType(t, where, *typ.Item, types)
	}
	for _, f := range typ.Fields {
		checkType(t, where, f.Type, types)
	}
}

// A record's name stands for one list of fields.
func TestAreas_records(t *testing.T) {
	fields := map[string]string{}
	var visit func(Type)
	visit = func(typ Type) {
		if typ.Item != nil {
			visit(*typ.Item)
		}
		if typ.Kind == KindRecord {
			text := strings.Join(paramTexts(typ.Fields), ", ")
			if have, ok := fields[typ.Name]; ok && have != text || typ.Doc == "" {
				t.Errorf("record %s has no text, or two meanings: %s; %s", typ.Name, have, text)
			}
			fields[typ.Name] = text
		}
		for _, f := range typ.Fields {
			visit(f.Type)
		}
	}
	for _, a := range Areas() {
		for _, f := range a.Functions {
			for _, p := range slices.Concat(f.Args, f.Results) {
				visit(p.Type)
			}
		}
	}
}

func TestFunction_Check(t *testing.T) {
	text, list := khronos.Text, khronos.List
	object := func(pairs ...any) khronos.Value {
		var m []khronos.Pair
		for i := 0; i < len(pairs); i += 2 {
			m = append(m, khronos.Pair{Key: text(pairs[i].(string)), Value: pairs[i+1].(khronos.Value)})
		}
		return khronos.Map(m...)
	}
	record := RecordOf("Thing", "A thing.", Param{Name: "name", Type: Text.AtMost("kv_key_bytes")}, opt(Param{Name: "n", Type: Integer.Between(1, 9)}))
	f := Function{Name: "f", area: &Area{Name: "m", Kind: Library}}
	l := limits.Default()
	for _, tt := range []struct {
		typ  Type
		v    khronos.Value
		want string // "" for fine
	}{
		{Text, text("x"), ""},
		{Text, khronos.Null(), "m.f: a is missing: it must be a string"},
		{Text, khronos.Integer(1), "m.f: a must be a string, not a number"},
		{Text.AtMost("kv_key_bytes"), text(strings.Repeat("x", 513)), "m.f: a has 513 bytes: the limit is 512 (kv_key_bytes)"},
		{OneOf("gzip", "zlib"), text("zlib"), ""},
		{OneOf("gzip", "zlib"), text("zip"), `m.f: a must be "gzip" or "zlib", not "zip"`},
		{Value, khronos.Null(), ""},
		{Value.AtMost("kv_key_bytes"), text(strings.Repeat("x", 512)), "m.f: a has 523 bytes in its JSON form: the limit is 512 (kv_key_bytes)"},
		{Boolean, text("true"), "m.f: a must be a boolean, not a string"},
		{Number, khronos.Float(1.5), ""},
		{Integer, khronos.Float(1.5), "m.f: a must be a whole number, not a number"},
		{Integer.Between(1, 9), khronos.Integer(10), "m.f: a must be between 1 and 9, not 10"},
		{Buffer, khronos.Buffer(nil), ""},
		{Bytes, text("x"), ""},
		{Bytes, list(), "m.f: a must be a string, a buffer or a Blob, not a list"},
		{ListOf(Text), khronos.Map(), ""}, // an empty table of a script
		{ListOf(Text).NotEmpty(), list(), "m.f: a: at least one is needed"},
		{ListOf(Text), list(text("x"), khronos.Boolean(true)), "m.f: a[2] must be a string, not a boolean"},
		{ListOf(Text).AtMost("kv_scopes"), list(slices.Repeat([]khronos.Value{text("x")}, 11)...), "m.f: a has 11 items: the limit is 10 (kv_scopes)"},
		{MapOf(Integer), object("x", khronos.Integer(1)), ""},
		{MapOf(Integer), object("x", text("y")), `m.f: a."x" must be a whole number, not a string`},
		{MapOf(Integer), khronos.Map(khronos.Pair{Key: khronos.Integer(2), Value: text("y")}), "m.f: a: its keys must be strings, not a number"},
		{record, object("name", text("x")), ""},
		{record, object("name", text("x"), "n", khronos.Integer(9)), ""},
		{record, object("n", khronos.Integer(1)), "m.f: a.name is missing: it must be a string"},
		{record, object("name", text("x"), "size", text("y")), `m.f: a: "size" is no field of Thing`},
		{record, object("name", text("x"), "n", khronos.Integer(0)), "m.f: a.n must be between 1 and 9, not 0"},
		{record, object("name", text(strings.Repeat("x", 513))), "m.f: a.name has 513 bytes: the limit is 512 (kv_key_bytes)"},
		{ListOf(record), list(object()), "m.f: a[1].name is missing: it must be a string"},
		{ObjectOf("TimeDelta"), khronos.IntervalValue(khronos.Interval{}), ""},
		{ObjectOf("TimeDelta"), khronos.Integer(1), "m.f: a must be a TimeDelta, not a number"},
	} {
		f.Args = []Param{{Name: "a", Type: tt.typ}}
		args := []khronos.Value{tt.v}
		err := f.Check(args)
		if err == nil {
			err = f.CheckSizes(args, &l)
		}
		got := ""
		if err != nil {
			got = err.Text
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.typ, got, tt.want)
		}
	}
	if err := f.Check(nil); err == nil || err.Text != "m.f: got 0 arguments, want 1" {
		t.Errorf("no arguments: %v", err)
	}
}

func TestOriginals(t *testing.T) {
	stale := map[string]bool{}
	for _, name := range AbsentNames() {
		stale[name] = true
	}
	for _, o := range Originals() {
		for _, name := range o.Members {
			if o.Area == "" || Has(name) { // whether globals of the language are there is the host's to say
				continue
			}
			if Absent(o.Area, name) == "" {
				t.Errorf("%s is not here: declare it, or say why not in absent", name)
			}
			delete(stale, name)
			if _, own := absent[name]; !own {
				delete(stale, o.Area)
			}
		}
	}
	for name := range stale {
		if !strings.ContainsAny(name, ".:") && !strings.HasPrefix(name, "@") && Has(name) == false {
			continue // a global, which the host looks at
		}
		t.Errorf("absent says why %s is not here, and nothing of it is missing", name)
	}
}

func TestEventNames(t *testing.T) {
	names := EventNames()
	if len(names) != 73 || !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != 73 {
		t.Errorf("%d names, want the gateway's 71 and our 2, sorted, each once: %q", len(names), names)
	}
	if !Raised("MESSAGE") || !Raised("WebGetSettings") || Raised("LevelUp") {
		t.Error("Raised")
	}
}
