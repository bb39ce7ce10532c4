package broker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/broker"
	"github.com/template-worker/template-worker/internal/httpclient"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	guild = khronos.TenantID{Kind: khronos.TenantGuild, ID: 11}
	user  = khronos.TenantID{Kind: khronos.TenantUser, ID: 11}
	// operator is the caller of RunScript.
	operator = broker.Caller{Tenant: guild, Dispatch: 1}

	text = khronos.Text
	list = khronos.List
	no   = khronos.Boolean(false)
	yes  = khronos.Boolean(true)
)

// world is a broker over a store in memory.
type world struct {
	*testing.T
	store  store.Store
	broker *broker.Broker
	raised *raised
	log    *bytes.Buffer // to be read when no call is under way
}

func newWorld(t *testing.T, change func(*limits.Limits)) *world {
	return newWorldOver(t, memory.New(), change)
}

func newWorldOver(t *testing.T, st store.Store, change func(*limits.Limits)) *world {
	l := limits.Default()
	if change != nil {
		change(&l)
	}
	log := new(bytes.Buffer)
	info := broker.Info{SupportServer: "https://s", APIURL: "https://a", FrontendURL: "https://f", DocsURL: "https://d"}
	events := &raised{}
	return &world{T: t, store: st, raised: events, log: log, broker: broker.New(st, l, info, events, noWeb{}, slog.New(slog.NewTextHandler(log, nil)))}
}

// noWeb has no outside.
type noWeb struct{}

func (noWeb) Do(context.Context, khronos.TenantID, httpclient.Request) (httpclient.Response, error) {
	return httpclient.Response{}, errors.New("there is no outside")
}

// raised keeps the events that templates raise, and refuses those called "full".
type raised struct{ events []khronos.Event }

func (r *raised) DispatchEventNoWait(_ context.Context, tenant khronos.TenantID, ev khronos.Event) error {
	if ev.Name == "full" {
		return khronos.ErrTenantBusy
	}
	r.events = append(r.events, ev)
	return nil
}

// template stores a template and returns it as a caller.
func (w *world) template(tenant khronos.TenantID, name string, capabilities ...string) broker.Caller {
	w.Helper()
	_, err := w.store.PutTemplate(w.Context(), store.Template{Tenant: tenant, Template: khronos.Template{
		Name: name, Files: map[string]string{"init.luau": ""}, Capabilities: capabilities, Subscriptions: []string{"E" + name},
	}})
	if err != nil {
		w.Fatal(err)
	}
	w.broker.Forget(tenant)
	return broker.Caller{Tenant: tenant, Template: name, Dispatch: 1}
}

func (w *world) exec(caller broker.Caller, op string, args ...khronos.Value) (khronos.Value, error) {
	if op == "kv.set" && len(args) == 3 {
		args = append(args, khronos.Null()) // no options
	}
	return w.broker.Exec(w.Context(), caller, op, args)
}

// want makes a call and compares its answer.
func (w *world) want(want khronos.Value, caller broker.Caller, op string, args ...khronos.Value) {
	w.Helper()
	got, err := w.exec(caller, op, args...)
	if err != nil {
		w.Fatalf("%s: %v", op, err)
	}
	if !got.Equal(want) {
		w.Errorf("%s: got %s, want %s", op, show(got), show(want))
	}
}

// refused makes a call that must fail with the kind and with the text in its text.
func (w *world) refused(kind khronos.ErrorKind, in string, caller broker.Caller, op string, args ...khronos.Value) *khronos.Error {
	w.Helper()
	v, err := w.exec(caller, op, args...)
	var e *khronos.Error
	if !errors.As(err, &e) {
		w.Fatalf("%s: got %s and %v, want a refusal", op, show(v), err)
	}
	if e.Kind != kind || !strings.Contains(e.Text, in) {
		w.Errorf("%s: got %v, want %v with %q", op, e, kind, in)
	}
	return e
}

