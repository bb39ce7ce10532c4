package templates_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/memory"
	"github.com/template-worker/template-worker/internal/templates"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	guild = khronos.TenantID{Kind: khronos.TenantGuild, ID: 7}
	user  = khronos.TenantID{Kind: khronos.TenantUser, ID: 7}
)

// worker stands for the workers and the broker. It "runs" an init.luau whose
// lines are the names of events; a line with an error in it fails. Like the
// real ones it goes on with what it loaded until it is told that it changed.
type worker struct {
	store store.Store

	mu         sync.Mutex
	loaded     map[khronos.TenantID][]string // names and versions, as the worker has them
	remembered map[khronos.TenantID]bool     // the broker remembers old capabilities
	inspecting int
	most       int      // inspections at once
	raised     []string // events
	inspectErr error
	block      chan struct{} // when set, an inspection waits for it
}

func (w *worker) InspectTemplate(ctx context.Context, tenant khronos.TenantID, files map[string]string) ([]string, error) {
	w.mu.Lock()
	w.inspecting++
	w.most = max(w.most, w.inspecting)
	err, block := w.inspectErr, w.block
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.inspecting--
		w.mu.Unlock()
	}()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return nil, khronos.AsError(ctx.Err())
		}
	}
	if err != nil {
		return nil, err
	}
	return strings.Fields(files["init.luau"]), nil
}

func (w *worker) TemplatesChanged(tenant khronos.TenantID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.remembered[tenant] {
		panic("the worker loads templates while the broker still has the old capabilities")
	}
	if !tenant.Valid() {
		clear(w.loaded)
		return
	}
	delete(w.loaded, tenant)
}

func (w *worker) DispatchEventNoWait(_ context.Context, tenant khronos.TenantID, ev khronos.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	data, err := ev.Data.Value()
	if err != nil {
		return err
	}
	reason, _ := data.Get("reason")
	text, _ := reason.AsText()
	w.raised = append(w.raised, fmt.Sprintf("%s %s to %s: %s, loaded %v", ev.Name, tenant, ev.Template, text, w.loaded[tenant]))
	return khronos.ErrTenantBusy
}

func (w *worker) Forget(tenant khronos.TenantID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.remembered, tenant)
}

// event loads the tenant's templates if they are not loaded, and returns them.
func (w *worker) event(t *testing.T, tenant khronos.TenantID) []string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.loaded[tenant]; !ok {
		list, err := w.store.Templates(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		w.loaded[tenant] = []string{}
		for _, tpl := range list {
			w.loaded[tenant] = append(w.loaded[tenant], fmt.Sprintf("%s %d %v", tpl.Name, tpl.Version, tpl.Paused))
		}
	}
	w.remembered[tenant] = true
	return w.loaded[tenant]
}

type world struct {
	*testing.T
	*worker
	service *templates.Service
}

func newWorld(t *testing.T) *world {
	l := limits.Default()
	l.TemplatesPerTenant, l.TemplateBytes = 3, 1000
	st := memory.New()
	w := &worker{store: st, loaded: make(map[khronos.TenantID][]string), remembered: make(map[khronos.TenantID]bool)}
	return &world{T: t, worker: w, service: templates.New(st, w, w, l)}
}

func upload(name, init string, capabilities ...string) templates.Upload {
	return templates.Upload{Name: name, Files: map[string]string{"init.luau": init}, Grant: templates.Grant{List: capabilities}}
}

func (w *world) put(t templates.Upload) templates.Template {
	w.Helper()
	stored, err := w.service.Put(w.Context(), guild, t)
	if err != nil {
		w.Fatal(err)
	}
	return stored
}

