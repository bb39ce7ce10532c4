package store

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
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
	for path := range t.Files {
		if err := CheckText("path", path); err != nil {
			return err
		}
	}
	for _, c := range t.Capabilities {
		if err := CheckText("capability", c); err != nil {
			return err
		}
	}
	for _, s := range t.Subscriptions {
		if err := CheckText("subscription", s); err != nil {
			return err
		}
	}
	return nil
}

// Now returns the time in the precision of this contract.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// NewRecordID returns the id of a new KV row.
func NewRecordID() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	id := make([]byte, 64)
	for i := range id {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic("BUG: crypto/rand never returns an error: " + err.Error())
		}
		id[i] = alphabet[n.Int64()]
	}
	return string(id)
}
