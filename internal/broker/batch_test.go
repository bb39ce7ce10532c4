package broker_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/broker"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/memory"
	"github.com/template-worker/template-worker/internal/store/sqlite"
)

// eachStore runs a test over every store that needs no server.
func eachStore(t *testing.T, change func(*limits.Limits), test func(w *world)) {
	t.Run("memory", func(t *testing.T) { test(newWorldOver(t, memory.New(), change)) })
	t.Run("sqlite", func(t *testing.T) {
		st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		test(newWorldOver(t, st, change))
	})
}

// operation is one of a batch: "set k" with scopes s, and more fields.
func operation(what string, more ...any) khronos.Value {
	action, key, _ := strings.Cut(what, " ")
	pairs := []khronos.Pair{
		{Key: text("action"), Value: text(action)}, {Key: text("key"), Value: text(key)}, {Key: text("scopes"), Value: list(text("s"))},
	}
	for i := 0; i < len(more); i += 2 {
		pairs = append(pairs, khronos.Pair{Key: text(more[i].(string)), Value: more[i+1].(khronos.Value)})
	}
	return khronos.Map(pairs...)
}

func (w *world) version(key string) khronos.Value {
	w.Helper()
	record, err := w.exec(operator, "kv.getrecord", text(key), list(text("s")))
	if err != nil {
		w.Fatal(err)
	}
	v, _ := record.Get("version")
	return v
}

func TestKVBatch(t *testing.T) {
	eachStore(t, nil, func(w *world) {
		s, one, two := list(text("s")), khronos.Integer(1), khronos.Integer(2)
		conflict := func(n int64) khronos.Value { return list(no, list(), khronos.Integer(n)) }
		done, err := w.exec(operator, "kv.batch", list(operation("set a", "value", one, "version", khronos.Integer(0)), operation("set b", "value", two), operation("delete none")))
		if err != nil || !done.Index(0).Equal(yes) || done.Index(1).Len() != 3 {
			w.Fatalf("got %s, %v", show(done), err)
		}
		if n, _ := done.Index(1).Index(2).Get("deleted"); !n.Equal(khronos.Integer(0)) {
			w.Errorf("a delete of nothing: %s", show(done))
		}
		if v, _ := done.Index(1).Index(0).Get("version"); !v.Equal(w.version("a")) || v.Equal(w.version("b")) {
			w.Errorf("versions: %s", show(done))
		}
		// What does not hold leaves all as it is, whatever came before.
		w.want(conflict(2), operator, "kv.batch", list(operation("set b", "value", one), operation("set a", "value", two, "version", khronos.Integer(0))))
		w.want(conflict(1), operator, "kv.batch", list(operation("check c", "version", one)))
		w.want(conflict(3), operator, "kv.batch", list(operation("delete a"), operation("delete b"), operation("check a", "version", w.version("a"))))
		w.want(list(one, yes), operator, "kv.get", text("a"), s)
		w.want(list(two, yes), operator, "kv.get", text("b"), s)

		old := w.version("a")
		w.want(khronos.Null(), operator, "kv.set", text("a"), two, s)
		w.want(conflict(1), operator, "kv.batch", list(operation("delete a", "version", old)))
		if _, err := w.exec(operator, "kv.batch", list(operation("delete a", "version", w.version("a")), operation("check a", "version", khronos.Integer(0)))); err != nil {
			w.Fatal(err)
		}
		w.want(list(khronos.Null(), no), operator, "kv.get", text("a"), s)
	})
}

func TestKVBatch_bad(t *testing.T) {
	w := newWorld(t, func(l *limits.Limits) { l.KVBatchOperations, l.KVValueBytes = 3, 100 })
	for in, ops := range map[string]khronos.Value{
		"operations: at least one is needed":                               list(),
		`operations[1].action must be "set" or "delete" or "check"`:        list(operation("get a")),
		`operations[1]: "color" is no field of KVOperation`:                list(operation("set a", "color", text("x"))),
		"operations[2].version is missing: it is what a check checks":      list(operation("set a"), operation("check a")),
		"operations[1].value: only a set has it":                           list(operation("delete a", "value", yes)),
		"operations[1].expires_in: only a set has it":                      list(operation("delete a", "expires_in", khronos.Integer(1))),
		"operations[1]: give expires_in or expires_at, not both":           list(operation("set a", "expires_in", khronos.Integer(1), "expires_at", khronos.Timestamp(time.Now()))),
		"operations[1].expires_in must be between 0 and":                   list(operation("set a", "expires_in", khronos.Integer(-1))),
		"operations[1].version must be between 0 and":                      list(operation("set a", "version", khronos.Integer(-1))),
		"operations[1].expires_at must be between the years 1970 and 9999": list(operation("set a", "expires_at", khronos.Timestamp(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)))),
	} {
		w.refused(khronos.ErrKindBadRequest, "kv.batch: "+in, operator, "kv.batch", ops)
	}
	many := operation("set a")
	w.refused(khronos.ErrKindTooLarge, "operations has 4 items: the limit is 3 (kv_batch_operations)", operator, "kv.batch", list(many, many, many, many))
	w.refused(khronos.ErrKindTooLarge, "operations[1].value has 112 bytes in its JSON form: the limit is 100 (kv_value_bytes)", operator, "kv.batch",
		list(operation("set a", "value", text(strings.Repeat("x", 101)))))
	w.want(list(), operator, "kv.list_scopes")
}

