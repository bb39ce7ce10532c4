package khronos

import (
	"fmt"
	"strings"
)

// DispatchID names one dispatch: milliseconds since the Unix epoch in the upper
// 42 bits, and below them a part that grows by random steps. Zero means none.
//
// As text, and so in JSON, it has 13 characters, which sort as the numbers do.
type DispatchID uint64

// DispatchIDTimeBits is how far the milliseconds are shifted up.
const DispatchIDTimeBits = 22

const (
	dispatchIDChars = 13 // 65 bits
	dispatchIDAlpha = "0123456789abcdefghjkmnpqrstvwxyz"
)

// String returns the 13 characters.
func (id DispatchID) String() string {
	var b [dispatchIDChars]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = dispatchIDAlpha[id&31]
		id >>= 5
	}
	return string(b[:])
}

// ParseDispatchID reads what [DispatchID.String] writes, in either case.
func ParseDispatchID(s string) (DispatchID, error) {
	if len(s) != dispatchIDChars {
		return 0, fmt.Errorf("parse dispatch id %s: want %d characters", clip(s), dispatchIDChars)
	}
	var id DispatchID
	for i, c := range strings.ToLower(s) {
		n := strings.IndexRune(dispatchIDAlpha, c)
		if n < 0 || i == 0 && n > 15 { // the first character has 4 bits
			return 0, fmt.Errorf("parse dispatch id %s: character %q does not belong into one", clip(s), c)
		}
		id = id<<5 | DispatchID(n)
	}
	return id, nil
}

// MarshalText returns [DispatchID.String].
func (id DispatchID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText accepts what [ParseDispatchID] accepts.
func (id *DispatchID) UnmarshalText(b []byte) error {
	parsed, err := ParseDispatchID(string(b))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
