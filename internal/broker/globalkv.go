package broker

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// globalFind answers a List of what is approved and of the tenant's own entries.
func globalFind(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	limit := b.limits.KVFindRows
	pattern, scope := r.text(0), r.text(1)
	approved, err := b.store.GlobalFind(ctx, store.GlobalFilter{Pattern: pattern, Scope: scope, Review: store.ReviewApproved}, limit+1)
	if err != nil {
		return khronos.Value{}, err
	}
	own, err := b.store.GlobalFind(ctx, store.GlobalFilter{Pattern: pattern, Scope: scope, Owner: r.tenant}, limit+1)
	if err != nil {
		return khronos.Value{}, err
	}
	list := approved
	for _, e := range own {
		if e.Review.State != store.ReviewApproved {
			list = append(list, e)
		}
	}
	list = slices.DeleteFunc(list, func(e store.GlobalEntry) bool { return e.Scope != scope }) // the empty scope is a filter for all
	if len(list) > limit {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindTooLarge,
			"globalkv.find: more than %d entries match (kv_find_rows): use a narrower pattern", limit)
	}
	slices.SortFunc(list, func(x, y store.GlobalEntry) int {
		return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.Version, y.Version))
	})
	maps := make([]khronos.Value, len(list))
	for i, e := range list {
		maps[i] = partialMap(e)
	}
	return b.fitting("globalkv.find", khronos.List(maps...), "use a narrower pattern")
}

// globalGet answers Map{partial, data}, or Null for what the tenant may not see.
func globalGet(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	e, err := b.store.GlobalGet(ctx, r.text(0), r.version(1), r.text(2))
	if errors.Is(err, store.ErrNotFound) || err == nil && e.Review.State != store.ReviewApproved && e.Owner != r.tenant {
		return khronos.Null(), nil
	}
	if err != nil {
		return khronos.Value{}, err
	}
	data := khronos.Map(field("type", khronos.Text("Opaque")))
	if e.PublicData || e.Owner == r.tenant {
		data = khronos.Map(field("type", khronos.Text("Value")), field("data", e.Data))
	}
	return b.fitting("globalkv.get", khronos.Map(field("partial", partialMap(e)), field("data", data)), "ask its owner for a smaller one")
}

func globalCreate(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	get := func(name string) khronos.Value { v, _ := r.args[0].Get(name); return v }
	words := func(name string) string { s, _ := get(name).AsText(); return s }
	public, _ := get("public_data").AsBoolean()
	e := store.GlobalEntry{
		Key: words("key"), Version: int32(registry.Float(get("version"))), Scope: words("scope"), Owner: r.tenant,
		Short: words("short"), Long: words("long"), PublicMetadata: get("public_metadata"), PublicData: public, Data: get("data"),
	}
	if !globalKey(e.Key) {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindBadRequest,
			"globalkv.create: entry.key %s: want 3 to 64 of A-Z a-z 0-9 . _ -, without a dot at either end", clip(e.Key))
	}
	if e.Scope == "" {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindBadRequest, "globalkv.create: entry.scope is empty")
	}
	limit := b.limits.GlobalKVEntries
	own, err := b.store.GlobalFind(ctx, store.GlobalFilter{Owner: r.tenant}, limit)
	if err != nil {
		return khronos.Value{}, err
	}
	if len(own) >= limit {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindQuotaExceeded, "globalkv.create: the tenant has %d entries (globalkv_entries): delete some first", len(own))
	}
	err = b.store.GlobalCreate(ctx, r.call(), e)
	if errors.Is(err, store.ErrExists) {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindBadRequest, "globalkv.create: version %d of %s is there already: publish another version", e.Version, clip(e.Key))
	}
	return khronos.Null(), err
}

func globalDelete(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	err := b.store.GlobalDelete(ctx, r.call(), r.tenant, r.text(0), r.version(1), r.text(2))
	if errors.Is(err, store.ErrNotFound) {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindNotFound, "globalkv.delete: the tenant has no version %d of %s in %s", r.version(1), clip(r.text(0)), clip(r.text(2)))
	}
	return khronos.Null(), err
}

// version gives argument i, a version.
func (r request) version(i int) int32 { return int32(registry.Float(r.args[i])) }

func globalKey(key string) bool {
	if len(key) < 3 || len(key) > 64 || key[0] == '.' || key[len(key)-1] == '.' {
		return false
	}
	for _, c := range []byte(key) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func partialMap(e store.GlobalEntry) khronos.Value {
	kind := "guild"
	if e.Owner.Kind == khronos.TenantUser {
		kind = "user"
	}
	pairs := []khronos.Pair{
		field("key", khronos.Text(e.Key)), field("version", khronos.Integer(int64(e.Version))), field("scope", khronos.Text(e.Scope)),
		field("owner_id", khronos.Text(e.Owner.ID.String())), field("owner_type", khronos.Text(kind)), field("short", khronos.Text(e.Short)),
		field("public_metadata", e.PublicMetadata), field("public_data", khronos.Boolean(e.PublicData)),
		field("review_state", khronos.Text(string(e.Review.State))),
		field("created_at", khronos.Timestamp(e.CreatedAt)), field("last_updated_at", khronos.Timestamp(e.UpdatedAt)),
	}
	if e.Long != "" {
		pairs = append(pairs, field("long", khronos.Text(e.Long)))
	}
	return khronos.Map(pairs...)
}
