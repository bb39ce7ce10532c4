package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// healthReply says that the master answers.
type healthReply struct {
	Body struct {
		Status  string `json:"status" example:"ok"`
		Version string `json:"version"`
	}
}

// readyReply says whether every worker takes work, and if not, why.
type readyReply struct {
	Status int
	Body   struct {
		Ready   bool     `json:"ready"`
		Workers int      `json:"workers" doc:"workers in the pool"`
		Up      int      `json:"up" doc:"workers that take work and get on with it"`
		Reasons []string `json:"reasons,omitempty" doc:"one line for each worker that is not healthy: its state, how its last life ended and when the next begins, or its trouble and what it is at"`
	}
}

func (s *Server) healthRoutes() {
	huma.Register(s.api, huma.Operation{Method: http.MethodGet, Path: "/healthz", OperationID: "healthz", Tags: []string{"health"},
		Summary: "Tell that the master answers"}, s.healthz)
	huma.Register(s.api, huma.Operation{Method: http.MethodGet, Path: "/readyz", OperationID: "readyz", Tags: []string{"health"},
		Summary: "Tell whether every worker takes work: 200, or 503 with the reasons", Errors: []int{http.StatusServiceUnavailable}}, s.readyz)
}

func (s *Server) healthz(context.Context, *struct{}) (*healthReply, error) {
	reply := &healthReply{}
	reply.Body.Status = "ok"
	reply.Body.Version = s.cfg.Version
	return reply, nil
}

func (s *Server) readyz(context.Context, *struct{}) (*readyReply, error) {
	reply := &readyReply{Status: http.StatusOK}
	for _, w := range s.cfg.Workers.Status() {
		if w.Solo {
			continue
		}
		reply.Body.Workers++
		if w.healthy() {
			reply.Body.Up++
			continue
		}
		reply.Body.Reasons = append(reply.Body.Reasons, w.unreadiness())
	}
	if s.intake.isClosed() {
		reply.Body.Reasons = append(reply.Body.Reasons, "the master is stopping")
	}
	reply.Body.Ready = len(reply.Body.Reasons) == 0
	if !reply.Body.Ready {
		reply.Status = http.StatusServiceUnavailable
	}
	return reply, nil
}
