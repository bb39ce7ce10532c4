package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/templates"
)

// shopView is a shop template in an answer. Files is there only when one is asked for.
type shopView struct {
	Ref           string            `json:"ref" example:"@acme/levels@1.2.0"`
	Owner         string            `json:"owner" doc:"the tenant that published it"`
	Summary       string            `json:"summary"`
	Asked         []string          `json:"asked" doc:"the capabilities that its template.toml asks for"`
	Subscriptions []string          `json:"subscriptions"`
	Review        string            `json:"review" enum:"pending,approved,denied" doc:"pending: only its owner may install it; denied: it runs nowhere"`
	Note          string            `json:"note,omitempty" doc:"of the review"`
	CreatedAt     time.Time         `json:"created_at"`
	ReviewedAt    *time.Time        `json:"reviewed_at,omitempty"`
	Files         map[string]string `json:"files,omitempty"`
}

// ShopPath names one shop template.
type ShopPath struct {
	Scope   string `path:"scope"`
	Name    string `path:"name"`
	Version string `path:"version" example:"1.2.0"`
}

func (p ShopPath) ref() store.TemplateRef {
	return store.TemplateRef{Scope: p.Scope, Name: p.Name, Version: p.Version}
}

type listShop struct {
	Scope  string `query:"scope"`
	Name   string `query:"name"`
	Owner  string `query:"owner" doc:"guild:ID or user:ID"`
	Review string `query:"review" enum:"pending,approved,denied"`
	After  string `query:"after" doc:"ref of the last one of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type publishTemplate struct {
	Body struct {
		Ref     string            `json:"ref" example:"@acme/levels@1.2.0"`
		Owner   string            `json:"owner" doc:"the tenant that publishes it: guild:ID or user:ID"`
		Summary string            `json:"summary,omitempty" doc:"without it the description in template.toml"`
		Files   map[string]string `json:"files"`
	}
}

type reviewTemplate struct {
	ShopPath
	Body struct {
		State string `json:"state" enum:"pending,approved,denied"`
		Note  string `json:"note,omitempty" doc:"why"`
	}
}

type shopReply struct{ Body shopView }

type shopListReply struct{ Body []shopView }

func (s *Server) shopRoutes(limit int64) {
	const route = "/i/shop/templates"
	op := func(method, path, id, summary string) huma.Operation {
		return internalOp(method, path, id, "shop", summary, limit)
	}
	huma.Register(s.api, op(http.MethodGet, route, "list-shop-templates", "List shop templates, sorted by ref"), s.listShop)
	huma.Register(s.api, op(http.MethodPost, route, "publish-template", "Publish a template, to be reviewed; what is published never changes"), s.publish)
	huma.Register(s.api, op(http.MethodGet, route+"/{scope}/{name}/{version}", "get-shop-template", "Get a shop template with its files"), s.getShop)
	huma.Register(s.api, op(http.MethodPost, route+"/{scope}/{name}/{version}/review", "review-shop-template", "Approve or deny a shop template"), s.review)
}

func (s *Server) listShop(ctx context.Context, in *listShop) (*shopListReply, error) {
	f := store.ShopFilter{Scope: in.Scope, Name: in.Name, Review: store.ReviewState(in.Review)}
	var after store.TemplateRef
	var err error
	if in.Owner != "" {
		if f.Owner, err = parseTenant(in.Owner); err != nil {
			return nil, s.fail(ctx, err)
		}
	}
	if in.After != "" {
		if after, err = store.ParseTemplateRef(in.After); err != nil {
			return nil, s.fail(ctx, badRef(err))
		}
	}
	list, err := s.cfg.Templates.ShopList(ctx, f, after, in.Limit)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	reply := &shopListReply{Body: make([]shopView, len(list))}
	for i, t := range list {
		reply.Body[i] = viewShop(t)
	}
	return reply, nil
}

func (s *Server) publish(ctx context.Context, in *publishTemplate) (*shopReply, error) {
	ref, err := store.ParseTemplateRef(in.Body.Ref)
	if err != nil {
		return nil, s.fail(ctx, badRef(err))
	}
	owner, err := parseTenant(in.Body.Owner)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	t, err := s.cfg.Templates.Publish(ctx, templates.Publication{Ref: ref, Owner: owner, Summary: in.Body.Summary, Files: in.Body.Files})
	return s.shopTemplate(ctx, t, err, false)
}

func (s *Server) getShop(ctx context.Context, in *ShopPath) (*shopReply, error) {
	if err := in.ref().Check(); err != nil {
		return nil, s.fail(ctx, badRef(err))
	}
	t, err := s.cfg.Templates.Shop(ctx, in.ref())
	return s.shopTemplate(ctx, t, err, true)
}

func (s *Server) review(ctx context.Context, in *reviewTemplate) (*shopReply, error) {
	if err := in.ref().Check(); err != nil {
		return nil, s.fail(ctx, badRef(err))
	}
	t, err := s.cfg.Templates.Review(ctx, in.ref(), store.Review{State: store.ReviewState(in.Body.State), Note: in.Body.Note})
	return s.shopTemplate(ctx, t, err, false)
}

// shopTemplate answers with t, or with what went wrong.
func (s *Server) shopTemplate(ctx context.Context, t store.ShopTemplate, err error, files bool) (*shopReply, error) {
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	view := viewShop(t)
	if files {
		view.Files = t.Files
	}
	return &shopReply{Body: view}, nil
}

func viewShop(t store.ShopTemplate) shopView {
	view := shopView{
		Ref: t.Ref.String(), Owner: t.Owner.String(), Summary: t.Summary, Asked: emptyNotNil(t.Capabilities),
		Subscriptions: emptyNotNil(t.Subscriptions), Review: string(t.Review.State), Note: t.Review.Note, CreatedAt: t.CreatedAt,
	}
	if !t.ReviewedAt.IsZero() {
		view.ReviewedAt = &t.ReviewedAt
	}
	return view
}
