package host

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"

	"golang.org/x/crypto/argon2"

	"github.com/template-worker/template-worker/luau"
)

// derivation is how a key is made of a password.
type derivation struct {
	kib    uint32
	passes uint32
	lanes  uint8
	bytes  uint32
}

// aesKey is how the keys of aes256encrypt are made. It is part of the format.
var aesKey = derivation{kib: 64 << 10, passes: 1, lanes: 4, bytes: 32}

const (
	saltBytes  = 8
	nonceBytes = 12
	tagBytes   = 16
	// deriveFuel is what a pass over a KiB costs.
	deriveFuel = 300
)

func (d derivation) fuel() int64 { return int64(d.kib) * int64(d.passes) * deriveFuel }

// allowed holds a derivation against the limits. Its memory does not fit into
// heap_bytes, so it has a limit of its own; see RATIONALE.md, "Why a key's
// derivation does not count in heap_bytes".
func (d derivation) allowed(c *luau.Call) error {
	lim := envOf(c).Limits()
	switch {
	case int64(d.kib)<<10 > lim.DeriveBytes:
		return unfitf("the derivation takes %d bytes of memory: the limit is %d (derive_bytes)", int64(d.kib)<<10, lim.DeriveBytes)
	case int64(d.passes) > int64(lim.DerivePasses):
		return unfitf("the derivation makes %d passes: the limit is %d (derive_passes)", d.passes, lim.DerivePasses)
	}
	return nil
}

func (d derivation) key(password, salt []byte) []byte {
	return argon2.IDKey(password, salt, d.passes, d.kib, d.lanes, d.bytes)
}

// deriveKey is datamgmt.argon2id(password, salt, options?) -> Blob.
func deriveKey(c *luau.Call) error {
	d := aesKey
	if v := c.Arg(2); !v.IsNil() {
		option := func(name string, otherwise uint32) uint32 {
			if n := v.AsTable().GetStr(luau.Const(name).AsString()); !n.IsNil() {
				return uint32(n.AsNumber())
			}
			return otherwise
		}
		d = derivation{option("memory_kib", d.kib), option("passes", d.passes), uint8(option("lanes", uint32(d.lanes))), option("length", d.bytes)}
	}
	if err := d.allowed(c); err != nil {
		return err
	}
	t, err := newTask(c, datamgmt+"argon2id", 0, 1)
	if err != nil {
		return err
	}
	if len(t.ins[1].bytes) < saltBytes {
		return unfitf("salt has %d bytes: at least %d are needed", len(t.ins[1].bytes), saltBytes)
	}
	n := int64(d.bytes)
	if err := hold(c, n); err != nil {
		return err
	}
	var key []byte
	return t.run(c, d.fuel()+t.size()*digestFuel, false, func(context.Context) error {
		key = d.key(t.ins[0].bytes, t.ins[1].bytes)
		return nil
	}, func(c *luau.Call) error { return giveBlob(c, key, n) })
}

// aesEncrypt is datamgmt.aes256encrypt(bytes, key) -> Blob:
//
//	salt (8)  nonce (12)  ciphertext  tag (16)
func aesEncrypt(c *luau.Call) error {
	t, err := newTask(c, datamgmt+"aes256encrypt", 0, 1)
	if err != nil {
		return err
	}
	if err := aesKey.allowed(c); err != nil {
		return err
	}
	n := int64(saltBytes + nonceBytes + len(t.ins[0].bytes) + tagBytes)
	if err := hold(c, n); err != nil {
		return err
	}
	var out []byte
	return t.run(c, aesKey.fuel()+t.size(), false, func(context.Context) error {
		out = make([]byte, saltBytes+nonceBytes, n)
		rand.Read(out)
		salt, nonce := out[:saltBytes], out[saltBytes:]
		out = sealer(aesKey.key(t.ins[1].bytes, salt)).Seal(out, nonce, t.ins[0].bytes, nil)
		return nil
	}, func(c *luau.Call) error {
		if err := t.takeFirst(c); err != nil {
			return err
		}
		return giveBlob(c, out, n)
	})
}

// aesDecrypt is datamgmt.aes256decrypt(bytes, key) -> Blob.
func aesDecrypt(c *luau.Call) error {
	t, err := newTask(c, datamgmt+"aes256decrypt", 0, 1)
	if err != nil {
		return err
	}
	data := t.ins[0].bytes
	if len(data) < saltBytes+nonceBytes+tagBytes {
		return unfitf("bytes: %d are too few: salt, nonce and tag are %d", len(data), saltBytes+nonceBytes+tagBytes)
	}
	return t.open(c, func() (salt, nonce, sealed, password []byte) {
		data := t.ins[0].bytes
		return data[:saltBytes], data[saltBytes : saltBytes+nonceBytes], data[saltBytes+nonceBytes:], t.ins[1].bytes
	})
}

// aesDecryptCustom is datamgmt.aes256decryptcustom(salt, nonce, ciphertext, key) -> Blob.
func aesDecryptCustom(c *luau.Call) error {
	t, err := newTask(c, datamgmt+"aes256decryptcustom", 2, 3, 0, 1)
	if err != nil {
		return err
	}
	switch salt, nonce, sealed := t.ins[2].bytes, t.ins[3].bytes, t.ins[0].bytes; {
	case len(salt) < saltBytes:
		return unfitf("salt has %d bytes: at least %d are needed", len(salt), saltBytes)
	case len(nonce) != nonceBytes:
		return unfitf("nonce has %d bytes, not %d", len(nonce), nonceBytes)
	case len(sealed) < tagBytes:
		return unfitf("ciphertext: %d bytes are too few: the tag alone is %d", len(sealed), tagBytes)
	}
	return t.open(c, func() (salt, nonce, sealed, password []byte) {
		return t.ins[2].bytes, t.ins[3].bytes, t.ins[0].bytes, t.ins[1].bytes
	})
}

// open decrypts; parts gives the inputs once they are what the work may read.
func (t *task) open(c *luau.Call, parts func() (salt, nonce, sealed, password []byte)) error {
	if err := aesKey.allowed(c); err != nil {
		return err
	}
	n := int64(len(t.ins[0].bytes))
	if err := hold(c, n); err != nil {
		return err
	}
	var out []byte
	return t.run(c, aesKey.fuel()+t.size(), false, func(context.Context) error {
		salt, nonce, sealed, password := parts()
		var err error
		out, err = sealer(aesKey.key(password, salt)).Open(make([]byte, 0, n), nonce, sealed, nil)
		if err != nil {
			return unfitf("the key is another one, or the bytes were changed")
		}
		return nil
	}, func(c *luau.Call) error {
		if err := t.takeFirst(c); err != nil {
			return err
		}
		return giveBlob(c, out, n)
	})
}

// takeFirst empties the first input, if it is a Blob: what was encrypted or
// decrypted. A key in a Blob stays.
func (t *task) takeFirst(c *luau.Call) error {
	first := task{ins: t.ins[:1]}
	return first.take(c)
}

func sealer(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err == nil {
		var aead cipher.AEAD
		if aead, err = cipher.NewGCM(block); err == nil {
			return aead
		}
	}
	panic("BUG: a key of 32 bytes: " + err.Error())
}
