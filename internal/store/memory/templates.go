package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// template is a template with its kept versions. What a version holds is never written to.
type template struct {
	current   int64
	paused    bool
	versions  []store.Template // oldest first; their Paused and UpdatedAt say nothing
	createdAt time.Time
	updatedAt time.Time
}

// version returns the template as it is with that version current.
func (t *template) version(s *Store, number int64) (store.Template, bool) {
	for _, v := range t.versions {
		if v.Version != number {
			continue
		}
		out := copyTemplate(v)
		out.Paused, out.CreatedAt, out.UpdatedAt = t.paused, t.createdAt, t.updatedAt
		if shop, ok := s.shop[v.From]; ok && v.From != (store.TemplateRef{}) {
			out.Files, out.FromReview = maps.Clone(shop.Files), shop.Review.State
		}
		return out, true
	}
	return store.Template{}, false
}

// Templates implements [store.Store].
func (s *Store) Templates(ctx context.Context, id khronos.TenantID) ([]store.Template, error) {
	out := []store.Template{}
	err := s.do(ctx, func() error {
		t := s.tenants[id]
		if t == nil {
			return nil
		}
		for _, tpl := range t.templates {
			v, _ := tpl.version(s, tpl.current)
			out = append(out, v)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b store.Template) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Template implements [store.Store].
func (s *Store) Template(ctx context.Context, id khronos.TenantID, name string) (store.Template, error) {
	return s.withTemplate(ctx, id, name, func(t *template) (int64, error) { return t.current, nil })
}

// TemplateVersion implements [store.Store].
func (s *Store) TemplateVersion(ctx context.Context, id khronos.TenantID, name string, version int64) (store.Template, error) {
	return s.withTemplate(ctx, id, name, func(*template) (int64, error) { return version, nil })
}

// TemplateVersions implements [store.Store].
func (s *Store) TemplateVersions(ctx context.Context, id khronos.TenantID, name string) ([]store.TemplateVersion, error) {
	var list []store.TemplateVersion
	_, err := s.withTemplate(ctx, id, name, func(t *template) (int64, error) {
		for _, v := range slices.Backward(t.versions) {
			v = copyTemplate(v)
			list = append(list, store.TemplateVersion{
				Version: v.Version, Current: v.Version == t.current, From: v.From,
				Capabilities: v.Capabilities, Subscriptions: v.Subscriptions, CreatedAt: v.CreatedAt,
			})
		}
		return t.current, nil
	})
	return list, err
}

// PutTemplate implements [store.Store].
func (s *Store) PutTemplate(ctx context.Context, in store.Template) (store.Template, error) {
	if err := store.CheckTemplate(in); err != nil {
		return store.Template{}, err
	}
	var out store.Template
	err := s.do(ctx, func() error {
		if err := s.checkFromLocked(in); err != nil {
			return err
		}
		t := s.tenantLocked(in.Tenant)
		now := store.Now()
		tpl := t.templates[in.Name]
		if tpl == nil {
			tpl = &template{createdAt: now}
			t.templates[in.Name] = tpl
		}
		tpl.current, tpl.paused, tpl.updatedAt = t.nextVersion(in.Name), in.Paused, now
		tpl.keep(in, tpl.current, now)
		out, _ = tpl.version(s, tpl.current)
		return nil
	})
	return out, err
}

// StageTemplate implements [store.Store].
func (s *Store) StageTemplate(ctx context.Context, in store.Template) (store.Template, error) {
	if err := store.CheckTemplate(in); err != nil {
		return store.Template{}, err
	}
	return s.withTemplate(ctx, in.Tenant, in.Name, func(t *template) (int64, error) {
		if err := s.checkFromLocked(in); err != nil {
			return 0, err
		}
		version := s.tenants[in.Tenant].nextVersion(in.Name)
		t.keep(in, version, store.Now())
		return version, nil
	})
}

// ActivateTemplate implements [store.Store].
func (s *Store) ActivateTemplate(ctx context.Context, id khronos.TenantID, name string, version int64) (store.Template, error) {
	return s.withTemplate(ctx, id, name, func(t *template) (int64, error) {
		if _, ok := t.version(s, version); ok {
			t.current, t.updatedAt = version, store.Now()
		}
		return version, nil
	})
}

// PauseTemplate implements [store.Store].
func (s *Store) PauseTemplate(ctx context.Context, id khronos.TenantID, name string, paused bool) (store.Template, error) {
	return s.withTemplate(ctx, id, name, func(t *template) (int64, error) {
		t.paused, t.updatedAt = paused, store.Now()
		return t.current, nil
	})
}

// DeleteTemplate implements [store.Store].
func (s *Store) DeleteTemplate(ctx context.Context, id khronos.TenantID, name string) error {
	_, err := s.withTemplate(ctx, id, name, func(t *template) (int64, error) {
		delete(s.tenants[id].templates, name)
		return t.current, nil
	})
	return err
}

// withTemplate runs f with mu held and returns the version that f names.
func (s *Store) withTemplate(ctx context.Context, id khronos.TenantID, name string, f func(*template) (int64, error)) (store.Template, error) {
	if err := store.CheckText("template name", name); err != nil {
		return store.Template{}, err
	}
	var out store.Template
	err := s.do(ctx, func() error {
		t := s.tenants[id]
		if t == nil || t.templates[name] == nil {
			return notFound(id, name)
		}
		tpl := t.templates[name]
		version, err := f(tpl)
		if err != nil {
			return err
		}
		var ok bool
		if out, ok = tpl.version(s, version); !ok {
			return fmt.Errorf("version %d: %w", version, notFound(id, name))
		}
		return nil
	})
	return out, err
}

// keep adds a version and forgets the oldest ones.
func (t *template) keep(in store.Template, version int64, now time.Time) {
	kept := copyTemplate(in)
	kept.Version, kept.CreatedAt, kept.FromReview = version, now, ""
	t.versions = append(t.versions, kept)
	for len(t.versions) > store.KeptVersions {
		oldest := slices.IndexFunc(t.versions, func(v store.Template) bool { return v.Version != t.current })
		t.versions = slices.Delete(t.versions, oldest, oldest+1)
	}
}

func (t *tenant) nextVersion(name string) int64 {
	t.versions[name]++
	return t.versions[name]
}

func (s *Store) checkFromLocked(t store.Template) error {
	if _, ok := s.shop[t.From]; t.From != (store.TemplateRef{}) && !ok {
		return fmt.Errorf("shop template %s: %w", t.From, store.ErrNotFound)
	}
	return nil
}

func notFound(id khronos.TenantID, name string) error {
	return fmt.Errorf("template %q of %s: %w", name, id, store.ErrNotFound)
}

// copyTemplate shares nothing with t, and has no nil where a database would
// give an empty list.
func copyTemplate(t store.Template) store.Template {
	files := make(map[string]string, len(t.Files))
	maps.Copy(files, t.Files)
	t.Files = files
	t.Capabilities = append([]string{}, t.Capabilities...)
	t.Subscriptions = append([]string{}, t.Subscriptions...)
	return t
}

// PublishTemplate implements [store.Store].
func (s *Store) PublishTemplate(ctx context.Context, op store.OpID, t store.ShopTemplate) error {
	if err := cmp.Or(store.CheckShopTemplate(t), store.CheckOp(op)); err != nil {
		return err
	}
	return s.do(ctx, func() error {
		var none struct{}
		return once(s.tenantLocked(t.Owner), op, "publish", &none, func() error {
			for ref, other := range s.shop {
				if ref == t.Ref || ref.Scope == t.Ref.Scope && other.Owner != t.Owner {
					return fmt.Errorf("publish %s: %w", t.Ref, store.ErrExists)
				}
			}
			t := copyShop(t)
			t.Review, t.CreatedAt, t.ReviewedAt = store.Review{State: store.ReviewPending}, store.Now(), time.Time{}
			s.shop[t.Ref] = t
			return nil
		})
	})
}

// ShopTemplate implements [store.Store].
func (s *Store) ShopTemplate(ctx context.Context, ref store.TemplateRef) (store.ShopTemplate, error) {
	if err := ref.Check(); err != nil {
		return store.ShopTemplate{}, err
	}
	var out store.ShopTemplate
	err := s.do(ctx, func() error {
		t, ok := s.shop[ref]
		if !ok {
			return fmt.Errorf("shop template %s: %w", ref, store.ErrNotFound)
		}
		out = copyShop(t)
		return nil
	})
	return out, err
}

// ShopTemplates implements [store.Store].
func (s *Store) ShopTemplates(ctx context.Context, f store.ShopFilter, after store.TemplateRef, limit int) ([]store.ShopTemplate, error) {
	if err := store.CheckShopFilter(f, after); err != nil {
		return nil, err
	}
	list := []store.ShopTemplate{}
	err := s.do(ctx, func() error {
		for ref, t := range s.shop {
			if ref.Compare(after) > 0 && picks(f.Scope, ref.Scope) && picks(f.Name, ref.Name) && picks(f.Review, t.Review.State) && picks(f.Owner, t.Owner) {
				t = copyShop(t)
				t.Files = nil
				list = append(list, t)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b store.ShopTemplate) int { return a.Ref.Compare(b.Ref) })
	return list[:min(len(list), max(limit, 0))], nil
}

// ReviewTemplate implements [store.Store].
func (s *Store) ReviewTemplate(ctx context.Context, ref store.TemplateRef, r store.Review) error {
	if err := cmp.Or(ref.Check(), store.CheckReview(r)); err != nil {
		return err
	}
	return s.do(ctx, func() error {
		t, ok := s.shop[ref]
		if !ok {
			return fmt.Errorf("review %s: %w", ref, store.ErrNotFound)
		}
		t.Review, t.ReviewedAt = r, store.Now()
		s.shop[ref] = t
		return nil
	})
}

// picks tells whether a filter's field lets value through.
func picks[T comparable](field, value T) bool {
	var any T
	return field == any || field == value
}

func copyShop(t store.ShopTemplate) store.ShopTemplate {
	files := make(map[string]string, len(t.Files))
	maps.Copy(files, t.Files)
	t.Files = files
	t.Capabilities = append([]string{}, t.Capabilities...)
	t.Subscriptions = append([]string{}, t.Subscriptions...)
	return t
}
