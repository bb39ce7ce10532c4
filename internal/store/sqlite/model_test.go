package sqlite_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/memory"
)

// TestStore_model does the same random things to this store and to the one in
// memory and wants the same answers.
func TestStore_model(t *testing.T) {
	real := open(t, filepath.Join(t.TempDir(), "tw.db"))
	defer real.Close()
	model := memory.New()
	run := khronos.Snowflake(0)
	rapid.Check(t, func(rt *rapid.T) {
		run++ // a new tenant per run, so that a run can be repeated
		m := &machine{t: t, real: real, model: model, tenant: khronos.TenantID{Kind: khronos.TenantUser, ID: run}}
		rt.Repeat(map[string]func(*rapid.T){
			"set": m.set, "delete": m.delete, "get": m.get, "find": m.find, "scopes": m.scopes,
		})
	})
}

type machine struct {
	t           *testing.T
	real, model store.Store
	tenant      khronos.TenantID
}

var (
	someKeys     = rapid.SampledFrom([]string{"", "a", "A", "ab", "a%", "b", "ü"})
	someScopes   = rapid.SliceOfN(rapid.SampledFrom([]string{"r", "s", "t", "S"}), 1, 4)
	somePatterns = rapid.StringOfN(rapid.SampledFrom([]rune(`abA%_\`)), 0, 4, -1)
)

func (m *machine) set(t *rapid.T) {
	key, scopes, v := someKeys.Draw(t, "key"), someScopes.Draw(t, "scopes"), khronos.Integer(rapid.Int64().Draw(t, "value"))
	for _, s := range []store.Store{m.real, m.model} {
		if err := s.KVSet(m.t.Context(), m.tenant, key, v, scopes); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *machine) delete(t *rapid.T) {
	key, scopes := someKeys.Draw(t, "key"), someScopes.Draw(t, "scopes")
	for _, s := range []store.Store{m.real, m.model} {
		if err := s.KVDelete(m.t.Context(), m.tenant, key, scopes); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *machine) get(t *rapid.T) {
	key, scopes := someKeys.Draw(t, "key"), someScopes.Draw(t, "scopes")
	got, err := m.real.KVGet(m.t.Context(), m.tenant, key, scopes)
	want, wantErr := m.model.KVGet(m.t.Context(), m.tenant, key, scopes)
	if errors.Is(err, store.ErrNotFound) != errors.Is(wantErr, store.ErrNotFound) {
		t.Fatalf("get %q in %q: got %v, want %v", key, scopes, err, wantErr)
	}
	same(t, want, got)
}

func (m *machine) find(t *rapid.T) {
	pattern, scopes, limit := somePatterns.Draw(t, "pattern"), someScopes.Draw(t, "scopes"), rapid.IntRange(0, 9).Draw(t, "limit")
	got, err := m.real.KVFind(m.t.Context(), m.tenant, pattern, scopes, limit)
	want, wantErr := m.model.KVFind(m.t.Context(), m.tenant, pattern, scopes, limit)
	if errors.Is(err, store.ErrInvalid) != errors.Is(wantErr, store.ErrInvalid) {
		t.Fatalf("find %q in %q: got %v, want %v", pattern, scopes, err, wantErr)
	}
	same(t, want, got)
}

func (m *machine) scopes(t *rapid.T) {
	got, err := m.real.KVScopes(m.t.Context(), m.tenant)
	if err != nil {
		t.Fatal(err)
	}
	want, err := m.model.KVScopes(m.t.Context(), m.tenant)
	if err != nil {
		t.Fatal(err)
	}
	same(t, want, got)
}

// same compares all but what each store makes up itself.
func same(t *rapid.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.KVRecord{}, "ID", "CreatedAt", "UpdatedAt")); diff != "" {
		t.Fatalf("answers differ (-memory +sqlite):\n%s", diff)
	}
}
