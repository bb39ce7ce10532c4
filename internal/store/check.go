package store

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/template-worker/template-worker/internal/khronos"
)

// CheckText is ErrInvalid unless s can be kept as text by every database:
// UTF-8 without NUL. what names s in the error.
func CheckText(what, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: %s %q is not UTF-8", ErrInvalid, what, s)
	}
	if strings.ContainsRune(s, 0) {
		return fmt.Errorf("%w: %s %q holds a NUL", ErrInvalid, what, s)
	}
	return nil
}

// ScopeSet returns scopes as the set that a row has: sorted by bytes, each once.
// It is ErrInvalid when there is none or one is no text. scopes is left alone.
func ScopeSet(scopes []string) ([]string, error) {
	if len(scopes) == 0 {
		return nil, fmt.Errorf("%w: at least one scope is needed", ErrInvalid)
	}
	if len(scopes) > MaxScopes {
		return nil, fmt.Errorf("%w: %d scopes, want at most %d", ErrInvalid, len(scopes), MaxScopes)
	}
	for _, s := range scopes {
		if err := CheckText("scope", s); err != nil {
			return nil, err
		}
	}
	set := slices.Clone(scopes)
	slices.Sort(set)
	return slices.Compact(set), nil
}

// KeyAndScopes checks a key and returns the scopes as ScopeSet does.
func KeyAndScopes(key string, scopes []string) ([]string, error) {
	if err := CheckText("key", key); err != nil {
		return nil, err
	}
	return ScopeSet(scopes)
}

// CheckTenant is ErrInvalid for an id that names no tenant. Only what writes
// checks it: there is nothing to be found under such an id.
func CheckTenant(id khronos.TenantID) error {
	if !id.Valid() {
		return fmt.Errorf("%w: %s is not a tenant", ErrInvalid, id)
	}
	return nil
}

// EncodeValue returns the form in which a KV value is kept. It is ErrInvalid for
// a value that could not be read back: a number without JSON form, or one nested too deep.
func EncodeValue(v khronos.Value) ([]byte, error) {
	if v.Depth() > khronos.MaxDepth {
		return nil, fmt.Errorf("%w: value: nested deeper than %d", ErrInvalid, khronos.MaxDepth)
	}
	text, err := v.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("%w: value: %w", ErrInvalid, err)
	}
	return text, nil
}

// StateData returns the data of a tenant state in the form in which it is kept:
// a JSON object that a script can be given, {} for none. Anything else is ErrInvalid.
func StateData(data json.RawMessage) (json.RawMessage, error) {
	if len(data) == 0 {
		return json.RawMessage(`{}`), nil
	}
	if err := CheckText("tenant state data", string(data)); err != nil {
		return nil, err
	}
	v, err := khronos.FromPlainJSON(data, khronos.MaxDepth)
	if err != nil {
		return nil, fmt.Errorf("%w: tenant state data: %w", ErrInvalid, err)
	}
	if v.Kind() != khronos.KindMap {
		return nil, fmt.Errorf("%w: tenant state data must be a JSON object, not %s", ErrInvalid, v.Kind())
	}
	return slices.Clone(data), nil
}

// CheckTemplate is ErrInvalid when t cannot be kept. It looks at the form only:
// whether the template may be uploaded is decided elsewhere.
func CheckTemplate(t Template) error {
	if err := CheckTenant(t.Tenant); err != nil {
		return err
	}
	if t.Name == "" {
		return fmt.Errorf("%w: a template needs a name", ErrInvalid)
	}
	if err := CheckText("template name", t.Name); err != nil {
		return err
	}
	if t.From != (TemplateRef{}) {
		if len(t.Files) > 0 {
			return fmt.Errorf("%w: template %q has files of its own and a shop template", ErrInvalid, t.Name)
		}
		if err := t.From.Check(); err != nil {
			return err
		}
	}
	return checkParts(t.Files, t.Capabilities, t.Subscriptions)
}

func checkParts(files map[string]string, capabilities, subscriptions []string) error {
	for path := range files {
		if err := CheckText("path", path); err != nil {
			return err
		}
	}
	for _, c := range capabilities {
		if err := CheckText("capability", c); err != nil {
			return err
		}
	}
	for _, s := range subscriptions {
		if err := CheckText("subscription", s); err != nil {
			return err
		}
	}
	return nil
}

// CheckShopTemplate is ErrInvalid when t cannot be kept.
func CheckShopTemplate(t ShopTemplate) error {
	if err := t.Ref.Check(); err != nil {
		return err
	}
	if err := CheckTenant(t.Owner); err != nil {
		return err
	}
	if err := CheckText("summary", t.Summary); err != nil {
		return err
	}
	return checkParts(t.Files, t.Capabilities, t.Subscriptions)
}

// CheckGlobalEntry is ErrInvalid when e cannot be kept.
func CheckGlobalEntry(e GlobalEntry) error {
	if err := CheckTenant(e.Owner); err != nil {
		return err
	}
	for _, text := range []struct{ what, text string }{
		{"key", e.Key}, {"scope", e.Scope}, {"short description", e.Short}, {"long description", e.Long},
	} {
		if err := CheckText(text.what, text.text); err != nil {
			return err
		}
	}
	return nil
}

