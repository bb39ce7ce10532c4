package broker

import (
	"context"
	"errors"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// kvGet answers List[value, exists].
func kvGet(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	record, err := b.store.KVGet(ctx, r.tenant, r.text(0), r.texts(1))
	if errors.Is(err, store.ErrNotFound) {
		return khronos.List(khronos.Null(), khronos.Boolean(false)), nil
	}
	if err != nil {
		return khronos.Value{}, err
	}
	return khronos.List(record.Value, khronos.Boolean(true)), nil
}

// kvGetRecord answers the record's Map, with exists=false and empty fields for
// one that is not there.
func kvGetRecord(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	record, err := b.store.KVGet(ctx, r.tenant, r.text(0), r.texts(1))
	if errors.Is(err, store.ErrNotFound) {
		return recordMap(store.KVRecord{}, false), nil
	}
	if err != nil {
		return khronos.Value{}, err
	}
	return recordMap(record, true), nil
}

// kvFind answers a List of record Maps. More rows than the limit are an error
// and not a shorter list: the script could not tell that it lacks some.
func kvFind(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	limit := b.limits.KVFindRows
	records, err := b.store.KVFind(ctx, r.tenant, r.text(0), r.texts(1), limit+1)
	if err != nil {
		return khronos.Value{}, err
	}
	if len(records) > limit {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindTooLarge,
			"kv.find: more than %d records match (kv_find_rows): use a narrower pattern", limit)
	}
	maps := make([]khronos.Value, len(records))
	for i, record := range records {
		maps[i] = recordMap(record, true)
	}
	return b.fitting("kv.find", khronos.List(maps...), "use a narrower pattern")
}

func kvSet(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	return khronos.Null(), b.store.KVSet(ctx, r.tenant, r.text(0), r.args[1], r.texts(2))
}

func kvDelete(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	return khronos.Null(), b.store.KVDelete(ctx, r.tenant, r.text(0), r.texts(1))
}

// kvListScopes answers a List of Text.
func kvListScopes(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	scopes, err := b.store.KVScopes(ctx, r.tenant)
	if err != nil {
		return khronos.Value{}, err
	}
	return b.fitting("kv.list_scopes", textList(scopes), "use fewer scopes")
}

// answerRoom is left in a frame for what is around an answer.
const answerRoom = 1 << 10

// fitting returns v when a link frame can hold it, so that thread workers and
// worker processes give a script the same answers, and this text instead of the
// link's.
func (b *Broker) fitting(op string, v khronos.Value, remedy string) (khronos.Value, error) {
	form, err := v.AppendMsg(nil)
	if err != nil {
		return khronos.Value{}, err
	}
	if limit := b.limits.FrameBytes - answerRoom; int64(len(form)) > limit {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindTooLarge,
			"%s: the answer has %d bytes, %d fit into one (frame_bytes): %s", op, len(form), limit, remedy)
	}
	return v, nil
}

// recordMap is the form of a record in answers. One that does not exist has no
// times.
func recordMap(r store.KVRecord, exists bool) khronos.Value {
	pairs := []khronos.Pair{
		field("id", khronos.Text(r.ID)),
		field("key", khronos.Text(r.Key)),
		field("value", r.Value),
		field("scopes", textList(r.Scopes)),
		field("exists", khronos.Boolean(exists)),
	}
	if exists {
		pairs = append(pairs,
			field("created_at", khronos.Timestamp(r.CreatedAt)),
			field("last_updated_at", khronos.Timestamp(r.UpdatedAt)))
	}
	return khronos.Map(pairs...)
}

func field(name string, v khronos.Value) khronos.Pair {
	return khronos.Pair{Key: khronos.Text(name), Value: v}
}

func textList(texts []string) khronos.Value {
	items := make([]khronos.Value, len(texts))
	for i, t := range texts {
		items[i] = khronos.Text(t)
	}
	return khronos.List(items...)
}
