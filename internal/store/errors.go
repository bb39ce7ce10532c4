package store

import "errors"

// Errors of every implementation, to be told apart with errors.Is.
var (
	// ErrNotFound: there is no such template or KV row.
	ErrNotFound = errors.New("not found")
	// ErrInvalid: the caller gave something that cannot be kept or is not a
	// question: no scope, text that is not UTF-8 or holds a NUL, a bad pattern, a
	// value without a JSON form.
	ErrInvalid = errors.New("invalid")
	// ErrTooLarge: the answer is larger than MaxFindBytes.
	ErrTooLarge = errors.New("too large")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store is closed")
)
