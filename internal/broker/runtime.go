package broker

import (
	"context"
	"fmt"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
)

// runtimeStats answers how many tenants the store knows: total_guilds and
// total_users have a template, a KV record or a state, total_cached_guilds are
// the guilds with at least one template. last_started_at is when this master
// started.
func runtimeStats(ctx context.Context, b *Broker, _ request) (khronos.Value, error) {
	stats, err := b.store.Stats(ctx)
	if err != nil {
		return khronos.Value{}, err
	}
	return khronos.Map(
		field("total_guilds", khronos.Integer(stats.Guilds)),
		field("total_cached_guilds", khronos.Integer(stats.GuildsWithTemplate)),
		field("total_users", khronos.Integer(stats.Users)),
		field("last_started_at", khronos.Timestamp(b.started)),
	), nil
}

func runtimeLinks(_ context.Context, b *Broker, _ request) (khronos.Value, error) {
	return khronos.Map(
		field("support_server", khronos.Text(b.info.SupportServer)),
		field("api_url", khronos.Text(b.info.APIURL)),
		field("frontend_url", khronos.Text(b.info.FrontendURL)),
		field("docs_url", khronos.Text(b.info.DocsURL)),
	), nil
}

// runtimeGetTenantState answers Map{events, banned, data} of the caller's tenant.
func runtimeGetTenantState(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	state, err := b.store.TenantState(ctx, r.tenant)
	if err != nil {
		return khronos.Value{}, err
	}
	data, err := khronos.FromPlainJSON(state.Data, khronos.MaxDepth)
	if err != nil {
		return khronos.Value{}, fmt.Errorf("read the state of %s: %w", r.tenant, err)
	}
	return khronos.Map(
		field("events", textList(state.Events)),
		field("banned", khronos.Boolean(state.Banned)),
		field("data", data),
	), nil
}

// runtimeDispatchEvent raises a custom event of the caller's tenant, for the
// author of the one that is being handled. Names of events that the platform
// raises are refused: who handles one trusts its data.
func runtimeDispatchEvent(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	ev := khronos.Event{Name: r.text(0), Author: r.caller.Author, Depth: r.caller.Depth + 1}
	if registry.Raised(ev.Name) {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindBadRequest, "runtime.dispatchevent: only the platform raises %s: take another name", ev.Name)
	}
	if ev.Depth > b.limits.EventDepth {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindTooLarge,
			"runtime.dispatchevent: %d custom events led to this one, each raised by a handler of the one before: the limit is %d (event_depth)", r.caller.Depth, b.limits.EventDepth)
	}
	if err := ev.Validate(); err != nil {
		return khronos.Value{}, err
	}
	data, err := khronos.ValuePayload(r.args[1])
	if err != nil {
		return khronos.Value{}, err
	}
	ev.Data = data
	return khronos.Null(), b.events.DispatchEventNoWait(ctx, r.tenant, ev)
}
