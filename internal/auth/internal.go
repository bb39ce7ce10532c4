package auth

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Caller is who makes an internal request.
type Caller struct {
	User    khronos.Snowflake
	TokenID string // names the token in audit lines; no secret
}

// Code names why a request was refused; it is part of the API.
type Code string

// The refusals.
const (
	CodeNoAuthToken      Code = "NoAuthToken"      // 401: no Authorization header
	CodeBadAuthHeader    Code = "BadAuthHeader"    // 401: not of the form "Internal TOKEN"
	CodeInvalidToken     Code = "InvalidToken"     // 401: forged, malformed, or for something else
	CodeExpiredToken     Code = "ExpiredToken"     // 401
	CodeRestricted       Code = "Restricted"       // 403: the user is not one of root_users
	CodeSourceRestricted Code = "SourceRestricted" // 403: the address is outside internal_sources
)

// Denied is a refused request. Text may be shown to the caller.
type Denied struct {
	Code Code
	Text string
}

func denied(code Code, text string) *Denied { return &Denied{code, text} }

// Error gives the text.
func (d *Denied) Error() string { return d.Text }

// Status is the HTTP status of the refusal.
func (d *Denied) Status() int {
	switch d.Code {
	case CodeRestricted, CodeSourceRestricted:
		return http.StatusForbidden
	}
	return http.StatusUnauthorized
}

// Gate guards the internal API. It is immutable and safe for concurrent use.
type Gate struct {
	Key     Key
	Roots   []khronos.Snowflake // the users who may call
	Sources []netip.Prefix      // the addresses they may call from
}

// Admit checks one request by its Authorization header and the address it comes
// from. The error is always a [*Denied]. Address first: a stranger learns
// nothing about tokens.
func (g Gate) Admit(header string, from netip.Addr) (Caller, error) {
	if !g.sourceAllowed(from) {
		return Caller{}, denied(CodeSourceRestricted, "internal calls are not accepted from this address")
	}
	if header == "" {
		return Caller{}, denied(CodeNoAuthToken, "send an Authorization header: Internal TOKEN")
	}
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || scheme != "Internal" || token == "" || strings.ContainsAny(token, " \t") {
		return Caller{}, denied(CodeBadAuthHeader, "the Authorization header must have the form: Internal TOKEN")
	}
	caller, err := g.Key.verify(token)
	if err != nil {
		return Caller{}, err
	}
	if !slices.Contains(g.Roots, caller.User) {
		return caller, denied(CodeRestricted, "user "+caller.User.String()+" is not one of root_users")
	}
	return caller, nil
}

func (g Gate) sourceAllowed(from netip.Addr) bool {
	from = from.Unmap()
	return slices.ContainsFunc(g.Sources, func(p netip.Prefix) bool { return p.Contains(from) })
}
