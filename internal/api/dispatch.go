package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

// Dispatcher runs tenants' work; ledger.Ledger is one. Errors are [*khronos.Error].
type Dispatcher interface {
	// Named gives the one call that the returned ctx is used for its id.
	Named(ctx context.Context) (context.Context, khronos.DispatchID)

	DispatchEvent(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) (khronos.Value, error)
	DispatchEventNoWait(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) error
	RunScript(ctx context.Context, tenant khronos.TenantID, name, code string, ev khronos.Event) (khronos.Value, error)
	DropTenant(ctx context.Context, tenant khronos.TenantID) error
	TenantStateChanged(tenant khronos.TenantID, state khronos.TenantState) error
}

// eventBody is an event in a request.
type eventBody struct {
	Name   string          `json:"name" minLength:"1" doc:"event name, at most 100 bytes" example:"GUILD_MEMBER_ADD"`
	Author string          `json:"author,omitempty" doc:"user id of who caused the event; the caller when left out"`
	Data   json.RawMessage `json:"data,omitempty" doc:"the event's data: a KhronosValue such as {\"Text\":\"x\"}, or plain JSON such as a Discord gateway payload"`
	Format string          `json:"format,omitempty" enum:"khronos,json" doc:"how to read data; without it, data that is exactly one KhronosValue is read as such and all else as plain JSON"`

	Repeatable bool `json:"repeatable,omitempty" doc:"running the event twice does no harm: when its worker dies while it runs, it may run once more, alone, to find out whether it was the cause"`
}

// event checks the body and gives the event.
func (b eventBody) event(ctx context.Context, lim *limits.Limits) (khronos.Event, error) {
	if int64(len(b.Name)) > lim.EventNameBytes {
		return khronos.Event{}, khronos.Errorf(khronos.ErrKindBadRequest, "name: %d bytes, the limit is %d", len(b.Name), lim.EventNameBytes)
	}
	if int64(len(b.Data)) > lim.EventDataBytes {
		return khronos.Event{}, khronos.Errorf(khronos.ErrKindTooLarge, "data: %d bytes, the limit is %d", len(b.Data), lim.EventDataBytes)
	}
	data, err := khronos.ParsePayload(b.Data, b.Format)
	if err != nil {
		return khronos.Event{}, err
	}
	ev := khronos.Event{Name: b.Name, Author: b.Author, Data: data, Repeatable: b.Repeatable}
	if ev.Author == "" {
		ev.Author = callerOf(ctx).User.String()
	}
	return ev, ev.Validate()
}

// Waiting says how long a caller waits, or that it does not.
type Waiting struct {
	NoWait    bool  `query:"no_wait" doc:"true: answer 202 as soon as the event is accepted"`
	TimeoutMs int64 `query:"timeout_ms" minimum:"0" doc:"deadline of the dispatch in milliseconds; 0 is the limit dispatch_deadline"`
}

// deadline gives ctx the deadline that the caller asked for.
func (w Waiting) deadline(ctx context.Context, longest time.Duration) (context.Context, context.CancelFunc, error) {
	if w.TimeoutMs == 0 {
		return ctx, func() {}, nil
	}
	if w.TimeoutMs > longest.Milliseconds() {
		return nil, nil, khronos.Errorf(khronos.ErrKindBadRequest, "timeout_ms: %d is over the limit of %d", w.TimeoutMs, longest.Milliseconds())
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(w.TimeoutMs)*time.Millisecond)
	return ctx, cancel, nil
}

// valueReply is an answer that is one KhronosValue.
type valueReply struct {
	Status   int
	Dispatch string `header:"X-Dispatch-ID" doc:"the id of the dispatch, for GET /i/dispatches/{id}"`
	Body     valueBody
}

// valueBody is a KhronosValue with a schema.
type valueBody struct{ khronos.Value }

// Schema describes the tagged form; see docs/API.md.
func (valueBody) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Title: "KhronosValue", Description: "One tagged value: \"Null\", {\"Text\":\"x\"}, {\"Integer\":1}, " +
		"{\"UnsignedInteger\":1}, {\"Float\":1.5}, {\"Boolean\":true}, {\"Buffer\":[1,2]}, {\"Vector\":[1,2,3]}, {\"Map\":[[key,value]]}, {\"List\":[value]}, " +
		"{\"Timestamptz\":\"2026-02-24T01:27:16.5Z\"}, {\"Interval\":[secs,nanos]}, {\"TimeZone\":\"Asia/Kolkata\"}, {\"LazyStringMap\":{\"a\":\"b\"}}"}
}

type guildDispatch struct {
	GuildID string `path:"guild_id" doc:"guild snowflake" example:"81384788765712384"`
	Waiting
	Body eventBody
}

type tenantDispatch struct {
	Tenant string `path:"tenant" doc:"guild:ID or user:ID"`
	Waiting
	Body eventBody
}

