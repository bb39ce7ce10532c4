package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/tenantlog"
)

// TenantLog gives the last lines of a tenant's log, oldest first.
type TenantLog interface {
	Last(tenant khronos.TenantID, n int) []tenantlog.Line
}

type readTenantLog struct {
	TenantPath
	Lines int `query:"lines" default:"100" minimum:"1" maximum:"1000" doc:"how many of the last lines"`
}

type tenantLogReply struct{ Body []tenantlog.Line }

func (s *Server) tenantLogRoutes() {
	huma.Register(s.api, internalOp(http.MethodGet, "/i/tenants/{tenant}/log", "tenant-log", "tenants",
		"Read the last lines of a tenant's log: what its templates print, and their errors", s.cfg.Limits.BodyBytes), s.tenantLog)
}

func (s *Server) tenantLog(ctx context.Context, in *readTenantLog) (*tenantLogReply, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &tenantLogReply{Body: s.cfg.TenantLog.Last(tenant, in.Lines)}, nil
}