func show(v khronos.Value) string {
	form, err := v.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	if len(form) > 1000 {
		return string(form[:1000]) + "..."
	}
	return string(form)
}

func TestExec_unknown(t *testing.T) {
	w := newWorld(t, nil)
	for _, op := range []string{"", "kv", "kv.GET", "kv.get ", "store.drop", strings.Repeat("x", 1000)} {
		e := w.refused(khronos.ErrKindBadRequest, "there is no operation", operator, op)
		if len(e.Text) > 200 {
			t.Errorf("text of %d bytes repeats the name", len(e.Text))
		}
	}
}

func TestExec_templateOfTenant(t *testing.T) {
	w := newWorld(t, nil)
	mine := w.template(guild, "mine", "*")
	theirs := w.template(user, "theirs", "*")
	w.want(list(khronos.Null(), no), mine, "kv.get", text("k"), list(text("s")))

	stranger := broker.Caller{Tenant: guild, Template: theirs.Template}
	w.refused(khronos.ErrKindNotFound, `has no template "theirs"`, stranger, "kv.get", text("k"), list(text("s")))
	// The template is looked at before the arguments.
	w.refused(khronos.ErrKindNotFound, "has no template", stranger, "kv.get")
}

func TestForget(t *testing.T) {
	w := newWorld(t, nil)
	caller := w.template(guild, "a", "kv:*")
	w.want(khronos.Null(), caller, "kv.set", text("k"), text("v"), list(text("s")))
	w.template(guild, "a") // without capabilities
	w.refused(khronos.ErrKindCapabilityMissing, `"kv:set:*"`, caller, "kv.set", text("k"), text("v"), list(text("s")))
	if err := w.store.DeleteTemplate(t.Context(), guild, "a"); err != nil {
		t.Fatal(err)
	}
	w.broker.Forget(guild)
	w.refused(khronos.ErrKindNotFound, `"a"`, caller, "kv.get", text("k"), list(text("s")))
}

// slowStore lets a test change templates while they are being read.
type slowStore struct {
	store.Store
	reading chan struct{} // a read was made, its answer is held back
	answer  chan struct{} // lets it go
}

func (s *slowStore) Templates(ctx context.Context, tenant khronos.TenantID) ([]store.Template, error) {
	list, err := s.Store.Templates(ctx, tenant)
	s.reading <- struct{}{}
	<-s.answer
	return list, err
}

// TestForget_duringRead wants that what was read before a change is not
// remembered after it.
func TestForget_duringRead(t *testing.T) {
	slow := &slowStore{Store: memory.New(), reading: make(chan struct{}), answer: make(chan struct{})}
	w := newWorldOver(t, slow, nil)
	caller := w.template(guild, "a", "kv:*")
	call := func() error {
		_, err := w.exec(caller, "kv.get", text("k"), list(text("s")))
		return err
	}
	first := make(chan error, 1)
	go func() { first <- call() }()
	<-slow.reading // the old capabilities are read
	w.template(guild, "a")
	slow.answer <- struct{}{}
	if err := <-first; err != nil {
		t.Errorf("a call that began before the change: %v", err)
	}
	second := make(chan error, 1)
	go func() { second <- call() }()
	select {
	case <-slow.reading:
		slow.answer <- struct{}{}
	case err := <-second:
		t.Fatalf("a call that began after the change was answered from memory: %v", err)
	}
	if err := <-second; !errors.Is(err, &khronos.Error{Kind: khronos.ErrKindCapabilityMissing}) {
		t.Errorf("a call that began after the change: got %v, want capability_missing", err)
	}
}

// brokenStore fails or panics where the other one would answer.
type brokenStore struct {
	store.Store
	fail func() error
}

func (s *brokenStore) KVGet(context.Context, khronos.TenantID, string, []string) (store.KVRecord, error) {
	return store.KVRecord{}, s.fail()
}

func (s *brokenStore) Templates(context.Context, khronos.TenantID) ([]store.Template, error) {
	return nil, s.fail()
}

