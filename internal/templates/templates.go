// Package templates keeps tenants' templates: it holds the rules of an upload
// and makes a change take effect.
//
// It owns the order of the steps and nothing else: templates lie in the store,
// a worker finds out what they subscribe to, for the master never runs a
// tenant's code. It starts no goroutine.
package templates

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
)

// Worker is what a change needs of the workers.
type Worker interface {
	// InspectTemplate runs the template's init.luau under the inspection limits
	// and returns the names of the events that it handles.
	InspectTemplate(ctx context.Context, tenant khronos.TenantID, files map[string]string) ([]string, error)
	// TemplatesChanged makes events that are accepted after it returns meet the
	// templates as they are stored now; what runs of another version ends there. It
	// does not wait. The zero TenantID stands for all tenants.
	TemplatesChanged(tenant khronos.TenantID)
	// DispatchEventNoWait hands ev to the tenant's templates, in its turn.
	DispatchEventNoWait(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) error
}

// OnStartup is the event that a template gets when another version of it comes in
// force or it is resumed, and no other template with it. Its data is
// {reason = "template_changed"}.
const OnStartup = "OnStartup"

// Notifier is told that a tenant's templates changed, before the worker is: the
// broker, which remembers their capabilities.
type Notifier interface {
	Forget(tenant khronos.TenantID)
}

// changeTimeout bounds what comes after the checks: the store's work.
const changeTimeout = 15 * time.Second

// Service keeps templates. Make one with New. All methods are safe for
// concurrent use; the changes of one tenant happen one after the other.
//
// A change has taken effect when its method returns: events that are accepted
// then meet the new version. Handlers that run end on the version they began on,
// and at no moment does an event meet none.
//
// Errors are or wrap a *khronos.Error, or wrap the context's error.
type Service struct {
	store    store.Store
	worker   Worker
	notifier Notifier
	limits   limits.Limits
	turns    turns
}

// New returns a service over its dependencies, which stay the caller's to close.
func New(st store.Store, w Worker, notifier Notifier, l limits.Limits) *Service {
	return &Service{store: st, worker: w, notifier: notifier, limits: l}
}

// List returns the tenant's templates, sorted by name.
func (s *Service) List(ctx context.Context, tenant khronos.TenantID) ([]Template, error) {
	kept, err := s.store.Templates(ctx, tenant)
	list := make([]Template, len(kept))
	for i, t := range kept {
		list[i] = withManifest(t)
	}
	return list, public(err)
}

// Get returns one template, or not_found.
func (s *Service) Get(ctx context.Context, tenant khronos.TenantID, name string) (Template, error) {
	t, err := s.store.Template(ctx, tenant, name)
	if err != nil {
		return Template{}, missing(err, tenant, name)
	}
	return withManifest(t), nil
}

// Upload is a template to be stored: Files of its own, or From the shop.
type Upload struct {
	Name   string
	Files  map[string]string
	From   store.TemplateRef
	Grant  Grant
	Paused *bool // nil: as it was before, a new one is not
	Stage  bool  // keep it as a version; what is in force stays so
}

// Put checks u, has it inspected and stores it as the newest version of the
// template of that name, in force unless u.Stage. The subscriptions are what the
// inspection found and the version is the store's.
//
// Nothing is stored unless everything before succeeded. A template that does not
// load is a script_error with the text of its error, which begins with file and
// line, and for bad source also the column. A banned tenant gets tenant_banned.
func (s *Service) Put(ctx context.Context, tenant khronos.TenantID, u Upload) (Template, error) {
	if err := checkTenant(tenant); err != nil {
		return Template{}, err
	}
	if err := checkCapabilities(u.Grant.List); err != nil {
		return Template{}, err
	}
	if u.From != (store.TemplateRef{}) {
		return s.install(ctx, tenant, u)
	}
	m, err := s.checkFiles(u.Name, u.Files)
	if err != nil {
		return Template{}, err
	}
	done, err := s.turns.begin(ctx, tenant)
	if err != nil {
		return Template{}, err
	}
	defer done()
	before, err := s.before(ctx, tenant, u)
	if err != nil {
		return Template{}, err
	}
	found, err := s.inspect(ctx, tenant, u.Files)
	if err != nil {
		return Template{}, err
	}
	_, manifest := u.Files[ManifestFile]
	next := store.Template{Tenant: tenant, Template: khronos.Template{
		Name: u.Name, Files: u.Files, Subscriptions: found,
		Capabilities: u.Grant.of(m.Capabilities, before.Capabilities, manifest), Paused: u.paused(before),
	}}
	return s.keep(ctx, next, u.Stage)
}

func (u *Upload) paused(before store.Template) bool {
	if u.Paused != nil {
		return *u.Paused
	}
	return before.Paused
}

