package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/auth"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/ledger"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/memory"
	"github.com/template-worker/template-worker/internal/telemetry"
	"github.com/template-worker/template-worker/internal/templates"
	"github.com/template-worker/template-worker/internal/tenantlog"
	"github.com/template-worker/template-worker/internal/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rooms is everything behind the API, with behaviour: events are echoed, and
// an event's name picks the fault.
type rooms struct {
	mu     sync.Mutex // mu guards the fields below
	calls  []string
	killed []khronos.WorkerID

	blocked chan struct{} // one element for each event Block that has come in
	unblock chan struct{} // ends them
}

func (r *rooms) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
}

func (r *rooms) DispatchEvent(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) (khronos.Value, error) {
	r.note("dispatch %s %s by %s", tenant, ev.Name, ev.Author)
	switch ev.Name {
	case "busy":
		return khronos.Null(), khronos.ErrTenantBusy
	case "lost":
		return khronos.Null(), khronos.Errorf(khronos.ErrKindWorkerLostStarted, "worker 0 died")
	case "secret":
		return khronos.Null(), fmt.Errorf("open postgres://user:hunter2@host: refused")
	case "slow":
		<-ctx.Done()
		return khronos.Null(), context.Cause(ctx)
	case "Block":
		r.blocked <- struct{}{}
		<-r.unblock
		return khronos.Null(), nil
	case "panic":
		panic("boom")
	}
	return ev.Data.Value()
}

func (r *rooms) DispatchEventNoWait(_ context.Context, tenant khronos.TenantID, ev khronos.Event) error {
	r.note("nowait %s %s", tenant, ev.Name)
	return nil
}

func (r *rooms) Quarantine(_ context.Context, tenant khronos.TenantID) ([]api.QuarantineEntry, error) {
	if tenant.ID != 5 {
		return nil, khronos.Errorf(khronos.ErrKindDependency, "the store did not answer")
	}
	return []api.QuarantineEntry{{Template: "greeter", Version: 3, Event: "e", State: "quarantined", Deaths: 2}}, nil
}

func (r *rooms) LiftQuarantine(_ context.Context, tenant khronos.TenantID, template string) (int, error) {
	r.note("lift %s %q", tenant, template)
	return 1, nil
}

func (r *rooms) RunScript(_ context.Context, tenant khronos.TenantID, name, code string, ev khronos.Event) (khronos.Value, error) {
	r.note("script %s %s %s", tenant, name, ev.Name)
	if code == "error" {
		return khronos.Null(), khronos.Errorf(khronos.ErrKindScriptError, "x:1: error")
	}
	return khronos.Text(code), nil
}

func (r *rooms) DropTenant(_ context.Context, tenant khronos.TenantID) error {
	r.note("drop %s", tenant)
	return nil
}

func (r *rooms) KnownTenants(_ context.Context, tenants []khronos.TenantID) ([]bool, error) {
	known := make([]bool, len(tenants))
	for i, t := range tenants {
		known[i] = t.ID%2 == 0
	}
	return known, nil
}

// behind is rooms as what stands behind the ledger.
type behind struct {
	aWorker // for the methods that the API does not use
	*rooms
}

// aWorker leaves the name of the interface to a method.
type aWorker = worker.Worker

func (b behind) Worker(khronos.WorkerID) (worker.Worker, bool) { return b, true }

func (b behind) DispatchEvent(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) (khronos.Value, error) {
	progress := worker.ProgressOf(ctx)
	progress.Sent(1, 3)
	progress.Started()
	return b.rooms.DispatchEvent(ctx, tenant, ev)
}

func (b behind) DispatchEventNoWait(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) error {
	return b.rooms.DispatchEventNoWait(ctx, tenant, ev)
}

func (b behind) RunScript(ctx context.Context, tenant khronos.TenantID, name, code string, ev khronos.Event) (khronos.Value, error) {
	return b.rooms.RunScript(ctx, tenant, name, code, ev)
}

func (b behind) DropTenant(ctx context.Context, tenant khronos.TenantID) error {
	return b.rooms.DropTenant(ctx, tenant)
}

