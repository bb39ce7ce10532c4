package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/memory"
)

var modelTests = []test{
	{"10,000 random operations", testModel},
}

// modelSteps is how many operations testModel does.
const modelSteps = 10_000

// testModel does the same random things to the store and to the one in memory
// and wants the same answers. (The one in memory is so compared with itself;
// that it is right is what all other tests are about.)
func testModel(t *testing.T, s store.Store) {
	const seed = 20260224
	m := &model{t: t, real: s, memory: memory.New(), rnd: rand.New(rand.NewPCG(seed, 0)), ids: map[string]string{}}
	defer func() { check(t, m.memory.Close()) }()
	steps := []struct {
		weight int
		name   string
		do     func()
	}{
		{20, "set", m.set}, {8, "delete", m.delete}, {10, "batch", m.batch}, {20, "get", m.get}, {6, "get by id", m.byID},
		{8, "find", m.find}, {4, "scopes", m.scopes}, {4, "usage", m.usage}, {4, "expire", m.expire},
		{4, "put template", m.putTemplate}, {4, "change template", m.changeTemplate}, {4, "read templates", m.readTemplates},
		{3, "state", m.state}, {3, "object", m.object}, {4, "global", m.global},
	}
	var deck []int
	for i, step := range steps {
		for range step.weight {
			deck = append(deck, i)
		}
	}
	for n := range modelSteps {
		step := steps[deck[m.rnd.IntN(len(deck))]]
		step.do()
		if t.Failed() {
			t.Fatalf("step %d, %s, of seed %d", n, step.name, seed)
		}
	}
}

type model struct {
	t      *testing.T
	real   store.Store
	memory *memory.Store
	rnd    *rand.Rand
	ids    map[string]string // a row's id in the store to the one in memory
	order  []string          // keys of ids, oldest first
}

func pick[T any](m *model, list ...T) T { return list[m.rnd.IntN(len(list))] }

func (m *model) tenant() khronos.TenantID { return pick(m, guild, user, giant) }
func (m *model) key() string              { return pick(m, "", "a", "A", "ab", "a%", "b", "ü", "abc") }

func (m *model) someScopes() []string {
	list := make([]string, 1+m.rnd.IntN(3))
	for i := range list {
		list[i] = pick(m, "r", "s", "t", "S")
	}
	return list
}

// same compares two answers, errors by what they are.
func same[T any](m *model, want T, wantErr error, got T, gotErr error) {
	m.t.Helper()
	for _, kind := range []error{store.ErrNotFound, store.ErrInvalid, store.ErrExists, store.ErrConflict, store.ErrQuota, store.ErrTooLarge} {
		if errors.Is(wantErr, kind) != errors.Is(gotErr, kind) {
			m.t.Errorf("got error %v, in memory %v", gotErr, wantErr)
			return
		}
	}
	if (wantErr == nil) != (gotErr == nil) {
		m.t.Errorf("got error %v, in memory %v", gotErr, wantErr)
		return
	}
	ignored := cmp.Options{
		cmpopts.IgnoreFields(store.KVRecord{}, "ID", "CreatedAt", "UpdatedAt"),
		cmpopts.IgnoreFields(store.KVResult{}, "ID"),
		cmpopts.IgnoreFields(store.KVExpiry{}, "Cursor"),
		cmpopts.IgnoreFields(store.Template{}, "CreatedAt", "UpdatedAt"),
		cmpopts.IgnoreFields(store.TemplateVersion{}, "CreatedAt"),
		cmpopts.IgnoreFields(store.GlobalEntry{}, "CreatedAt", "UpdatedAt"),
	}
	if diff := cmp.Diff(want, got, ignored); diff != "" {
		m.t.Errorf("answers differ (-memory +store):\n%s", diff)
	}
}

func (m *model) apply(tenant khronos.TenantID, b store.KVBatch) {
	want, wantErr := m.memory.KVApply(m.t.Context(), tenant, b)
	got, gotErr := m.real.KVApply(m.t.Context(), tenant, b)
	same(m, want, wantErr, got, gotErr)
	for i := range min(len(want), len(got)) {
		if _, known := m.ids[got[i].ID]; got[i].ID != "" && !known {
			m.order = append(m.order, got[i].ID)
		}
		m.ids[got[i].ID] = want[i].ID
	}
}

func (m *model) setOp() store.KVOp {
	op := put(m.key(), khronos.Integer(m.rnd.Int64()), m.someScopes()...)
	switch m.rnd.IntN(8) {
	case 0: // has expired
		op.ExpiresAt = time.Unix(1_700_000_000+m.rnd.Int64N(1_000_000), 0)
	case 1: // will not while this runs
		op.ExpiresAt = time.Now().Add(24 * time.Hour)
	}
	return op
}

func (m *model) set() { m.apply(m.tenant(), store.KVBatch{Ops: []store.KVOp{m.setOp()}}) }

