package tenant

import (
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// A quarantined event of one template ends at once; everything else goes on, in
// the machines that there are.
func TestRuntime_Quarantine(t *testing.T) {
	w := newWorld(t, nil)
	const source = `local n = 0
		return { e = function() n += 1 return n end, f = function() n += 1 return n end }`
	put := func(q ...khronos.QuarantinedEvent) { // template a so, and b without
		tpl := khronos.Template{Name: "a", Version: 1, Files: map[string]string{"init.luau": source}, Subscriptions: []string{"e", "f"}, Quarantined: q}
		w.door.put(guild(1), tpl)
		tpl.Name, tpl.Quarantined = "b", nil
		w.door.put(guild(1), tpl)
	}
	entries := func(event string) string {
		t.Helper()
		out := w.outcome(w.event(guild(1), event, nil))
		if out.Err != nil {
			t.Fatal(out.Err)
		}
		return plain(t, out.Value)
	}
	want := func(event, want string) {
		t.Helper()
		if got := entries(event); got != want {
			t.Errorf("%s gives %s, want %s", event, got, want)
		}
	}
	ok := func(id string, n string) string { return `{"type":"ok","id":"` + id + `","value":` + n + `}` }
	refused := `{"type":"err","id":"a","value":"it killed","kind":"quarantined","owner":"script","version":1,"trace":""}`

	put()
	want("e", "["+ok("a", "1")+","+ok("b", "1")+"]")

	put(khronos.QuarantinedEvent{Event: "e", Until: time.Now().Add(time.Hour), Reason: "it killed"})
	want("e", "["+ok("a", "2")+","+ok("b", "2")+"]") // nobody has told the tenant
	w.rt.Refresh(guild(1))
	want("e", "["+refused+","+ok("b", "3")+"]")
	want("f", "["+ok("a", "3")+","+ok("b", "4")+"]")

	put(khronos.QuarantinedEvent{Until: time.Now().Add(time.Hour), Reason: "it killed"})
	w.rt.Refresh(guild(1))
	want("f", "["+refused+","+ok("b", "5")+"]") // an empty event means all

	put(khronos.QuarantinedEvent{Event: "e", Until: time.Now().Add(-time.Second), Reason: "it killed"})
	w.rt.Refresh(guild(1))
	w.rt.Refresh(guild(2)) // not loaded: nothing to do
	want("e", "["+ok("a", "4")+","+ok("b", "6")+"]")
}
