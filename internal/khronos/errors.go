package khronos

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// Owner says whose fault an outcome is, and so who has to act.
type Owner uint8

const (
	OwnerNone        Owner = iota // nothing went wrong
	OwnerScript                   // the template's code
	OwnerTenantLimit              // the tenant met a limit of its own
	OwnerPlatform                 // our machines or our code
	OwnerDependency               // something behind us: Discord, a web server, the database
	OwnerCaller                   // who sent the request
)

var ownerNames = [...]string{"none", "script", "tenant_limit", "platform", "dependency", "caller"}

// String returns the name in snake case, such as "tenant_limit".
func (o Owner) String() string {
	if int(o) < len(ownerNames) {
		return ownerNames[o]
	}
	return "owner " + strconv.Itoa(int(o))
}

// ErrorKind is how a dispatch or a request ended. The numbers travel between
// processes: they are only ever appended, testdata/error_kinds.golden holds
// them. A number that this build does not know reads as [ErrKindInternal], see
// [ErrorKindFromWire].
type ErrorKind uint16

const (
	ErrKindOK                  ErrorKind = 0
	ErrKindScriptError         ErrorKind = 1
	ErrKindCPULimit            ErrorKind = 2
	ErrKindMemoryLimit         ErrorKind = 3
	ErrKindDeadline            ErrorKind = 4
	ErrKindCancelled           ErrorKind = 5
	ErrKindTenantBusy          ErrorKind = 6
	ErrKindQuarantined         ErrorKind = 7
	ErrKindDroppedTenant       ErrorKind = 8
	ErrKindWorkerLostUnstarted ErrorKind = 9
	ErrKindWorkerLostStarted   ErrorKind = 10
	ErrKindWorkerUnavailable   ErrorKind = 11
	ErrKindDraining            ErrorKind = 12
	ErrKindBadRequest          ErrorKind = 13
	ErrKindDependency          ErrorKind = 14
	ErrKindInternal            ErrorKind = 15
	ErrKindRateLimited         ErrorKind = 16
	ErrKindCapabilityMissing   ErrorKind = 17
	ErrKindTooLarge            ErrorKind = 18
	ErrKindNotFound            ErrorKind = 19
	ErrKindWorkerSilent        ErrorKind = 20
	ErrKindTenantBanned        ErrorKind = 21
	ErrKindQuotaExceeded       ErrorKind = 22
)

// errorKinds says of each kind its name, whose fault it is, and whether the
// work certainly had no effect and may well succeed when it is sent again.
var errorKinds = [...]struct {
	name      string
	owner     Owner
	retrySafe bool
}{
	ErrKindOK:                  {"ok", OwnerNone, false},
	ErrKindScriptError:         {"script_error", OwnerScript, false},
	ErrKindCPULimit:            {"cpu_limit", OwnerTenantLimit, false},
	ErrKindMemoryLimit:         {"memory_limit", OwnerTenantLimit, false},
	ErrKindDeadline:            {"deadline", OwnerTenantLimit, false},
	ErrKindCancelled:           {"cancelled", OwnerCaller, false},
	ErrKindTenantBusy:          {"tenant_busy", OwnerTenantLimit, true},
	ErrKindQuarantined:         {"quarantined", OwnerScript, false},
	ErrKindDroppedTenant:       {"dropped_tenant", OwnerPlatform, false},
	ErrKindWorkerLostUnstarted: {"worker_lost_unstarted", OwnerPlatform, true},
	ErrKindWorkerLostStarted:   {"worker_lost_started", OwnerPlatform, false},
	ErrKindWorkerUnavailable:   {"worker_unavailable", OwnerPlatform, true},
	ErrKindDraining:            {"draining", OwnerPlatform, true},
	ErrKindBadRequest:          {"bad_request", OwnerCaller, false},
	ErrKindDependency:          {"dependency", OwnerDependency, false},
	ErrKindInternal:            {"internal", OwnerPlatform, false},
	ErrKindRateLimited:         {"rate_limited", OwnerTenantLimit, true},
	ErrKindCapabilityMissing:   {"capability_missing", OwnerScript, false},
	ErrKindTooLarge:            {"too_large", OwnerCaller, false},
	ErrKindNotFound:            {"not_found", OwnerCaller, false},
	ErrKindWorkerSilent:        {"worker_silent", OwnerPlatform, false},
	ErrKindTenantBanned:        {"tenant_banned", OwnerTenantLimit, false},
	ErrKindQuotaExceeded:       {"quota_exceeded", OwnerTenantLimit, false},
}

