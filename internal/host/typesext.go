package host

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/template-worker/template-worker/luau"
)

// makeU64 is typesext.U64(n?) -> U64, and n:to_u64().
func makeU64(c *luau.Call) error {
	if c.Arg(0).IsNil() {
		return returnU64(c, 0)
	}
	u, err := wideArg(c, 0)
	if err != nil {
		return err
	}
	return returnU64(c, u)
}

// makeI64 is typesext.I64(n?) -> I64, and n:to_i64().
func makeI64(c *luau.Call) error {
	var i int64
	if v := c.Arg(0); !v.IsNil() {
		var err error
		if i, err = toI64(c.VM(), v); err != nil {
			return unfitf("%v", err)
		}
	}
	return returnI64(c, i)
}

func returnI64(c *luau.Call, i int64) error {
	v, err := wide.newI64(c.VM(), i)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// wideFrom makes U64.from_le_bytes({number}) and its like.
func wideFrom(order binary.ByteOrder, give func(c *luau.Call, bits uint64) error) luau.Func {
	return func(c *luau.Call) error {
		t := c.Arg(0).AsTable()
		if n := t.Len(); n != 8 {
			return unfitf("bytes has %d numbers, not 8", n)
		}
		var b [8]byte
		for i := range b {
			b[i] = byte(t.GetInt(i + 1).AsNumber())
		}
		return give(c, order.Uint64(b[:]))
	}
}

func giveU64(c *luau.Call, bits uint64) error { return returnU64(c, bits) }
func giveI64(c *luau.Call, bits uint64) error { return returnI64(c, int64(bits)) }

const alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// randString is typesext.randstring(length) -> string, from the system's secure generator.
func randString(c *luau.Call) error {
	n := int(c.Arg(0).AsNumber())
	if err := c.Charge(int64(n)); err != nil {
		return err
	}
	text := make([]byte, 0, n)
	var pool [64]byte
	for len(text) < n {
		rand.Read(pool[:]) // never fails
		for _, b := range pool {
			if b >= 4*byte(len(alphanumerics)) { // the rest would make some letters likelier
				continue
			}
			if text = append(text, alphanumerics[int(b)%len(alphanumerics)]); len(text) == n {
				break
			}
		}
	}
	v, err := c.VM().NewStringBytes(text)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// newLazyStringMap is typesext.newlazystringmap({[string]: string}) -> Lazy.
func newLazyStringMap(c *luau.Call) error {
	m, err := stringMap(c, c.Arg(0).AsTable())
	if err != nil {
		return err
	}
	v, err := newLazy(c.VM(), m)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// stringMap copies a table whose keys and values are known to be strings. Its
// memory counts until the call ends: who keeps it charges it.
func stringMap(c *luau.Call, t *luau.Table) (map[string]string, error) {
	m := map[string]string{}
	for next, k, v, ok := t.NextIndex(0); ok; next, k, v, ok = t.NextIndex(next) {
		key, text := k.AsString().Str(), v.AsString().Str()
		n := int64(len(key) + len(text))
		if err := c.Alloc(n + mapEntryBytes); err != nil {
			return nil, err
		}
		if err := c.Charge(60 + n/64); err != nil {
			return nil, err
		}
		m[key] = text // strings of a VM are Go strings that never change
	}
	return m, nil
}

// mapEntryBytes is about what an entry of a map of strings takes beside its bytes.
const mapEntryBytes = 64

// createGlobalProxy is typesext.createglobalproxy() -> table of globals.
func createGlobalProxy(c *luau.Call) error {
	env, err := c.VM().NewEnv()
	if err != nil {
		return err
	}
	return c.Return1(env.Value())
}
