package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Tenants knows which tenants the store has anything of, and their states.
type Tenants interface {
	KnownTenants(ctx context.Context, tenants []khronos.TenantID) ([]bool, error)
	TenantState(ctx context.Context, tenant khronos.TenantID) (khronos.TenantState, error)
	PutTenantState(ctx context.Context, tenant khronos.TenantID, s khronos.TenantState) error
}

// maxGuildsAsked bounds one guilds-exist request.
const maxGuildsAsked = 10_000

type guildsExist struct {
	Body []string `maxItems:"10000" doc:"guild snowflakes"`
}

type guildsExistReply struct {
	Body []int `doc:"1 for a guild the store knows, else 0, in the order asked"`
}

func (s *Server) tenantRoutes() {
	huma.Register(s.api, internalOp(http.MethodPost, "/i/guilds-exist", "guilds-exist", "tenants",
		"Tell which guilds are known", s.cfg.Limits.BodyBytes), s.guildsExist)
	huma.Register(s.api, internalOp(http.MethodPut, "/i/tenants/{tenant}/state", "put-tenant-state", "tenants",
		"Ban a tenant, or lift its ban: what a banned one runs ends at once, and it starts nothing", s.cfg.Limits.BodyBytes), s.putTenantState)
}

type putTenantState struct {
	TenantPath
	Body struct {
		Banned bool            `json:"banned" doc:"none of the tenant's scripts run"`
		Data   json.RawMessage `json:"data,omitempty" doc:"a JSON object that its scripts see; stays as it is when left out"`
	}
}

type tenantStateReply struct {
	Body struct {
		Events []string        `json:"events" doc:"names of the events that its templates have handlers for"`
		Banned bool            `json:"banned"`
		Data   json.RawMessage `json:"data"`
	}
}

// putTenantState stores the state first: a worker that asks from then on gets
// the new one, and the others are told.
func (s *Server) putTenantState(ctx context.Context, in *putTenantState) (*tenantStateReply, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if len(in.Body.Data) > 0 {
		var object map[string]json.RawMessage
		if json.Unmarshal(in.Body.Data, &object) != nil || object == nil {
			return nil, s.fail(ctx, khronos.Errorf(khronos.ErrKindBadRequest, "data: want a JSON object"))
		}
	}
	state, err := s.cfg.Tenants.TenantState(ctx, tenant)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("read state of %s: %w", tenant, err))
	}
	state.Banned = in.Body.Banned
	if len(in.Body.Data) > 0 {
		state.Data = in.Body.Data
	}
	if err := s.cfg.Tenants.PutTenantState(ctx, tenant, state); err != nil {
		return nil, s.fail(ctx, fmt.Errorf("store state of %s: %w", tenant, err))
	}
	if err := s.cfg.Dispatcher.TenantStateChanged(tenant, khronos.TenantState{Banned: state.Banned}); err != nil {
		return nil, s.fail(ctx, err)
	}
	reply := &tenantStateReply{}
	reply.Body.Events, reply.Body.Banned, reply.Body.Data = state.Events, state.Banned, state.Data
	return reply, nil
}

func (s *Server) guildsExist(ctx context.Context, in *guildsExist) (*guildsExistReply, error) {
	if len(in.Body) > maxGuildsAsked {
		return nil, s.fail(ctx, khronos.Errorf(khronos.ErrKindTooLarge, "%d guilds asked at once; the limit is %d", len(in.Body), maxGuildsAsked))
	}
	tenants := make([]khronos.TenantID, len(in.Body))
	for i, text := range in.Body {
		id, err := khronos.ParseSnowflake(text)
		if err != nil {
			return nil, s.fail(ctx, khronos.Errorf(khronos.ErrKindBadRequest, "guild %d of the list: %v", i, err))
		}
		tenants[i] = khronos.TenantID{Kind: khronos.TenantGuild, ID: id}
	}
	known, err := s.cfg.Tenants.KnownTenants(ctx, tenants)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("look up %d guilds: %w", len(tenants), err))
	}
	reply := &guildsExistReply{Body: make([]int, len(known))}
	for i, k := range known {
		if k {
			reply.Body[i] = 1
		}
	}
	return reply, nil
}
