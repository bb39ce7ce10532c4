package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Quarantine shows and lifts what of a tenant is suspected of having killed
// workers.
type Quarantine interface {
	Quarantine(ctx context.Context, tenant khronos.TenantID) ([]QuarantineEntry, error)
	// LiftQuarantine forgets all of a template, or of the tenant when it is
	// empty, and returns how many entries that were.
	LiftQuarantine(ctx context.Context, tenant khronos.TenantID, template string) (int, error)
}

// QuarantineEntry is one suspect as the API shows it.
type QuarantineEntry struct {
	Template string    `json:"template" doc:"empty for the tenant's own scripts and uploads"`
	Version  int64     `json:"version"`
	Event    string    `json:"event" doc:"event name; empty for a template that kills while it is loaded; script or inspection when there is no template"`
	State    string    `json:"state" enum:"probation,quarantined" doc:"probation: its events run alone; quarantined: they do not run"`
	Deaths   int       `json:"deaths" doc:"workers that died while it was being executed"`
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until" doc:"when the quarantine ends, or the suspicion is forgotten"`
	Last     string    `json:"last_death" doc:"the last of these workers, and how it died"`
}

type quarantineReply struct{ Body []QuarantineEntry }

type liftQuarantine struct {
	TenantPath
	Template string `query:"template" doc:"lift only what is held against this template"`
}

type liftedReply struct {
	Body struct {
		Lifted int `json:"lifted" doc:"how many entries there were"`
	}
}

func (s *Server) quarantineRoutes() {
	limit := s.cfg.Limits.BodyBytes
	huma.Register(s.api, internalOp(http.MethodGet, "/i/tenants/{tenant}/quarantine", "tenant-quarantine", "tenants",
		"List what of a tenant is suspected of having killed workers, or quarantined for it", limit), s.tenantQuarantine)
	huma.Register(s.api, internalOp(http.MethodDelete, "/i/tenants/{tenant}/quarantine", "lift-tenant-quarantine", "tenants",
		"Lift quarantines and suspicions of a tenant", limit), s.liftQuarantine)
}

func (s *Server) tenantQuarantine(ctx context.Context, in *TenantPath) (*quarantineReply, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	list, err := s.cfg.Quarantine.Quarantine(ctx, tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &quarantineReply{Body: list}, nil
}

func (s *Server) liftQuarantine(ctx context.Context, in *liftQuarantine) (*liftedReply, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	reply := &liftedReply{}
	reply.Body.Lifted, err = s.cfg.Quarantine.LiftQuarantine(ctx, tenant, in.Template)
	return reply, s.done(ctx, err)
}
