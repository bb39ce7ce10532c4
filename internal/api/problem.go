package api

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/auth"
	"github.com/template-worker/template-worker/internal/khronos"
)

// problem is the body of every answer that is not a success. Code is for
// programs, Message for people; ID appears also in the log line with the cause.
type problem struct {
	status   int
	Code     string `json:"code" doc:"what went wrong, for programs" example:"TenantBusy"`
	Message  string `json:"message" doc:"what went wrong, for people"`
	ID       string `json:"id" doc:"names this answer; the log has it too"`
	Dispatch string `json:"dispatch,omitempty" doc:"the id of the dispatch that failed, for GET /i/dispatches/{id}"`
	Owner    string `json:"owner,omitempty" doc:"whose fault it is: script, tenant_limit, platform, dependency or caller"`
}

func newProblem(status int, code, message string) *problem {
	return &problem{status: status, Code: code, Message: message, ID: newProblemID()}
}

// newProblemID makes a short id: 8 characters, 40 random bits.
func newProblemID() string {
	var b [5]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// Error and GetStatus make a problem an error that huma writes as it is.
func (p *problem) Error() string  { return p.Message }
func (p *problem) GetStatus() int { return p.status }

// GetHeaders hands the code and the id to the audit line, which sees only headers.
func (p *problem) GetHeaders() http.Header {
	h := http.Header{"X-Error-Code": {p.Code}, "X-Error-Id": {p.ID}}
	if p.Dispatch != "" {
		h.Set("X-Dispatch-ID", p.Dispatch)
	}
	if p.status == http.StatusTooManyRequests || p.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	return h
}

// writeProblem answers outside of huma's operations.
func writeProblem(w http.ResponseWriter, p *problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	json.NewEncoder(w).Encode(p)
}

// fail turns any error of the rooms below into a problem and logs the cause of
// those that are ours. It is the one place where such errors end.
func (s *Server) fail(ctx context.Context, err error) error { return s.failDispatch(ctx, 0, err) }

// failDispatch is fail for a dispatch that has an id.
func (s *Server) failDispatch(ctx context.Context, id khronos.DispatchID, err error) error {
	var denied *auth.Denied
	if errors.As(err, &denied) {
		return newProblem(denied.Status(), string(denied.Code), denied.Text)
	}
	e := khronos.AsError(err)
	p := newProblem(statusOf(e.Kind), codeOf(e.Kind), e.Text)
	p.Owner = e.Kind.Owner().String()
	if e.ID != "" {
		p.ID = e.ID
	}
	if id != 0 {
		p.Dispatch = id.String()
	}
	if p.status >= http.StatusInternalServerError {
		s.log.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("id", p.ID), slog.String("dispatch", p.Dispatch), slog.String("code", p.Code), slog.Any("cause", err))
	}
	return p
}

// statusOf maps an error kind to its HTTP status.
func statusOf(kind khronos.ErrorKind) int {
	switch kind {
	case khronos.ErrKindBadRequest:
		return http.StatusBadRequest
	case khronos.ErrKindNotFound:
		return http.StatusNotFound
	case khronos.ErrKindTooLarge:
		return http.StatusRequestEntityTooLarge
	case khronos.ErrKindCapabilityMissing, khronos.ErrKindTenantBanned:
		return http.StatusForbidden
	case khronos.ErrKindTenantBusy, khronos.ErrKindRateLimited:
		return http.StatusTooManyRequests
	case khronos.ErrKindScriptError, khronos.ErrKindCPULimit, khronos.ErrKindMemoryLimit:
		return http.StatusUnprocessableEntity
	case khronos.ErrKindQuotaExceeded:
		return http.StatusInsufficientStorage
	case khronos.ErrKindQuarantined, khronos.ErrKindDroppedTenant, khronos.ErrKindCancelled:
		return http.StatusConflict
	case khronos.ErrKindDeadline, khronos.ErrKindWorkerSilent:
		return http.StatusGatewayTimeout
	case khronos.ErrKindWorkerLostUnstarted, khronos.ErrKindWorkerLostStarted, khronos.ErrKindDependency:
		return http.StatusBadGateway
	case khronos.ErrKindWorkerUnavailable, khronos.ErrKindDraining:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// codeOf is the API's spelling of an error kind: worker_lost_started is WorkerLostStarted.
func codeOf(kind khronos.ErrorKind) string {
	var b strings.Builder
	for word := range strings.SplitSeq(kind.String(), "_") {
		if word == "cpu" {
			b.WriteString("CPU")
			continue
		}
		b.WriteRune(unicode.ToUpper(rune(word[0])))
		b.WriteString(word[1:])
	}
	return b.String()
}

// adoptErrors makes huma's own refusals (bad parameters, bad bodies, bodies over
// the limit) take our form, in answers and in the OpenAPI document. The library
// has variables for the whole process, so they are set once.
var adoptErrors = sync.OnceFunc(func() {
	huma.NewError = func(status int, message string, causes ...error) huma.StatusError {
		p := newProblem(status, strings.ReplaceAll(http.StatusText(status), " ", ""), message)
		p.Owner = khronos.OwnerCaller.String()
		if status == http.StatusUnprocessableEntity {
			p.status, p.Code = http.StatusBadRequest, "BadRequest"
		}
		for _, cause := range causes {
			if cause != nil {
				p.Message += ": " + cause.Error()
			}
		}
		return p
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, causes ...error) huma.StatusError {
		err := huma.NewError(status, message, causes...)
		for name, values := range err.(*problem).GetHeaders() {
			ctx.SetHeader(name, values[0])
		}
		return err
	}
})
