package storetest

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

var tenantTests = []test{
	{"known by any of three things", testKnownTenants},
	{"a state that was never put", testDefaultState},
	{"events follow the templates", testStateEvents},
	{"the state is replaced whole", testPutState},
	{"the data is replaced alone", testPutData},
	{"state data is an object", testStateInvalid},
	{"stats count tenants", testStats},
}

func testKnownTenants(t *testing.T, s store.Store) {
	_, err := s.PutTemplate(t.Context(), template(guild, "a"))
	check(t, err)
	set(t, s, giant, "k", khronos.Null(), "s")
	check(t, s.PutTenantState(t.Context(), user, khronos.TenantState{}))
	ask := func(want ...bool) {
		t.Helper()
		got, err := s.KnownTenants(t.Context(), []khronos.TenantID{halfGiant, guild, other, giant, user, guild})
		check(t, err)
		if !slices.Equal(got, want) {
			t.Errorf("known: got %v, want %v", got, want)
		}
	}
	ask(false, true, false, true, true, true)
	check(t, s.DeleteTemplate(t.Context(), guild, "a"))
	check(t, s.KVDelete(t.Context(), giant, "k", []string{"s"}))
	ask(false, false, false, false, true, false)

	got, err := s.KnownTenants(t.Context(), nil)
	check(t, err)
	if len(got) != 0 {
		t.Errorf("known of no tenants: got %v", got)
	}
}

func testDefaultState(t *testing.T, s store.Store) {
	set(t, s, guild, "k", khronos.Null(), "s") // known, but without state
	for _, tenant := range []khronos.TenantID{guild, other} {
		got, err := s.TenantState(t.Context(), tenant)
		check(t, err)
		want := khronos.TenantState{Events: []string{}, Data: json.RawMessage(`{}`)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("state of %s (-want +got):\n%s", tenant, diff)
		}
	}
}

func testStateEvents(t *testing.T, s store.Store) {
	for name, events := range map[string][]string{"a": {"b", "a"}, "b": {"c", "b", "B"}, "paused": {"never"}} {
		in := template(guild, name)
		in.Subscriptions, in.Paused = events, name == "paused"
		_, err := s.PutTemplate(t.Context(), in)
		check(t, err)
	}
	check(t, s.PutTenantState(t.Context(), guild, khronos.TenantState{Events: []string{"ignored"}, Banned: true}))
	got, err := s.TenantState(t.Context(), guild)
	check(t, err)
	if want := []string{"B", "a", "b", "c"}; !slices.Equal(got.Events, want) || !got.Banned {
		t.Errorf("got %+v, want banned with events %q", got, want)
	}
}

func testPutState(t *testing.T, s store.Store) {
	data := json.RawMessage(`{"a": [1, null, "\u0000 ü"], "b": 12345678901234567890}`)
	check(t, s.PutTenantState(t.Context(), giant, khronos.TenantState{Banned: true, Data: data}))
	got, err := s.TenantState(t.Context(), giant)
	check(t, err)
	if !got.Banned || string(got.Data) != string(data) {
		t.Errorf("got %v %s, want true %s", got.Banned, got.Data, data)
	}
	got.Data[0] = 'x'
	check(t, s.PutTenantState(t.Context(), user, khronos.TenantState{}))
	again, err := s.TenantState(t.Context(), giant)
	check(t, err)
	if string(again.Data) != string(data) {
		t.Errorf("data changed from outside or by another tenant: %s", again.Data)
	}
	check(t, s.PutTenantState(t.Context(), giant, khronos.TenantState{}))
	got, err = s.TenantState(t.Context(), giant)
	check(t, err)
	if got.Banned || string(got.Data) != "{}" {
		t.Errorf("after replacing: got %v %s, want false {}", got.Banned, got.Data)
	}
}

func testPutData(t *testing.T, s store.Store) {
	for _, banned := range []bool{false, true} {
		tenant := giant
		if banned {
			tenant = guild
			check(t, s.PutTenantState(t.Context(), tenant, khronos.TenantState{Banned: true, Data: json.RawMessage(`{"old": 1}`)}))
		}
		for _, data := range []string{`{"a": 1}`, `{"b": 2}`, ``} {
			check(t, s.PutTenantData(t.Context(), tenant, json.RawMessage(data)))
			got, err := s.TenantState(t.Context(), tenant)
			check(t, err)
			want := data
			if want == "" {
				want = "{}"
			}
			if got.Banned != banned || string(got.Data) != want {
				t.Errorf("got %v %s, want %v %s", got.Banned, got.Data, banned, want)
			}
		}
	}
	known, err := s.KnownTenants(t.Context(), []khronos.TenantID{giant})
	check(t, err)
	if !known[0] {
		t.Error("a tenant with data is not known")
	}
	if err := s.PutTenantData(t.Context(), guild, json.RawMessage(`[]`)); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("no object: got %v, want ErrInvalid", err)
	}
	if err := s.PutTenantData(t.Context(), khronos.TenantID{}, nil); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("no tenant: got %v, want ErrInvalid", err)
	}
}

func testStateInvalid(t *testing.T, s store.Store) {
	for _, data := range []string{`[]`, `null`, `1`, `{`, `{}x`, "{\"a\":\"\xff\"}"} {
		err := s.PutTenantState(t.Context(), guild, khronos.TenantState{Data: json.RawMessage(data)})
		if !errors.Is(err, store.ErrInvalid) {
			t.Errorf("data %q: got %v, want ErrInvalid", data, err)
		}
	}
	if err := s.PutTenantState(t.Context(), khronos.TenantID{}, khronos.TenantState{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("no tenant: got %v, want ErrInvalid", err)
	}
}

func testStats(t *testing.T, s store.Store) {
	expect := func(want store.Stats) {
		t.Helper()
		got, err := s.Stats(t.Context())
		check(t, err)
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	expect(store.Stats{})
	_, err := s.PutTemplate(t.Context(), template(guild, "a"))
	check(t, err)
	set(t, s, guild, "k", khronos.Null(), "s")
	set(t, s, giant, "k", khronos.Null(), "s")
	set(t, s, giant, "k2", khronos.Null(), "s")
	_, err = s.PutTemplate(t.Context(), template(user, "a"))
	check(t, err)
	check(t, s.PutTenantState(t.Context(), other, khronos.TenantState{}))
	expect(store.Stats{Guilds: 3, GuildsWithTemplate: 1, Users: 1})
	check(t, s.DeleteTemplate(t.Context(), guild, "a"))
	check(t, s.DeleteTemplate(t.Context(), user, "a"))
	check(t, s.KVDelete(t.Context(), giant, "k", []string{"s"}))
	expect(store.Stats{Guilds: 3})
	check(t, s.KVDelete(t.Context(), giant, "k2", []string{"s"}))
	expect(store.Stats{Guilds: 2})
}