func (b behind) TenantStateChanged(tenant khronos.TenantID, s khronos.TenantState) error {
	return b.rooms.TenantStateChanged(tenant, s)
}

func (r *rooms) TenantState(_ context.Context, tenant khronos.TenantID) (khronos.TenantState, error) {
	return khronos.TenantState{Events: []string{"e"}, Data: json.RawMessage(`{"kept":1}`)}, nil
}

func (r *rooms) PutTenantState(_ context.Context, tenant khronos.TenantID, s khronos.TenantState) error {
	r.note("store %s banned=%t %s", tenant, s.Banned, s.Data)
	return nil
}

func (r *rooms) TenantStateChanged(tenant khronos.TenantID, s khronos.TenantState) error {
	r.note("tell %s banned=%t", tenant, s.Banned)
	return nil
}

// pool is rooms as the workers.
type pool struct{ *rooms }

func (p pool) Len() int { return 2 }

func (p pool) Status() []api.WorkerStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []api.WorkerStatus{{ID: 0, State: "ready"}, {ID: 1, State: "ready"}}
	for _, id := range p.killed {
		list[id].State, list[id].LastExit = "killed", "signal: killed"
	}
	return list
}

func (p pool) Kill(_ context.Context, id khronos.WorkerID) error {
	if id > 1 {
		return khronos.Errorf(khronos.ErrKindNotFound, "there is no worker %d", id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = append(p.killed, id)
	return nil
}

func (p pool) KillAll(ctx context.Context) error {
	return errorsOf(p.Kill(ctx, 0), p.Kill(ctx, 1))
}

func (p pool) Start(context.Context, khronos.WorkerID) error { return p.StartAll(context.Background()) }

func (p pool) StartAll(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = nil
	return nil
}

func (p pool) Dump(_ context.Context, id khronos.WorkerID) ([]khronos.ScriptStack, error) {
	if id > 1 {
		return nil, khronos.Errorf(khronos.ErrKindNotFound, "there is no worker %d", id)
	}
	return []khronos.ScriptStack{{Tenant: khronos.TenantID{Kind: khronos.TenantGuild, ID: 5}, Template: "t", State: khronos.StackRunning, Stack: "init.luau:3"}}, nil
}

func (p pool) Restart(_ context.Context, plan api.RestartPlan, report func(api.RestartStep)) error {
	if plan.ID != nil && *plan.ID > 1 {
		return khronos.Errorf(khronos.ErrKindNotFound, "there is no worker %d", *plan.ID)
	}
	for id := range 2 {
		report(api.RestartStep{Worker: &id, From: 1, To: 2})
	}
	if plan.Rolling {
		return khronos.Errorf(khronos.ErrKindWorkerUnavailable, "generation 3 did not become healthy")
	}
	return nil
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// shelf is rooms as the worker and the broker of the templates.
type shelf struct{ *rooms }

// InspectTemplate reads the names of events off init.luau.
func (shelf) InspectTemplate(_ context.Context, _ khronos.TenantID, files map[string]string) ([]string, error) {
	return strings.Fields(files["init.luau"]), nil
}

func (s shelf) TemplatesChanged(tenant khronos.TenantID) { s.note("changed %s", tenant) }

func (shelf) Forget(khronos.TenantID) {}

// bench is a server under test with a token.
type bench struct {
	*rooms
	global store.Store
	server *api.Server
	lines  *tenantlog.Log
	log    *bytes.Buffer
	token  string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	key := auth.NewKey()
	token, err := key.Sign(42, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	lim := limits.Default()
	lim.FollowBuffer, lim.Followers = 8, 2
	b := &bench{global: memory.New(), rooms: &rooms{blocked: make(chan struct{}, 1), unblock: make(chan struct{})}, log: &bytes.Buffer{}, token: token}
	log := slog.New(slog.NewTextHandler(b.log, nil))
	lines := tenantlog.New(10, slog.New(slog.DiscardHandler))
	b.lines = lines
	book := ledger.New(behind{rooms: b.rooms}, lim, log)
	lines.Add(khronos.TenantID{Kind: khronos.TenantGuild, ID: 5}, "greeter", "hello")
	b.server = api.NewServer(api.Config{
		Gate:       auth.Gate{Key: key, Roots: []khronos.Snowflake{42}, Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		Limits:     lim,
		Dispatcher: book, Ledger: book, Workers: pool{b.rooms}, Templates: templates.New(memory.New(), shelf{b.rooms}, shelf{b.rooms}, lim), Tenants: b.rooms, Global: b.global, TenantLog: lines, Quarantine: b.rooms,
		Metrics: telemetry.NewRegistry(), Version: "test", Log: log,
	})
	return b
}

// do sends one request with the token; headers are "Name: value" and replace it.
func (b *bench) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:5000"
	r.Header.Set("Authorization", "Internal "+b.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "From" {
			r.RemoteAddr = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	b.server.Handler().ServeHTTP(w, r)
	return w
}

func TestServer_Dispatch(t *testing.T) {
	for _, tc := range []struct {
		name, path, body string
		status           int
		want             string // part of the body
		call             string // what reached the dispatcher, if anything
	}{
		{"tagged data", "/i/dispatch-event/81384788765712384", `{"name":"E","data":{"Text":"x"}}`, 200, `{"Text":"x"}`, "dispatch guild:81384788765712384 E by 42"},
		{"plain data", "/i/dispatch-event/5", `{"name":"E","data":{"a":[1,null]}}`, 200, `{"Map":[[{"Text":"a"},{"List":[{"Integer":1},"Null"]}]]}`, "dispatch guild:5 E by 42"},
		{"plain by force", "/i/dispatch-event/5", `{"name":"E","data":{"Text":"x"},"format":"json"}`, 200, `{"Map":[[{"Text":"Text"},{"Text":"x"}]]}`, "dispatch guild:5 E by 42"},
		{"no data", "/i/dispatch-event/5", `{"name":"E"}`, 200, `"Null"`, "dispatch guild:5 E by 42"},
		{"author", "/i/dispatch-event/5", `{"name":"E","author":"7"}`, 200, `"Null"`, "dispatch guild:5 E by 7"},
		{"user tenant", "/i/tenants/user:9/dispatch-event", `{"name":"E"}`, 200, `"Null"`, "dispatch user:9 E by 42"},
		{"no wait", "/i/dispatch-event/5?no_wait=true", `{"name":"E"}`, 202, ``, "nowait guild:5 E"},
		{"deadline", "/i/dispatch-event/5?timeout_ms=5", `{"name":"slow"}`, 504, `"code":"Deadline"`, "dispatch guild:5 slow by 42"},

		{"long deadline", "/i/dispatch-event/5?timeout_ms=99999999", `{"name":"E"}`, 400, `timeout_ms`, ""},
		{"strict tagged", "/i/dispatch-event/5", `{"name":"E","data":{"Txet":"x"},"format":"khronos"}`, 400, `Txet`, ""},
		{"unknown format", "/i/dispatch-event/5", `{"name":"E","format":"xml"}`, 400, `format`, ""},
		{"bad snowflake", "/i/dispatch-event/-5", `{"name":"E"}`, 400, `guild_id`, ""},
		{"too large a snowflake", "/i/dispatch-event/18446744073709551616", `{"name":"E"}`, 400, `guild_id`, ""},
		{"bad tenant kind", "/i/tenants/channel:9/dispatch-event", `{"name":"E"}`, 400, `tenant`, ""},
		{"no name", "/i/dispatch-event/5", `{"data":1}`, 400, `name`, ""},
		{"long name", "/i/dispatch-event/5", `{"name":"` + strings.Repeat("x", 101) + `"}`, 400, `100`, ""},
		{"bad author", "/i/dispatch-event/5", `{"name":"E","author":"me"}`, 400, `author`, ""},
		{"deep data", "/i/dispatch-event/5", `{"name":"E","data":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, 400, `nested`, ""},
		{"not JSON", "/i/dispatch-event/5", `{`, 400, `BadRequest`, ""},
		{"unknown field", "/i/dispatch-event/5", `{"name":"E","dta":1}`, 400, `dta`, ""},
		{"large body", "/i/dispatch-event/5", `{"name":"E","data":"` + strings.Repeat("x", 1<<20) + `"}`, 413, `RequestEntityTooLarge`, ""},

		{"tenant busy", "/i/dispatch-event/5", `{"name":"busy"}`, 429, `"owner":"tenant_limit"`, "dispatch guild:5 busy by 42"},
		{"worker lost", "/i/dispatch-event/5", `{"name":"lost"}`, 502, `"owner":"platform"`, "dispatch guild:5 lost by 42"},
		{"our fault", "/i/dispatch-event/5", `{"name":"secret"}`, 500, `"code":"Internal"`, "dispatch guild:5 secret by 42"},
		{"panic", "/i/dispatch-event/5", `{"name":"panic"}`, 500, `"code":"Internal"`, "dispatch guild:5 panic by 42"},

		{"script", "/i/run-script", `{"tenant":"guild:5","name":"x","code":"return 1"}`, 200, `{"Text":"return 1"}`, "script guild:5 x RunScript"},
		{"script with event", "/i/run-script", `{"tenant":"guild:5","name":"x","code":"return 1","event":{"name":"E"}}`, 200, `{"Text":"return 1"}`, "script guild:5 x E"},
		{"script error", "/i/run-script", `{"tenant":"guild:5","name":"x","code":"error"}`, 422, `"owner":"script"`, "script guild:5 x RunScript"},
		{"drop", "/i/drop-tenant", `{"tenant":"user:5"}`, 204, ``, "drop user:5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			w := b.do("POST", tc.path, tc.body)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.want) {
				t.Errorf("got %d %s, want %d with %s", w.Code, w.Body, tc.status, tc.want)
			}
			if got := strings.Join(b.calls, "; "); got != tc.call {
				t.Errorf("reached the dispatcher: %q, want %q", got, tc.call)
			}
			if strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("the body shows a private cause: %s", w.Body)
			}
			if w.Code >= 400 {
				checkProblem(t, b, w)
			}
		})
	}
}

// checkProblem looks at an error body: its fields, and its id in the log.
func checkProblem(t *testing.T, b *bench, w *httptest.ResponseRecorder) {
	t.Helper()
	var p struct{ Code, Message, ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code == "" || p.Message == "" || p.ID == "" {
		t.Errorf("error body %s: %v, want code, message and id", w.Body, err)
	}
	if !strings.Contains(b.log.String(), p.ID) {
		t.Errorf("the log does not have the id %s", p.ID)
	}
}

func TestServer_Guard(t *testing.T) {
	for _, tc := range []struct {
		name   string
		header string
		status int
		code   string
	}{
		{"good", "X-Nothing: x", 200, ""},
		{"no header", "Authorization: ", 401, "NoAuthToken"},
		{"other scheme", "Authorization: Bearer x", 401, "BadAuthHeader"},
		{"forged", "Authorization: Internal x.y.z", 401, "InvalidToken"},
		{"from elsewhere", "From: 10.1.2.3:4", 403, "SourceRestricted"},
		{"from nowhere", "From: pipe", 403, "SourceRestricted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			w := b.do("GET", "/i/workers", "", tc.header)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.code) {
				t.Fatalf("got %d %s, want %d %s", w.Code, w.Body, tc.status, tc.code)
			}
			line := b.log.String()
			for _, want := range []string{"internal call", "GET /i/workers", fmt.Sprint("status=", tc.status), tc.code} {
				if !strings.Contains(line, want) {
					t.Errorf("audit line %q lacks %q", line, want)
				}
			}
			if tc.status == 200 && !strings.Contains(line, "caller=42") {
				t.Errorf("audit line %q does not name the caller", line)
			}
			if strings.Contains(line, b.token) {
				t.Errorf("audit line shows the token")
			}
		})
	}
}

// Every route under /i/ refuses a stranger before it looks at anything else.
func TestServer_EveryInternalRouteIsGuarded(t *testing.T) {
	b := newBench(t)
	n := 0
	for _, route := range b.server.Routes() {
		method, path, _ := strings.Cut(route, " ")
		if !strings.HasPrefix(path, "/i/") {
			continue
		}
		n++
		if w := b.do(method, path, "", "Authorization: "); w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a token: got %d, want 401", route, w.Code)
		}
	}
	if n < 12 {
		t.Errorf("found %d internal routes, want at least 12", n)
	}
}

func TestServer_Workers(t *testing.T) {
	b := newBench(t)
	step := func(method, path, body string, status int, want string) {
		t.Helper()
		if w := b.do(method, path, body); w.Code != status || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s %s: got %d %s, want %d %s", method, path, body, w.Code, w.Body, status, want)
		}
	}
	step("GET", "/i/threads-count", "", 200, "2")
	step("GET", "/readyz", "", 200, `"ready":true`)
	step("POST", "/i/kill-worker", `{"id":1}`, 204, "")
	step("GET", "/readyz", "", 503, "worker 1 is killed: signal: killed")
	step("GET", "/i/workers", "", 200, `"state":"killed"`)
	step("POST", "/i/start-worker", `{"id":1}`, 204, "")
	step("GET", "/readyz", "", 200, `"ready":true`)
	step("POST", "/i/kill-worker", ``, 204, "")
	step("GET", "/readyz", "", 503, `"up":0`)
	step("POST", "/i/start-worker", `{}`, 204, "")
	step("POST", "/i/kill-worker", `{"id":7}`, 404, "there is no worker 7")
	step("GET", "/i/workers/1/dump", "", 200, `"tenant":"guild:5","template":"t"`)
	step("GET", "/i/workers/7/dump", "", 404, "there is no worker 7")
	step("POST", "/i/restart-workers", ``, 200, `{"worker":0,"from":1,"to":2}`+"\n"+`{"worker":1,"from":1,"to":2}`+"\n"+`{"done":true}`+"\n")
	step("POST", "/i/restart-workers", `{"rolling":true}`, 200, `{"error":"generation 3 did not become healthy","done":true}`)
	step("POST", "/i/restart-workers", `{"id":7}`, 200, `{"error":"there is no worker 7","done":true}`)
	step("GET", "/healthz", "", 200, `"version":"test"`)
	step("GET", "/metrics", "", 200, `tw_http_requests_total{route="GET /readyz",status="503"} 2`)
	step("GET", "/i/nothing", "", 404, "NotFound")
	step("DELETE", "/i/workers", "", 405, "MethodNotAllowed")
}

func TestServer_Templates(t *testing.T) {
	b := newBench(t)
	step := func(method, path, body string, status int, want string) {
		t.Helper()
		if w := b.do(method, "/i/tenants/guild:5/templates"+path, body); w.Code != status || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s %.60s: got %d %s, want %d %s", method, path, body, w.Code, w.Body, status, want)
		}
	}
	step("GET", "", "", 200, "[]")
	step("PUT", "/a", `{"files":{"init.luau":"return {}"}}`, 200, `"version":1`)
	step("PUT", "/a", `{"files":{"init.luau":"return {}"},"capabilities":["kv:*"]}`, 200, `"version":2`)
	step("GET", "/a", "", 200, `"init.luau":"return {}"`)
	step("GET", "", "", 200, `"capabilities":["kv:*"]`)
	step("PUT", "/a", `{"files":{"main.luau":""}}`, 400, "init.luau")
	step("PUT", "/a", `{"files":{"init.luau":"--`+strings.Repeat("x", 256<<10)+`"}}`, 413, "TooLarge")
	step("PUT", "/a%20b", `{"files":{"init.luau":""}}`, 400, "name")
	step("GET", "/b", "", 404, `no template`)
	step("DELETE", "/a", "", 204, "")
	step("GET", "/a", "", 404, "NotFound")
}

func TestServer_Tenants(t *testing.T) {
	b := newBench(t)
	if w := b.do("POST", "/i/guilds-exist", `["4","5"]`); w.Code != 200 || strings.TrimSpace(w.Body.String()) != "[1,0]" {
		t.Errorf("guilds-exist: got %d %s, want [1,0]", w.Code, w.Body)
	}
	if w := b.do("POST", "/i/guilds-exist", `["4","x"]`); w.Code != 400 || !strings.Contains(w.Body.String(), "guild 1 of the list") {
		t.Errorf("guilds-exist with a bad id: got %d %s", w.Code, w.Body)
	}
	if w := b.do("GET", "/i/tenants/guild:5/quarantine", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"event":"e","state":"quarantined","deaths":2`) {
		t.Errorf("quarantine: got %d %s", w.Code, w.Body)
	}
	if w := b.do("GET", "/i/tenants/guild:6/quarantine", ""); w.Code != 502 {
		t.Errorf("quarantine without a store: got %d %s", w.Code, w.Body)
	}
	if w := b.do("DELETE", "/i/tenants/guild:5/quarantine?template=greeter", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"lifted":1`) {
		t.Errorf("lift quarantine: got %d %s", w.Code, w.Body)
	}
	if want := `lift guild:5 "greeter"`; !slices.Contains(b.rooms.calls, want) {
		t.Errorf("calls %q lack %q", b.rooms.calls, want)
	}
	for _, tt := range []struct {
		body, reply string
		calls       []string
	}{
		{`{"banned":true}`, `"banned":true,"data":{"kept":1}`, []string{`store guild:5 banned=true {"kept":1}`, "tell guild:5 banned=true"}},
		{`{"banned":false,"data":{"n":2}}`, `"banned":false,"data":{"n":2}`, []string{`store guild:5 banned=false {"n":2}`, "tell guild:5 banned=false"}},
	} {
		before := len(b.rooms.calls)
		if w := b.do("PUT", "/i/tenants/guild:5/state", tt.body); w.Code != 200 || !strings.Contains(w.Body.String(), tt.reply) {
			t.Errorf("state %s: got %d %s", tt.body, w.Code, w.Body)
		}
		if got := b.rooms.calls[before:]; !slices.Equal(got, tt.calls) {
			t.Errorf("state %s: calls %q, want %q", tt.body, got, tt.calls)
		}
	}
	if w := b.do("PUT", "/i/tenants/guild:5/state", `{"banned":true,"data":[1]}`); w.Code != 400 {
		t.Errorf("state with data that is a list: got %d %s", w.Code, w.Body)
	}
	if w := b.do("GET", "/i/tenants/guild:5/log", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"text":"hello"`) {
		t.Errorf("tenant log: got %d %s", w.Code, w.Body)
	}
}

// The description, the routes and the golden file agree.
func TestServer_OpenAPI(t *testing.T) {
	b := newBench(t)
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	w := b.do("GET", "/openapi.json", "")
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("description: version %q, %v, want 3.1", doc.OpenAPI, err)
	}
	var described []string
	for path, item := range doc.Paths {
		for method := range item {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	var served []string
	undescribed := []string{"/metrics", "/docs", "/openapi", "/schemas"}
	for _, route := range b.server.Routes() {
		_, path, _ := strings.Cut(route, " ")
		if !slices.ContainsFunc(undescribed, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
			served = append(served, route)
		}
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described: %q\nserved:    %q", described, served)
	}

	page := b.do("GET", "/docs", "")
	for _, route := range served {
		_, path, _ := strings.Cut(route, " ")
		if !strings.Contains(page.Body.String(), path) {
			t.Errorf("the reading page lacks %s", path)
		}
	}
	if strings.Contains(page.Body.String(), "<script") || strings.Contains(page.Body.String(), "//unpkg") {
		t.Error("the reading page loads scripts")
	}

	yaml, err := b.server.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("..", "..", "docs", "openapi.yaml")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, yaml, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(want, yaml) {
		t.Errorf("docs/openapi.yaml is not what the code says (%v): run UPDATE_GOLDEN=1 go test ./internal/api", err)
	}
}

func TestServer_Serve(t *testing.T) {
	b := newBench(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- b.server.Serve(ctx, l) }()

	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	res, err := client.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("healthz: got %d", res.StatusCode)
	}
	stop()
	if err := <-served; err != nil {
		t.Errorf("stopping: %v", err)
	}
}
