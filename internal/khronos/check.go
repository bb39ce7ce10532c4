package khronos

import (
	"fmt"
	"math"
	"time"
)

// The instants that RFC 3339 can write: 0000-01-01 to 9999-12-31.
var (
	minTimestamp = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	maxTimestamp = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

// maxZoneBytes is twice the length of the longest IANA name.
const maxZoneBytes = 64

// check reports why v itself, without what is inside it, may not be encoded.
func (v Value) check() error {
	switch v.kind {
	case KindFloat:
		if f, _ := v.AsFloat(); !finite(f) {
			return ErrNotFinite
		}
	case KindVector:
		xyz, _ := v.AsVector()
		for _, f := range xyz {
			if !finite(float64(f)) {
				return ErrNotFinite
			}
		}
	case KindTimestamptz:
		return checkTimestamp(int64(v.num), v.aux)
	case KindInterval:
		return checkNanos(v.aux)
	case KindTimeZone:
		if !validZoneName(v.text()) {
			return badZone(v.text())
		}
	}
	return nil
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func checkNanos(nanos uint32) error {
	if nanos >= 1e9 {
		return fmt.Errorf("%w: %d nanoseconds, want less than a second", ErrRange, nanos)
	}
	return nil
}

func checkTimestamp(sec int64, nanos uint32) error {
	if sec < minTimestamp || sec > maxTimestamp {
		return fmt.Errorf("%w: %d seconds from 1970 is not in the years 0 to 9999", ErrRange, sec)
	}
	return checkNanos(nanos)
}

// validZoneName reports whether name has the form of an IANA name. Whether the
// zone exists is for those who have the time zone database.
func validZoneName[T string | []byte](name T) bool {
	if len(name) == 0 || len(name) > maxZoneBytes {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '/' && c != '_' && c != '-' && c != '+' {
			return false
		}
	}
	return true
}

func badZone(name string) error {
	return fmt.Errorf("%w: %s is not the name of a time zone", ErrRange, clip(name))
}

func tooDeep(maxDepth int) error {
	return fmt.Errorf("%w: want a depth of at most %d", ErrDepth, maxDepth)
}
