package khronos

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Snowflake is an id in Discord's scheme: 42 bits of milliseconds since the
// start of 2015, then 22 bits of machine and counter. Zero means "no id".
//
// As text, and so in JSON, it is a decimal string.
type Snowflake uint64

// ParseSnowflake reads a decimal id from 1 to 2^64-1. A sign, a leading zero,
// white space and "0" are refused, so that an id has one spelling.
func ParseSnowflake(s string) (Snowflake, error) {
	if s == "" {
		return 0, errors.New("parse snowflake: empty")
	}
	if s[0] < '1' || s[0] > '9' {
		return 0, fmt.Errorf("parse snowflake %s: want digits without sign or leading zero", clip(s))
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("parse snowflake %s: beyond 64 bits", clip(s))
	}
	if err != nil {
		return 0, fmt.Errorf("parse snowflake %s: want digits only", clip(s))
	}
	return Snowflake(n), nil
}

// String returns the decimal form.
func (s Snowflake) String() string { return strconv.FormatUint(uint64(s), 10) }

// MarshalText returns the decimal form.
func (s Snowflake) MarshalText() ([]byte, error) { return strconv.AppendUint(nil, uint64(s), 10), nil }

// UnmarshalText accepts what [ParseSnowflake] accepts.
func (s *Snowflake) UnmarshalText(b []byte) error {
	id, err := ParseSnowflake(string(b))
	if err != nil {
		return err
	}
	*s = id
	return nil
}

// TenantKind says what a tenant's id names. The numbers travel on the wire.
type TenantKind uint8

const (
	TenantGuild TenantKind = 1
	TenantUser  TenantKind = 2
)

// String returns "guild" or "user".
func (k TenantKind) String() string {
	switch k {
	case TenantGuild:
		return "guild"
	case TenantUser:
		return "user"
	}
	return "tenant kind " + strconv.Itoa(int(k))
}

// TenantID names a tenant: whose scripts run. It is comparable. The zero value
// names nobody.
type TenantID struct {
	Kind TenantKind
	ID   Snowflake
}

// ParseTenantID reads "guild:<id>" or "user:<id>".
func ParseTenantID(s string) (TenantID, error) {
	kind, id, found := strings.Cut(s, ":")
	if !found {
		return TenantID{}, fmt.Errorf("parse tenant %s: want guild:<id> or user:<id>", clip(s))
	}
	var t TenantID
	switch kind {
	case "guild":
		t.Kind = TenantGuild
	case "user":
		t.Kind = TenantUser
	default:
		return TenantID{}, fmt.Errorf("parse tenant %s: want guild:<id> or user:<id>", clip(s))
	}
	var err error
	if t.ID, err = ParseSnowflake(id); err != nil {
		return TenantID{}, fmt.Errorf("parse tenant %s: %w", clip(s), err)
	}
	return t, nil
}

// String returns the form that [ParseTenantID] reads.
func (t TenantID) String() string { return t.Kind.String() + ":" + t.ID.String() }

// IsZero reports whether t names nobody.
func (t TenantID) IsZero() bool { return t == TenantID{} }

// Valid reports whether t is a known kind with an id, as [ParseTenantID]
// returns it. Decoders of other forms check it.
func (t TenantID) Valid() bool {
	return (t.Kind == TenantGuild || t.Kind == TenantUser) && t.ID != 0
}

// MarshalText returns [TenantID.String] and refuses a tenant that is not valid.
func (t TenantID) MarshalText() ([]byte, error) {
	if !t.Valid() {
		return nil, fmt.Errorf("write tenant: %s is not a tenant", t)
	}
	return []byte(t.String()), nil
}

// UnmarshalText accepts what [ParseTenantID] accepts.
func (t *TenantID) UnmarshalText(b []byte) error {
	id, err := ParseTenantID(string(b))
	if err != nil {
		return err
	}
	*t = id
	return nil
}

// Slot returns which of n workers owns t: the creation time of the id modulo
// n, for guilds and users alike. It panics when n is not positive.
func (t TenantID) Slot(n int) int {
	if n <= 0 {
		panic("BUG: slot among " + strconv.Itoa(n) + " workers")
	}
	return int((uint64(t.ID) >> 22) % uint64(n))
}

// WorkerID is the index of a worker in its pool, from 0.
type WorkerID int

// Generation counts the lives of one worker, from 1. Its token, its connection
// and its dispatches carry it.
type Generation uint64

// clip quotes s for an error text, cut to a length that a log line bears.
func clip(s string) string {
	const max = 48
	if len(s) <= max {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:max]) + "..."
}
