package host

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"hash"

	"github.com/template-worker/template-worker/luau"
)

const datamgmt = "@antiraid/datamgmt."

// newBlobOf is datamgmt.newblob(bytes) -> Blob.
func newBlobOf(c *luau.Call) error {
	v := c.Arg(0)
	if asBlob(v) == nil {
		return giveCopy(c, bytesOf(v))
	}
	taken, err := empty(c, v)
	if err != nil {
		return err
	}
	return giveBlob(c, taken, 0)
}

// giveCopy returns a Blob of a copy.
func giveCopy(c *luau.Call, b []byte) error {
	n := int64(len(b))
	if err := hold(c, n); err != nil {
		return err
	}
	if err := c.Charge(n / 64); err != nil {
		return err
	}
	return giveBlob(c, append(make([]byte, 0, n), b...), n)
}

// giveBlob returns a Blob of bytes for which c has allocated held.
func giveBlob(c *luau.Call, b []byte, held int64) error {
	v, err := newBlob(c, b, held)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// base64Encode is datamgmt.base64encode(bytes) -> string.
func base64Encode(c *luau.Call) error {
	return encode(c, "base64encode", base64.StdEncoding.EncodedLen, func(to, from []byte) { base64.StdEncoding.Encode(to, from) })
}

// hexEncode is datamgmt.hexencode(bytes) -> string.
func hexEncode(c *luau.Call) error {
	return encode(c, "hexencode", hex.EncodedLen, func(to, from []byte) { hex.Encode(to, from) })
}

// encode makes a string of bytes.
func encode(c *luau.Call, name string, length func(int) int, write func(to, from []byte)) error {
	t, err := newTask(c, datamgmt+name, 0)
	if err != nil {
		return err
	}
	n := int64(length(len(t.ins[0].bytes)))
	if err := hold(c, 2*n); err != nil { // the text, and the string of it
		return err
	}
	var text []byte
	return t.run(c, n/4, t.size() <= smallBytes, func(context.Context) error {
		text = make([]byte, n)
		write(text, t.ins[0].bytes)
		return nil
	}, func(c *luau.Call) error {
		c.Free(n)
		v, err := c.VM().NewStringBytes(text)
		if err != nil {
			return err
		}
		return c.Return1(v)
	})
}

// base64Decode is datamgmt.base64decode(text) -> Blob.
func base64Decode(c *luau.Call) error {
	t, err := newTask(c, datamgmt+"base64decode", 0)
	if err != nil {
		return err
	}
	n := int64(base64.StdEncoding.DecodedLen(len(t.ins[0].bytes)))
	if err := hold(c, n); err != nil {
		return err
	}
	var out []byte
	return t.run(c, t.size()/4, t.size() <= smallBytes, func(context.Context) error {
		out = make([]byte, n)
		size, err := base64.StdEncoding.Strict().Decode(out, t.ins[0].bytes)
		if err != nil {
			return unfitf("text: not base64 with padding: %v", err)
		}
		out = out[:size]
		return nil
	}, func(c *luau.Call) error { return giveBlob(c, out, n) })
}

// hashes are the algorithms of hash and hmac.
var hashes = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}

// hashBytes is datamgmt.hash(algorithm, bytes) -> Blob.
func hashBytes(c *luau.Call) error {
	t, err := newTask(c, datamgmt+"hash", 1)
	if err != nil {
		return err
	}
	return t.digest(c, hashes[c.Arg(0).AsString().Str()], 0)
}

// hmacBytes is datamgmt.hmac(algorithm, key, bytes) -> Blob.
func hmacBytes(c *luau.Call) error {
	t, err := newTask(c, datamgmt+"hmac", 2, 1)
	if err != nil {
		return err
	}
	algorithm := hashes[c.Arg(0).AsString().Str()]
	return t.digest(c, algorithm, 1)
}

// digestFuel is what a byte costs, sha512 on a slow machine included.
const digestFuel = 2

// digest hashes the first input; with keys, the next one is the key of an HMAC.
func (t *task) digest(c *luau.Call, algorithm func() hash.Hash, keys int) error {
	if err := hold(c, 1<<10); err != nil {
		return err
	}
	var sum []byte
	return t.run(c, t.size()*digestFuel, t.size() <= smallBytes, func(ctx context.Context) error {
		var h hash.Hash
		if keys == 0 {
			h = algorithm()
		} else {
			h = hmac.New(algorithm, t.ins[1].bytes)
		}
		for rest := t.ins[0].bytes; len(rest) > 0; {
			if ctx.Err() != nil {
				return errTooLong
			}
			piece := rest[:min(len(rest), smallBytes)]
			h.Write(piece)
			rest = rest[len(piece):]
		}
		sum = h.Sum(nil)
		return nil
	}, func(c *luau.Call) error { return giveBlob(c, sum, 1<<10) })
}

// errTooLong is what work gives that was cut short; its script sees it only when
// that was because of the work itself.
var errTooLong = unfitf("it takes too much work for what it is")

// equalBytes is datamgmt.equal(a, b) -> boolean, in a time that tells nothing of where they differ.
func equalBytes(c *luau.Call) error {
	a, b := bytesOf(c.Arg(0)), bytesOf(c.Arg(1))
	if err := c.Charge(int64(min(len(a), len(b))) / 8); err != nil {
		return err
	}
	return c.Return1(luau.Bool(subtle.ConstantTimeCompare(a, b) == 1))
}
