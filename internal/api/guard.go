package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/template-worker/template-worker/internal/auth"
)

// visit is what the audit line says of one request. The audit makes it, the
// guard fills in the caller; one goroutine, no lock.
type visit struct{ caller auth.Caller }

type visitKey struct{}

// callerOf gives who makes the request; under /i/ the guard has checked it.
func callerOf(ctx context.Context) auth.Caller {
	return ctx.Value(visitKey{}).(*visit).caller
}

// audit writes one line for each internal request: caller, route and result. It
// counts every request.
func (s *Server) audit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		v := &visit{}
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
		next.ServeHTTP(ww, r)

		route := chi.RouteContext(r.Context()).RoutePattern()
		if route == "" {
			route = "none"
		}
		s.requests.WithLabelValues(r.Method+" "+route, strconv.Itoa(ww.Status())).Inc()
		if !internalPath(r.URL.Path) {
			return
		}
		s.log.LogAttrs(r.Context(), slog.LevelInfo, "internal call",
			slog.String("caller", v.caller.User.String()), slog.String("token", v.caller.TokenID), slog.String("from", r.RemoteAddr),
			slog.String("route", r.Method+" "+route), slog.String("path", r.URL.Path), slog.Int("status", ww.Status()),
			slog.String("code", ww.Header().Get("X-Error-Code")), slog.String("id", ww.Header().Get("X-Error-Id")), slog.String("dispatch", ww.Header().Get("X-Dispatch-Id")),
			slog.Duration("took", time.Since(began)))
	})
}

// guard lets only admitted callers through to internal routes.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !internalPath(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		from, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero address is inside no prefix
		caller, err := s.cfg.Gate.Admit(r.Header.Get("Authorization"), from.Addr())
		r.Context().Value(visitKey{}).(*visit).caller = caller
		if err != nil {
			writeProblem(w, s.fail(r.Context(), err).(*problem))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func internalPath(path string) bool { return path == "/i" || strings.HasPrefix(path, "/i/") }

// recover turns a panic of a handler into a 500 and logs the stack.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil || cause == http.ErrAbortHandler {
				return
			}
			p := newProblem(http.StatusInternalServerError, "Internal", "internal error")
			s.log.ErrorContext(r.Context(), "panic in handler", "id", p.ID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			writeProblem(w, p)
		}()
		next.ServeHTTP(w, r)
	})
}
