package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/templates"
)

// Templates keeps tenants' templates and the shop; [templates.Service] is one.
// What is not there is not_found, and nothing changes when a method fails.
type Templates interface {
	List(ctx context.Context, tenant khronos.TenantID) ([]templates.Template, error)
	Get(ctx context.Context, tenant khronos.TenantID, name string) (templates.Template, error)
	Put(ctx context.Context, tenant khronos.TenantID, u templates.Upload) (templates.Template, error)
	SetGrants(ctx context.Context, tenant khronos.TenantID, name string, capabilities []string) (templates.Template, error)
	SetPaused(ctx context.Context, tenant khronos.TenantID, name string, paused bool) (templates.Template, error)
	Delete(ctx context.Context, tenant khronos.TenantID, name string) error

	Versions(ctx context.Context, tenant khronos.TenantID, name string) ([]store.TemplateVersion, error)
	Version(ctx context.Context, tenant khronos.TenantID, name string, version int64) (templates.Template, error)
	Activate(ctx context.Context, tenant khronos.TenantID, name string, version int64, regrant bool) (templates.Template, error)
	Rollback(ctx context.Context, tenant khronos.TenantID, name string, regrant bool) (templates.Template, error)

	Publish(ctx context.Context, p templates.Publication) (store.ShopTemplate, error)
	Shop(ctx context.Context, ref store.TemplateRef) (store.ShopTemplate, error)
	ShopList(ctx context.Context, f store.ShopFilter, after store.TemplateRef, limit int) ([]store.ShopTemplate, error)
	Review(ctx context.Context, ref store.TemplateRef, r store.Review) (store.ShopTemplate, error)
}

// templateBody is a template in a request.
type templateBody struct {
	Files        map[string]string `json:"files,omitempty" doc:"source by path; init.luau returns a table from event name to function, template.toml says what it asks for"`
	From         string            `json:"from,omitempty" doc:"instead of files: a shop template" example:"@acme/levels@1.2.0"`
	Capabilities []string          `json:"capabilities,omitempty" nullable:"true" maxItems:"100" doc:"grant exactly these; without it the query parameter grant decides"`
	Paused       *bool             `json:"paused,omitempty" doc:"true: keep the template, send it nothing; without it as it was before"`
}

// templateView is a template in an answer. Files is there only when one template is asked for.
type templateView struct {
	Name          string            `json:"name"`
	Version       int64             `json:"version" doc:"of files and grants; each upload and each grant makes a new one"`
	Description   string            `json:"description,omitempty" doc:"from template.toml"`
	From          string            `json:"from,omitempty" doc:"the shop template whose files it runs"`
	Review        string            `json:"review,omitempty" doc:"what the staff says of that"`
	Subscriptions []string          `json:"subscriptions" doc:"the events it handles, as its init.luau says"`
	Asked         []string          `json:"asked" doc:"the capabilities that its template.toml asks for"`
	Capabilities  []string          `json:"capabilities" doc:"those that it was granted"`
	Missing       []string          `json:"missing" doc:"those that it asks for and was not granted"`
	Paused        bool              `json:"paused"`
	SizeBytes     int               `json:"size_bytes"`
	CreatedAt     time.Time         `json:"created_at"`
	UpdatedAt     time.Time         `json:"updated_at"`
	Files         map[string]string `json:"files,omitempty"`
}

// TenantPath and TemplatePath are the paths that routes share; the library reads
// parameters of embedded types only when they are exported.
type TenantPath struct {
	Tenant string `path:"tenant" doc:"guild:ID or user:ID" example:"guild:81384788765712384"`
}

type TemplatePath struct {
	TenantPath
	Name string `path:"name" doc:"template name"`
}

type putTemplate struct {
	TemplatePath
	Grant string `query:"grant" enum:"kept,asked" default:"kept" doc:"without capabilities in the body: keep what was granted and is still asked for, or grant what is asked"`
	Stage bool   `query:"stage" doc:"true: keep it as a version, activate it later"`
	Body  templateBody
}

type putGrants struct {
	TemplatePath
	Body struct {
		Capabilities []string `json:"capabilities" maxItems:"100" doc:"exactly what the template may do"`
	}
}

type templateReply struct{ Body templateView }

type templatesReply struct{ Body []templateView }

const (
	templatesRoute = "/i/tenants/{tenant}/templates"
	templateRoute  = templatesRoute + "/{name}"
)