type runScript struct {
	Waiting
	Body struct {
		Tenant string     `json:"tenant" doc:"guild:ID or user:ID"`
		Name   string     `json:"name" minLength:"1" maxLength:"100" doc:"chunk name in messages"`
		Code   string     `json:"code" doc:"Luau source; gets the context as its argument; its first return value is the answer"`
		Event  *eventBody `json:"event,omitempty" doc:"what ctx:event() gives; by default an event named RunScript without data"`
	}
}

type dropTenant struct {
	Body struct {
		Tenant string `json:"tenant" doc:"guild:ID or user:ID"`
	}
}

func (s *Server) dispatchRoutes() {
	limit := s.cfg.Limits.BodyBytes
	huma.Register(s.api, internalOp(http.MethodPost, "/i/dispatch-event/{guild_id}", "dispatch-event", "dispatch",
		"Dispatch an event to a guild's templates and wait for their results", limit), s.dispatchGuild)
	huma.Register(s.api, internalOp(http.MethodPost, "/i/tenants/{tenant}/dispatch-event", "dispatch-tenant-event", "dispatch",
		"Dispatch an event to any tenant's templates", limit), s.dispatchTenant)
	huma.Register(s.api, internalOp(http.MethodPost, "/i/run-script", "run-script", "dispatch",
		"Run a script once for a tenant, with all capabilities", limit), s.runScript)
	huma.Register(s.api, internalOp(http.MethodPost, "/i/drop-tenant", "drop-tenant", "dispatch",
		"Unload a tenant: its running dispatches end, its machines are freed", limit), s.dropTenant)
}

func (s *Server) dispatchGuild(ctx context.Context, in *guildDispatch) (*valueReply, error) {
	id, err := khronos.ParseSnowflake(in.GuildID)
	if err != nil {
		return nil, s.fail(ctx, khronos.Errorf(khronos.ErrKindBadRequest, "guild_id: %v", err))
	}
	return s.dispatch(ctx, khronos.TenantID{Kind: khronos.TenantGuild, ID: id}, in.Body, in.Waiting)
}

func (s *Server) dispatchTenant(ctx context.Context, in *tenantDispatch) (*valueReply, error) {
	tenant, err := parseTenant(in.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return s.dispatch(ctx, tenant, in.Body, in.Waiting)
}

func (s *Server) dispatch(ctx context.Context, tenant khronos.TenantID, body eventBody, w Waiting) (*valueReply, error) {
	ev, err := body.event(ctx, &s.cfg.Limits)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	ctx, id := s.cfg.Dispatcher.Named(ctx)
	if w.NoWait {
		if err := s.cfg.Dispatcher.DispatchEventNoWait(ctx, tenant, ev); err != nil {
			return nil, s.failDispatch(ctx, id, err)
		}
		return &valueReply{Status: http.StatusAccepted, Dispatch: id.String()}, nil
	}
	ctx, cancel, err := w.deadline(ctx, s.cfg.Limits.DispatchDeadlineMax)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	defer cancel()
	v, err := s.cfg.Dispatcher.DispatchEvent(ctx, tenant, ev)
	if err != nil {
		return nil, s.failDispatch(ctx, id, err)
	}
	return &valueReply{Status: http.StatusOK, Dispatch: id.String(), Body: valueBody{v}}, nil
}

func (s *Server) runScript(ctx context.Context, in *runScript) (*valueReply, error) {
	tenant, err := parseTenant(in.Body.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	body := eventBody{Name: "RunScript"}
	if in.Body.Event != nil {
		body = *in.Body.Event
	}
	ev, err := body.event(ctx, &s.cfg.Limits)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	ctx, cancel, err := in.deadline(ctx, s.cfg.Limits.DispatchDeadlineMax)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	defer cancel()
	ctx, dispatch := s.cfg.Dispatcher.Named(ctx)
	v, err := s.cfg.Dispatcher.RunScript(ctx, tenant, in.Body.Name, in.Body.Code, ev)
	if err != nil {
		return nil, s.failDispatch(ctx, dispatch, err)
	}
	return &valueReply{Status: http.StatusOK, Dispatch: dispatch.String(), Body: valueBody{v}}, nil
}

func (s *Server) dropTenant(ctx context.Context, in *dropTenant) (*struct{}, error) {
	tenant, err := parseTenant(in.Body.Tenant)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if err := s.cfg.Dispatcher.DropTenant(ctx, tenant); err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}

// parseTenant reads guild:ID or user:ID from a request.
func parseTenant(text string) (khronos.TenantID, error) {
	tenant, err := khronos.ParseTenantID(text)
	if err != nil {
		return tenant, khronos.Errorf(khronos.ErrKindBadRequest, "tenant: %v", err)
	}
	return tenant, nil
}

// internalOp describes one internal operation.
func internalOp(method, path, id, tag, summary string, maxBody int64) huma.Operation {
	return huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: maxBody, Security: []map[string][]string{{"internal": {}}},
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden},
	}
}