// refused makes an upload that must fail, and wants that nothing changed.
func (w *world) refused(kind khronos.ErrorKind, in string, t templates.Upload) {
	w.Helper()
	before := w.event(w.T, guild)
	_, err := w.service.Put(w.Context(), guild, t)
	if e := khronos.AsError(err); err == nil || e.Kind != kind || !strings.Contains(e.Text, in) {
		w.Errorf("got %v, want %v with %q", err, kind, in)
	}
	list, err := w.service.List(w.Context(), guild)
	if err != nil {
		w.Fatal(err)
	}
	if len(list) != len(before) {
		w.Errorf("a refused upload left %d templates, before there were %d", len(list), len(before))
	}
	if after := w.event(w.T, guild); !slices.Equal(after, before) {
		w.Errorf("a refused upload changed what runs: %q, before %q", after, before)
	}
}

func TestPut(t *testing.T) {
	w := newWorld(t)
	if got := w.event(t, guild); len(got) != 0 {
		t.Fatalf("loaded at first: %q", got)
	}
	stored := w.put(upload("a", "MESSAGE B MESSAGE", "kv:*"))
	if stored.Version != 1 || stored.Tenant != guild || !slices.Equal(stored.Subscriptions, []string{"B", "MESSAGE"}) ||
		!slices.Equal(stored.Capabilities, []string{"kv:*"}) || stored.CreatedAt.IsZero() {
		t.Errorf("stored %+v", stored)
	}
	if got := w.event(t, guild); !slices.Equal(got, []string{"a 1 false"}) {
		t.Errorf("the next event runs %q, want the new template", got)
	}
	w.put(upload("a", "C"))
	if got := w.event(t, guild); !slices.Equal(got, []string{"a 2 false"}) {
		t.Errorf("the next event runs %q, want the changed template", got)
	}
	got, err := w.service.Get(t.Context(), guild, "a")
	if err != nil || got.Version != 2 || got.Files["init.luau"] != "C" {
		t.Errorf("Get: got %+v, %v", got, err)
	}
}

func TestPut_refused(t *testing.T) {
	w := newWorld(t)
	w.put(upload("kept", "A"))
	w.refused(khronos.ErrKindBadRequest, "template name", upload("no/slash", "A"))
	w.refused(khronos.ErrKindBadRequest, "init.luau is missing", templates.Upload{Name: "a", Files: map[string]string{"x.luau": ""}})
	w.refused(khronos.ErrKindTooLarge, "limit is 1000 (template_bytes)", upload("a", strings.Repeat("x", 1000)))
	w.refused(khronos.ErrKindBadRequest, "capability 2 is empty", upload("a", "A", "kv:*", ""))
	w.refused(khronos.ErrKindBadRequest, "capability 1", upload("a", "A", "kv:\n"))
	w.refused(khronos.ErrKindBadRequest, "capability 1", upload("a", "A", "\xff"))
	w.refused(khronos.ErrKindTooLarge, "capability 1 has 2049 bytes", upload("a", "A", strings.Repeat("x", 2049)))
	w.refused(khronos.ErrKindTooLarge, "101 capabilities", upload("a", "A", make([]string, 101)...))
	w.refused(khronos.ErrKindBadRequest, "no event can reach", upload("a", strings.Repeat("x", 101)))

	many := upload("a", "")
	for i := range 257 {
		many.Files["init.luau"] += fmt.Sprintf("%x ", i)
	}
	w.refused(khronos.ErrKindTooLarge, "handlers for 257 events", many)

	if _, err := w.service.Put(t.Context(), khronos.TenantID{}, upload("a", "A")); khronos.AsError(err).Kind != khronos.ErrKindBadRequest {
		t.Errorf("no tenant: got %v", err)
	}
}

// Nothing of a banned tenant runs, not even the look at an upload.
func TestPut_banned(t *testing.T) {
	w := newWorld(t)
	if err := w.store.PutTenantState(t.Context(), guild, khronos.TenantState{Banned: true}); err != nil {
		t.Fatal(err)
	}
	w.inspectErr = errors.New("inspected")
	_, err := w.service.Put(t.Context(), guild, upload("a", "E"))
	if e := khronos.AsError(err); e == nil || e.Kind != khronos.ErrKindTenantBanned {
		t.Errorf("got %v, want tenant_banned", err)
	}
}