// before gives the template that u will replace, or the zero one when there is
// room for a new one. It holds until the tenant's turn ends.
func (s *Service) before(ctx context.Context, tenant khronos.TenantID, u Upload) (store.Template, error) {
	list, err := s.store.Templates(ctx, tenant)
	if err != nil {
		return store.Template{}, public(err)
	}
	for _, t := range list {
		if t.Name == u.Name {
			return t, nil
		}
	}
	switch {
	case u.Stage:
		return store.Template{}, khronos.Errorf(khronos.ErrKindNotFound, "%s has no template %q to stage a version of: upload it without staging first", tenant, u.Name)
	case len(list) >= s.limits.TemplatesPerTenant:
		return store.Template{}, khronos.Errorf(khronos.ErrKindTooLarge, "%s has %d templates: the limit is %d (templates_per_tenant); delete one first",
			tenant, len(list), s.limits.TemplatesPerTenant)
	}
	return store.Template{}, nil
}

// keep stores next and, unless it is only staged, makes it take effect.
func (s *Service) keep(ctx context.Context, next store.Template, stage bool) (Template, error) {
	return s.change(ctx, next.Tenant, next.Name, !stage, func(ctx context.Context) (store.Template, error) {
		if stage {
			return s.store.StageTemplate(ctx, next)
		}
		return s.store.PutTemplate(ctx, next)
	})
}

// change does one change at the store, within the tenant's turn and past all
// checks, and makes it take effect. It goes on when the caller has gone: what is
// stored must not stay without effect. begins says that what do returns is in
// force from now on, unless it is paused.
func (s *Service) change(ctx context.Context, tenant khronos.TenantID, name string, begins bool, do func(context.Context) (store.Template, error)) (Template, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	t, err := do(ctx)
	// Also after an error: it may be stored all the same. The broker forgets the
	// old capabilities before a worker can load what needs the new ones.
	s.notifier.Forget(tenant)
	s.worker.TemplatesChanged(tenant)
	if err != nil {
		return Template{}, missing(err, tenant, name)
	}
	if begins && !t.Paused && slices.Contains(t.Subscriptions, OnStartup) {
		s.startup(ctx, t)
	}
	return withManifest(t), nil
}

// startup raises OnStartup. That nobody takes the event is no error of the change;
// the ledger has it.
func (s *Service) startup(ctx context.Context, t store.Template) {
	data, err := khronos.ValuePayload(khronos.Map(khronos.Pair{Key: khronos.Text("reason"), Value: khronos.Text("template_changed")}))
	if err != nil {
		panic("BUG: the data of OnStartup: " + err.Error())
	}
	_ = s.worker.DispatchEventNoWait(ctx, t.Tenant, khronos.Event{Name: OnStartup, Template: t.Name, Data: data})
}

// SetGrants gives a template exactly these capabilities, as a new version with
// the files of the one in force. One that has them already stays as it is.
func (s *Service) SetGrants(ctx context.Context, tenant khronos.TenantID, name string, capabilities []string) (Template, error) {
	if err := checkCapabilities(capabilities); err != nil {
		return Template{}, err
	}
	done, err := s.turns.begin(ctx, tenant)
	if err != nil {
		return Template{}, err
	}
	defer done()
	now, err := s.Get(ctx, tenant, name)
	if err != nil || slices.Equal(now.Capabilities, capabilities) {
		return now, err
	}
	next := now.Template
	next.Capabilities = capabilities
	if next.From != (store.TemplateRef{}) {
		next.Files = nil
	}
	return s.keep(ctx, next, false)
}

// SetPaused pauses or resumes a template: a paused one gets no new events. Its
// version stays the same. A template that is already so stays as it is.
func (s *Service) SetPaused(ctx context.Context, tenant khronos.TenantID, name string, paused bool) (Template, error) {
	done, err := s.turns.begin(ctx, tenant)
	if err != nil {
		return Template{}, err
	}
	defer done()
	now, err := s.Get(ctx, tenant, name)
	if err != nil || now.Paused == paused {
		return now, err
	}
	return s.change(ctx, tenant, name, true, func(ctx context.Context) (store.Template, error) {
		return s.store.PauseTemplate(ctx, tenant, name, paused)
	})
}

// Delete removes a template with all its versions, or returns not_found. What
// runs of it ends with dropped_tenant.
func (s *Service) Delete(ctx context.Context, tenant khronos.TenantID, name string) error {
	done, err := s.turns.begin(ctx, tenant)
	if err != nil {
		return err
	}
	defer done()
	_, err = s.change(ctx, tenant, name, false, func(ctx context.Context) (store.Template, error) {
		return store.Template{}, s.store.DeleteTemplate(ctx, tenant, name)
	})
	return err
}

func notFound(tenant khronos.TenantID, name string) error {
	return khronos.Errorf(khronos.ErrKindNotFound, "%s has no template %q", tenant, name)
}

// missing is public, with the template's name when the store has not found it.
func missing(err error, tenant khronos.TenantID, name string) error {
	if errors.Is(err, store.ErrNotFound) {
		return notFound(tenant, name)
	}
	return public(err)
}

// public gives an error of the store a kind and a text. It keeps the cause for
// the log of whoever ends it.
func public(err error) error {
	var e *khronos.Error
	switch {
	case err == nil, errors.As(err, &e), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, store.ErrInvalid):
		return khronos.Errorf(khronos.ErrKindBadRequest, "%v", err)
	}
	return fmt.Errorf("%w: %w", khronos.Errorf(khronos.ErrKindDependency, "the store did not answer: try again later"), err)
}