// ErrorKinds returns all kinds in the order of their numbers.
func ErrorKinds() []ErrorKind {
	kinds := make([]ErrorKind, len(errorKinds))
	for i := range kinds {
		kinds[i] = ErrorKind(i)
	}
	return kinds
}

// ErrorKindFromWire returns the kind with number n, and [ErrKindInternal] for a
// number that this build does not know.
func ErrorKindFromWire(n uint64) ErrorKind {
	if n >= uint64(len(errorKinds)) {
		return ErrKindInternal
	}
	return ErrorKind(n)
}

// ParseErrorKind returns the kind with the given name, as [ErrorKind.String]
// writes it, and [ErrKindInternal] for a name that this build does not know.
func ParseErrorKind(name string) ErrorKind {
	for i := range errorKinds {
		if errorKinds[i].name == name {
			return ErrorKind(i)
		}
	}
	return ErrKindInternal
}

func (k ErrorKind) known() ErrorKind { return ErrorKindFromWire(uint64(k)) }

// String returns the name in snake case, such as "tenant_busy". It is the code
// of API errors and a label of metrics.
func (k ErrorKind) String() string { return errorKinds[k.known()].name }

// Owner returns whose fault the kind is.
func (k ErrorKind) Owner() Owner { return errorKinds[k.known()].owner }

// RetrySafe reports whether the work certainly did not start and may succeed
// when the same request is sent again later.
func (k ErrorKind) RetrySafe() bool { return errorKinds[k.known()].retrySafe }

// Error is an error that crosses processes and may be shown to the tenant: it
// holds nothing secret. Trace is a script's stack trace, ID is the short id
// under which the log has the private cause; both may be empty.
type Error struct {
	Kind  ErrorKind
	Text  string
	Trace string
	ID    string
}

// For errors.Is, which compares kinds only.
var (
	ErrTenantBusy        = &Error{Kind: ErrKindTenantBusy, Text: "the tenant's queue is full"}
	ErrDraining          = &Error{Kind: ErrKindDraining, Text: "shutting down, no new work is taken"}
	ErrWorkerUnavailable = &Error{Kind: ErrKindWorkerUnavailable, Text: "the worker is not running"}
)

// Banned is the error of work for a tenant that the platform has banned.
func Banned(tenant TenantID) *Error {
	return Errorf(ErrKindTenantBanned, "%s is banned: none of its scripts run", tenant)
}

// Errorf returns an Error of the given kind. The text is public. Wrapped
// errors become text.
func Errorf(kind ErrorKind, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// Error returns the kind's name and the text.
func (e *Error) Error() string {
	if e.Text == "" {
		return e.Kind.String()
	}
	return e.Kind.String() + ": " + e.Text
}

// Is reports whether target is an *Error of the same kind.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t != nil && t.Kind.known() == e.Kind.known()
}

// AsError returns err as an *Error: the one it wraps, a deadline or
// cancellation when it wraps one of context's errors, and otherwise an internal
// error whose text says nothing about err, which the caller has to log. It
// returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	switch {
	case errors.As(err, &e) && e != nil:
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: ErrKindDeadline, Text: "the deadline passed"}
	case errors.Is(err, context.Canceled):
		return &Error{Kind: ErrKindCancelled, Text: "the request was cancelled"}
	}
	return &Error{Kind: ErrKindInternal, Text: "internal error"}
}