func TestPut_inspectionFails(t *testing.T) {
	w := newWorld(t)
	w.put(upload("kept", "A"))
	const text = "init.luau:3:7: expected 'end', got <eof>"
	for _, c := range []struct {
		from, to khronos.ErrorKind
	}{
		{khronos.ErrKindScriptError, khronos.ErrKindScriptError},
		{khronos.ErrKindCPULimit, khronos.ErrKindCPULimit},
		{khronos.ErrKindMemoryLimit, khronos.ErrKindMemoryLimit},
		{khronos.ErrKindWorkerUnavailable, khronos.ErrKindWorkerUnavailable},
	} {
		w.inspectErr = &khronos.Error{Kind: c.from, Text: text, Trace: "trace"}
		w.refused(c.to, text, upload("kept", "B"))
		_, err := w.service.Put(t.Context(), guild, upload("new", "B"))
		if e := khronos.AsError(err); e.Text != text || e.Trace != "trace" {
			t.Errorf("%s: got text %q, trace %q, want them unchanged", c.from, e.Text, e.Trace)
		}
	}
}

func TestPut_count(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.put(upload(name, "E"))
	}
	w.refused(khronos.ErrKindTooLarge, "guild:7 has 3 templates: the limit is 3 (templates_per_tenant)", upload("d", "E"))
	w.put(upload("b", "F")) // replacing is no further template
	if _, err := w.service.Put(t.Context(), user, upload("d", "E")); err != nil {
		t.Errorf("another tenant: %v", err)
	}
	if err := w.service.Delete(t.Context(), guild, "a"); err != nil {
		t.Fatal(err)
	}
	w.put(upload("d", "E"))
}

// TestPut_atOnce wants that uploads at once cannot pass the count together, and
// that a tenant has one inspection at a time.
func TestPut_atOnce(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	results := make([]error, 12)
	for i := range results {
		wg.Go(func() {
			_, results[i] = w.service.Put(t.Context(), guild, upload(fmt.Sprint("t", i), "E"))
		})
	}
	wg.Wait()
	stored := 0
	for _, err := range results {
		if err == nil {
			stored++
		} else if khronos.AsError(err).Kind != khronos.ErrKindTooLarge {
			t.Error(err)
		}
	}
	list, err := w.service.List(t.Context(), guild)
	if err != nil || stored != 3 || len(list) != 3 {
		t.Errorf("%d uploads passed and %d templates are there, %v, want 3", stored, len(list), err)
	}
	if w.most != 1 {
		t.Errorf("%d inspections of one tenant at once, want 1", w.most)
	}
}

// TestPut_waitEnds wants that who waits for another upload of the tenant can
// give up, and that other tenants do not wait.
func TestPut_waitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		block := make(chan struct{})
		w.block = block
		first := make(chan error, 1)
		go func() {
			_, err := w.service.Put(t.Context(), guild, upload("a", "E"))
			first <- err
		}()
		synctest.Wait() // the first is being inspected
		ctx, cancel := context.WithCancel(t.Context())
		second := make(chan error, 1)
		go func() {
			_, err := w.service.Put(ctx, guild, upload("b", "E"))
			second <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("the second: got %v, want cancelled", err)
		}
		if err := w.service.Delete(t.Context(), user, "x"); khronos.AsError(err).Kind != khronos.ErrKindNotFound {
			t.Errorf("another tenant: got %v, want not_found at once", err)
		}
		close(block)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

// leavingStore is a store during whose writes the caller goes away.
type leavingStore struct {
	store.Store
	leave context.CancelFunc
}

func (s *leavingStore) PutTemplate(ctx context.Context, t store.Template) (store.Template, error) {
	s.leave()
	return s.Store.PutTemplate(ctx, t)
}

