// Package objects is the contract of what keeps tenants' objects: blobs under
// keys that look like paths.
//
// It owns the interface, its errors and the rule of what a key is. The
// implementations are below it (a folder, an S3-compatible service), and package objectstest holds
// the suite that both pass. Who may do what, and how much a tenant may have, is decided elsewhere:
// the state store counts objects (ObjectReserve).
//
// Sizes are bytes; times are UTC.
package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/template-worker/template-worker/internal/khronos"
)

// MaxKeyBytes bounds a key: S3 takes 1024 bytes, and the tenant's part comes before.
const MaxKeyBytes = 960

// Errors of every implementation, to be told apart with errors.Is.
var (
	// ErrNotFound: there is no such object.
	ErrNotFound = errors.New("object not found")
	// ErrInvalid: the tenant or the key is none, or the size is negative.
	ErrInvalid = errors.New("invalid")
	// ErrSize: a reader gave more or fewer bytes than was said.
	ErrSize = errors.New("not the size that was announced")
)

// Info describes an object. ETag changes when the object does and says nothing else.
type Info struct {
	Key        string
	Size       int64
	ETag       string
	ModifiedAt time.Time
}

// Store keeps objects. Every method is safe for concurrent use. Tenants never
// see each other's objects, and no key of one can name another's.
//
// Errors wrap one of this package's errors where one fits, or the context's
// error; anything else is the store's own trouble.
type Store interface {
	// List returns the tenant's objects whose keys begin with prefix, sorted by key
	// (bytes): those after the given key, and no more than limit. prefix is any text, not only whole
	// segments.
	List(ctx context.Context, tenant khronos.TenantID, prefix, after string, limit int) ([]Info, error)
	// Stat describes one object, or returns ErrNotFound.
	Stat(ctx context.Context, tenant khronos.TenantID, key string) (Info, error)
	// Put stores size bytes from r under key, over what is there. It happens whole
	// or not at all, whoever is killed meanwhile, and is durable when it has returned nil.
	// ErrSize when r gives another number of bytes.
	Put(ctx context.Context, tenant khronos.TenantID, key string, r io.Reader, size int64) (Info, error)
	// Get opens an object, or returns ErrNotFound. The caller closes it. A Put or
	// Delete meanwhile does not change what is read: it goes on or ends with an error.
	Get(ctx context.Context, tenant khronos.TenantID, key string) (io.ReadCloser, Info, error)
	// Delete removes an object. That there is none is no error.
	Delete(ctx context.Context, tenant khronos.TenantID, key string) error
}

// Check is ErrInvalid unless tenant is one and key is a key: 1 to MaxKeyBytes
// of UTF-8 without control characters, segments between slashes, none of them
// empty, "." or "..".
func Check(tenant khronos.TenantID, key string) error {
	if !tenant.Valid() {
		return fmt.Errorf("%w: %s is not a tenant", ErrInvalid, tenant)
	}
	if key == "" || len(key) > MaxKeyBytes {
		return fmt.Errorf("%w: an object key has %d bytes, want 1 to %d", ErrInvalid, len(key), MaxKeyBytes)
	}
	if !utf8.ValidString(key) || strings.ContainsFunc(key, unicode.IsControl) {
		return fmt.Errorf("%w: object key %q has a control character or is not UTF-8", ErrInvalid, key)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("%w: object key %q has the segment %q", ErrInvalid, key, segment)
		}
	}
	return nil
}

// CheckPut is Check for an object of that size.
func CheckPut(tenant khronos.TenantID, key string, size int64) error {
	if size < 0 {
		return fmt.Errorf("%w: an object of %d bytes", ErrInvalid, size)
	}
	return Check(tenant, key)
}

// CheckList is ErrInvalid unless tenant is one.
func CheckList(tenant khronos.TenantID) error {
	if !tenant.Valid() {
		return fmt.Errorf("%w: %s is not a tenant", ErrInvalid, tenant)
	}
	return nil
}

// Exactly returns a reader of r that ends with ErrSize unless r has exactly size
// bytes. The error takes the place of the last bytes, so nobody takes them for all.
func Exactly(r io.Reader, size int64) io.Reader { return &exactly{r: r, left: size} }

type exactly struct {
	r    io.Reader
	left int64
	end  bool // r was seen to end where it should
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left > 0 && len(p) == 0 {
		return 0, nil
	}
	n := 0
	if e.left > 0 {
		var err error
		n, err = e.r.Read(p[:min(int64(len(p)), e.left)])
		e.left -= int64(n)
		switch {
		case err == io.EOF && e.left > 0:
			return 0, ErrSize
		case err == io.EOF:
			e.end = true
		case err != nil:
			return 0, err
		}
	}
	if e.left > 0 {
		return n, nil
	}
	if !e.end {
		var one [1]byte
		if more, err := io.ReadFull(e.r, one[:]); more > 0 {
			return 0, ErrSize
		} else if err != io.EOF {
			return 0, err
		}
		e.end = true
	}
	return n, io.EOF
}
