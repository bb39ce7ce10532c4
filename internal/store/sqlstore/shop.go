package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/template-worker/template-worker/internal/store"
)

const (
	takeScopeSQL  = `INSERT INTO shop_scopes (scope, owner) VALUES ($1, $2) ON CONFLICT (scope) DO NOTHING`
	scopeOwnerSQL = `SELECT owner FROM shop_scopes WHERE scope = $1`

	publishSQL = `INSERT INTO shop_templates (scope, name, version, owner, summary, capabilities, subscriptions, review, note, created_at, reviewed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', '', $8, 0) ON CONFLICT (scope, name, version) DO NOTHING`
	addShopFileSQL = `INSERT INTO shop_files (template, path, content) VALUES ($1, $2, $3)`

	shopPKSQL = `SELECT pk FROM shop_templates WHERE scope = $1 AND name = $2 AND version = $3`

	shopColumns = `s.scope, s.name, s.version, t.kind, t.snowflake, s.summary, s.capabilities, s.subscriptions,
		s.review, s.note, s.created_at, s.reviewed_at`

	shopSQL = `SELECT ` + shopColumns + ` FROM shop_templates AS s JOIN tenants AS t ON t.pk = s.owner
		WHERE s.scope = $1 AND s.name = $2 AND s.version = $3`

	shopListSQL = `SELECT ` + shopColumns + ` FROM shop_templates AS s JOIN tenants AS t ON t.pk = s.owner
		WHERE (s.scope, s.name, s.version) > ($1, $2, $3) AND ($4 = '' OR s.scope = $4) AND ($5 = '' OR s.name = $5)
			AND ($6 = '' OR s.review = $6) AND (CAST($7 AS BIGINT) = 0 OR t.kind = $7 AND t.snowflake = $8)
		ORDER BY s.scope, s.name, s.version LIMIT $9`

	shopFilesSQL = `SELECT f.path, f.content FROM shop_templates AS s JOIN shop_files AS f ON f.template = s.pk
		WHERE s.scope = $1 AND s.name = $2 AND s.version = $3`
	shopReviewSQL = `SELECT review FROM shop_templates WHERE scope = $1 AND name = $2 AND version = $3`

	reviewTemplateSQL = `UPDATE shop_templates SET review = $4, note = $5, reviewed_at = $6
		WHERE scope = $1 AND name = $2 AND version = $3`
)

