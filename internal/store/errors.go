package store

import (
	"errors"
	"fmt"
)

// Errors of every implementation, to be told apart with errors.Is.
var (
	// ErrNotFound: there is no such thing.
	ErrNotFound = errors.New("not found")
	// ErrInvalid: the caller gave something that cannot be kept or is not a
	// question: no scope, text that is not UTF-8 or holds a NUL, a bad pattern, a
	// value without a JSON form.
	ErrInvalid = errors.New("invalid")
	// ErrTooLarge: the answer is larger than MaxFindBytes.
	ErrTooLarge = errors.New("too large")
	// ErrExists: what is to be made is there, or its name is another's.
	ErrExists = errors.New("exists already")
	// ErrConflict: a row is not what the caller expected it to be. The error is a
	// *ConflictError.
	ErrConflict = errors.New("changed meanwhile")
	// ErrQuota: the tenant would hold more than its Quota.
	ErrQuota = errors.New("quota exceeded")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store is closed")
)

// ConflictError says which operation of a batch met a row that was not as
// expected, and the version of the row that is there: 0 when there is none.
type ConflictError struct {
	Op    int // index into KVBatch.Ops
	Key   string
	Found int64
}

// Error implements error.
func (e *ConflictError) Error() string {
	if e.Found == 0 {
		return fmt.Sprintf("operation %d: key %q: there is no such row", e.Op+1, e.Key)
	}
	return fmt.Sprintf("operation %d: key %q: the row has version %d", e.Op+1, e.Key, e.Found)
}

// Is reports whether target is ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }
