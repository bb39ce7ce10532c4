package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// Templates keeps tenants' templates. Put checks, inspects and stores one and
// makes the tenant load it; nothing changes when it fails. Get and Delete of a
// template that is not there fail with not_found.
type Templates interface {
	List(ctx context.Context, tenant khronos.TenantID) ([]store.Template, error)
	Get(ctx context.Context, tenant khronos.TenantID, name string) (store.Template, error)
	Put(ctx context.Context, tenant khronos.TenantID, t khronos.Template) (store.Template, error)
	Delete(ctx context.Context, tenant khronos.TenantID, name string) error
}

// templateBody is a template in a request.
type templateBody struct {
	Files        map[string]string `json:"files" doc:"source by path; init.luau returns a table from event name to function"`
	Capabilities []string          `json:"capabilities,omitempty" maxItems:"100" doc:"what the template may do, such as kv:*"`
	Paused       bool              `json:"paused,omitempty" doc:"true: keep the template, send it nothing"`
}

// templateView is a template in an answer. Files is there only when one template is asked for.
type templateView struct {
	Name          string            `json:"name"`
	Version       int64             `json:"version" doc:"counts every change of this name, deletions included"`
	Subscriptions []string          `json:"subscriptions" doc:"the events it handles, as its init.luau says"`
	Capabilities  []string          `json:"capabilities"`
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
	Body templateBody
}

type templateReply struct{ Body templateView }

type templatesReply struct{ Body []templateView }

func (s *Server) templateRoutes() {
	// JSON may spell a byte of source in up to six bytes.
	limit := max(s.cfg.Limits.BodyBytes, 6*s.cfg.Limits.TemplateBytes)
	huma.Register(s.api, internalOp(http.MethodGet, "/i/tenants/{tenant}/templates", "list-templates", "templates",
		"List a tenant's templates", limit), s.listTemplates)
	huma.Register(s.api, internalOp(http.MethodGet, "/i/tenants/{tenant}/templates/{name}", "get-template", "templates",
		"Get one template with its files", limit), s.getTemplate)
	huma.Register(s.api, internalOp(http.MethodPut, "/i/tenants/{tenant}/templates/{name}", "put-template", "templates",
		"Store a template; the tenant uses it from the next event on", limit), s.putTemplate)
	huma.Register(s.api, internalOp(http.MethodDelete, "/i/tenants/{tenant}/templates/{name}", "delete-template", "templates",
		"Delete a template", limit), s.deleteTemplate)
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
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	t, err := s.cfg.Templates.Get(ctx, tenant, in.Name)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	view := viewTemplate(t)
	view.Files = t.Files
	return &templateReply{Body: view}, nil
}

func (s *Server) putTemplate(ctx context.Context, in *putTemplate) (*templateReply, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	t, err := s.cfg.Templates.Put(ctx, tenant, khronos.Template{
		Name: in.Name, Files: in.Body.Files, Capabilities: in.Body.Capabilities, Paused: in.Body.Paused,
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &templateReply{Body: viewTemplate(t)}, nil
}

func (s *Server) deleteTemplate(ctx context.Context, in *TemplatePath) (*struct{}, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, s.done(ctx, s.cfg.Templates.Delete(ctx, tenant, in.Name))
}

func viewTemplate(t store.Template) templateView {
	size := 0
	for path, source := range t.Files {
		size += len(path) + len(source)
	}
	return templateView{
		Name: t.Name, Version: t.Version, Paused: t.Paused, SizeBytes: size, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
		Subscriptions: emptyNotNil(t.Subscriptions), Capabilities: emptyNotNil(t.Capabilities),
	}
}

// emptyNotNil makes an empty list [] and not null in JSON.
func emptyNotNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
