package host

import (
	"fmt"

	"github.com/template-worker/template-worker/luau"
)

// blob is what a Blob userdata holds: bytes outside the VM's objects, which the
// VM counts as the userdata's size. A function that takes its bytes leaves it
// empty.
type blob struct {
	bytes []byte
	lent  int // pieces of work under way that read the bytes
}

var blobType = &luau.UserType{
	Name: "Blob",
	Len: func(_ *luau.VM, self *luau.Userdata) (luau.Value, error) {
		return luau.Number(float64(len(self.Data().(*blob).bytes))), nil
	},
	ToString: func(_ *luau.VM, self *luau.Userdata) (string, error) {
		return fmt.Sprintf("Blob (%d bytes)", len(self.Data().(*blob).bytes)), nil
	},
}

// blobRoom is what a Blob takes beside its bytes.
const blobRoom = 48

// newBlob makes a Blob of bytes that nobody else has. What c has allocated for
// them, held bytes, is counted as the Blob's from then on.
func newBlob(c *luau.Call, bytes []byte, held int64) (luau.Value, error) {
	c.Free(held)
	return newHostValue(c.VM(), blobType, &blob{bytes: bytes}, blobRoom+int64(cap(bytes)))
}

// hold charges n bytes that are about to be allocated for c. Where the tenant has
// no room for them it is an error that the script can catch, unlike the end of a
// script that runs into its limit unaware.
func hold(c *luau.Call, n int64) error {
	account := c.VM().Config().Account
	if limit := account.Limit(); limit > 0 && account.Used()+n > limit {
		if err := c.Charge(account.Used() / 16); err != nil {
			return err
		}
		if used := account.Collect(); used+n > limit {
			return unfitf("no room for %d bytes: %d of the tenant's %d are used (heap_bytes)", n, used, limit)
		}
	}
	return c.Alloc(n)
}

// asBlob gives the blob of a value, nil if it is none.
func asBlob(v luau.Value) *blob {
	b, _ := hostData[*blob](v)
	return b
}

// empty takes the bytes out of a Blob.
func empty(c *luau.Call, v luau.Value) ([]byte, error) {
	b := asBlob(v)
	if b.lent > 0 {
		return nil, errLent
	}
	bytes := b.bytes
	b.bytes = nil
	return bytes, c.VM().Resize(v.AsUserdata(), blobRoom)
}

var errLent = unfitf("the Blob is in use by a call that has not ended")

// blobToBuffer is blob:tobuffer() -> buffer: it empties the Blob.
func blobToBuffer(c *luau.Call) error {
	self := c.Arg(0)
	if asBlob(self).lent > 0 {
		return errLent
	}
	n := len(asBlob(self).bytes)
	if err := hold(c, int64(n)); err != nil {
		return err
	}
	c.Free(int64(n))
	if err := c.Charge(int64(n) / 64); err != nil {
		return err
	}
	buffer, err := c.VM().NewBuffer(n)
	if err != nil {
		return err
	}
	bytes, err := empty(c, self)
	if err != nil {
		return err
	}
	copy(buffer.Bytes(), bytes)
	return c.Return1(buffer.Value())
}

// blobDrain is blob:drain(): it empties the Blob.
func blobDrain(c *luau.Call) error {
	if _, err := empty(c, c.Arg(0)); err != nil {
		return err
	}
	return c.Return0()
}

// blobZeroize is blob:zeroize(): it empties the Blob and leaves nothing of it in memory.
func blobZeroize(c *luau.Call) error {
	if err := c.Charge(int64(len(asBlob(c.Arg(0)).bytes)) / 64); err != nil {
		return err
	}
	bytes, err := empty(c, c.Arg(0))
	if err != nil {
		return err
	}
	clear(bytes)
	return c.Return0()
}