// Each operation of a batch needs what a call of its own needs.
func TestD04_everyOperation(t *testing.T) {
	eachStore(t, nil, func(w *world) {
		other := func(action string) khronos.Value {
			return khronos.Map(khronos.Pair{Key: text("action"), Value: text(action)}, khronos.Pair{Key: text("key"), Value: text("k")},
				khronos.Pair{Key: text("scopes"), Value: list(text("s"), text("templates"))}, khronos.Pair{Key: text("version"), Value: khronos.Integer(0)})
		}
		caller := w.template(guild, "a", "kv[s]:*", "kv[templates]:get")
		w.refused(khronos.ErrKindCapabilityMissing, `"kv:set:*"`, caller, "kv.batch", list(operation("set a"), other("set")))
		w.refused(khronos.ErrKindCapabilityMissing, `"kv:delete:*"`, caller, "kv.batch", list(other("delete")))
		w.want(list(), operator, "kv.list_scopes")
		if _, err := w.exec(caller, "kv.batch", list(operation("set a"), other("check"))); err != nil {
			w.Errorf("what is allowed is refused: %v", err)
		}
		w.refused(khronos.ErrKindCapabilityMissing, `"kv:get:*"`, caller, "kv.getbyid", text("id"))
	})
}

func TestKVQuota(t *testing.T) {
	const long = 100
	eachStore(t, func(l *limits.Limits) { l.KVRows, l.KVBytes = 2, 2*long }, func(w *world) {
		s := list(text("s"))
		for _, key := range []string{"a", "b", "b"} {
			w.want(khronos.Null(), operator, "kv.set", text(key), yes, s)
		}
		const refusal = "the tenant would keep more than 2 records (kv_rows) or 200 bytes (kv_bytes): delete some first"
		w.refused(khronos.ErrKindQuotaExceeded, "kv.set: "+refusal, operator, "kv.set", text("c"), yes, s)
		w.refused(khronos.ErrKindQuotaExceeded, "kv.set: "+refusal, operator, "kv.set", text("a"), text(strings.Repeat("x", 2*long)), s)
		w.refused(khronos.ErrKindQuotaExceeded, "kv.batch: "+refusal, operator, "kv.batch", list(operation("set c"), operation("set d"), operation("delete a")))
		w.want(list(yes, yes), operator, "kv.get", text("a"), s)
		if _, err := w.exec(operator, "kv.batch", list(operation("set c"), operation("delete a"))); err != nil {
			w.Errorf("a batch that keeps no more than before: %v", err)
		}
		w.want(khronos.Null(), broker.Caller{Tenant: user}, "kv.set", text("a"), yes, s) // another tenant's account
	})
}

// A call that a worker makes twice, since it does not know what became of the
// first, is done once: the second answers what the first did and undoes nothing
// that came between.
func TestExec_calledTwice(t *testing.T) {
	eachStore(t, nil, func(w *world) {
		s := list(text("s"))
		named := func(call string) broker.Caller { return broker.Caller{Tenant: guild, Dispatch: 1, Call: call} }
		batch := list(operation("set a", "value", text("mine"), "version", khronos.Integer(0)))
		first, err := w.exec(named("x-1"), "kv.batch", batch)
		if err != nil {
			w.Fatal(err)
		}
		w.want(khronos.Null(), named("x-2"), "kv.set", text("a"), text("theirs"), s)
		w.want(first, named("x-1"), "kv.batch", batch)
		w.want(list(text("theirs"), yes), operator, "kv.get", text("a"), s)
		w.want(khronos.Null(), named("x-3"), "kv.delete", text("a"), s)
		w.want(khronos.Null(), named("x-2"), "kv.set", text("a"), text("theirs"), s)
		w.want(list(khronos.Null(), no), operator, "kv.get", text("a"), s)
		// Names are the tenant's own.
		w.want(khronos.Null(), broker.Caller{Tenant: user, Call: "x-2"}, "kv.set", text("a"), text("theirs"), s)
		w.want(list(text("theirs"), yes), broker.Caller{Tenant: user}, "kv.get", text("a"), s)
	})
}

func TestKVExpiry(t *testing.T) {
	eachStore(t, nil, func(w *world) {
		s := list(text("s"))
		options := func(name string, v khronos.Value) khronos.Value {
			return khronos.Map(khronos.Pair{Key: text(name), Value: v})
		}
		w.want(khronos.Null(), operator, "kv.set", text("past"), yes, s, options("expires_in", khronos.Integer(0)))
		w.want(list(khronos.Null(), no), operator, "kv.get", text("past"), s)
		if v := w.version("past"); !v.Equal(khronos.Integer(0)) {
			w.Errorf("version %s of what is not there any more", show(v))
		}
		at := time.Now().Add(time.Hour).Truncate(time.Microsecond)
		for i, o := range []khronos.Value{options("expires_at", khronos.Timestamp(at)), options("expires_in", khronos.Float(3600.5)), khronos.Map(), khronos.Null()} {
			key := text(fmt.Sprint(i))
			w.want(khronos.Null(), operator, "kv.set", key, yes, s, o)
			record, err := w.exec(operator, "kv.getrecord", key, s)
			if err != nil {
				w.Fatal(err)
			}
			v, _ := record.Get("expires_at")
			got, given := v.AsTimestamp()
			if given != (i < 2) || given && (got.Before(at) || got.After(at.Add(time.Minute))) {
				w.Errorf("options %s: expires at %v", show(o), got)
			}
		}
		due, err := w.store.KVDue(w.Context(), time.Now(), store.KVCursor{}, 10)
		if err != nil || len(due) != 1 || due[0].Record.Key != "past" {
			w.Errorf("due: %+v, %v", due, err)
		}
	})
}