func (s *Server) templateRoutes() {
	// JSON may spell a byte of source in up to six bytes.
	limit := max(s.cfg.Limits.BodyBytes, 6*s.cfg.Limits.TemplateBytes)
	op := func(method, route, id, summary string) huma.Operation {
		return internalOp(method, route, id, "templates", summary, limit)
	}
	huma.Register(s.api, op(http.MethodGet, templatesRoute, "list-templates", "List a tenant's templates"), s.listTemplates)
	huma.Register(s.api, op(http.MethodGet, templateRoute, "get-template", "Get one template with its files"), s.getTemplate)
	s.putRoute(op(http.MethodPut, templateRoute, "put-template", "Store a template as a new version; new events go to it at once"))
	huma.Register(s.api, op(http.MethodDelete, templateRoute, "delete-template", "Delete a template with its versions; what runs of it ends"), s.deleteTemplate)
	huma.Register(s.api, op(http.MethodPut, templateRoute+"/grants", "grant-template", "Say what a template may do, as a new version"), s.grantTemplate)
	huma.Register(s.api, op(http.MethodPost, templateRoute+"/pause", "pause-template", "Send a template no more events"), s.pauseTemplate)
	huma.Register(s.api, op(http.MethodPost, templateRoute+"/resume", "resume-template", "Send a paused template events again"), s.resumeTemplate)
	s.versionRoutes(op)
	s.shopRoutes(limit)
}

func (s *Server) listTemplates(ctx context.Context, in *TenantPath) (*templatesReply, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	list, err := s.cfg.Templates.List(ctx, tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	reply := &templatesReply{Body: make([]templateView, len(list))}
	for i, t := range list {
		reply.Body[i] = viewTemplate(t)
	}
	return reply, nil
}

func (s *Server) getTemplate(ctx context.Context, in *TemplatePath) (*templateReply, error) {
	reply, err := s.oneTemplate(ctx, in, s.cfg.Templates.Get)
	return reply, err
}

// oneTemplate answers with the template, files included, that get gives.
func (s *Server) oneTemplate(ctx context.Context, in *TemplatePath, get func(context.Context, khronos.TenantID, string) (templates.Template, error)) (*templateReply, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	t, err := get(ctx, tenant, in.Name)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	view := viewTemplate(t)
	view.Files = t.Files
	return &templateReply{Body: view}, nil
}

// changeTemplate answers with the template, without files, that change leaves.
func (s *Server) changeTemplate(ctx context.Context, in *TemplatePath, change func(context.Context, khronos.TenantID, string) (templates.Template, error)) (*templateReply, error) {
	reply, err := s.oneTemplate(ctx, in, change)
	if err == nil {
		reply.Body.Files = nil
	}
	return reply, err
}

func (s *Server) putTemplate(ctx context.Context, in *putTemplate) (*templateReply, error) {
	u := templates.Upload{
		Name: in.Name, Files: in.Body.Files, Paused: in.Body.Paused, Stage: in.Stage,
		Grant: templates.Grant{Asked: in.Grant == "asked", List: in.Body.Capabilities},
	}
	if in.Body.From != "" {
		ref, err := store.ParseTemplateRef(in.Body.From)
		if err != nil {
			return nil, s.fail(ctx, badRef(err))
		}
		u.From = ref
	}
	return s.changeTemplate(ctx, &in.TemplatePath, func(ctx context.Context, tenant khronos.TenantID, _ string) (templates.Template, error) {
		return s.cfg.Templates.Put(ctx, tenant, u)
	})
}

func (s *Server) grantTemplate(ctx context.Context, in *putGrants) (*templateReply, error) {
	return s.changeTemplate(ctx, &in.TemplatePath, func(ctx context.Context, tenant khronos.TenantID, name string) (templates.Template, error) {
		return s.cfg.Templates.SetGrants(ctx, tenant, name, in.Body.Capabilities)
	})
}

func (s *Server) pauseTemplate(ctx context.Context, in *TemplatePath) (*templateReply, error) {
	return s.setPaused(ctx, in, true)
}

func (s *Server) resumeTemplate(ctx context.Context, in *TemplatePath) (*templateReply, error) {
	return s.setPaused(ctx, in, false)
}

func (s *Server) setPaused(ctx context.Context, in *TemplatePath, paused bool) (*templateReply, error) {
	return s.changeTemplate(ctx, in, func(ctx context.Context, tenant khronos.TenantID, name string) (templates.Template, error) {
		return s.cfg.Templates.SetPaused(ctx, tenant, name, paused)
	})
}

func (s *Server) deleteTemplate(ctx context.Context, in *TemplatePath) (*struct{}, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, s.done(ctx, s.cfg.Templates.Delete(ctx, tenant, in.Name))
}

func viewTemplate(t templates.Template) templateView {
	size := 0
	for path, source := range t.Files {
		size += len(path) + len(source)
	}
	return templateView{
		Name: t.Name, Version: t.Version, Paused: t.Paused, SizeBytes: size, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
		Description: t.Manifest.Description, From: t.From.String(), Review: string(t.FromReview),
		Subscriptions: emptyNotNil(t.Subscriptions), Asked: emptyNotNil(t.Manifest.Capabilities),
		Capabilities: emptyNotNil(t.Capabilities), Missing: t.Missing(),
	}
}

// badRef makes the public form of a ref that cannot be read.
func badRef(err error) error { return khronos.Errorf(khronos.ErrKindBadRequest, "%v", err) }

// emptyNotNil makes an empty list [] and not null in JSON.
func emptyNotNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