// TestPut_callerLeaves wants that a change whose caller leaves while it is
// stored takes effect all the same.
func TestPut_callerLeaves(t *testing.T) {
	w := newWorld(t)
	w.event(t, guild)
	ctx, cancel := context.WithCancel(t.Context())
	service := templates.New(&leavingStore{w.store, cancel}, w, w, limits.Default())
	if _, err := service.Put(ctx, guild, upload("a", "E")); err != nil {
		t.Fatal(err)
	}
	if got := w.event(t, guild); !slices.Equal(got, []string{"a 1 false"}) {
		t.Errorf("the next event runs %q, want what was stored", got)
	}
}

func TestSetPaused(t *testing.T) {
	w := newWorld(t)
	w.put(upload("a", "E", "kv:*"))
	w.event(t, guild)
	stored, err := w.service.SetPaused(t.Context(), guild, "a", true)
	if err != nil || !stored.Paused || stored.Version != 1 || len(stored.Subscriptions) != 1 || len(stored.Capabilities) != 1 {
		t.Errorf("got %+v, %v, want it paused and else the same", stored, err)
	}
	if got := w.event(t, guild); !slices.Equal(got, []string{"a 1 true"}) {
		t.Errorf("the next event meets %q", got)
	}
	if again, err := w.service.SetPaused(t.Context(), guild, "a", true); err != nil || again.Version != 1 || !again.UpdatedAt.Equal(stored.UpdatedAt) {
		t.Errorf("pausing twice: got %+v, %v, want no change", again, err)
	}
	if _, err := w.service.SetPaused(t.Context(), guild, "b", true); khronos.AsError(err).Kind != khronos.ErrKindNotFound {
		t.Errorf("unknown: got %v, want not_found", err)
	}
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	w.put(upload("a", "E"))
	w.event(t, guild)
	if err := w.service.Delete(t.Context(), guild, "a"); err != nil {
		t.Fatal(err)
	}
	if got := w.event(t, guild); len(got) != 0 {
		t.Errorf("after Delete the next event runs %q", got)
	}
	for name, err := range map[string]error{
		"Delete": w.service.Delete(t.Context(), guild, "a"),
		"Get":    func() error { _, err := w.service.Get(t.Context(), guild, "a"); return err }(),
	} {
		if e := khronos.AsError(err); e.Kind != khronos.ErrKindNotFound || e.Text != `guild:7 has no template "a"` {
			t.Errorf("%s: got %v, want not_found", name, err)
		}
	}
}

func TestStoreFails(t *testing.T) {
	w := newWorld(t)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	_, listErr := w.service.List(t.Context(), guild)
	_, getErr := w.service.Get(t.Context(), guild, "a")
	_, putErr := w.service.Put(t.Context(), guild, upload("a", "E"))
	for name, err := range map[string]error{
		"List": listErr, "Get": getErr, "Put": putErr, "Delete": w.service.Delete(t.Context(), guild, "a"),
	} {
		if e := khronos.AsError(err); e.Kind != khronos.ErrKindDependency || !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: got %v, want dependency around the cause", name, err)
		}
	}
}

// A template that is changed or resumed gets OnStartup, when the worker has let go
// of the old one; others do not, and nobody does for a paused one.
func TestService_OnStartup(t *testing.T) {
	w := newWorld(t)
	put := func(name, events string, paused bool) {
		t.Helper()
		_, err := w.service.Put(t.Context(), guild, templates.Upload{Name: name, Files: map[string]string{"init.luau": events}, Paused: &paused})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("a", "OnStartup MESSAGE", false)
	put("b", "MESSAGE", false)
	put("c", "OnStartup", true)
	for _, paused := range []bool{false, false, true} {
		if _, err := w.service.SetPaused(t.Context(), guild, "c", paused); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.service.Delete(t.Context(), guild, "a"); err != nil {
		t.Fatal(err)
	}
	want := []string{"OnStartup guild:7 to a: template_changed, loaded []", "OnStartup guild:7 to c: template_changed, loaded []"}
	if !slices.Equal(w.raised, want) {
		t.Errorf("raised %q, want %q", w.raised, want)
	}
}
