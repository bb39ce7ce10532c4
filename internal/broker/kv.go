package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/template-worker/template-worker/internal/host/registry"
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

// kvGetByID answers as kvGetRecord does.
func kvGetByID(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	record, err := b.store.KVGetByID(ctx, r.tenant, r.text(0))
	if errors.Is(err, store.ErrNotFound) {
		return recordMap(store.KVRecord{}, false), nil
	}
	if err != nil {
		return khronos.Value{}, err
	}
	return recordMap(record, true), nil
}

func kvSet(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	expires, err := expiryOf("kv.set: options", r.args[3])
	if err != nil {
		return khronos.Value{}, err
	}
	_, err = b.apply(ctx, r, store.KVOp{Action: store.KVActionSet, Key: r.text(0), Value: r.args[1], Scopes: r.texts(2), ExpiresAt: expires})
	return khronos.Null(), err
}

func kvDelete(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	_, err := b.apply(ctx, r, store.KVOp{Action: store.KVActionDelete, Key: r.text(0), Scopes: r.texts(1)})
	return khronos.Null(), err
}

// kvBatch answers List[done, results, index of the conflict].
func kvBatch(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	ops := make([]store.KVOp, r.args[0].Len())
	for i, item := range r.args[0].Items() {
		op, err := batchOp(fmt.Sprintf("kv.batch: operations[%d]", i+1), item)
		if err != nil {
			return khronos.Value{}, err
		}
		ops[i] = op
	}
	results, err := b.apply(ctx, r, ops...)
	var conflict *store.ConflictError
	if errors.As(err, &conflict) {
		return khronos.List(khronos.Boolean(false), khronos.List(), khronos.Integer(int64(conflict.Op)+1)), nil
	}
	if err != nil {
		return khronos.Value{}, err
	}
	maps := make([]khronos.Value, len(results))
	for i, result := range results {
		maps[i] = outcomeMap(ops[i].Action, result)
	}
	return khronos.List(khronos.Boolean(true), khronos.List(maps...), khronos.Null()), nil
}

// apply does the operations together, once for each call that the worker makes,
// within what the tenant may keep.
func (b *Broker) apply(ctx context.Context, r request, ops ...store.KVOp) ([]store.KVResult, error) {
	results, err := b.store.KVApply(ctx, r.tenant, store.KVBatch{
		Op: r.call(), Quota: store.Quota{Count: b.limits.KVRows, Bytes: b.limits.KVBytes}, Ops: ops,
	})
	if errors.Is(err, store.ErrQuota) {
		return nil, khronos.Errorf(khronos.ErrKindQuotaExceeded,
			"%s: the tenant would keep more than %d records (kv_rows) or %d bytes (kv_bytes): delete some first", r.op, b.limits.KVRows, b.limits.KVBytes)
	}
	return results, err
}

// batchOp reads one operation of a batch; at is its place for errors.
func batchOp(at string, v khronos.Value) (store.KVOp, error) {
	action, _ := v.Get("action")
	key, _ := v.Get("key")
	scopes, _ := v.Get("scopes")
	version, _ := v.Get("version")
	op := store.KVOp{Scopes: textsOf(scopes)}
	op.Key, _ = key.AsText()
	op.Value, _ = v.Get("value")
	if n, given := version.AsInteger(); given {
		if op.Expect = n; n == 0 {
			op.Expect = store.KVAbsent
		}
	}
	var err error
	if op.ExpiresAt, err = expiryOf(at, v); err != nil {
		return op, err
	}
	name, _ := action.AsText()
	op.Action = kvActions[name]
	if op.Action == store.KVActionSet {
		return op, nil
	}
	for _, field := range []string{"value", "expires_in", "expires_at"} {
		if given, _ := v.Get(field); given.Kind() != khronos.KindNull {
			return op, khronos.Errorf(khronos.ErrKindBadRequest, "%s.%s: only a set has it", at, field)
		}
	}
	if op.Action == store.KVActionCheck && op.Expect == 0 {
		return op, khronos.Errorf(khronos.ErrKindBadRequest, "%s.version is missing: it is what a check checks", at)
	}
	return op, nil
}

var kvActions = map[string]store.KVAction{"set": store.KVActionSet, "delete": store.KVActionDelete, "check": store.KVActionCheck}

// expiryOf reads expires_in and expires_at; the zero time is never.
func expiryOf(at string, v khronos.Value) (time.Time, error) {
	in, _ := v.Get("expires_in")
	moment, _ := v.Get("expires_at")
	when, given := moment.AsTimestamp()
	if in.Kind() == khronos.KindNull {
		if given && (when.Year() < 1970 || when.Year() > 9999) {
			return time.Time{}, khronos.Errorf(khronos.ErrKindBadRequest, "%s.expires_at must be between the years 1970 and 9999", at)
		}
		return when, nil
	}
	if given {
		return time.Time{}, khronos.Errorf(khronos.ErrKindBadRequest, "%s: give expires_in or expires_at, not both", at)
	}
	return time.Now().Add(time.Duration(registry.Float(in) * float64(time.Second))), nil
}

// outcomeMap is the form of a result in answers.
func outcomeMap(action store.KVAction, r store.KVResult) khronos.Value {
	switch action {
	case store.KVActionSet:
		return khronos.Map(field("id", khronos.Text(r.ID)), field("version", khronos.Integer(r.Version)))
	case store.KVActionDelete:
		return khronos.Map(field("deleted", khronos.Integer(r.Deleted)))
	}
	return khronos.Map()
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
	if !r.ExpiresAt.IsZero() {
		pairs = append(pairs, field("expires_at", khronos.Timestamp(r.ExpiresAt)))
	}
	pairs = append(pairs, field("version", khronos.Integer(r.Version)))
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
