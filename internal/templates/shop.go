package templates

import (
	"context"
	"errors"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// maxNoteBytes bounds the note of a review and the summary of a shop template.
const maxNoteBytes = 2 << 10

// Publication is a template for the shop.
type Publication struct {
	Ref     store.TemplateRef
	Owner   khronos.TenantID
	Summary string // empty: the manifest's description
	Files   map[string]string
}

// Publish puts a template into the shop, to be reviewed. It is checked and
// inspected like an upload of its owner. What is published under a ref never
// changes, and the first to publish in a scope owns it.
func (s *Service) Publish(ctx context.Context, p Publication) (store.ShopTemplate, error) {
	if err := checkTenant(p.Owner); err != nil {
		return store.ShopTemplate{}, err
	}
	if err := p.Ref.Check(); err != nil {
		return store.ShopTemplate{}, public(err)
	}
	m, err := s.checkFiles(p.Ref.Name, p.Files)
	if err != nil {
		return store.ShopTemplate{}, err
	}
	if p.Summary == "" {
		p.Summary = m.Description
	}
	if err := checkNote("summary", p.Summary); err != nil {
		return store.ShopTemplate{}, err
	}
	found, err := s.inspect(ctx, p.Owner, p.Files)
	if err != nil {
		return store.ShopTemplate{}, err
	}
	err = s.store.PublishTemplate(ctx, "", store.ShopTemplate{
		Ref: p.Ref, Owner: p.Owner, Summary: p.Summary, Files: p.Files, Capabilities: m.Capabilities, Subscriptions: found,
	})
	if errors.Is(err, store.ErrExists) {
		return store.ShopTemplate{}, khronos.Errorf(khronos.ErrKindBadRequest, "%s is published already, or its scope belongs to another tenant: raise the version or choose another scope", p.Ref)
	}
	if err != nil {
		return store.ShopTemplate{}, public(err)
	}
	return s.Shop(ctx, p.Ref)
}

// Shop returns one shop template, or not_found.
func (s *Service) Shop(ctx context.Context, ref store.TemplateRef) (store.ShopTemplate, error) {
	t, err := s.store.ShopTemplate(ctx, ref)
	if errors.Is(err, store.ErrNotFound) {
		return store.ShopTemplate{}, khronos.Errorf(khronos.ErrKindNotFound, "the shop has no %s", ref)
	}
	return t, public(err)
}

// ShopList returns what f picks of the shop, without files: see [store.Store].
func (s *Service) ShopList(ctx context.Context, f store.ShopFilter, after store.TemplateRef, limit int) ([]store.ShopTemplate, error) {
	list, err := s.store.ShopTemplates(ctx, f, after, limit)
	return list, public(err)
}

// Review records what the staff says of a shop template. One that is denied gets
// no more events anywhere: not where it is installed either.
func (s *Service) Review(ctx context.Context, ref store.TemplateRef, r store.Review) (store.ShopTemplate, error) {
	if err := checkNote("note", r.Note); err != nil {
		return store.ShopTemplate{}, err
	}
	err := s.store.ReviewTemplate(ctx, ref, r)
	if errors.Is(err, store.ErrNotFound) {
		return store.ShopTemplate{}, khronos.Errorf(khronos.ErrKindNotFound, "the shop has no %s", ref)
	}
	if err != nil {
		return store.ShopTemplate{}, public(err)
	}
	s.worker.TemplatesChanged(khronos.TenantID{})
	return s.Shop(ctx, ref)
}

func checkNote(what, text string) error {
	if len(text) > maxNoteBytes {
		return khronos.Errorf(khronos.ErrKindTooLarge, "the %s has %d bytes: the limit is %d", what, len(text), maxNoteBytes)
	}
	return nil
}

// install is Put of a template of the shop.
func (s *Service) install(ctx context.Context, tenant khronos.TenantID, u Upload) (Template, error) {
	if len(u.Files) > 0 {
		return Template{}, khronos.Errorf(khronos.ErrKindBadRequest, "a template has files of its own or those of %s, not both", u.From)
	}
	if err := s.installable(ctx, tenant, u.From); err != nil {
		return Template{}, err
	}
	shop, err := s.Shop(ctx, u.From)
	if err != nil {
		return Template{}, err
	}
	if _, err := s.checkFiles(u.Name, shop.Files); err != nil { // the name, and limits that were lowered
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
	_, manifest := shop.Files[ManifestFile]
	return s.keep(ctx, store.Template{Tenant: tenant, From: u.From, Template: khronos.Template{
		Name: u.Name, Subscriptions: shop.Subscriptions,
		Capabilities: u.Grant.of(shop.Capabilities, before.Capabilities, manifest), Paused: u.paused(before),
	}}, u.Stage)
}

// installable is an error unless the tenant may run a shop template: what the
// staff has approved, and what is its own and not denied.
func (s *Service) installable(ctx context.Context, tenant khronos.TenantID, ref store.TemplateRef) error {
	if err := ref.Check(); err != nil {
		return public(err)
	}
	shop, err := s.Shop(ctx, ref)
	if err != nil {
		return err
	}
	own := shop.Owner == tenant && shop.Review.State == store.ReviewPending
	if shop.Review.State != store.ReviewApproved && !own {
		return khronos.Errorf(khronos.ErrKindBadRequest, "%s cannot be installed: its review is %s", ref, shop.Review.State)
	}
	return nil
}