// CheckReview is ErrInvalid when r cannot be kept.
func CheckReview(r Review) error {
	switch r.State {
	case ReviewPending, ReviewApproved, ReviewDenied:
		return CheckText("review note", r.Note)
	}
	return fmt.Errorf("%w: %q is not a review state", ErrInvalid, r.State)
}

// CheckOp is ErrInvalid when id cannot be kept.
func CheckOp(id OpID) error {
	if len(id) > MaxOpIDBytes {
		return fmt.Errorf("%w: an operation id has %d bytes, want at most %d", ErrInvalid, len(id), MaxOpIDBytes)
	}
	return CheckText("operation id", string(id))
}

// KVChange is a KVOp, checked and in the form in which it is kept.
type KVChange struct {
	KVOp
	Encoded []byte // the value, of a set
	Size    int64  // what the row counts, of a set
}

// CheckBatch returns the operations of b with their scopes as sets and their
// values encoded. It is ErrInvalid when one cannot be done.
func CheckBatch(tenant khronos.TenantID, b KVBatch) ([]KVChange, error) {
	if err := CheckOp(b.Op); err != nil {
		return nil, err
	}
	changes := make([]KVChange, len(b.Ops))
	for i, op := range b.Ops {
		set, err := KeyAndScopes(op.Key, op.Scopes)
		if err != nil {
			return nil, err
		}
		if op.Expect < KVAbsent {
			return nil, fmt.Errorf("%w: %d is no version", ErrInvalid, op.Expect)
		}
		op.Scopes = set
		c := KVChange{KVOp: op}
		switch op.Action {
		case KVActionSet:
			if err := CheckTenant(tenant); err != nil {
				return nil, err
			}
			if c.Encoded, err = EncodeValue(op.Value); err != nil {
				return nil, err
			}
			c.Size = RowBytes(op.Key, set, c.Encoded)
			if c.ExpiresAt, err = checkExpiry(op.ExpiresAt); err != nil {
				return nil, err
			}
		case KVActionDelete, KVActionCheck:
		default:
			return nil, fmt.Errorf("%w: %d is no action", ErrInvalid, op.Action)
		}
		changes[i] = c
	}
	return changes, nil
}

// checkExpiry brings an expiry into the precision of this contract. It goes up, never down: nothing expires early.
func checkExpiry(at time.Time) (time.Time, error) {
	if at.IsZero() {
		return at, nil
	}
	if at.Year() < 1970 || at.Year() > 9999 {
		return at, fmt.Errorf("%w: %v is no time to expire", ErrInvalid, at)
	}
	return at.Add(time.Microsecond - 1).UTC().Truncate(time.Microsecond), nil
}

// RowBytes is what a KV row counts toward a Quota.
func RowBytes(key string, scopes []string, value []byte) int64 {
	n := len(key) + len(value)
	for _, s := range scopes {
		n += len(s)
	}
	return int64(n)
}

// Allow is ErrQuota when after has more than before of what is over its bound.
func (q Quota) Allow(what string, before, after Quota) error {
	if q.Count > 0 && after.Count > q.Count && after.Count > before.Count {
		return fmt.Errorf("%w: %d %s, the limit is %d", ErrQuota, after.Count, what, q.Count)
	}
	if q.Bytes > 0 && after.Bytes > q.Bytes && after.Bytes > before.Bytes {
		return fmt.Errorf("%w: %d bytes of %s, the limit is %d", ErrQuota, after.Bytes, what, q.Bytes)
	}
	return nil
}

// Expected is a *ConflictError when a row of version found (0: none) is not what
// the operation with that index expects.
func (op KVOp) Expected(index int, found int64) error {
	if op.Expect == 0 || op.Expect == found || op.Expect == KVAbsent && found == 0 {
		return nil
	}
	return &ConflictError{Op: index, Key: op.Key, Found: found}
}

// Now returns the time in the precision of this contract.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// NewRecordID returns the id of a new KV row.
func NewRecordID() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	const fair = 256 / len(alphabet) * len(alphabet) // bytes above would favour some letters
	id := make([]byte, 0, 64)
	var random [96]byte
	for {
		rand.Read(random[:])
		for _, b := range random {
			if int(b) >= fair {
				continue
			}
			if id = append(id, alphabet[int(b)%len(alphabet)]); len(id) == cap(id) {
				return string(id)
			}
		}
	}
}

// CheckObject is ErrInvalid when an object cannot be counted so.
func CheckObject(tenant khronos.TenantID, key string, size int64) error {
	if err := CheckTenant(tenant); err != nil {
		return err
	}
	if size < 0 {
		return fmt.Errorf("%w: an object of %d bytes", ErrInvalid, size)
	}
	return CheckText("object key", key)
}

// CheckShopFilter is ErrInvalid when a filter or a place in the list holds what is no text.
func CheckShopFilter(f ShopFilter, after TemplateRef) error {
	return CheckText("filter", f.Scope+f.Name+string(f.Review)+after.Scope+after.Name+after.Version)
}
