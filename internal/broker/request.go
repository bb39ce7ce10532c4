package broker

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

// request is what an operation was asked, its arguments read. Fields that an
// operation does not take are zero.
type request struct {
	tenant khronos.TenantID
	key    string // the pattern, for find
	value  *khronos.Value
	scopes []string
}

// noArgs reads no arguments.
func noArgs(args []khronos.Value) (request, error) {
	return request{}, wantArgs(args, 0)
}

// keyAndScopes reads a key or a pattern, and scopes.
func keyAndScopes(args []khronos.Value) (request, error) {
	if err := wantArgs(args, 2); err != nil {
		return request{}, err
	}
	return newKVRequest(args[0], args[1])
}

// keyValueAndScopes reads a key, a value and scopes.
func keyValueAndScopes(args []khronos.Value) (request, error) {
	if err := wantArgs(args, 3); err != nil {
		return request{}, err
	}
	r, err := newKVRequest(args[0], args[2])
	r.value = &args[1]
	return r, err
}

func newKVRequest(key, scopes khronos.Value) (request, error) {
	text, ok := key.AsText()
	if !ok {
		return request{}, fmt.Errorf("the key must be a string, not %s", key.Kind())
	}
	list, err := scopeList(scopes)
	return request{key: text, scopes: list}, err
}

// scopeList reads a list of texts. An empty table of a script arrives as an
// empty Map.
func scopeList(v khronos.Value) ([]string, error) {
	if v.Kind() != khronos.KindList && !(v.Kind() == khronos.KindMap && v.Len() == 0) {
		return nil, fmt.Errorf("the scopes must be a list of strings, not %s", v.Kind())
	}
	if v.Len() == 0 {
		return nil, errors.New("at least one scope is needed")
	}
	scopes := make([]string, v.Len())
	for i, item := range v.Items() {
		text, ok := item.AsText()
		if !ok {
			return nil, fmt.Errorf("scope %d must be a string, not %s", i+1, item.Kind())
		}
		scopes[i] = text
	}
	return scopes, nil
}

func wantArgs(args []khronos.Value, n int) error {
	if len(args) != n {
		return fmt.Errorf("got %d arguments, want %d", len(args), n)
	}
	return nil
}

// checkSize is too_large when something exceeds its limit, and bad_request for a
// value that cannot be stored.
func (r request) checkSize(l limits.Limits) error {
	if err := within("the key", len(r.key), l.KVKeyBytes, "kv_key_bytes"); err != nil {
		return err
	}
	if len(r.scopes) > l.KVScopes {
		return khronos.Errorf(khronos.ErrKindTooLarge, "%d scopes: the limit is %d (kv_scopes)", len(r.scopes), l.KVScopes)
	}
	for _, scope := range r.scopes {
		if err := within("scope "+clip(scope), len(scope), l.KVScopeBytes, "kv_scope_bytes"); err != nil {
			return err
		}
	}
	if r.value == nil {
		return nil
	}
	text, err := r.value.MarshalJSON()
	if err != nil {
		return khronos.Errorf(khronos.ErrKindBadRequest, "the value cannot be stored: %v", err)
	}
	return within("the value's JSON form", len(text), l.KVValueBytes, "kv_value_bytes")
}

// within is too_large unless n bytes are at most the limit of that name.
func within(what string, n int, limit int64, name string) error {
	if int64(n) > limit {
		return khronos.Errorf(khronos.ErrKindTooLarge, "%s has %d bytes: the limit is %d (%s)", what, n, limit, name)
	}
	return nil
}

// clip quotes s for an error text, cut to a bearable length.
func clip(s string) string {
	const most = 48
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:most]) + "..."
}
