package tenant

import (
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// BenchmarkDispatch is the whole way of an event inside a worker, from Deliver to
// Done, for a handler that does next to nothing.
func BenchmarkDispatch(b *testing.B) {
	for _, bm := range []struct{ name, handler, data string }{
		{"trivial", `return function() return 1 end`, ""},
		{"event", `return function(ctx) return ctx:event().data.author.id end`, `{"content":"hello","author":{"id":"53908099506183680","username":"mason"},"mentions":[],"roles":["1","2"]}`},
		{"kv", `return function(ctx) return ctx.KV:get("k", { "s" }) end`, ""},
	} {
		b.Run(bm.name, func(b *testing.B) {
			w := newWorld(b, func(c *Config) { c.Limits.CPUWindowBudget = c.Limits.CPUWindow })
			w.template(guild(1), "a", "local f = (function() "+bm.handler+" end)() return { e = f }", "e")
			ev := khronos.Event{Name: "e"}
			if bm.data != "" {
				payload, err := khronos.JSONPayload([]byte(bm.data))
				if err != nil {
					b.Fatal(err)
				}
				ev.Data = payload
			}
			done := make(chan khronos.Outcome, 1)
			deadline := time.Now().Add(time.Hour)
			id := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				id++
				err := w.rt.Deliver(Job{ID: id, Tenant: guild(1), Kind: JobDispatchEvent, Event: ev, Deadline: deadline, Done: func(out khronos.Outcome) { done <- out }})
				if err != nil {
					b.Fatal(err)
				}
				if out := <-done; out.Err != nil || out.Value.Len() != 1 {
					b.Fatalf("got %v", out)
				}
				w.door.mu.Lock()
				w.door.calls = w.door.calls[:0]
				w.door.mu.Unlock()
			}
		})
	}
}