func (m *model) delete() {
	m.apply(m.tenant(), store.KVBatch{Ops: []store.KVOp{remove(m.key(), m.someScopes()...)}})
}

func (m *model) batch() {
	tenant := m.tenant()
	var b store.KVBatch
	for range 1 + m.rnd.IntN(4) {
		op := pick(m, m.setOp(), remove(m.key(), m.someScopes()...), verify(m.key(), 0, m.someScopes()...))
		switch m.rnd.IntN(6) {
		case 0:
			op.Expect = store.KVAbsent
		case 1, 2:
			if r, err := m.memory.KVGet(m.t.Context(), tenant, op.Key, op.Scopes); err == nil {
				op.Scopes, op.Expect = r.Scopes, r.Version
			}
		case 3:
			op.Expect = 1 + m.rnd.Int64N(1000)
		}
		b.Ops = append(b.Ops, op)
	}
	if m.rnd.IntN(3) == 0 {
		b.Op = store.OpID(fmt.Sprint("op", m.rnd.IntN(40)))
	}
	if m.rnd.IntN(3) == 0 {
		b.Quota = store.Quota{Count: 1 + m.rnd.Int64N(30), Bytes: 1 + m.rnd.Int64N(1000)}
	}
	m.apply(tenant, b)
}

func (m *model) get() {
	tenant, key, scopes := m.tenant(), m.key(), m.someScopes()
	want, wantErr := m.memory.KVGet(m.t.Context(), tenant, key, scopes)
	got, gotErr := m.real.KVGet(m.t.Context(), tenant, key, scopes)
	same(m, want, wantErr, got, gotErr)
	if m.ids[got.ID] != want.ID {
		m.t.Errorf("got row %s, which is not %s", got.ID, want.ID)
	}
}

func (m *model) byID() {
	if len(m.order) == 0 {
		return
	}
	tenant, id := m.tenant(), m.order[m.rnd.IntN(len(m.order))]
	want, wantErr := m.memory.KVGetByID(m.t.Context(), tenant, m.ids[id])
	got, gotErr := m.real.KVGetByID(m.t.Context(), tenant, id)
	same(m, want, wantErr, got, gotErr)
}

