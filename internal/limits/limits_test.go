package limits

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write docs/LIMITS.md")

func TestMarkdown(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "LIMITS.md")
	want := Markdown()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/LIMITS.md is stale: run go test ./internal/limits -update")
	}
}

// Every field has exactly one entry, whose name is the field's in snake case.
func TestRegistry_coversFields(t *testing.T) {
	var l Limits
	v := reflect.ValueOf(&l).Elem()
	fields := map[uintptr]string{}
	for i := range v.NumField() {
		fields[v.Field(i).Addr().Pointer()] = v.Type().Field(i).Name
	}
	names := map[string]bool{}
	for i := range registry {
		e := &registry[i]
		addr := reflect.ValueOf(e.field(&l)).Pointer()
		field, ok := fields[addr]
		if !ok {
			t.Errorf("limit %s: its field is shared with another", e.name)
			continue
		}
		delete(fields, addr)
		if want := strings.ReplaceAll(e.name, "_", ""); strings.ToLower(field) != want {
			t.Errorf("limit %s sets field %s", e.name, field)
		}
		if strings.HasSuffix(e.name, "_bytes") != (e.unit == unitBytes) {
			t.Errorf("limit %s has unit %s", e.name, e.unit)
		}
		_, isDuration := e.field(&l).(*time.Duration)
		if isDuration != (e.unit == unitDuration) {
			t.Errorf("limit %s has unit %s and a field of type %T", e.name, e.unit, e.field(&l))
		}
		if names[e.name] || e.doc == "" || e.group == "" {
			t.Errorf("limit %s: repeated, or without doc or group", e.name)
		}
		names[e.name] = true
	}
	for _, field := range fields {
		t.Errorf("field %s has no limit in the registry", field)
	}
}

func TestDefault(t *testing.T) {
	l := Default()
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	if l.DispatchDeadline != 30*time.Second || l.HeapBytes != 20<<20 || l.QueueEvents != 256 || l.FuelPerSecond != 300_000_000 {
		t.Errorf("got %+v", l)
	}
}

func TestLimits_Set(t *testing.T) {
	for _, c := range []struct{ name, value, want, wantErr string }{
		{"cpu_soft", "100ms", "100ms", ""},
		{"token_ttl", "90m", "1h30m", ""},
		{"token_ttl", "1h", "1h", ""},
		{"cpu_window", "100s", "1m40s", ""},
		{"heap_bytes", "32 MiB", "32MiB", ""},
		{"heap_bytes", "33554433", "33554433", ""},
		{"queue_bytes", "4_096KiB", "4MiB", ""},
		{"fuel_per_second", "2_000_000", "2000000", ""},
		{"queue_events", "0", "", "set limit queue_events: 0 is too small, want at least 1"},
		{"queue_events", "-1", "", "too small"},
		{"queue_events", "1.5", "", "not a count"},
		{"queue_events", "", "", "not a count"},
		{"queue_events", "_1", "", "not a count"},
		{"cpu_soft", "5", "", "not a duration"},
		{"heap_bytes", "1GB", "", "not a size"},
		{"heap_bytes", "-1MiB", "", "negative"},
		{"heap_bytes", "9223372036854775807KiB", "", "too large"},
		{"event_name_bytes", "101", "", "too large, want at most 100"},
		{"nope", "1", "", `set limit "nope": no limit has this name`},
	} {
		l := Default()
		err := l.Set(c.name, c.value)
		if c.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), c.wantErr) {
				t.Errorf("Set(%q, %q): got %v, want %q", c.name, c.value, err, c.wantErr)
			}
			if l != Default() {
				t.Errorf("Set(%q, %q) failed and changed the limits", c.name, c.value)
			}
			continue
		}
		got, _ := l.Get(c.name)
		if err != nil || got != c.want {
			t.Errorf("Set(%q, %q): got %q, %v, want %q", c.name, c.value, got, err, c.want)
		}
	}
	if _, err := Default().Get("nope"); err == nil {
		t.Error("Get of an unknown name: no error")
	}
}

func TestLimits_Validate(t *testing.T) {
	l := Default()
	l.CPUSoft = 2 * time.Second
	if err := l.Validate(); err == nil || err.Error() != "limit cpu_soft: 2s exceeds cpu_hard, which is 1s" {
		t.Errorf("got %v", err)
	}
	l = Default()
	l.KVScopes = 0
	if err := l.Validate(); err == nil || !strings.HasPrefix(err.Error(), "limit kv_scopes: ") {
		t.Errorf("got %v", err)
	}
	if err := (Limits{}).Validate(); err == nil {
		t.Error("zero limits: no error")
	}
}

// What Get writes, Set reads, for any value in range.
func TestLimits_roundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &registry[rapid.IntRange(0, len(registry)-1).Draw(t, "limit")]
		n := rapid.Int64Range(e.min, e.max).Draw(t, "n")
		want, got := Default(), Default()
		e.put(&want, n)
		text, err := want.Get(e.name)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Set(e.name, text); err != nil || got != want {
			t.Fatalf("%s: %d written as %q: read %d, %v", e.name, n, text, e.get(&got), err)
		}
	})
}
