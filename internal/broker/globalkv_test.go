package broker_test

import (
	"fmt"
	"testing"

	"github.com/template-worker/template-worker/internal/broker"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
)

func entry(key string, version int64, scope string, public bool) khronos.Value {
	return khronos.Map(khronos.Pair{Key: text("key"), Value: text(key)}, khronos.Pair{Key: text("version"), Value: khronos.Integer(version)},
		khronos.Pair{Key: text("scope"), Value: text(scope)}, khronos.Pair{Key: text("short"), Value: text("short")},
		khronos.Pair{Key: text("public_data"), Value: khronos.Boolean(public)}, khronos.Pair{Key: text("data"), Value: text("secret")})
}

func TestGlobalKV(t *testing.T) {
	eachStore(t, func(l *limits.Limits) { l.GlobalKVEntries = 3 }, func(w *world) {
		other := broker.Caller{Tenant: user}
		sees := func(who broker.Caller, n int) {
			w.Helper()
			found, err := w.exec(who, "globalkv.find", text("%"), text("s"))
			if err != nil || found.Len() != n {
				w.Errorf("%s sees %d entries, %v, want %d", who.Tenant, found.Len(), err, n)
			}
		}
		data := func(who broker.Caller, key string) string {
			w.Helper()
			got, err := w.exec(who, "globalkv.get", text(key), khronos.Integer(1), text("s"))
			if err != nil {
				w.Fatal(err)
			}
			d, _ := got.Get("data")
			return show(d)
		}
		for _, e := range []khronos.Value{entry("open", 1, "s", true), entry("closed", 1, "s", false), entry("open", 2, "t", true)} {
			w.want(khronos.Null(), operator, "globalkv.create", e)
		}
		w.refused(khronos.ErrKindQuotaExceeded, "the tenant has 3 entries (globalkv_entries)", operator, "globalkv.create", entry("more", 1, "s", true))
		w.refused(khronos.ErrKindBadRequest, `version 1 of "open" is there already`, other, "globalkv.create", entry("open", 1, "s", true))
		sees(operator, 2)
		sees(other, 0)
		w.want(khronos.Null(), other, "globalkv.get", text("open"), khronos.Integer(1), text("s"))
		for _, key := range []string{"open", "closed"} {
			if err := w.store.GlobalReview(w.Context(), key, 1, "s", store.Review{State: store.ReviewApproved}); err != nil {
				w.Fatal(err)
			}
		}
		sees(operator, 2)
		sees(other, 2)
		const value, opaque = `{"Map":[[{"Text":"type"},{"Text":"Value"}],[{"Text":"data"},{"Text":"secret"}]]}`, `{"Map":[[{"Text":"type"},{"Text":"Opaque"}]]}`
		for got, want := range map[string]string{
			"own open " + data(operator, "open"): "own open " + value, "own closed " + data(operator, "closed"): "own closed " + value,
			"open " + data(other, "open"): "open " + value, "closed " + data(other, "closed"): "closed " + opaque,
		} {
			if got != want {
				w.Errorf("got %s, want %s", got, want)
			}
		}
		w.refused(khronos.ErrKindNotFound, `the tenant has no version 1 of "open" in "s"`, other, "globalkv.delete", text("open"), khronos.Integer(1), text("s"))
		w.want(khronos.Null(), operator, "globalkv.delete", text("open"), khronos.Integer(1), text("s"))
		sees(other, 1)
		for _, key := range []string{"ab", ".abc", "abc.", "a b", "ä__", fmt.Sprintf("%065d", 1)} {
			w.refused(khronos.ErrKindBadRequest, "without a dot at either end", operator, "globalkv.create", entry(key, 1, "s", true))
		}
	})
}

// Capabilities are about scopes: an action in one is none in another.
func TestD09_globalScopes(t *testing.T) {
	w := newWorld(t, nil)
	caller := w.template(guild, "a", "globalkv:create:mine", "globalkv:find:mine", "globalkv:get:mine", "globalkv:delete:mine")
	version, key := khronos.Integer(1), text("abc")
	w.want(khronos.Null(), caller, "globalkv.create", entry("abc", 1, "mine", true))
	w.refused(khronos.ErrKindCapabilityMissing, `"globalkv:create:*"`, caller, "globalkv.create", entry("abc", 1, "other", true))
	w.refused(khronos.ErrKindCapabilityMissing, `"globalkv:find:*"`, caller, "globalkv.find", text("%"), text("other"))
	w.refused(khronos.ErrKindCapabilityMissing, `"globalkv:find:*"`, caller, "globalkv.find", text("%"), text(""))
	w.refused(khronos.ErrKindCapabilityMissing, `"globalkv:get:*"`, caller, "globalkv.get", key, version, text("other"))
	w.refused(khronos.ErrKindCapabilityMissing, `"globalkv:delete:*"`, caller, "globalkv.delete", key, version, text("other"))
	if _, err := w.exec(caller, "globalkv.find", text("%"), text("mine")); err != nil {
		t.Error(err)
	}
	w.want(khronos.Null(), caller, "globalkv.delete", key, version, text("mine"))
}
