package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

const (
	templateColumns = `t.name, r.version, t.paused, r.from_shop, r.capabilities, r.subscriptions, t.created_at, t.updated_at`

	templateSQL = `SELECT ` + templateColumns + ` FROM templates AS t
		JOIN template_revisions AS r ON r.tenant = t.tenant AND r.name = t.name AND r.version = t.version
		WHERE t.tenant = $1 AND t.name = $2`
	templatesSQL = `SELECT ` + templateColumns + ` FROM templates AS t
		JOIN template_revisions AS r ON r.tenant = t.tenant AND r.name = t.name AND r.version = t.version
		WHERE t.tenant = $1 ORDER BY t.name`
	revisionSQL = `SELECT ` + templateColumns + ` FROM templates AS t
		JOIN template_revisions AS r ON r.tenant = t.tenant AND r.name = t.name
		WHERE t.tenant = $1 AND t.name = $2 AND r.version = $3`

	revisionsSQL = `SELECT r.version, r.version = t.version, r.from_shop, r.capabilities, r.subscriptions, r.created_at
		FROM templates AS t JOIN template_revisions AS r ON r.tenant = t.tenant AND r.name = t.name
		WHERE t.tenant = $1 AND t.name = $2 ORDER BY r.version DESC`

	filesSQL    = `SELECT template, path, content FROM template_files WHERE tenant = $1 AND template = $2 AND version = $3`
	allFilesSQL = `SELECT f.template, f.path, f.content FROM templates AS t
		JOIN template_files AS f ON f.tenant = t.tenant AND f.template = t.name AND f.version = t.version
		WHERE t.tenant = $1`

	nextVersionSQL = `INSERT INTO template_versions (tenant, name, last) VALUES ($1, $2, 1)
		ON CONFLICT (tenant, name) DO UPDATE SET last = template_versions.last + 1
		RETURNING last`

	putTemplateSQL = `INSERT INTO templates (tenant, name, version, paused, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (tenant, name) DO UPDATE SET version = excluded.version, paused = excluded.paused, updated_at = excluded.updated_at`

	addRevisionSQL = `INSERT INTO template_revisions (tenant, name, version, from_shop, capabilities, subscriptions, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`
	addFileSQL = `INSERT INTO template_files (tenant, template, version, path, content) VALUES ($1, $2, $3, $4, $5)`

	// oldRevisionsSQL skips the newest ones that may stay beside the current one.
	oldRevisionsSQL = `SELECT r.version FROM templates AS t
		JOIN template_revisions AS r ON r.tenant = t.tenant AND r.name = t.name AND r.version <> t.version
		WHERE t.tenant = $1 AND t.name = $2 ORDER BY r.version DESC LIMIT 1000 OFFSET $3`
	deleteRevisionSQL = `DELETE FROM template_revisions WHERE tenant = $1 AND name = $2 AND version = $3`

	activateSQL = `UPDATE templates SET version = $3, updated_at = $4 WHERE tenant = $1 AND name = $2
		AND EXISTS (SELECT 1 FROM template_revisions WHERE tenant = $1 AND name = $2 AND version = $3)`
	pauseSQL          = `UPDATE templates SET paused = $3, updated_at = $4 WHERE tenant = $1 AND name = $2`
	deleteTemplateSQL = `DELETE FROM templates WHERE tenant = $1 AND name = $2`
)

// Templates implements [store.Store].
func (s *Store) Templates(ctx context.Context, tenant khronos.TenantID) ([]store.Template, error) {
	list := []store.Template{}
	err := s.db.View(ctx, func(tx Tx) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, templatesSQL, pk)
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
		if err := addFiles(ctx, tx, list, allFilesSQL, pk); err != nil {
			return err
		}
		for i := range list {
			if err := addShopFiles(ctx, tx, &list[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("templates of %s: %w", tenant, err)
	}
	return list, nil
}

// Template implements [store.Store].
func (s *Store) Template(ctx context.Context, tenant khronos.TenantID, name string) (store.Template, error) {
	if err := store.CheckText("template name", name); err != nil {
		return store.Template{}, err
	}
	var out store.Template
	err := s.db.View(ctx, func(tx Tx) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if err != nil {
			return err
		}
		out, err = readTemplate(ctx, tx, tenant, tx.Row(ctx, templateSQL, pk, name), pk)
		return err
	})
	if err != nil {
		return store.Template{}, fmt.Errorf("template %q of %s: %w", name, tenant, notFound(err))
	}
	return out, nil
}

// TemplateVersion implements [store.Store].
func (s *Store) TemplateVersion(ctx context.Context, tenant khronos.TenantID, name string, version int64) (store.Template, error) {
	if err := store.CheckText("template name", name); err != nil {
		return store.Template{}, err
	}
	var out store.Template
	err := s.db.View(ctx, func(tx Tx) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if err != nil {
			return err
		}
		out, err = readTemplate(ctx, tx, tenant, tx.Row(ctx, revisionSQL, pk, name, version), pk)
		return err
	})
	if err != nil {
		return store.Template{}, fmt.Errorf("version %d of template %q of %s: %w", version, name, tenant, notFound(err))
	}
	return out, nil
}

