package broker_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/template-worker/template-worker/internal/broker"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

// TestRates_meaning takes a bucket through its whole life: a burst at once, then
// one call each time a token came back, then a full bucket again and no fuller.
func TestRates_meaning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *limits.Limits) { l.RuntimeBurst, l.RuntimeRefill = 3, time.Second })
		use := func(n int) {
			t.Helper()
			for range n {
				if _, err := w.exec(operator, "runtime.links"); err != nil {
					t.Fatal(err)
				}
			}
		}
		empty := func(text string) {
			t.Helper()
			w.refused(khronos.ErrKindRateLimited, text, operator, "runtime.links")
		}
		use(3)
		empty("too many Runtime calls: 3 at once and one more every 1s are allowed; try again in 1.001s")
		time.Sleep(999 * time.Millisecond)
		empty("try again in 2ms")
		time.Sleep(time.Millisecond)
		use(1)
		empty("")
		time.Sleep(2 * time.Second)
		use(2)
		empty("")
		time.Sleep(time.Hour)
		use(3)
		empty("")
	})
}

func TestRates_separation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *limits.Limits) { l.KVBurst, l.RuntimeBurst = 2, 1 })
		a, b := w.template(guild, "a", "*"), w.template(guild, "b", "*")
		get := func(caller broker.Caller) error {
			_, err := w.exec(caller, "kv.get", text("k"), list(text("s")))
			return err
		}
		for _, caller := range []broker.Caller{a, b} { // the templates of a tenant share a bucket
			if err := get(caller); err != nil {
				t.Fatal(err)
			}
		}
		for _, op := range []string{"kv.get", "kv.getrecord", "kv.find", "kv.delete"} {
			w.refused(khronos.ErrKindRateLimited, "KV", a, op, text("k"), list(text("s")))
		}
		w.refused(khronos.ErrKindRateLimited, "KV", operator, "kv.set", text("k"), text("v"), list(text("s")))
		w.broker.Forget(guild) // an upload gives no tokens
		if err := get(b); err == nil {
			t.Error("after Forget the bucket was full")
		}
		if err := get(broker.Caller{Tenant: user}); err != nil {
			t.Errorf("another tenant: %v", err)
		}
		w.want(list(), a, "kv.list_scopes") // not counted
		for _, op := range []string{"runtime.links", "runtime.stats", "runtime.gettenantstate"} {
			time.Sleep(time.Second)
			if _, err := w.exec(a, op); err != nil {
				t.Errorf("another bucket: %v", err)
			}
			w.refused(khronos.ErrKindRateLimited, "Runtime", a, op)
		}
	})
}

// TestRates_refusedIsFree wants that calls without permission take no token, and
// that the size is looked at after the rate.
func TestRates_refusedIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *limits.Limits) { l.KVBurst, l.KVKeyBytes = 1, 1 })
		poor := w.template(guild, "poor")
		for range 3 {
			w.refused(khronos.ErrKindCapabilityMissing, "", poor, "kv.get", text("k"), list(text("s")))
			w.refused(khronos.ErrKindBadRequest, "", operator, "kv.get")
		}
		w.refused(khronos.ErrKindTooLarge, "", operator, "kv.get", text("long"), list(text("s")))
		w.refused(khronos.ErrKindRateLimited, "", operator, "kv.get", text("long"), list(text("s")))
	})
}
