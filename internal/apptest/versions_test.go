package apptest_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/apptest"
	"github.com/template-worker/template-worker/internal/khronos"
)

// numbered is a template folder whose handlers answer a number: Slow after half
// a second.
func numbered(t *testing.T, number int, asks string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "numbered")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	source := fmt.Sprintf(`return {
		Now = function(ctx) return { number = %[1]d, caps = #ctx.allowed_caps } end,
		Slow = function(ctx)
			ctx.KV:set("begun", true, { "test" })
			task.wait(0.5)
			return { number = %[1]d, kept = ctx.KV:get("begun", { "test" }) }
		end,
	}`, number)
	for name, text := range map[string]string{"init.luau": source, "template.toml": "capabilities = [" + asks + "]"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A template is pushed again, rolled back, paused, granted and pulled, while a
// handler of the first version runs to its end.
func TestWorld_Versions(t *testing.T) {
	for _, kind := range []struct {
		name   string
		thread bool
	}{{"process workers", false}, {"thread workers", true}} {
		t.Run(kind.name, func(t *testing.T) {
			w := apptest.Start(t, apptest.Options{Thread: kind.thread})
			tenant := guildID(81384788765712384)
			templates := func(want string, args ...string) {
				t.Helper()
				args = append([]string{"templates"}, append(args, "--tenant", guild)...)
				if out, errOut, code := w.Run(args...); code != 0 || !strings.Contains(out, want) {
					t.Errorf("%q: exit %d, %s%s, want %q", args, code, out, errOut, want)
				}
			}
			now := func(want string) {
				t.Helper()
				reply, err := w.Dispatch(tenant, "Now", nil)
				if err != nil {
					t.Fatal(err)
				}
				value, kind, _ := only(t, reply)
				text, err := value.PlainJSON()
				if err != nil || string(text) != want {
					t.Errorf("got %s %s %v, want %s", text, kind, err, want)
				}
			}

			templates("granted: kv:* (as asked for: the local operator grants that; --grant none would not)", "push", numbered(t, 1, `"kv:*"`))
			now(`{"number":1,"caps":1}`)

			var slow apptest.Reply
			var slowErr error
			var ended sync.WaitGroup
			ended.Go(func() { slow, slowErr = w.Dispatch(tenant, "Slow", nil) })
			w.Eventually(10*time.Second, "the handler runs", func() bool {
				text := w.Do("POST", "/i/run-script", map[string]any{"tenant": guild, "name": "look", "code": `return (...).KV:get("begun", { "test" })`}, http.StatusOK)
				return strings.Contains(string(text), "true")
			})
			templates("not granted: x", "push", numbered(t, 2, `"kv:*", "x"`), "--grant", "kept")
			now(`{"number":2,"caps":1}`)
			ended.Wait()
			value, errKind, _ := only(t, slow)
			if text, _ := value.PlainJSON(); slowErr != nil || string(text) != `{"number":1,"kept":true}` {
				t.Errorf("the old version's handler: got %s %s %v", text, errKind, slowErr)
			}

			templates("granted -", "grant", "numbered")
			now(`{"number":2,"caps":0}`)
			if out, errOut, code := w.Run("templates", "rollback", "numbered", "--tenant", guild); code != 1 || !strings.Contains(errOut, "holds kv:*") {
				t.Errorf("rollback to what was taken away: exit %d, %s%s", code, out, errOut)
			}
			templates("version 2", "rollback", "numbered", "--grant")
			now(`{"number":2,"caps":1}`)
			templates("version 1", "activate", "numbered", "1")
			now(`{"number":1,"caps":1}`)
			templates("paused", "pause", "numbered")
			if reply, err := w.Dispatch(tenant, "Now", nil); err != nil || !reply.Value.IsNull() {
				t.Errorf("paused: got %s, %v", reply.Body, err)
			}
			templates("resumed", "resume", "numbered")
			now(`{"number":1,"caps":1}`)
			templates("version 4 of "+guild+", staged", "push", numbered(t, 4, ""), "--stage")
			now(`{"number":1,"caps":1}`)
			templates("1        true", "versions", "numbered")
			dir := filepath.Join(t.TempDir(), "pulled")
			templates("2 files", "pull", "numbered", dir, "--version", "2")
			if source, err := os.ReadFile(filepath.Join(dir, "init.luau")); err != nil || !strings.Contains(string(source), "number = 2") {
				t.Errorf("pulled %q, %v", source, err)
			}
			templates("", "delete", "numbered")
			if reply, err := w.Dispatch(tenant, "Now", nil); err != nil || !reply.Value.IsNull() {
				t.Errorf("deleted: got %s, %v", reply.Body, err)
			}
		})
	}
}

// While a template is pushed again and again, every event is answered, by no
// version older than the last push that had returned.
func TestWorld_HotSwap(t *testing.T) {
	w := apptest.Start(t, apptest.Options{})
	tenant := guildID(81384788765712384)
	push := func(n int) {
		w.Do("PUT", "/i/tenants/"+guild+"/templates/n", map[string]any{"files": map[string]string{"init.luau": fmt.Sprintf("return { Now = function() return %d end }", n)}}, http.StatusOK)
	}
	push(1)
	var mu sync.Mutex
	last := 1
	done := make(chan struct{})
	var senders sync.WaitGroup
	for range 2 {
		senders.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				mu.Lock()
				least := last
				mu.Unlock()
				reply, err := w.Dispatch(tenant, "Now", nil)
				items := reply.Value.Items()
				if err != nil || len(items) != 1 {
					t.Errorf("an event was lost: %v %s", err, reply.Body)
					return
				}
				value, _ := items[0].Get("value")
				if got, _ := value.AsInteger(); int(got) < least {
					t.Errorf("got version %d, %d was pushed", got, least)
				}
			}
		})
	}
	for n := 2; n <= 25; n++ {
		push(n)
		mu.Lock()
		last = n
		mu.Unlock()
	}
	close(done)
	senders.Wait()
}

