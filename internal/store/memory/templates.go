package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// Templates implements [store.Store].
func (s *Store) Templates(ctx context.Context, id khronos.TenantID) ([]store.Template, error) {
	out := []store.Template{}
	err := s.do(ctx, func() error {
		t := s.tenants[id]
		if t == nil {
			return nil
		}
		for _, tpl := range t.templates {
			out = append(out, copyTemplate(tpl))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, byName)
	return out, nil
}

// Template implements [store.Store].
func (s *Store) Template(ctx context.Context, id khronos.TenantID, name string) (store.Template, error) {
	var out store.Template
	err := s.do(ctx, func() error {
		t := s.tenants[id]
		if t == nil {
			return notFound(id, name)
		}
		tpl, ok := t.templates[name]
		if !ok {
			return notFound(id, name)
		}
		out = copyTemplate(tpl)
		return nil
	})
	return out, err
}

// PutTemplate implements [store.Store].
func (s *Store) PutTemplate(ctx context.Context, tpl store.Template) (store.Template, error) {
	if err := store.CheckTemplate(tpl); err != nil {
		return store.Template{}, err
	}
	kept := copyTemplate(tpl)
	err := s.do(ctx, func() error {
		t := s.tenantLocked(tpl.Tenant)
		t.versions[tpl.Name]++
		kept.Version = t.versions[tpl.Name]
		kept.UpdatedAt = store.Now()
		kept.CreatedAt = kept.UpdatedAt
		if old, ok := t.templates[tpl.Name]; ok {
			kept.CreatedAt = old.CreatedAt
		}
		t.templates[tpl.Name] = kept
		return nil
	})
	if err != nil {
		return store.Template{}, err
	}
	return copyTemplate(kept), nil
}

// DeleteTemplate implements [store.Store].
func (s *Store) DeleteTemplate(ctx context.Context, id khronos.TenantID, name string) error {
	return s.do(ctx, func() error {
		t := s.tenants[id]
		if t == nil {
			return notFound(id, name)
		}
		if _, ok := t.templates[name]; !ok {
			return notFound(id, name)
		}
		delete(t.templates, name)
		return nil
	})
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