// PublishTemplate implements [store.Store].
func (s *Store) PublishTemplate(ctx context.Context, op store.OpID, t store.ShopTemplate) error {
	if err := store.CheckShopTemplate(t); err != nil {
		return err
	}
	err := s.updateOnce(ctx, t.Owner, op, "publish", func(tx Tx, owner *tenantRow) error {
		if _, err := tx.Exec(ctx, takeScopeSQL, t.Ref.Scope, owner.pk); err != nil {
			return err
		}
		var holder int64
		if err := tx.Row(ctx, scopeOwnerSQL, t.Ref.Scope).Scan(&holder); err != nil {
			return err
		}
		if holder != owner.pk {
			return fmt.Errorf("scope %s is another tenant's: %w", t.Ref.Scope, store.ErrExists)
		}
		n, err := tx.Exec(ctx, publishSQL, t.Ref.Scope, t.Ref.Name, t.Ref.Version, owner.pk, t.Summary,
			jsonText(t.Capabilities), jsonText(t.Subscriptions), nowMicros())
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrExists
		}
		pk, err := shopPK(ctx, tx, t.Ref)
		if err != nil {
			return err
		}
		for path, content := range t.Files {
			if _, err := tx.Exec(ctx, addShopFileSQL, pk, path, append([]byte{}, content...)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("publish %s: %w", t.Ref, err)
	}
	return nil
}

// ShopTemplate implements [store.Store].
func (s *Store) ShopTemplate(ctx context.Context, ref store.TemplateRef) (store.ShopTemplate, error) {
	if err := ref.Check(); err != nil {
		return store.ShopTemplate{}, err
	}
	var out store.ShopTemplate
	err := s.db.View(ctx, func(tx Tx) error {
		var err error
		if out, err = scanShop(tx.Row(ctx, shopSQL, ref.Scope, ref.Name, ref.Version)); err != nil {
			return err
		}
		out.Files, _, err = shopFiles(ctx, tx, ref)
		return err
	})
	if err != nil {
		return store.ShopTemplate{}, fmt.Errorf("shop template %s: %w", ref, notFound(err))
	}
	return out, nil
}

// ShopTemplates implements [store.Store].
func (s *Store) ShopTemplates(ctx context.Context, f store.ShopFilter, after store.TemplateRef, limit int) ([]store.ShopTemplate, error) {
	if err := store.CheckShopFilter(f, after); err != nil {
		return nil, err
	}
	list := []store.ShopTemplate{}
	err := s.db.One(ctx, func(tx Tx) error {
		rows, err := tx.Query(ctx, shopListSQL, after.Scope, after.Name, after.Version,
			f.Scope, f.Name, string(f.Review), kindOf(f.Owner), snowflakeOf(f.Owner), max(limit, 0))
		if err != nil {
			return err
		}
		return each(rows, func() error {
			t, err := scanShop(rows)
			list = append(list, t)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list shop templates: %w", err)
	}
	return list, nil
}

// ReviewTemplate implements [store.Store].
func (s *Store) ReviewTemplate(ctx context.Context, ref store.TemplateRef, r store.Review) error {
	if err := errors.Join(ref.Check(), store.CheckReview(r)); err != nil {
		return err
	}
	err := s.db.Update(ctx, func(tx Tx) error {
		return orNone(tx.Exec(ctx, reviewTemplateSQL, ref.Scope, ref.Name, ref.Version, string(r.State), r.Note, nowMicros()))
	})
	if err != nil {
		return fmt.Errorf("review %s: %w", ref, notFound(err))
	}
	return nil
}

func shopPK(ctx context.Context, tx Tx, ref store.TemplateRef) (pk int64, err error) {
	err = tx.Row(ctx, shopPKSQL, ref.Scope, ref.Name, ref.Version).Scan(&pk)
	return pk, err
}

func scanShop(row Scanner) (store.ShopTemplate, error) {
	var t store.ShopTemplate
	var kind, snowflake, created, reviewed int64
	var capabilities, subscriptions, review string
	err := row.Scan(&t.Ref.Scope, &t.Ref.Name, &t.Ref.Version, &kind, &snowflake, &t.Summary, &capabilities, &subscriptions,
		&review, &t.Review.Note, &created, &reviewed)
	if err != nil {
		return store.ShopTemplate{}, err
	}
	t.Owner, t.Review.State, t.CreatedAt = tenantOf(kind, snowflake), store.ReviewState(review), fromMicros(created)
	if reviewed != 0 {
		t.ReviewedAt = fromMicros(reviewed)
	}
	if t.Capabilities, err = readTexts("capabilities", capabilities); err != nil {
		return store.ShopTemplate{}, err
	}
	t.Subscriptions, err = readTexts("subscriptions", subscriptions)
	return t, err
}

// shopFiles returns the files of a shop template and its review state.
func shopFiles(ctx context.Context, tx Tx, ref store.TemplateRef) (map[string]string, store.ReviewState, error) {
	var review string
	if err := tx.Row(ctx, shopReviewSQL, ref.Scope, ref.Name, ref.Version).Scan(&review); err != nil {
		return nil, "", err
	}
	rows, err := tx.Query(ctx, shopFilesSQL, ref.Scope, ref.Name, ref.Version)
	if err != nil {
		return nil, "", err
	}
	files := make(map[string]string)
	err = each(rows, func() error {
		var path string
		var content []byte
		err := rows.Scan(&path, &content)
		files[path] = string(content)
		return err
	})
	return files, store.ReviewState(review), err
}

// addShopFiles gives a template from the shop its files.
func addShopFiles(ctx context.Context, tx Tx, t *store.Template) (err error) {
	if t.From == (store.TemplateRef{}) {
		return nil
	}
	t.Files, t.FromReview, err = shopFiles(ctx, tx, t.From)
	return err
}
