package api_test

import (
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

func TestServer_GlobalKV(t *testing.T) {
	const all, a = "/i/globalkv", "/i/globalkv/texts/greetings/1"
	b := newBench(t)
	e := store.GlobalEntry{
		Key: "greetings", Version: 1, Scope: "texts", Owner: khronos.TenantID{Kind: khronos.TenantGuild, ID: 5}, Short: "how to greet", Data: khronos.Text("hello"),
	}
	if err := b.global.GlobalCreate(t.Context(), "", e); err != nil {
		t.Fatal(err)
	}
	steps(t, b, []step{
		{"GET", all + "?review=pending", "", 200, `[{"key":"greetings","version":1,"scope":"texts","owner":"guild:5","short":"how to greet","public_data":false,"review":"pending"`, nil},
		{"GET", all + "?owner=guild:6", "", 200, "[]", nil},
		{"GET", all + "?owner=six", "", 400, "tenant", nil},
		{"GET", all + "?key=%5C", "", 400, "escape", nil},
		{"GET", a, "", 200, `"data":{"Text":"hello"}`, nil},
		{"GET", "/i/globalkv/texts/greetings/2", "", 404, "no such GlobalKV entry", nil},
		{"POST", a + "/review", `{"state":"approved","note":"fine"}`, 200, `"review":"approved","note":"fine"`, nil},
		{"POST", a + "/review", `{"state":"maybe"}`, 400, "state", nil},
		{"POST", "/i/globalkv/none/greetings/1/review", `{"state":"denied"}`, 404, "no such GlobalKV entry", nil},
		{"GET", all + "?review=approved&scope=texts&key=greet%25", "", 200, `"review":"approved"`, nil},
		{"POST", a + "/review", `{"state":"denied"}`, 401, "", []string{"Authorization: Internal x"}},
		{"DELETE", a, "", 204, "", nil},
		{"DELETE", a, "", 404, "no such GlobalKV entry", nil},
	})
}
