package khronos

import (
	"errors"
	"strconv"
	"strings"
)

// What can be wrong with a value or with its encoded form. Errors wrap one of
// them and begin with the path to the place, as in `Map[2].value: ...`.
var (
	// ErrDepth says that a value is nested more deeply than allowed.
	ErrDepth = errors.New("nested too deeply")
	// ErrNotFinite says that a float is NaN, infinite or too large.
	ErrNotFinite = errors.New("number is not finite")
	// ErrMalformed says that bytes are not the form that was expected.
	ErrMalformed = errors.New("malformed")
	// ErrRange says that a timestamp, interval or time zone is none.
	ErrRange = errors.New("out of range")
)

// pathError is an error with the place where it happened.
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// under puts a step before the path of err. Callers do it as they return, so
// that a path costs nothing while all is well.
func under(step string, err error) error {
	inner, ok := err.(*pathError)
	if !ok {
		return &pathError{path: step, err: err}
	}
	if strings.HasPrefix(inner.path, "[") {
		return &pathError{path: step + inner.path, err: inner.err}
	}
	return &pathError{path: step + "." + inner.path, err: inner.err}
}

func underItem(i int, err error) error  { return under("List["+strconv.Itoa(i)+"]", err) }
func underKey(i int, err error) error   { return under("Map["+strconv.Itoa(i)+"].key", err) }
func underValue(i int, err error) error { return under("Map["+strconv.Itoa(i)+"].value", err) }