func TestExec_storeFails(t *testing.T) {
	secret := errors.New("disk I/O error at /secret/path")
	w := newWorldOver(t, &brokenStore{memory.New(), func() error { return secret }}, nil)
	e := w.refused(khronos.ErrKindDependency, "try again later", operator, "kv.get", text("k"), list(text("s")))
	if strings.Contains(e.Text, "secret") {
		t.Errorf("the author sees the cause: %s", e.Text)
	}
	if e.ID == "" || !strings.Contains(e.Text, e.ID) || !strings.Contains(w.log.String(), e.ID) || !strings.Contains(w.log.String(), "/secret/path") {
		t.Errorf("id %q: want it in the text and in the log beside the cause, which says: %s", e.ID, w.log)
	}
	if _, err := w.broker.Templates(t.Context(), guild); khronos.AsError(err).Kind != khronos.ErrKindDependency {
		t.Errorf("Templates: got %v, want dependency", err)
	}
}

func TestExec_panic(t *testing.T) {
	w := newWorldOver(t, &brokenStore{memory.New(), func() error { panic("kaboom") }}, nil)
	e := w.refused(khronos.ErrKindInternal, "internal error", operator, "kv.get", text("k"), list(text("s")))
	log := w.log.String()
	if e.ID == "" || !strings.Contains(log, e.ID) || !strings.Contains(log, "kaboom") || !strings.Contains(log, "brokenStore") {
		t.Errorf("id %q: want it in the log with the panic and the stack, which says: %s", e.ID, log)
	}
	if list, err := w.broker.Templates(t.Context(), guild); khronos.AsError(err).Kind != khronos.ErrKindInternal || list != nil {
		t.Errorf("Templates: got %v, %v, want internal", list, err)
	}
}

func TestExec_context(t *testing.T) {
	w := newWorld(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.broker.Exec(ctx, operator, "kv.get", []khronos.Value{text("k"), list(text("s"))})
	if !errors.Is(err, &khronos.Error{Kind: khronos.ErrKindCancelled}) {
		t.Errorf("got %v, want cancelled", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	_, err = w.broker.Exec(ctx, operator, "kv.get", []khronos.Value{text("k"), list(text("s"))})
	if !errors.Is(err, &khronos.Error{Kind: khronos.ErrKindDeadline}) {
		t.Errorf("got %v, want deadline", err)
	}
	if w.log.Len() > 0 {
		t.Errorf("the caller's own end was logged as ours: %s", w.log)
	}
}

func TestTemplates(t *testing.T) {
	w := newWorld(t, nil)
	w.template(guild, "b", "kv:*")
	w.template(guild, "a")
	w.template(user, "c")
	got, err := w.broker.Templates(t.Context(), guild)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Name != "a" || got[1].Name != "b" || got[1].Version != 1 ||
		len(got[1].Capabilities) != 1 || got[1].Subscriptions[0] != "Eb" || len(got[1].Files) != 1 {
		t.Errorf("got %+v, want a and b of the tenant, whole", got)
	}
}

func TestCounts(t *testing.T) {
	w := newWorld(t, nil)
	w.want(list(khronos.Null(), no), operator, "kv.get", text("k"), list(text("s")))
	w.refused(khronos.ErrKindBadRequest, "", operator, "kv.get")
	w.refused(khronos.ErrKindBadRequest, "", operator, "made.up")
	w.refused(khronos.ErrKindBadRequest, "", operator, "made.up.too")
	got := fmt.Sprint(w.broker.Counts())
	if want := "[{ bad_request 2} {kv.get ok 1} {kv.get bad_request 1}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestExec_parallel is for the race detector.
func TestExec_parallel(t *testing.T) {
	st := memory.New()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	b := broker.New(st, limits.Default(), broker.Info{}, &raised{}, noWeb{}, quiet)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			tenant := khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(1 + i%3)}
			for range 50 {
				caller := broker.Caller{Tenant: tenant, Template: "a"}
				_, err := b.Exec(t.Context(), caller, "kv.set", []khronos.Value{text("k"), text("v"), list(text("s")), khronos.Null()})
				if kind := khronos.AsError(err); err != nil && kind.Kind != khronos.ErrKindNotFound && kind.Kind != khronos.ErrKindCapabilityMissing {
					t.Error(err)
				}
				tpl := store.Template{Tenant: tenant, Template: khronos.Template{Name: "a", Capabilities: []string{"kv:set:*"}}}
				if _, err := st.PutTemplate(t.Context(), tpl); err != nil {
					t.Error(err)
				}
				b.Forget(tenant)
				b.Counts()
			}
		})
	}
	wg.Wait()
}

