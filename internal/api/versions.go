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

// versionView describes one kept version.
type versionView struct {
	Version       int64     `json:"version"`
	Current       bool      `json:"current" doc:"new events go to it"`
	From          string    `json:"from,omitempty" doc:"the shop template whose files it runs"`
	Subscriptions []string  `json:"subscriptions"`
	Capabilities  []string  `json:"capabilities" doc:"what it was granted"`
	CreatedAt     time.Time `json:"created_at"`
}

type versionsReply struct{ Body []versionView }

// VersionPath is the path of one version.
type VersionPath struct {
	TemplatePath
	Version int64 `path:"version" minimum:"1"`
}

type activateVersion struct {
	VersionPath
	Grant bool `query:"grant" doc:"true: it may have again what was taken away since"`
}

type rollbackTemplate struct {
	TemplatePath
	Grant bool `query:"grant" doc:"true: it may have again what was taken away since"`
}

func (s *Server) versionRoutes(op func(method, route, id, summary string) huma.Operation) {
	const route = templateRoute + "/versions"
	huma.Register(s.api, op(http.MethodGet, route, "list-template-versions", "List the kept versions of a template, newest first"), s.listVersions)
	huma.Register(s.api, op(http.MethodGet, route+"/{version}", "get-template-version", "Get a kept version with its files"), s.getVersion)
	huma.Register(s.api, op(http.MethodPost, route+"/{version}/activate", "activate-template-version", "Put a kept version in force; new events go to it at once"), s.activate)
	huma.Register(s.api, op(http.MethodPost, templateRoute+"/rollback", "roll-back-template", "Put the version before the one in force in force"), s.rollback)
}

func (s *Server) listVersions(ctx context.Context, in *TemplatePath) (*versionsReply, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	list, err := s.cfg.Templates.Versions(ctx, tenant, in.Name)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	reply := &versionsReply{Body: make([]versionView, len(list))}
	for i, v := range list {
		reply.Body[i] = viewVersion(v)
	}
	return reply, nil
}

func viewVersion(v store.TemplateVersion) versionView {
	return versionView{
		Version: v.Version, Current: v.Current, From: v.From.String(), CreatedAt: v.CreatedAt,
		Subscriptions: emptyNotNil(v.Subscriptions), Capabilities: emptyNotNil(v.Capabilities),
	}
}

func (s *Server) getVersion(ctx context.Context, in *VersionPath) (*templateReply, error) {
	return s.oneTemplate(ctx, &in.TemplatePath, func(ctx context.Context, tenant khronos.TenantID, name string) (templates.Template, error) {
		return s.cfg.Templates.Version(ctx, tenant, name, in.Version)
	})
}

func (s *Server) activate(ctx context.Context, in *activateVersion) (*templateReply, error) {
	return s.changeTemplate(ctx, &in.TemplatePath, func(ctx context.Context, tenant khronos.TenantID, name string) (templates.Template, error) {
		return s.cfg.Templates.Activate(ctx, tenant, name, in.Version, in.Grant)
	})
}

func (s *Server) rollback(ctx context.Context, in *rollbackTemplate) (*templateReply, error) {
	return s.changeTemplate(ctx, &in.TemplatePath, func(ctx context.Context, tenant khronos.TenantID, name string) (templates.Template, error) {
		return s.cfg.Templates.Rollback(ctx, tenant, name, in.Grant)
	})
}
