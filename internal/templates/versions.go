package templates

import (
	"context"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// Versions describes the kept versions of a template, newest first, or returns
// not_found.
func (s *Service) Versions(ctx context.Context, tenant khronos.TenantID, name string) ([]store.TemplateVersion, error) {
	list, err := s.store.TemplateVersions(ctx, tenant, name)
	return list, missing(err, tenant, name)
}

// Version returns the template as it would be with that version in force.
func (s *Service) Version(ctx context.Context, tenant khronos.TenantID, name string, version int64) (Template, error) {
	if _, err := s.Versions(ctx, tenant, name); err != nil {
		return Template{}, err
	}
	t, err := s.store.TemplateVersion(ctx, tenant, name, version)
	if err != nil {
		return Template{}, missingVersion(err, tenant, name, version)
	}
	return withManifest(t), nil
}

// Activate puts a kept version in force, with the capabilities that were granted
// to it. When it holds one that the version in force does not, regrant must say
// that it may have that again: a version must not bring back what was taken away.
func (s *Service) Activate(ctx context.Context, tenant khronos.TenantID, name string, version int64, regrant bool) (Template, error) {
	done, err := s.turns.begin(ctx, tenant)
	if err != nil {
		return Template{}, err
	}
	defer done()
	return s.activate(ctx, tenant, name, version, regrant)
}

// Rollback is Activate of the newest kept version before the one in force.
func (s *Service) Rollback(ctx context.Context, tenant khronos.TenantID, name string, regrant bool) (Template, error) {
	done, err := s.turns.begin(ctx, tenant)
	if err != nil {
		return Template{}, err
	}
	defer done()
	now, err := s.Get(ctx, tenant, name)
	if err != nil {
		return Template{}, err
	}
	list, err := s.Versions(ctx, tenant, name)
	if err != nil {
		return Template{}, err
	}
	for _, v := range list {
		if v.Version < now.Version {
			return s.activate(ctx, tenant, name, v.Version, regrant)
		}
	}
	return Template{}, khronos.Errorf(khronos.ErrKindNotFound, "template %q of %s has no version before %d", name, tenant, now.Version)
}

// activate is Activate within the tenant's turn.
func (s *Service) activate(ctx context.Context, tenant khronos.TenantID, name string, version int64, regrant bool) (Template, error) {
	now, err := s.Get(ctx, tenant, name)
	if err != nil || now.Version == version {
		return now, err
	}
	next, err := s.store.TemplateVersion(ctx, tenant, name, version)
	if err != nil {
		return Template{}, missingVersion(err, tenant, name, version)
	}
	if back := beyond(next.Capabilities, now.Capabilities); len(back) > 0 && !regrant {
		return Template{}, khronos.Errorf(khronos.ErrKindBadRequest, "version %d of template %q holds %s, which version %d does not: say that it may have that again",
			version, name, strings.Join(back, ", "), now.Version)
	}
	if next.From != (store.TemplateRef{}) {
		if err := s.installable(ctx, tenant, next.From); err != nil {
			return Template{}, err
		}
	}
	return s.change(ctx, tenant, name, true, func(ctx context.Context) (store.Template, error) {
		return s.store.ActivateTemplate(ctx, tenant, name, version)
	})
}

func missingVersion(err error, tenant khronos.TenantID, name string, version int64) error {
	if e := missing(err, tenant, name); khronos.AsError(e).Kind != khronos.ErrKindNotFound {
		return e
	}
	return khronos.Errorf(khronos.ErrKindNotFound, "template %q of %s has no version %d; the last %d are kept", name, tenant, version, store.KeptVersions)
}