func TestRuntime(t *testing.T) {
	w := newWorld(t, nil)
	before := time.Now()
	w.template(guild, "a")
	if err := w.store.PutTenantState(t.Context(), user, khronos.TenantState{}); err != nil {
		t.Fatal(err)
	}
	other := khronos.TenantID{Kind: khronos.TenantGuild, ID: 12}
	state := khronos.TenantState{Banned: true, Data: json.RawMessage(`{"n": 1, "x": null}`)}
	if err := w.store.PutTenantState(t.Context(), other, state); err != nil {
		t.Fatal(err)
	}

	stats, err := w.exec(operator, "runtime.stats")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int64{"total_guilds": 2, "total_cached_guilds": 1, "total_users": 1} {
		if got, _ := stats.Get(name); !got.Equal(khronos.Integer(want)) {
			t.Errorf("%s: got %s, want %d", name, show(got), want)
		}
	}
	started, _ := stats.Get("last_started_at")
	if at, ok := started.AsTimestamp(); !ok || at.After(before) || before.Sub(at) > time.Minute {
		t.Errorf("last_started_at: got %s, want shortly before %v", show(started), before)
	}

	field := func(name string, v khronos.Value) khronos.Pair { return khronos.Pair{Key: text(name), Value: v} }
	w.want(khronos.Map(field("support_server", text("https://s")), field("api_url", text("https://a")),
		field("frontend_url", text("https://f")), field("docs_url", text("https://d"))), operator, "runtime.links")
	w.want(khronos.Map(field("events", list(text("Ea"))), field("banned", no), field("data", khronos.Map())),
		operator, "runtime.gettenantstate")
	data := khronos.Map(field("n", khronos.Integer(1)), field("x", khronos.Null()))
	w.want(khronos.Map(field("events", list()), field("banned", yes), field("data", data)),
		broker.Caller{Tenant: other}, "runtime.gettenantstate")
	w.refused(khronos.ErrKindBadRequest, "got 1 arguments, want 0", operator, "runtime.stats", text("x"))
}

