package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Tenants knows which tenants the store has anything of.
type Tenants interface {
	KnownTenants(ctx context.Context, tenants []khronos.TenantID) ([]bool, error)
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
