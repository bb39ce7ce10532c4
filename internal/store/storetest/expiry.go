package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

var expiryTests = []test{
	{"a row that has expired is not there", testExpired},
	{"a row that will expire is", testWillExpire},
	{"due rows come in order and once each", testDueOrder},
	{"acknowledged ones are gone", testExpire},
	{"a set does not take an expiry back", testSetOverExpired},
	{"a set changes what was to come", testSetBeforeExpiry},
	{"pages end by size too", testDueSize},
}

// expiring makes an operation that sets a row which expires.
func expiring(key string, at time.Time, scopes ...string) store.KVOp {
	op := put(key, khronos.Text(key), scopes...)
	op.ExpiresAt = at
	return op
}

// due returns all that is due, in pages of that size.
func due(t *testing.T, s store.Store, now time.Time, page int) []store.KVExpiry {
	t.Helper()
	var all []store.KVExpiry
	var cursor store.KVCursor
	for {
		list, err := s.KVDue(t.Context(), now, cursor, page)
		check(t, err)
		if len(list) == 0 {
			return all
		}
		if len(list) > page {
			t.Fatalf("a page of %d, want at most %d", len(list), page)
		}
		all = append(all, list...)
		cursor = list[len(list)-1].Cursor
	}
}

func dueKeys(list []store.KVExpiry) []string {
	keys := make([]string, len(list))
	for i, e := range list {
		keys[i] = e.Record.Key
	}
	return keys
}

