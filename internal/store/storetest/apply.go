package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

var applyTests = []test{
	{"all or nothing", testBatchAtomic},
	{"operations see the ones before", testBatchOrder},
	{"compare and set", testExpect},
	{"a version never comes back", testKVVersions},
	{"counters by compare and set", testCounters},
	{"rows by id", testGetByID},
	{"quota of rows", testQuotaRows},
	{"quota of bytes", testQuotaBytes},
	{"usage is exact", testUsage},
	{"objects are counted", testObjects},
	{"an operation is done once", testOnce},
	{"one id at once", testOnceAtOnce},
	{"batches that cannot be done", testBatchInvalid},
}

// put, remove and expect make operations.
func put(key string, v khronos.Value, scopes ...string) store.KVOp {
	return store.KVOp{Action: store.KVActionSet, Key: key, Value: v, Scopes: scopes}
}

func remove(key string, scopes ...string) store.KVOp {
	return store.KVOp{Action: store.KVActionDelete, Key: key, Scopes: scopes}
}

func verify(key string, expect int64, scopes ...string) store.KVOp {
	return store.KVOp{Action: store.KVActionCheck, Key: key, Expect: expect, Scopes: scopes}
}

func expecting(op store.KVOp, expect int64) store.KVOp {
	op.Expect = expect
	return op
}

func apply(t *testing.T, s store.Store, tenant khronos.TenantID, ops ...store.KVOp) ([]store.KVResult, error) {
	t.Helper()
	return s.KVApply(t.Context(), tenant, store.KVBatch{Ops: ops})
}

func mustApply(t *testing.T, s store.Store, tenant khronos.TenantID, ops ...store.KVOp) []store.KVResult {
	t.Helper()
	results, err := apply(t, s, tenant, ops...)
	check(t, err)
	if len(results) != len(ops) {
		t.Fatalf("%d results of %d operations", len(results), len(ops))
	}
	return results
}

