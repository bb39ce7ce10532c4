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
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
)

// Inspector is what an upload needs of the worker that owns the tenant.
type Inspector interface {
	// InspectTemplate runs the template's init.luau under the inspection limits
	// and returns the names of the events that it handles.
	InspectTemplate(ctx context.Context, tenant khronos.TenantID, files map[string]string) ([]string, error)
	// DropTenant ends what runs of the tenant and forgets its templates, so that
	// its next event loads them again.
	DropTenant(ctx context.Context, tenant khronos.TenantID) error
}

// Notifier is told that a tenant's templates changed, before the worker is: the
// broker, which remembers their capabilities.
type Notifier interface {
	Forget(tenant khronos.TenantID)
}

// changeTimeout bounds what comes after the checks: storing, and the wait for a
// worker to drop the tenant, which it does within seconds or is killed.
const changeTimeout = 15 * time.Second

// Service keeps templates. Make one with New. All methods are safe for
// concurrent use; the changes of one tenant happen one after the other.
//
// Errors are or wrap a *khronos.Error, or wrap the context's error.
type Service struct {
	store     store.Store
	inspector Inspector
	notifier  Notifier
	limits    limits.Limits
	turns     turns
}

// New returns a service over its dependencies, which stay the caller's to close.
func New(st store.Store, inspector Inspector, notifier Notifier, l limits.Limits) *Service {
	return &Service{store: st, inspector: inspector, notifier: notifier, limits: l}
}

// List returns the tenant's templates, sorted by name.
func (s *Service) List(ctx context.Context, tenant khronos.TenantID) ([]store.Template, error) {
	list, err := s.store.Templates(ctx, tenant)
	return list, public(err)
}

// Get returns one template, or not_found.
func (s *Service) Get(ctx context.Context, tenant khronos.TenantID, name string) (store.Template, error) {
	t, err := s.store.Template(ctx, tenant, name)
	if errors.Is(err, store.ErrNotFound) {
		return store.Template{}, notFound(tenant, name)
	}
	return t, public(err)
}

// Put checks t, has it inspected, stores it in place of the one of that name, and
// makes the tenant load it with its next event; what runs of the tenant ends
// with dropped_tenant. Of t it takes Name, Files, Capabilities and Paused; the
// subscriptions are what the inspection found and the version is the store's.
//
// Nothing is stored unless everything before succeeded. A template that does
// not load is a script_error with the text of its error, which begins with file
// and line, and for bad source also the column. An error after storing says so: the template is then in
// force from the worker's next start at the latest.
func (s *Service) Put(ctx context.Context, tenant khronos.TenantID, t khronos.Template) (store.Template, error) {
	if err := s.check(tenant, t); err != nil {
		return store.Template{}, err
	}
	done, err := s.turns.begin(ctx, tenant)
	if err != nil {
		return store.Template{}, err
	}
	defer done()
	if err := s.checkCount(ctx, tenant, t.Name); err != nil {
		return store.Template{}, err
	}
	if t.Subscriptions, err = s.inspect(ctx, tenant, t.Files); err != nil {
		return store.Template{}, err
	}
	return s.put(ctx, store.Template{Tenant: tenant, Template: t})
}

// SetPaused pauses or resumes a template: a paused one gets no events. Its
// version stays the same. A template that is already so stays as it is.
func (s *Service) SetPaused(ctx context.Context, tenant khronos.TenantID, name string, paused bool) (store.Template, error) {
	done, err := s.turns.begin(ctx, tenant)
	if err != nil {
		return store.Template{}, err
	}
	defer done()
	t, err := s.Get(ctx, tenant, name)
	if err != nil || t.Paused == paused {
		return t, err
	}
	ctx, cancel := goOn(ctx)
	defer cancel()
	t, err = s.store.PauseTemplate(ctx, tenant, name, paused)
	s.notifier.Forget(tenant)
	if err != nil {
		return store.Template{}, public(err)
	}
	return t, s.apply(ctx, tenant, fmt.Sprintf("template %q is stored with paused = %v", name, paused))
}

// Delete removes a template, or returns not_found. What runs of the tenant ends.
func (s *Service) Delete(ctx context.Context, tenant khronos.TenantID, name string) error {
	done, err := s.turns.begin(ctx, tenant)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := goOn(ctx)
	defer cancel()
	err = s.store.DeleteTemplate(ctx, tenant, name)
	if errors.Is(err, store.ErrNotFound) {
		return notFound(tenant, name)
	}
	s.notifier.Forget(tenant)
	if err != nil {
		return public(err)
	}
	return s.apply(ctx, tenant, fmt.Sprintf("template %q is deleted", name))
}

// goOn returns the context of a change that is past its checks. The change goes
// on when the caller has gone: what is stored must not stay without effect.
func goOn(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
}

// put stores t and makes it take effect.
func (s *Service) put(ctx context.Context, t store.Template) (store.Template, error) {
	ctx, cancel := goOn(ctx)
	defer cancel()
	stored, err := s.store.PutTemplate(ctx, t)
	s.notifier.Forget(t.Tenant) // also after an error: it may be stored all the same
	if err != nil {
		return store.Template{}, public(err)
	}
	return stored, s.apply(ctx, t.Tenant, fmt.Sprintf("template %q is stored as version %d", t.Name, stored.Version))
}

// apply makes the worker load what is stored. The broker has forgotten the old
// capabilities before, so what is loaded meets its own.
func (s *Service) apply(ctx context.Context, tenant khronos.TenantID, what string) error {
	err := s.inspector.DropTenant(ctx, tenant)
	if err == nil || errors.Is(err, khronos.ErrWorkerUnavailable) || errors.Is(err, khronos.ErrDraining) {
		return nil // no worker runs the old templates; the next one begins with these
	}
	e := khronos.AsError(err)
	public := *e
	public.Text = fmt.Sprintf("%s, but the worker did not drop the old ones: %s; drop the tenant or try again", what, e.Text)
	return fmt.Errorf("%w: %w", &public, err)
}

func notFound(tenant khronos.TenantID, name string) error {
	return khronos.Errorf(khronos.ErrKindNotFound, "%s has no template %q", tenant, name)
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