// A shop template is published, approved, installed by its ref and, once it is
// denied, gets no more events where it is installed.
func TestWorld_Shop(t *testing.T) {
	w := apptest.Start(t, apptest.Options{})
	tenant := guildID(81384788765712384)
	files := map[string]string{"init.luau": `return { Now = function(ctx) return #ctx.allowed_caps end }`, "template.toml": `capabilities = ["kv:*"]`}
	const ref = "@acme/now@1.0.0"
	w.Do("POST", "/i/shop/templates", map[string]any{"ref": ref, "owner": "guild:7", "files": files}, http.StatusOK)
	if _, errOut, code := w.Run("templates", "push", ref, "--tenant", guild); code != 1 || !strings.Contains(errOut, "its review is pending") {
		t.Errorf("before the review: exit %d, %s", code, errOut)
	}
	review := func(state string) {
		w.Do("POST", "/i/shop/templates/acme/now/1.0.0/review", map[string]string{"state": state}, http.StatusOK)
	}
	review("approved")
	if out, errOut, code := w.Run("templates", "push", ref, "--tenant", guild); code != 0 || !strings.Contains(out, "granted: kv:*") {
		t.Fatalf("install: exit %d, %s%s", code, out, errOut)
	}
	reply, err := w.Dispatch(tenant, "Now", nil)
	if err != nil {
		t.Fatal(err)
	}
	if value, kind, _ := only(t, reply); !value.Equal(khronos.Integer(1)) {
		t.Errorf("got %s %s, want 1 capability", reply.Body, kind)
	}
	review("denied")
	if reply, err := w.Dispatch(tenant, "Now", nil); err != nil || !reply.Value.IsNull() {
		t.Errorf("denied: got %s, %v", reply.Body, err)
	}
}