// holds fails unless the tenant's rows in scope s are exactly these keys with these values.
func holds(t *testing.T, s store.Store, tenant khronos.TenantID, want map[string]int64) {
	t.Helper()
	rows, err := s.KVFind(t.Context(), tenant, "%", []string{"s"}, 1000)
	check(t, err)
	got := map[string]int64{}
	for _, r := range rows {
		got[r.Key], _ = r.Value.AsInteger()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func conflict(t *testing.T, err error, op int, found int64) {
	t.Helper()
	var c *store.ConflictError
	if !errors.As(err, &c) || !errors.Is(err, store.ErrConflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
	if c.Op != op || c.Found != found {
		t.Errorf("conflict of operation %d with version %d, want %d and %d", c.Op, c.Found, op, found)
	}
}

func testBatchAtomic(t *testing.T, s store.Store) {
	mustApply(t, s, guild, put("a", khronos.Integer(1), "s"), put("b", khronos.Integer(2), "s", "x"))
	_, err := apply(t, s, guild,
		put("a", khronos.Integer(10), "s"), remove("b", "s"), put("c", khronos.Integer(3), "s"), verify("d", 1, "s"))
	conflict(t, err, 3, 0)
	holds(t, s, guild, map[string]int64{"a": 1, "b": 2})
	mustApply(t, s, guild, put("a", khronos.Integer(10), "s"), remove("b", "s"), put("c", khronos.Integer(3), "s"))
	holds(t, s, guild, map[string]int64{"a": 10, "c": 3})
	if results := mustApply(t, s, guild); len(results) != 0 {
		t.Errorf("an empty batch has results: %v", results)
	}
}

func testBatchOrder(t *testing.T, s store.Store) {
	first := mustApply(t, s, guild, put("k", khronos.Integer(1), "s"))
	results := mustApply(t, s, guild,
		remove("k", "s"), verify("k", store.KVAbsent, "s"), put("k", khronos.Integer(2), "s"), put("k", khronos.Integer(3), "s"), remove("nothing", "s"))
	if results[0].Deleted != 1 || results[4].Deleted != 0 {
		t.Errorf("deleted %d and %d, want 1 and 0", results[0].Deleted, results[4].Deleted)
	}
	if results[2].ID == first[0].ID || results[3].ID != results[2].ID || results[3].Version <= results[2].Version {
		t.Errorf("rows made anew: %+v then %+v", first, results)
	}
	got, err := s.KVGet(t.Context(), guild, "k", []string{"s"})
	check(t, err)
	if got.Version != results[3].Version || got.ID != results[3].ID {
		t.Errorf("read version %d of %s, want %d of %s", got.Version, got.ID, results[3].Version, results[3].ID)
	}
}

func testExpect(t *testing.T, s store.Store) {
	_, err := apply(t, s, guild, expecting(put("k", khronos.Integer(1), "s"), 1))
	conflict(t, err, 0, 0)
	v := mustApply(t, s, guild, expecting(put("k", khronos.Integer(1), "s"), store.KVAbsent))[0].Version
	_, err = apply(t, s, guild, expecting(put("k", khronos.Integer(2), "s"), store.KVAbsent))
	conflict(t, err, 0, v)
	w := mustApply(t, s, guild, expecting(put("k", khronos.Integer(2), "s"), v))[0].Version
	_, err = apply(t, s, guild, expecting(put("k", khronos.Integer(3), "s"), v))
	conflict(t, err, 0, w)

	// A delete that expects something means the row of exactly these scopes.
	other := mustApply(t, s, guild, put("k", khronos.Integer(9), "s", "more"))[0].Version
	_, err = apply(t, s, guild, expecting(remove("k", "s"), other))
	conflict(t, err, 0, w)
	if n := mustApply(t, s, guild, expecting(remove("k", "s"), w))[0].Deleted; n != 1 {
		t.Errorf("deleted %d rows, want 1", n)
	}
	holds(t, s, guild, map[string]int64{"k": 9})
	mustApply(t, s, guild, expecting(remove("k", "s"), store.KVAbsent), verify("k", other, "more", "s"))
	_, err = apply(t, s, user, expecting(remove("k", "s"), 1)) // a tenant that was never written to
	conflict(t, err, 0, 0)
	mustApply(t, s, user, verify("k", store.KVAbsent, "s"))
}

func testKVVersions(t *testing.T, s store.Store) {
	seen := map[int64]bool{}
	for range 3 {
		for _, key := range []string{"a", "b"} {
			v := mustApply(t, s, guild, put(key, khronos.Null(), "s"))[0].Version
			if v < 1 || seen[v] {
				t.Errorf("version %d of %s: want a positive one that was never given", v, key)
			}
			seen[v] = true
		}
		check(t, s.KVDelete(t.Context(), guild, "a", []string{"s"}))
	}
}

// testCounters lets several writers count with compare and set: no step may be lost.
func testCounters(t *testing.T, s store.Store) {
	const writers, steps = 4, 10
	set(t, s, guild, "n", khronos.Integer(0), "s")
	inParallel(t, writers, func(int) error {
		for done := 0; done < steps; {
			now, err := s.KVGet(t.Context(), guild, "n", []string{"s"})
			if err != nil {
				return err
			}
			n, _ := now.Value.AsInteger()
			_, err = s.KVApply(t.Context(), guild, store.KVBatch{Ops: []store.KVOp{expecting(put("n", khronos.Integer(n+1), "s"), now.Version)}})
			if err == nil {
				done++
			} else if !errors.Is(err, store.ErrConflict) {
				return err
			}
		}
		return nil
	})
	holds(t, s, guild, map[string]int64{"n": writers * steps})
}

func testGetByID(t *testing.T, s store.Store) {
	id := mustApply(t, s, guild, put("k", khronos.Integer(1), "s", "r"))[0].ID
	got, err := s.KVGetByID(t.Context(), guild, id)
	check(t, err)
	want, err := s.KVGet(t.Context(), guild, "k", []string{"s"})
	check(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by id (-by key +by id):\n%s", diff)
	}
	for _, tenant := range []khronos.TenantID{other, user} {
		if _, err := s.KVGetByID(t.Context(), tenant, id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s reads another's row: %v", tenant, err)
		}
	}
	check(t, s.KVDelete(t.Context(), guild, "k", []string{"s"}))
	if _, err := s.KVGetByID(t.Context(), guild, id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after delete: got %v, want ErrNotFound", err)
	}
	if _, err := s.KVGetByID(t.Context(), guild, "\x00"); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("an id that is no text: got %v, want ErrInvalid", err)
	}
}

func testQuotaRows(t *testing.T, s store.Store) {
	q := store.Quota{Count: 2}
	do := func(ops ...store.KVOp) error {
		_, err := s.KVApply(t.Context(), guild, store.KVBatch{Quota: q, Ops: ops})
		return err
	}
	one := khronos.Integer(1)
	check(t, do(put("a", one, "s"), put("b", one, "s")))
	if err := do(put("c", one, "s")); !errors.Is(err, store.ErrQuota) {
		t.Errorf("a third row: got %v, want ErrQuota", err)
	}
	check(t, do(put("a", khronos.Integer(2), "s")))    // no new row
	check(t, do(put("c", one, "s"), remove("b", "s"))) // as many as before
	if err := do(remove("a", "s"), put("d", one, "s"), put("e", one, "s")); !errors.Is(err, store.ErrQuota) {
		t.Errorf("one more in a batch: got %v, want ErrQuota", err)
	}
	holds(t, s, guild, map[string]int64{"a": 2, "c": 1})
	set(t, s, guild, "over", one, "s") // without a quota
	check(t, do(put("a", khronos.Integer(3), "s")))
	check(t, do(remove("a", "s")))
	check(t, do(remove("c", "s")))
	check(t, do(put("c", one, "s")))
	if _, err := s.KVApply(t.Context(), user, store.KVBatch{Quota: q, Ops: []store.KVOp{put("a", one, "s")}}); err != nil {
		t.Errorf("another tenant: %v", err)
	}
}

func testQuotaBytes(t *testing.T, s store.Store) {
	value := khronos.Text("0123456789")
	form, err := store.EncodeValue(value)
	check(t, err)
	size := store.RowBytes("key", []string{"s", "tt"}, form)
	if size != int64(len("key")+len("s")+len("tt")+len(`{"Text":"0123456789"}`)) {
		t.Fatalf("a row of %d bytes", size)
	}
	do := func(bytes int64, ops ...store.KVOp) error {
		_, err := s.KVApply(t.Context(), guild, store.KVBatch{Quota: store.Quota{Bytes: bytes}, Ops: ops})
		return err
	}
	if err := do(size-1, put("key", value, "tt", "s", "s")); !errors.Is(err, store.ErrQuota) {
		t.Errorf("one byte too many: got %v, want ErrQuota", err)
	}
	check(t, do(size, put("key", value, "tt", "s", "s")))
	if err := do(size, put("key", khronos.Text("0123456789a"), "s", "tt")); !errors.Is(err, store.ErrQuota) {
		t.Errorf("a row that grows: got %v, want ErrQuota", err)
	}
	check(t, do(size/2, put("key", khronos.Text("0"), "s", "tt"))) // over, but less than before
}

func testUsage(t *testing.T, s store.Store) {
	expect := func(rows, bytes int64) {
		t.Helper()
		got, err := s.Usage(t.Context(), guild)
		check(t, err)
		if got.KVRows != rows || got.KVBytes != bytes {
			t.Errorf("got %d rows of %d bytes, want %d of %d", got.KVRows, got.KVBytes, rows, bytes)
		}
	}
	null := int64(len(`"Null"`))
	expect(0, 0)
	set(t, s, guild, "k", khronos.Null(), "s")
	expect(1, 2+null)
	set(t, s, guild, "k", khronos.Null(), "s")
	expect(1, 2+null)
	set(t, s, guild, "ü", khronos.Null(), "s", "ü")
	expect(2, 2+null+5+null)
	_, err := apply(t, s, guild, put("never", khronos.Null(), "s"), verify("x", 1, "s"))
	conflict(t, err, 1, 0)
	expect(2, 2+null+5+null)
	check(t, s.KVDelete(t.Context(), guild, "k", []string{"s"}))
	expect(1, 5+null)
	check(t, s.KVDelete(t.Context(), guild, "ü", []string{"ü"}))
	expect(0, 0)
}

func testObjects(t *testing.T, s store.Store) {
	q := store.Quota{Count: 2, Bytes: 100}
	reserve := func(key string, size int64) error { return s.ObjectReserve(t.Context(), guild, key, size, q) }
	expect := func(n, bytes int64) {
		t.Helper()
		got, err := s.Usage(t.Context(), guild)
		check(t, err)
		if got.Objects != n || got.ObjectBytes != bytes {
			t.Errorf("got %d objects of %d bytes, want %d of %d", got.Objects, got.ObjectBytes, n, bytes)
		}
	}
	check(t, reserve("a", 60))
	check(t, reserve("b", 40))
	expect(2, 100)
	if err := reserve("c", 0); !errors.Is(err, store.ErrQuota) {
		t.Errorf("a third object: got %v, want ErrQuota", err)
	}
	if err := reserve("a", 61); !errors.Is(err, store.ErrQuota) {
		t.Errorf("a byte more: got %v, want ErrQuota", err)
	}
	check(t, reserve("a", 10))
	expect(2, 50)
	check(t, s.ObjectRelease(t.Context(), guild, "a"))
	check(t, s.ObjectRelease(t.Context(), guild, "a"))
	check(t, s.ObjectRelease(t.Context(), other, "b"))
	expect(1, 40)
	for name, err := range map[string]error{
		"no tenant":       s.ObjectReserve(t.Context(), khronos.TenantID{}, "a", 1, q),
		"negative size":   s.ObjectReserve(t.Context(), guild, "a", -1, q),
		"key is no text":  s.ObjectReserve(t.Context(), guild, "\xff", 1, q),
		"release no text": s.ObjectRelease(t.Context(), guild, "\x00"),
	} {
		if !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
}

func testOnce(t *testing.T, s store.Store) {
	do := func(tenant khronos.TenantID, id store.OpID, ops ...store.KVOp) ([]store.KVResult, error) {
		return s.KVApply(t.Context(), tenant, store.KVBatch{Op: id, Ops: ops})
	}
	first, err := do(guild, "op1", put("a", khronos.Integer(1), "s"), remove("b", "s"))
	check(t, err)
	set(t, s, guild, "a", khronos.Integer(2), "s")
	again, err := do(guild, "op1", put("a", khronos.Integer(1), "s"), remove("b", "s"))
	check(t, err)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the second answer differs:\n%s", diff)
	}
	holds(t, s, guild, map[string]int64{"a": 2})
	if _, err := do(other, "op1", put("a", khronos.Integer(3), "s")); err != nil {
		t.Errorf("another tenant's id: %v", err)
	}
	holds(t, s, other, map[string]int64{"a": 3})

	// What failed is tried anew.
	if _, err := do(guild, "op2", verify("x", 1, "s")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
	_, err = do(guild, "op2", put("x", khronos.Integer(1), "s"))
	check(t, err)
	_, err = do(guild, "op2", put("x", khronos.Integer(2), "s"))
	check(t, err)
	holds(t, s, guild, map[string]int64{"a": 2, "x": 1})

	e := globalEntry("k", 1, "s")
	if err := s.GlobalCreate(t.Context(), "op2", e); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("an id given to two calls: got %v, want ErrInvalid", err)
	}
	check(t, s.GlobalCreate(t.Context(), "op3", e))
	check(t, s.GlobalCreate(t.Context(), "op3", e))
	check(t, s.GlobalDelete(t.Context(), "op4", e.Owner, "k", 1, "s"))
	check(t, s.GlobalDelete(t.Context(), "op4", e.Owner, "k", 1, "s"))
	shop := shopTemplate("s", "n", "1")
	check(t, s.PublishTemplate(t.Context(), "op5", shop))
	check(t, s.PublishTemplate(t.Context(), "op5", shop))
}

func testOnceAtOnce(t *testing.T, s store.Store) {
	const callers = 8
	answers := make([][]store.KVResult, callers)
	inParallel(t, callers, func(i int) (err error) {
		ops := []store.KVOp{put("k", khronos.Integer(int64(i)), "s"), put("l", khronos.Null(), "s")}
		answers[i], err = s.KVApply(t.Context(), guild, store.KVBatch{Op: "same", Ops: ops})
		return err
	})
	for i := range answers {
		if diff := cmp.Diff(answers[0], answers[i]); diff != "" {
			t.Errorf("caller %d got another answer:\n%s", i, diff)
		}
	}
	got, err := s.KVGet(t.Context(), guild, "k", []string{"s"})
	check(t, err)
	if got.Version != answers[0][0].Version {
		t.Errorf("version %d was stored, %d was answered", got.Version, answers[0][0].Version)
	}
}

func testBatchInvalid(t *testing.T, s store.Store) {
	good := put("k", khronos.Null(), "s")
	tooMany := make([]string, store.MaxScopes+1)
	for i := range tooMany {
		tooMany[i] = fmt.Sprint(i)
	}
	expires := good
	expires.ExpiresAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, b := range map[string]store.KVBatch{
		"no action":         {Ops: []store.KVOp{good, {Key: "k", Scopes: []string{"s"}}}},
		"unknown action":    {Ops: []store.KVOp{{Action: 9, Key: "k", Scopes: []string{"s"}}}},
		"no scope":          {Ops: []store.KVOp{good, put("k", khronos.Null())}},
		"too many scopes":   {Ops: []store.KVOp{put("k", khronos.Null(), tooMany...)}},
		"negative version":  {Ops: []store.KVOp{expecting(good, -2)}},
		"expires too late":  {Ops: []store.KVOp{expires}},
		"id too long":       {Op: store.OpID(strings.Repeat("x", store.MaxOpIDBytes+1)), Ops: []store.KVOp{good}},
		"id is no text":     {Op: "\xff", Ops: []store.KVOp{good}},
		"id of a text of 0": {Op: "\x00", Ops: []store.KVOp{good}},
	} {
		if _, err := s.KVApply(t.Context(), guild, b); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	holds(t, s, guild, map[string]int64{})
}