func (m *model) find() {
	tenant, scopes, limit := m.tenant(), m.someScopes(), m.rnd.IntN(10)
	pattern := pick(m, "%", "a%", "_", "a_", "%b", `a\%`, "", "ü", "%a%", "x", `\`)
	want, wantErr := m.memory.KVFind(m.t.Context(), tenant, pattern, scopes, limit)
	got, gotErr := m.real.KVFind(m.t.Context(), tenant, pattern, scopes, limit)
	same(m, want, wantErr, got, gotErr)
}

func (m *model) scopes() {
	tenant := m.tenant()
	want, wantErr := m.memory.KVScopes(m.t.Context(), tenant)
	got, gotErr := m.real.KVScopes(m.t.Context(), tenant)
	same(m, want, wantErr, got, gotErr)
}

func (m *model) usage() {
	tenant := m.tenant()
	want, wantErr := m.memory.Usage(m.t.Context(), tenant)
	got, gotErr := m.real.Usage(m.t.Context(), tenant)
	same(m, want, wantErr, got, gotErr)
	stats, wantErr := m.memory.Stats(m.t.Context())
	gotStats, gotErr := m.real.Stats(m.t.Context())
	same(m, stats, wantErr, gotStats, gotErr)
	all := []khronos.TenantID{guild, user, giant, other}
	known, wantErr := m.memory.KnownTenants(m.t.Context(), all)
	gotKnown, gotErr := m.real.KnownTenants(m.t.Context(), all)
	same(m, known, wantErr, gotKnown, gotErr)
}

// expire reads what is due and acknowledges some of it.
func (m *model) expire() {
	now, limit := time.Now(), m.rnd.IntN(6)
	want, wantErr := m.memory.KVDue(m.t.Context(), now, store.KVCursor{}, limit)
	got, gotErr := m.real.KVDue(m.t.Context(), now, store.KVCursor{}, limit)
	same(m, want, wantErr, got, gotErr)
	if len(want) != len(got) || len(got) == 0 {
		return
	}
	from := m.rnd.IntN(len(got))
	same(m, 0, m.memory.KVExpire(m.t.Context(), want[from:]), 0, m.real.KVExpire(m.t.Context(), got[from:]))
}

func (m *model) name() string { return pick(m, "x", "y") }

func (m *model) putTemplate() {
	in := store.Template{Tenant: m.tenant()}
	in.Name, in.Paused = m.name(), m.rnd.IntN(4) == 0
	in.Files = map[string]string{"init.luau": fmt.Sprint(m.rnd.IntN(100)), pick(m, "a", "b"): ""}
	in.Subscriptions = []string{pick(m, "E1", "E2", "E3")}
	f := pick(m, store.Store.PutTemplate, store.Store.StageTemplate)
	want, wantErr := f(m.memory, m.t.Context(), in)
	got, gotErr := f(m.real, m.t.Context(), in)
	same(m, want, wantErr, got, gotErr)
}

func (m *model) changeTemplate() {
	tenant, name, version, paused := m.tenant(), m.name(), m.rnd.Int64N(60), m.rnd.IntN(2) == 0
	if list, err := m.memory.TemplateVersions(m.t.Context(), tenant, name); err == nil && m.rnd.IntN(3) > 0 {
		version = list[m.rnd.IntN(len(list))].Version
	}
	change := pick(m,
		func(s store.Store) (store.Template, error) {
			return s.ActivateTemplate(m.t.Context(), tenant, name, version)
		},
		func(s store.Store) (store.Template, error) {
			return s.TemplateVersion(m.t.Context(), tenant, name, version)
		},
		func(s store.Store) (store.Template, error) {
			return s.PauseTemplate(m.t.Context(), tenant, name, paused)
		},
	)
	if m.rnd.IntN(12) == 0 {
		change = func(s store.Store) (store.Template, error) {
			return store.Template{}, s.DeleteTemplate(m.t.Context(), tenant, name)
		}
	}
	want, wantErr := change(m.memory)
	got, gotErr := change(m.real)
	same(m, want, wantErr, got, gotErr)
}

func (m *model) readTemplates() {
	tenant, name := m.tenant(), m.name()
	want, wantErr := m.memory.Templates(m.t.Context(), tenant)
	got, gotErr := m.real.Templates(m.t.Context(), tenant)
	same(m, want, wantErr, got, gotErr)
	versions, wantErr := m.memory.TemplateVersions(m.t.Context(), tenant, name)
	gotVersions, gotErr := m.real.TemplateVersions(m.t.Context(), tenant, name)
	same(m, versions, wantErr, gotVersions, gotErr)
}

func (m *model) state() {
	tenant := m.tenant()
	if m.rnd.IntN(2) == 0 {
		state := khronos.TenantState{Banned: m.rnd.IntN(2) == 0, Data: json.RawMessage(fmt.Sprintf(`{"n": %d}`, m.rnd.IntN(9)))}
		same(m, 0, m.memory.PutTenantState(m.t.Context(), tenant, state), 0, m.real.PutTenantState(m.t.Context(), tenant, state))
	}
	want, wantErr := m.memory.TenantState(m.t.Context(), tenant)
	got, gotErr := m.real.TenantState(m.t.Context(), tenant)
	same(m, want, wantErr, got, gotErr)
}

func (m *model) object() {
	tenant, key, size := m.tenant(), m.key(), m.rnd.Int64N(100)
	q := store.Quota{Count: 1 + m.rnd.Int64N(6), Bytes: 1 + m.rnd.Int64N(300)}
	if m.rnd.IntN(3) == 0 {
		same(m, 0, m.memory.ObjectRelease(m.t.Context(), tenant, key), 0, m.real.ObjectRelease(m.t.Context(), tenant, key))
		return
	}
	same(m, 0, m.memory.ObjectReserve(m.t.Context(), tenant, key, size, q), 0, m.real.ObjectReserve(m.t.Context(), tenant, key, size, q))
}

func (m *model) global() {
	e := globalEntry(m.key(), m.rnd.Int32N(3), pick(m, "s", "t"))
	e.Owner = m.tenant()
	state := pick(m, store.ReviewApproved, store.ReviewDenied)
	ctx := m.t.Context()
	do := pick(m,
		func(s store.Store) error { return s.GlobalCreate(ctx, "", e) },
		func(s store.Store) error { return s.GlobalCreate(ctx, "", e) },
		func(s store.Store) error { return s.GlobalDelete(ctx, "", e.Owner, e.Key, e.Version, e.Scope) },
		func(s store.Store) error {
			return s.GlobalReview(ctx, e.Key, e.Version, e.Scope, store.Review{State: state})
		},
	)
	same(m, 0, do(m.memory), 0, do(m.real))
	filter := store.GlobalFilter{Pattern: pick(m, "", "a%", "b"), Scope: pick(m, "", "s"), Review: pick(m, "", state)}
	want, wantErr := m.memory.GlobalFind(ctx, filter, 20)
	got, gotErr := m.real.GlobalFind(ctx, filter, 20)
	same(m, want, wantErr, got, gotErr)
	if len(want) > 0 {
		one := want[m.rnd.IntN(len(want))]
		a, aErr := m.memory.GlobalGet(ctx, one.Key, one.Version, one.Scope)
		b, bErr := m.real.GlobalGet(ctx, one.Key, one.Version, one.Scope)
		same(m, a, aErr, b, bErr)
	}
}