func testExpired(t *testing.T, s store.Store) {
	past := time.Now().Add(-time.Second)
	results := mustApply(t, s, guild, expiring("k", past, "s", "x"), put("stays", khronos.Integer(1), "s"))
	if _, err := s.KVGet(t.Context(), guild, "k", []string{"s"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get: got %v, want ErrNotFound", err)
	}
	if _, err := s.KVGetByID(t.Context(), guild, results[0].ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get by id: got %v, want ErrNotFound", err)
	}
	holds(t, s, guild, map[string]int64{"stays": 1})
	mustApply(t, s, guild, verify("k", store.KVAbsent, "s", "x"))
	if n := mustApply(t, s, guild, remove("k", "s"))[0].Deleted; n != 0 {
		t.Errorf("deleted %d rows that had expired", n)
	}
	if got := dueKeys(due(t, s, time.Now(), 10)); !slices.Equal(got, []string{"k"}) {
		t.Errorf("due: got %q, want k", got)
	}
}

func testWillExpire(t *testing.T, s store.Store) {
	at := time.Now().Add(time.Hour).Truncate(time.Microsecond).Add(time.Nanosecond)
	mustApply(t, s, guild, expiring("k", at, "s"))
	got, err := s.KVGet(t.Context(), guild, "k", []string{"s"})
	check(t, err)
	if late := got.ExpiresAt.Sub(at); late < 0 || late > time.Microsecond || got.ExpiresAt.Location() != time.UTC {
		t.Errorf("expires at %v, want %v, rounded up", got.ExpiresAt, at)
	}
	if list := due(t, s, time.Now(), 10); len(list) != 0 {
		t.Errorf("due before its time: %v", list)
	}
	next, err := s.KVNextExpiry(t.Context(), store.KVCursor{})
	check(t, err)
	if !next.Equal(got.ExpiresAt) {
		t.Errorf("next expiry: got %v, want %v", next, got.ExpiresAt)
	}
	list := due(t, s, got.ExpiresAt, 10)
	if len(list) != 1 || list[0].Tenant != guild || !list[0].Record.Value.Equal(khronos.Text("k")) || list[0].Record.ID != got.ID {
		t.Fatalf("due at its time: %+v", list)
	}
	next, err = s.KVNextExpiry(t.Context(), list[0].Cursor)
	check(t, err)
	if !next.IsZero() {
		t.Errorf("next expiry after the last: %v", next)
	}
	check(t, s.KVSet(t.Context(), guild, "k", khronos.Null(), []string{"s"}))
	got, err = s.KVGet(t.Context(), guild, "k", []string{"s"})
	check(t, err)
	if !got.ExpiresAt.IsZero() {
		t.Errorf("a plain set keeps the expiry %v", got.ExpiresAt)
	}
}

func testDueOrder(t *testing.T, s store.Store) {
	base := time.Now().Add(-time.Hour).Truncate(time.Second)
	tenants := []khronos.TenantID{guild, user, giant}
	var want []string
	for i := range 30 {
		key := fmt.Sprintf("%02d", i)
		want = append(want, key)
	}
	for i := range 30 { // not in order; three at a time expire together
		n := i * 7 % 30
		mustApply(t, s, tenants[n%3], expiring(want[n], base.Add(time.Duration(n/3)*time.Second), "s"))
	}
	mustApply(t, s, guild, expiring("later", time.Now().Add(time.Hour), "s"), put("never", khronos.Null(), "s"))
	for _, page := range []int{1, 4, 100} {
		list := due(t, s, time.Now(), page)
		if len(list) != 30 {
			t.Fatalf("%d are due in pages of %d, want 30", len(list), page)
		}
		for i, e := range list {
			if i > 0 && e.Record.ExpiresAt.Before(list[i-1].Record.ExpiresAt) {
				t.Errorf("%s comes after %s", e.Record.Key, list[i-1].Record.Key)
			}
		}
		keys := dueKeys(list)
		slices.Sort(keys)
		if !slices.Equal(keys, want) {
			t.Errorf("pages of %d: got %q, want each once", page, keys)
		}
	}
	if list, err := s.KVDue(t.Context(), time.Now(), store.KVCursor{}, 0); err != nil || len(list) != 0 {
		t.Errorf("a page of none: got %v, %v", list, err)
	}
}

func testExpire(t *testing.T, s store.Store) {
	past := time.Now().Add(-time.Second)
	for _, tenant := range []khronos.TenantID{user, guild, giant} {
		mustApply(t, s, tenant, expiring("a", past, "s"), expiring("b", past, "s", "r"))
	}
	list := due(t, s, time.Now(), 10)
	check(t, s.KVExpire(t.Context(), list[:4]))
	check(t, s.KVExpire(t.Context(), list[2:4])) // again
	check(t, s.KVExpire(t.Context(), nil))
	if left := due(t, s, time.Now(), 10); len(left) != 2 {
		t.Errorf("%d are due after 4 of 6 were acknowledged", len(left))
	}
	check(t, s.KVExpire(t.Context(), list))
	for _, tenant := range []khronos.TenantID{user, guild, giant} {
		usage, err := s.Usage(t.Context(), tenant)
		check(t, err)
		if usage != (store.Usage{}) {
			t.Errorf("%s still holds %+v", tenant, usage)
		}
		scopes, err := s.KVScopes(t.Context(), tenant)
		check(t, err)
		if len(scopes) != 0 {
			t.Errorf("%s still has scopes %q", tenant, scopes)
		}
	}
}

func testSetOverExpired(t *testing.T, s store.Store) {
	past := time.Now().Add(-time.Second)
	first := mustApply(t, s, guild, expiring("k", past, "s"))[0]
	second := mustApply(t, s, guild, expecting(put("k", khronos.Integer(2), "s"), store.KVAbsent))[0]
	if second.ID == first.ID {
		t.Error("the new row has the id of the expired one")
	}
	third := mustApply(t, s, guild, expiring("k", past, "s"))[0] // expired at once: over the live one
	if third.ID != second.ID {
		t.Error("a set of a live row made a new one")
	}
	mustApply(t, s, guild, put("k", khronos.Integer(4), "s"))
	list := due(t, s, time.Now(), 10)
	if len(list) != 2 || list[0].Record.ID != first.ID || list[1].Record.ID != second.ID {
		t.Fatalf("due: got %+v, want both that have expired", list)
	}
	holds(t, s, guild, map[string]int64{"k": 4})
	check(t, s.KVExpire(t.Context(), list))
	holds(t, s, guild, map[string]int64{"k": 4})
	if n := mustApply(t, s, guild, remove("k", "s"))[0].Deleted; n != 1 {
		t.Errorf("deleted %d rows, want 1", n)
	}
}

func testSetBeforeExpiry(t *testing.T, s store.Store) {
	soon := time.Now().Add(time.Hour)
	mustApply(t, s, guild, expiring("a", soon, "s"), expiring("b", soon, "s"), expiring("c", soon, "s"))
	at := soon.Add(time.Minute)
	early := due(t, s, at, 10)
	if len(early) != 3 {
		t.Fatalf("%d are due, want 3", len(early))
	}
	mustApply(t, s, guild, expiring("a", soon.Add(time.Hour), "s"), remove("b", "s"))
	if got := dueKeys(due(t, s, at, 10)); !slices.Equal(got, []string{"c"}) {
		t.Errorf("due: got %q, want c", got)
	}
	// What was read before the change acknowledges nothing of the changed row.
	check(t, s.KVExpire(t.Context(), early))
	if _, err := s.KVGet(t.Context(), guild, "a", []string{"s"}); err != nil {
		t.Errorf("an old acknowledgement removed a row that was set since: %v", err)
	}
}

func testDueSize(t *testing.T, s store.Store) {
	past := time.Now().Add(-time.Second)
	big := khronos.Text(string(make([]byte, store.MaxFindBytes/16))) // each NUL takes six bytes
	for i := range 4 {
		op := put(fmt.Sprint(i), big, "s")
		op.ExpiresAt = past
		mustApply(t, s, guild, op)
	}
	list, err := s.KVDue(t.Context(), time.Now(), store.KVCursor{}, 10)
	check(t, err)
	if len(list) == 0 || len(list) == 4 {
		t.Errorf("a page of %d of 4 that hold more than fits", len(list))
	}
	if all := due(t, s, time.Now(), 10); len(all) != 4 {
		t.Errorf("%d in all pages, want 4", len(all))
	}
}