// TemplateVersions implements [store.Store].
func (s *Store) TemplateVersions(ctx context.Context, tenant khronos.TenantID, name string) ([]store.TemplateVersion, error) {
	if err := store.CheckText("template name", name); err != nil {
		return nil, err
	}
	var list []store.TemplateVersion
	err := s.db.View(ctx, func(tx Tx) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, revisionsSQL, pk, name)
		if err != nil {
			return err
		}
		return each(rows, func() error {
			v, err := scanVersion(rows)
			list = append(list, v)
			return err
		})
	})
	if err == nil && len(list) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("versions of template %q of %s: %w", name, tenant, notFound(err))
	}
	return list, nil
}

func scanVersion(row Scanner) (store.TemplateVersion, error) {
	var v store.TemplateVersion
	var from, capabilities, subscriptions string
	var created int64
	err := row.Scan(&v.Version, &v.Current, &from, &capabilities, &subscriptions, &created)
	if err != nil {
		return v, err
	}
	v.CreatedAt = fromMicros(created)
	if v.From, err = refOf(from); err != nil {
		return v, err
	}
	if v.Capabilities, err = readTexts("capabilities", capabilities); err != nil {
		return v, err
	}
	v.Subscriptions, err = readTexts("subscriptions", subscriptions)
	return v, err
}

// PutTemplate implements [store.Store].
func (s *Store) PutTemplate(ctx context.Context, t store.Template) (store.Template, error) {
	if err := store.CheckTemplate(t); err != nil {
		return store.Template{}, err
	}
	return s.changeTemplate(ctx, "put", t.Tenant, t.Name, func(tx Tx, pk int64) (string, []any, error) {
		version, err := nextVersion(ctx, tx, pk, t.Name)
		if err != nil {
			return "", nil, err
		}
		if _, err := tx.Exec(ctx, putTemplateSQL, pk, t.Name, version, t.Paused, nowMicros()); err != nil {
			return "", nil, err
		}
		return templateSQL, []any{pk, t.Name}, addRevision(ctx, tx, pk, version, t)
	})
}

// StageTemplate implements [store.Store].
func (s *Store) StageTemplate(ctx context.Context, t store.Template) (store.Template, error) {
	if err := store.CheckTemplate(t); err != nil {
		return store.Template{}, err
	}
	return s.changeTemplate(ctx, "stage", t.Tenant, t.Name, func(tx Tx, pk int64) (string, []any, error) {
		if _, err := scanTemplate(t.Tenant, tx.Row(ctx, templateSQL, pk, t.Name)); err != nil {
			return "", nil, err
		}
		version, err := nextVersion(ctx, tx, pk, t.Name)
		if err != nil {
			return "", nil, err
		}
		return revisionSQL, []any{pk, t.Name, version}, addRevision(ctx, tx, pk, version, t)
	})
}

// ActivateTemplate implements [store.Store].
func (s *Store) ActivateTemplate(ctx context.Context, tenant khronos.TenantID, name string, version int64) (store.Template, error) {
	return s.changeTemplate(ctx, "activate", tenant, name, func(tx Tx, pk int64) (string, []any, error) {
		n, err := tx.Exec(ctx, activateSQL, pk, name, version, nowMicros())
		return templateSQL, []any{pk, name}, orNone(n, err)
	})
}

// PauseTemplate implements [store.Store].
func (s *Store) PauseTemplate(ctx context.Context, tenant khronos.TenantID, name string, paused bool) (store.Template, error) {
	return s.changeTemplate(ctx, "pause", tenant, name, func(tx Tx, pk int64) (string, []any, error) {
		n, err := tx.Exec(ctx, pauseSQL, pk, name, paused, nowMicros())
		return templateSQL, []any{pk, name}, orNone(n, err)
	})
}

// DeleteTemplate implements [store.Store].
func (s *Store) DeleteTemplate(ctx context.Context, tenant khronos.TenantID, name string) error {
	if err := store.CheckText("template name", name); err != nil {
		return err
	}
	err := s.db.Update(ctx, func(tx Tx) error {
		t, err := s.lockTenant(ctx, tx, tenant, false)
		if err != nil {
			return err
		}
		return orNone(tx.Exec(ctx, deleteTemplateSQL, t.pk, name))
	})
	if err != nil {
		return fmt.Errorf("delete template %q of %s: %w", name, tenant, notFound(err))
	}
	return nil
}

