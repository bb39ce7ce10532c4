package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/feed"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/tenantlog"
)

// TenantLog gives the last lines of a tenant's log, oldest first, and those to come.
type TenantLog interface {
	Last(tenant khronos.TenantID, n int) []tenantlog.Line
	Follow(tenant khronos.TenantID, buffer int) *feed.Follower[khronos.TenantID, tenantlog.Line]
}

type readTenantLog struct {
	TenantPath
	Lines    int    `query:"lines" default:"100" minimum:"1" maximum:"1000" doc:"how many of the last lines"`
	Outcomes int    `query:"outcomes" default:"20" minimum:"0" maximum:"1000" doc:"how many of the last outcomes"`
	Follow   bool   `query:"follow" doc:"true: go on with what comes, as server-sent events"`
	Accept   string `header:"Accept" doc:"text/event-stream is the same as follow"`
}

// TenantLogView is what is kept of a tenant's log.
type TenantLogView struct {
	Lines    []tenantlog.Line `json:"lines" doc:"what its templates print, and their errors, oldest first"`
	Outcomes []DispatchView   `json:"outcomes" doc:"how its last dispatches ended, oldest first"`
}

func (s *Server) tenantLogRoutes() {
	op := internalOp(http.MethodGet, "/i/tenants/{tenant}/log", "tenant-log", "tenants",
		"Read a tenant's log: what its templates print, their errors, and how its last dispatches ended; or follow it", s.cfg.Limits.BodyBytes)
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The log; or server-sent events without end: `line` with a line, `outcome` with a dispatch that has ended, " +
			"`lost` with `{\"lines\":n,\"outcomes\":n}` when the reader was too slow for so many.",
		Content: map[string]*huma.MediaType{
			"application/json":  {Schema: s.api.OpenAPI().Components.Schemas.Schema(typeOf[TenantLogView](), true, "TenantLogView")},
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
	huma.Register(s.api, op, s.tenantLog)
}

func (s *Server) tenantLog(ctx context.Context, in *readTenantLog) (*huma.StreamResponse, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if in.Follow || acceptsEvents(in.Accept) {
		return s.followTenantLog(ctx, tenant, in)
	}
	view := TenantLogView{Lines: s.cfg.TenantLog.Last(tenant, in.Lines), Outcomes: s.recentOutcomes(tenant, in.Outcomes)}
	return jsonResponse(view), nil
}
