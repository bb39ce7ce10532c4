package api_test

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"
)

// steps makes requests one after the other, each with what it must answer.
func steps(t *testing.T, b *bench, list []step) {
	t.Helper()
	for _, s := range list {
		w := b.do(s.method, s.path, s.body, s.headers...)
		if w.Code != s.status || !strings.Contains(w.Body.String(), s.want) {
			t.Errorf("%s %s %.100s: got %d %s, want %d %s", s.method, s.path, s.body, w.Code, w.Body, s.status, s.want)
		}
	}
}

type step struct {
	method, path, body string
	status             int
	want               string
	headers            []string
}

func TestServer_TemplateVersions(t *testing.T) {
	b := newBench(t)
	const a = "/i/tenants/guild:5/templates/a"
	file := func(events, asks string) string {
		return `{"files":{"init.luau":"` + events + `","template.toml":"capabilities = [` + asks + `]"}}`
	}
	steps(t, b, []step{
		{"PUT", a + "?stage=true", file("A", ""), 404, "to stage", nil},
		{"PUT", a, file("A", `'kv:*'`), 200, `"asked":["kv:*"],"capabilities":[],"missing":["kv:*"]`, nil},
		{"PUT", a + "/grants", `{"capabilities":["kv:*"]}`, 200, `"version":2`, nil},
		{"PUT", a, file("B", `'kv:*','x'`), 200, `"capabilities":["kv:*"],"missing":["x"]`, nil},
		{"PUT", a + "?grant=asked", file("B", `'kv:*','x'`), 200, `"capabilities":["kv:*","x"],"missing":[]`, nil},
		{"PUT", a, file("C", `'x'`), 200, `"version":5,"subscriptions":["C"],"asked":["x"],"capabilities":["x"]`, nil},
		{"PUT", a + "?stage=true", file("D", ""), 200, `"version":6,"subscriptions":["D"]`, nil},
		{"GET", a, "", 200, `"version":5`, nil},
		{"GET", a + "/versions", "", 200, `{"version":6,"current":false,`, nil},
		{"GET", a + "/versions/1", "", 200, `"init.luau":"A"`, nil},
		{"GET", a + "/versions/9", "", 404, "no version 9", nil},
		{"GET", a + "/versions/0", "", 400, ">= 1", nil},
		{"POST", a + "/rollback", "", 400, "holds kv:*, which version 5 does not", nil},
		{"POST", a + "/rollback?grant=true", "", 200, `"version":4`, nil},
		{"POST", a + "/versions/6/activate", "", 200, `"version":6`, nil},
		{"POST", a + "/versions/1/activate", "", 200, `"version":1`, nil},
		{"POST", a + "/rollback", "", 404, "no version before 1", nil},
		{"POST", a + "/pause", "", 200, `"paused":true`, nil},
		{"PUT", a, file("E", ""), 200, `"paused":true`, nil}, // stays so
		{"POST", a + "/resume", "", 200, `"version":7`, nil},
		{"PUT", a + "/grants", `{"capabilities":[""]}`, 400, "capability 1 is empty", nil},
		{"PUT", a + "/grants", `{}`, 400, "capabilities", nil},
		{"PUT", a, `{"files":{"init.luau":"E","template.toml":"capabilities = 1"}}`, 400, "template.toml:1", nil},
		{"POST", "/i/tenants/guild:5/templates/b/rollback", "", 404, "no template", nil},
		{"POST", "/i/tenants/guild:5/templates/b/pause", "", 404, "no template", nil},
		{"GET", "/i/tenants/guild:5/templates/b/versions", "", 404, "no template", nil},
	})
	b.rooms.mu.Lock()
	defer b.rooms.mu.Unlock()
	if len(b.rooms.calls) == 0 || b.rooms.calls[0] != "changed guild:5" {
		t.Errorf("the workers were told %q", b.rooms.calls)
	}
}