func TestRuntime_setTenantState(t *testing.T) {
	w := newWorld(t, func(l *limits.Limits) { l.StateBytes, l.RuntimeBurst = 40, 100 })
	w.template(guild, "a") // handles Ea
	if err := w.store.PutTenantState(t.Context(), guild, khronos.TenantState{Banned: true}); err != nil {
		t.Fatal(err)
	}
	field := func(name string, v khronos.Value) khronos.Pair { return khronos.Pair{Key: text(name), Value: v} }
	data := khronos.Map(field("n", khronos.Integer(1)), field("deep", list(khronos.Map(field("x", khronos.Float(0.5))))))
	w.want(khronos.Null(), operator, "runtime.settenantstate", khronos.Map(field("events", list(text("Ea"))), field("banned", no), field("data", data)))
	want := khronos.Map(field("events", list(text("Ea"))), field("banned", yes), field("data", data))
	w.want(want, operator, "runtime.gettenantstate") // it cannot lift its ban

	long := text(strings.Repeat("x", 40))
	for in, state := range map[string]khronos.Value{
		"state.data is missing":                                          khronos.Map(),
		`"more" is no field of TenantStateChange`:                        khronos.Map(field("data", khronos.Map()), field("more", yes)),
		"state.banned must be a boolean":                                 khronos.Map(field("data", khronos.Map()), field("banned", text("no"))),
		`state.events: no template handles "MESSAGE"`:                    khronos.Map(field("data", khronos.Map()), field("events", list(text("MESSAGE")))),
		"state.data.b[1]: a Buffer cannot be kept as JSON":               khronos.Map(field("data", khronos.Map(field("b", list(khronos.Buffer([]byte("x"))))))),
		"state.data.b: a key must be a string, not Integer":              khronos.Map(field("data", khronos.Map(field("b", khronos.Map(khronos.Pair{Key: khronos.Integer(7), Value: yes}))))),
		"state.data has 48 bytes as JSON: the limit is 40 (state_bytes)": khronos.Map(field("data", khronos.Map(field("x", long)))),
		"state.data must be a table, not a list":                         khronos.Map(field("data", list(yes))),
	} {
		kind := khronos.ErrKindBadRequest
		if strings.Contains(in, "state_bytes") {
			kind = khronos.ErrKindTooLarge
		}
		w.refused(kind, in, operator, "runtime.settenantstate", state)
	}
	w.want(want, operator, "runtime.gettenantstate")
	w.want(khronos.Null(), operator, "runtime.settenantstate", khronos.Map(field("data", list()))) // an empty table of a script
	w.want(khronos.Map(field("events", list(text("Ea"))), field("banned", yes), field("data", khronos.Map())), operator, "runtime.gettenantstate")
}

func TestRuntime_dispatchEvent(t *testing.T) {
	w := newWorld(t, func(l *limits.Limits) { l.EventDepth, l.EventBurst = 3, 4 })
	caller := broker.Caller{Tenant: guild, Author: "42", Depth: 2}
	w.want(khronos.Null(), caller, "runtime.dispatchevent", text("LevelUp"), khronos.Integer(3))
	if len(w.raised.events) != 1 {
		t.Fatalf("%d events", len(w.raised.events))
	}
	ev := w.raised.events[0]
	if data, err := ev.Data.Value(); err != nil || ev.Name != "LevelUp" || ev.Author != "42" || ev.Depth != 3 || !data.Equal(khronos.Integer(3)) {
		t.Errorf("got %+v, %v", ev, err)
	}
	w.refused(khronos.ErrKindBadRequest, "only the platform raises WebGetSettings", operator, "runtime.dispatchevent", text("WebGetSettings"), khronos.Null())
	caller.Depth = 3
	w.refused(khronos.ErrKindTooLarge, "3 custom events led to this one, each raised by a handler of the one before: the limit is 3 (event_depth)",
		caller, "runtime.dispatchevent", text("LevelUp"), khronos.Null())
	w.refused(khronos.ErrKindTenantBusy, "", operator, "runtime.dispatchevent", text("full"), khronos.Null())
	w.refused(khronos.ErrKindRateLimited, "too many Events calls: 4 at once", operator, "runtime.dispatchevent", text("LevelUp"), khronos.Null())
	if len(w.raised.events) != 1 {
		t.Errorf("%d events, want that refused calls raise none", len(w.raised.events))
	}
}

// A banned tenant's templates are not given out until the ban is lifted.
func TestBroker_BannedTenant(t *testing.T) {
	w := newWorld(t, func(*limits.Limits) {})
	w.template(guild, "a")
	for _, banned := range []bool{true, false} {
		if err := w.store.PutTenantState(t.Context(), guild, khronos.TenantState{Banned: banned}); err != nil {
			t.Fatal(err)
		}
		list, err := w.broker.Templates(t.Context(), guild)
		if got := khronos.AsError(err); banned && (got == nil || got.Kind != khronos.ErrKindTenantBanned || len(list) != 0) {
			t.Errorf("banned: %d templates, %v", len(list), err)
		}
		if !banned && (err != nil || len(list) != 1) {
			t.Errorf("not banned: %d templates, %v", len(list), err)
		}
	}
}
