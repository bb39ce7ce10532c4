package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

const (
	templateColumns = `name, version, paused, capabilities, subscriptions, created_at, updated_at`

	templateSQL  = `SELECT ` + templateColumns + ` FROM templates WHERE tenant = ?1 AND name = ?2`
	templatesSQL = `SELECT ` + templateColumns + ` FROM templates WHERE tenant = ?1 ORDER BY name`

	filesSQL    = `SELECT template, path, content FROM template_files WHERE tenant = ?1 AND template = ?2`
	allFilesSQL = `SELECT template, path, content FROM template_files WHERE tenant = ?1`

	nextVersionSQL = `INSERT INTO template_versions (tenant, name, last) VALUES (?1, ?2, 1)
		ON CONFLICT (tenant, name) DO UPDATE SET last = last + 1
		RETURNING last`

	putTemplateSQL = `INSERT INTO templates (tenant, name, version, paused, capabilities, subscriptions, created_at, updated_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
		ON CONFLICT (tenant, name) DO UPDATE SET version = excluded.version, paused = excluded.paused,
			capabilities = excluded.capabilities, subscriptions = excluded.subscriptions, updated_at = excluded.updated_at`

	deleteFilesSQL    = `DELETE FROM template_files WHERE tenant = ?1 AND template = ?2`
	addFileSQL        = `INSERT INTO template_files (tenant, template, path, content) VALUES (?1, ?2, ?3, ?4)`
	deleteTemplateSQL = `DELETE FROM templates WHERE tenant = ?1 AND name = ?2`
)

// Templates implements [store.Store].
func (s *Store) Templates(ctx context.Context, tenant khronos.TenantID) ([]store.Template, error) {
	list := []store.Template{}
	err := s.view(ctx, func(tx txn) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if err != nil {
			return err
		}
		rows, err := tx.query(ctx, templatesSQL, pk)
		if err != nil {
			return err
		}
		err = each(rows, func() error {
			t, err := scanTemplate(tenant, rows)
			list = append(list, t)
			return err
		})
		if err != nil {
			return err
		}
		return addFiles(ctx, tx, list, allFilesSQL, pk)
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("templates of %s: %w", tenant, err)
	}
	return list, nil
}

// Template implements [store.Store].
func (s *Store) Template(ctx context.Context, tenant khronos.TenantID, name string) (store.Template, error) {
	var out store.Template
	err := s.view(ctx, func(tx txn) (err error) {
		out, err = readTemplate(ctx, tx, tenant, name)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Template{}, fmt.Errorf("template %q of %s: %w", name, tenant, err)
	}
	return out, nil
}

// PutTemplate implements [store.Store].
func (s *Store) PutTemplate(ctx context.Context, t store.Template) (store.Template, error) {
	if err := store.CheckTemplate(t); err != nil {
		return store.Template{}, err
	}
	var out store.Template
	err := s.update(ctx, func(tx txn) error {
		if err := writeTemplate(ctx, tx, t); err != nil {
			return err
		}
		var err error
		out, err = readTemplate(ctx, tx, t.Tenant, t.Name)
		return err
	})
	if err != nil {
		return store.Template{}, fmt.Errorf("put template %q of %s: %w", t.Name, t.Tenant, err)
	}
	return out, nil
}

// DeleteTemplate implements [store.Store].
func (s *Store) DeleteTemplate(ctx context.Context, tenant khronos.TenantID, name string) error {
	err := s.update(ctx, func(tx txn) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if err != nil {
			return err
		}
		result, err := tx.exec(ctx, deleteTemplateSQL, pk, name)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return sql.ErrNoRows
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("delete template %q of %s: %w", name, tenant, err)
	}
	return nil
}

func writeTemplate(ctx context.Context, tx txn, t store.Template) error {
	pk, err := addTenantPK(ctx, tx, t.Tenant)
	if err != nil {
		return err
	}
	var version int64
	if err := tx.row(ctx, nextVersionSQL, pk, t.Name).Scan(&version); err != nil {
		return err
	}
	_, err = tx.exec(ctx, putTemplateSQL, pk, t.Name, version, t.Paused,
		jsonText(t.Capabilities), jsonText(t.Subscriptions), store.Now().UnixMicro())
	if err != nil {
		return err
	}
	if _, err := tx.exec(ctx, deleteFilesSQL, pk, t.Name); err != nil {
		return err
	}
	for path, content := range t.Files {
		// Never nil: an empty file is an empty BLOB, not NULL.
		if _, err := tx.exec(ctx, addFileSQL, pk, t.Name, path, append([]byte{}, content...)); err != nil {
			return err
		}
	}
	return nil
}

// readTemplate returns the template with its files; sql.ErrNoRows when there is none.
func readTemplate(ctx context.Context, tx txn, tenant khronos.TenantID, name string) (store.Template, error) {
	pk, err := tenantPK(ctx, tx, tenant)
	if err != nil {
		return store.Template{}, err
	}
	t, err := scanTemplate(tenant, tx.row(ctx, templateSQL, pk, name))
	if err != nil {
		return store.Template{}, err
	}
	list := []store.Template{t}
	err = addFiles(ctx, tx, list, filesSQL, pk, name)
	return list[0], err
}

// scanTemplate reads templateColumns from a row or from rows.
func scanTemplate(tenant khronos.TenantID, row interface{ Scan(...any) error }) (store.Template, error) {
	t := store.Template{Tenant: tenant}
	t.Files = make(map[string]string)
	var capabilities, subscriptions []byte
	var created, updated int64
	err := row.Scan(&t.Name, &t.Version, &t.Paused, &capabilities, &subscriptions, &created, &updated)
	if err != nil {
		return store.Template{}, err
	}
	t.CreatedAt, t.UpdatedAt = fromMicros(created), fromMicros(updated)
	if err := json.Unmarshal(capabilities, &t.Capabilities); err != nil {
		return store.Template{}, fmt.Errorf("decode capabilities: %w", err)
	}
	if err := json.Unmarshal(subscriptions, &t.Subscriptions); err != nil {
		return store.Template{}, fmt.Errorf("decode subscriptions: %w", err)
	}
	return t, nil
}

// addFiles runs a query for (template, path, content) and puts the files into
// the templates of that name in list.
func addFiles(ctx context.Context, tx txn, list []store.Template, query string, args ...any) error {
	files := make(map[string]map[string]string, len(list))
	for _, t := range list {
		files[t.Name] = t.Files
	}
	rows, err := tx.query(ctx, query, args...)
	if err != nil {
		return err
	}
	return each(rows, func() error {
		var name, path string
		var content []byte
		if err := rows.Scan(&name, &path, &content); err != nil {
			return err
		}
		files[name][path] = string(content)
		return nil
	})
}