// archive makes a zip archive of names and contents.
func archive(t *testing.T, entries ...string) string {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := 0; i < len(entries); i += 2 {
		entry, err := w.Create(entries[i])
		if err == nil {
			_, err = io.WriteString(entry, entries[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestServer_TemplateZip(t *testing.T) {
	zipped := []string{"Content-Type: application/zip"}
	const a = "/i/tenants/guild:5/templates/a"
	steps(t, newBench(t), []step{
		{"PUT", a + "?grant=asked", archive(t, "a/init.luau", "E F", "a/template.toml", "capabilities = ['kv:*']", "a/README.md", "#"), 200, `"capabilities":["kv:*"]`, zipped},
		{"GET", a, "", 200, `"files":{"init.luau":"E F","template.toml"`, nil},
		{"PUT", a, "PK", 400, `"code":"BadRequest"`, zipped},
		{"PUT", a, archive(t, "../init.luau", "E"), 400, "clean relative path", zipped},
		{"PUT", a, archive(t, "init.luau", strings.Repeat(" ", 300<<10)), 413, "template_bytes", zipped},
		{"PUT", a, archive(t, "main.luau", ""), 400, "init.luau is missing", zipped},
		{"PUT", a, strings.Repeat("x", 2<<20), 413, "archive has more than", zipped},
		{"PUT", a, "{}", 415, "", []string{"Content-Type: text/plain"}},
	})
}

func TestServer_Shop(t *testing.T) {
	const shop, a = "/i/shop/templates", "/i/tenants/guild:5/templates/levels"
	publish := func(ref, owner, asks string) string {
		return `{"ref":"` + ref + `","owner":"` + owner + `","files":{"init.luau":"E","template.toml":"description = 'points'\ncapabilities = [` + asks + `]"}}`
	}
	b := newBench(t)
	steps(t, b, []step{
		{"POST", shop, publish("@acme/levels@1.0.0", "guild:7", `'kv:*'`), 200, `"summary":"points","asked":["kv:*"],"subscriptions":["E"],"review":"pending"`, nil},
		{"POST", shop, publish("@acme/levels@1.0.0", "guild:7", ""), 400, "published already", nil},
		{"POST", shop, publish("@acme/other@1.0.0", "guild:5", ""), 400, "belongs to another tenant", nil},
		{"POST", shop, publish("acme", "guild:7", ""), 400, "@scope/name@version", nil},
		{"POST", shop, publish("@acme/x@1", "acme", ""), 400, "tenant", nil},
		{"PUT", a, `{"from":"@acme/levels@1.0.0"}`, 400, "its review is pending", nil},
		{"PUT", "/i/tenants/guild:7/templates/mine", `{"from":"@acme/levels@1.0.0"}`, 200, `"from":"@acme/levels@1.0.0","review":"pending"`, nil},
		{"PUT", a, `{"from":"@acme/levels@2.0.0"}`, 404, "the shop has no @acme/levels@2.0.0", nil},
		{"PUT", a, `{"from":"levels"}`, 400, "@scope/name@version", nil},
		{"POST", shop + "/acme/levels/1.0.0/review", `{"state":"approved","note":"fine"}`, 200, `"review":"approved","note":"fine"`, nil},
		{"POST", shop + "/acme/levels/9/review", `{"state":"approved"}`, 404, "the shop has no", nil},
		{"POST", shop + "/acme/levels/1.0.0/review", `{"state":"maybe"}`, 400, "state", nil},
		{"PUT", a, `{"from":"@acme/levels@1.0.0","files":{"init.luau":""}}`, 400, "not both", nil},
		{"PUT", a + "?grant=asked", `{"from":"@acme/levels@1.0.0"}`, 200, `"version":1,"description":"points","from":"@acme/levels@1.0.0","review":"approved","subscriptions":["E"],"asked":["kv:*"],"capabilities":["kv:*"]`, nil},
		{"GET", a, "", 200, `"init.luau":"E"`, nil},
		{"PUT", a + "/grants", `{"capabilities":[]}`, 200, `"version":2,"description":"points","from":"@acme/levels@1.0.0"`, nil},
		{"POST", shop, publish("@acme/levels@1.1.0", "guild:7", ""), 200, "1.1.0", nil},
		{"GET", shop + "?scope=acme&review=approved", "", 200, `[{"ref":"@acme/levels@1.0.0"`, nil},
		{"GET", shop + "?owner=guild:7&after=@acme/levels@1.0.0", "", 200, `[{"ref":"@acme/levels@1.1.0"`, nil},
		{"GET", shop + "?after=x", "", 400, "@scope/name@version", nil},
		{"GET", shop + "/acme/levels/1.0.0", "", 200, `"init.luau":"E"`, nil},
		{"GET", shop + "/acme/levels/3", "", 404, "the shop has no", nil},
		{"POST", shop + "/acme/levels/1.0.0/review", `{"state":"denied","note":"bad"}`, 200, `"review":"denied"`, nil},
		{"PUT", a, `{"from":"@acme/levels@1.0.0"}`, 400, "its review is denied", nil},
	})
}