// changeTemplate runs f in a transaction that holds the tenant's row and returns
// the template that the query f gives reads.
func (s *Store) changeTemplate(ctx context.Context, what string, tenant khronos.TenantID, name string,
	f func(tx Tx, pk int64) (query string, args []any, err error)) (store.Template, error) {
	if err := store.CheckText("template name", name); err != nil {
		return store.Template{}, err
	}
	var out store.Template
	err := s.db.Update(ctx, func(tx Tx) error {
		t, err := s.lockTenant(ctx, tx, tenant, what == "put")
		if err != nil {
			return err
		}
		query, args, err := f(tx, t.pk)
		if err != nil {
			return err
		}
		out, err = readTemplate(ctx, tx, tenant, tx.Row(ctx, query, args...), t.pk)
		return err
	})
	if err != nil {
		return store.Template{}, fmt.Errorf("%s template %q of %s: %w", what, name, tenant, notFound(err))
	}
	return out, nil
}

// orNone is sql.ErrNoRows when a statement changed nothing.
func orNone(affected int64, err error) error {
	if err == nil && affected == 0 {
		return sql.ErrNoRows
	}
	return err
}

func nextVersion(ctx context.Context, tx Tx, pk int64, name string) (version int64, err error) {
	err = tx.Row(ctx, nextVersionSQL, pk, name).Scan(&version)
	return version, err
}

// addRevision keeps t as that version and forgets the oldest ones.
func addRevision(ctx context.Context, tx Tx, pk, version int64, t store.Template) error {
	if t.From != (store.TemplateRef{}) {
		if _, err := shopPK(ctx, tx, t.From); err != nil {
			return fmt.Errorf("shop template %s: %w", t.From, notFound(err))
		}
	}
	_, err := tx.Exec(ctx, addRevisionSQL, pk, t.Name, version, t.From.String(),
		jsonText(t.Capabilities), jsonText(t.Subscriptions), nowMicros())
	if err != nil {
		return err
	}
	for path, content := range t.Files {
		// Never nil: an empty file is empty bytes, not NULL.
		if _, err := tx.Exec(ctx, addFileSQL, pk, t.Name, version, path, append([]byte{}, content...)); err != nil {
			return err
		}
	}
	rows, err := tx.Query(ctx, oldRevisionsSQL, pk, t.Name, store.KeptVersions-1)
	if err != nil {
		return err
	}
	var old []int64
	err = each(rows, func() error {
		var v int64
		err := rows.Scan(&v)
		old = append(old, v)
		return err
	})
	if err != nil {
		return err
	}
	for _, v := range old {
		if _, err := tx.Exec(ctx, deleteRevisionSQL, pk, t.Name, v); err != nil {
			return err
		}
	}
	return nil
}

// readTemplate reads row, which selects templateColumns, and the files.
func readTemplate(ctx context.Context, tx Tx, tenant khronos.TenantID, row Scanner, pk int64) (store.Template, error) {
	t, err := scanTemplate(tenant, row)
	if err != nil {
		return store.Template{}, err
	}
	list := []store.Template{t}
	if err := addFiles(ctx, tx, list, filesSQL, pk, t.Name, t.Version); err != nil {
		return store.Template{}, err
	}
	return list[0], addShopFiles(ctx, tx, &list[0])
}

// scanTemplate reads templateColumns.
func scanTemplate(tenant khronos.TenantID, row Scanner) (store.Template, error) {
	t := store.Template{Tenant: tenant}
	t.Files = make(map[string]string)
	var from, capabilities, subscriptions string
	var created, updated int64
	err := row.Scan(&t.Name, &t.Version, &t.Paused, &from, &capabilities, &subscriptions, &created, &updated)
	if err != nil {
		return store.Template{}, err
	}
	t.CreatedAt, t.UpdatedAt = fromMicros(created), fromMicros(updated)
	if t.From, err = refOf(from); err != nil {
		return store.Template{}, err
	}
	if t.Capabilities, err = readTexts("capabilities", capabilities); err != nil {
		return store.Template{}, err
	}
	if t.Subscriptions, err = readTexts("subscriptions", subscriptions); err != nil {
		return store.Template{}, err
	}
	return t, nil
}

// refOf reads a from_shop column.
func refOf(text string) (store.TemplateRef, error) {
	if text == "" {
		return store.TemplateRef{}, nil
	}
	return store.ParseTemplateRef(text)
}

// addFiles runs a query for (template, path, content) and puts the files into
// the templates of that name in list.
func addFiles(ctx context.Context, tx Tx, list []store.Template, query string, args ...any) error {
	files := make(map[string]map[string]string, len(list))
	for _, t := range list {
		files[t.Name] = t.Files
	}
	rows, err := tx.Query(ctx, query, args...)
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
