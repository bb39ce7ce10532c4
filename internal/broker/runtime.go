package broker

import (
	"context"
	"fmt"
	"slices"

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

// runtimeSetTenantState replaces the data of the tenant's state. Its events
// follow from the templates and whether it is banned is not its own to say; both
// are taken, so that what gettenantstate gave can be handed back changed, but an
// event that no template handles is refused rather than dropped.
func runtimeSetTenantState(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	const op = "runtime.settenantstate"
	wanted, _ := r.args[0].Get("events")
	data, _ := r.args[0].Get("data")
	if err := plainOnly("state.data", data); err != nil {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindBadRequest, "%s: %v", op, err)
	}
	if wanted.Len() > 0 {
		state, err := b.store.TenantState(ctx, r.tenant)
		if err != nil {
			return khronos.Value{}, err
		}
		for _, item := range wanted.Items() {
			if name, _ := item.AsText(); !slices.Contains(state.Events, name) {
				return khronos.Value{}, khronos.Errorf(khronos.ErrKindBadRequest,
					"%s: state.events: no template handles %s: a tenant gets the events that its templates have handlers for", op, clip(name))
			}
		}
	}
	text, err := data.PlainJSON()
	if err != nil {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindBadRequest, "%s: state.data: %v", op, err)
	}
	if data.Len() == 0 {
		text = []byte("{}") // an empty list, too
	}
	if limit := b.limits.StateBytes; int64(len(text)) > limit {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindTooLarge, "%s: state.data has %d bytes as JSON: the limit is %d (state_bytes)", op, len(text), limit)
	}
	return khronos.Null(), b.store.PutTenantData(ctx, r.tenant, text)
}

// plainOnly wants what plain JSON can give back: a value of another kind would
// come back as something else.
func plainOnly(at string, v khronos.Value) error {
	switch v.Kind() {
	case khronos.KindNull, khronos.KindText, khronos.KindInteger, khronos.KindFloat, khronos.KindBoolean:
		return nil
	case khronos.KindList:
		for i, item := range v.Items() {
			if err := plainOnly(fmt.Sprintf("%s[%d]", at, i+1), item); err != nil {
				return err
			}
		}
		return nil
	case khronos.KindMap:
		for _, pair := range v.Pairs() {
			key, ok := pair.Key.AsText()
			if !ok {
				return fmt.Errorf("%s: a key must be a string, not %s", at, pair.Key.Kind())
			}
			if err := plainOnly(at+"."+key, pair.Value); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%s: a %s cannot be kept as JSON", at, v.Kind())
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
