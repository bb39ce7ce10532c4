// Package api serves the HTTP API: the internal routes under /i/, health,
// readiness, metrics, the OpenAPI description made from the code, and a page to
// read it.
//
// It owns the wire form of requests, answers and errors, and who may call. It
// reaches workers, templates and the store only through the small interfaces it
// declares, and decides nothing about them. [Server.Serve] runs the listener's
// goroutines and waits for them. Sizes are bytes; durations in bodies are
// milliseconds and say so in their names.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/template-worker/template-worker/internal/auth"
	"github.com/template-worker/template-worker/internal/limits"
)

// Config is what a Server is made of; every field is required.
type Config struct {
	Gate       auth.Gate
	Limits     limits.Limits
	Dispatcher Dispatcher
	Workers    Workers
	Templates  Templates
	Tenants    Tenants
	Global     GlobalEntries
	TenantLog  TenantLog
	Quarantine Quarantine
	Ledger     Ledger
	Metrics    *prometheus.Registry
	Version    string
	Log        *slog.Logger
}

// Server answers HTTP. It is safe for concurrent use.
type Server struct {
	cfg      Config
	log      *slog.Logger
	router   *chi.Mux
	api      huma.API
	requests *prometheus.CounterVec

	followers chan struct{} // one element for each reader of a live log
	stopping  chan struct{} // closed when Serve begins to stop
	intake    intake
}

// NewServer builds the routes. It does not listen.
func NewServer(cfg Config) *Server {
	adoptErrors()
	s := &Server{
		cfg:    cfg,
		log:    cfg.Log,
		router: chi.NewMux(),

		followers: make(chan struct{}, cfg.Limits.Followers),
		stopping:  make(chan struct{}),

		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tw_http_requests_total", Help: "HTTP requests by route and status.",
		}, []string{"route", "status"}),
	}
	cfg.Metrics.MustRegister(s.requests)

	s.router.Use(s.recover, s.audit, s.admit)
	s.router.NotFound(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, newProblem(http.StatusNotFound, "NotFound", "no such route: "+r.URL.Path))
	})
	s.router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, newProblem(http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method+" is not offered on "+r.URL.Path))
	})
	s.router.Handle("GET /metrics", promhttp.HandlerFor(cfg.Metrics, promhttp.HandlerOpts{}))

	s.api = humachi.New(s.router.With(s.guard), describe(cfg.Version)) // guarded after routing, so that the audit knows the route
	s.healthRoutes()
	s.dispatchRoutes()
	s.dispatchesRoutes()
	s.workerRoutes()
	s.tenantRoutes()
	s.globalRoutes(s.cfg.Limits.BodyBytes)
	s.tenantLogRoutes()
	s.quarantineRoutes()
	s.templateRoutes()
	s.router.Get("/docs", s.readingPage())
	return s
}

// describe is the head of the OpenAPI document.
func describe(version string) huma.Config {
	c := huma.DefaultConfig("Template Worker", version)
	c.CreateHooks = nil // no $schema members and Link headers in answers
	c.DocsPath = ""     // our own page: readable without the internet
	c.Info.Description = "Dispatches events to tenants' templates and manages workers and templates. " +
		"Every route under /i/ needs `Authorization: Internal TOKEN`; make a token with `template-worker token create`."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"internal": {Type: "apiKey", In: "header", Name: "Authorization", Description: "Internal TOKEN"},
	}
	return c
}

// Handler gives the routes, for tests and embedding.
func (s *Server) Handler() http.Handler { return s.router }

// OpenAPI gives the description as YAML.
func (s *Server) OpenAPI() ([]byte, error) { return s.api.OpenAPI().YAML() }

// Routes lists "METHOD /path" of every route that is served, in no order.
func (s *Server) Routes() []string {
	var routes []string
	chi.Walk(s.router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routes = append(routes, method+" "+route)
		return nil
	})
	return routes
}

// Serve answers on l until ctx ends, then lets running requests finish for at
// most limits.DrainTimeout, while new ones are refused with draining; those that
// follow a log end at once. It closes l and returns when nothing it started runs.
// It is called once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s.router,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Limits.DrainTimeout)
		defer cancel()
		close(s.stopping) // live logs have no end of their own
		s.intake.close(grace)
		err := server.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			s.log.Warn("requests were cut off", "after", s.cfg.Limits.DrainTimeout)
			err = nil
		}
		stopped <- errors.Join(err, server.Close())
	})
	err := server.Serve(l)
	if stop() {
		return fmt.Errorf("serve http on %s: %w", l.Addr(), err)
	}
	return <-stopped
}
