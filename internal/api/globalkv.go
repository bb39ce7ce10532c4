package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// GlobalEntries keeps what tenants publish for all others; [store.Store] does.
type GlobalEntries interface {
	GlobalFind(ctx context.Context, f store.GlobalFilter, limit int) ([]store.GlobalEntry, error)
	GlobalGet(ctx context.Context, key string, version int32, scope string) (store.GlobalEntry, error)
	GlobalReview(ctx context.Context, key string, version int32, scope string, r store.Review) error
	GlobalDelete(ctx context.Context, op store.OpID, owner khronos.TenantID, key string, version int32, scope string) error
}

// globalView is an entry in an answer. Long and Data are there only when one is asked for.
type globalView struct {
	Key        string          `json:"key"`
	Version    int32           `json:"version"`
	Scope      string          `json:"scope"`
	Owner      string          `json:"owner" doc:"the tenant that published it"`
	Short      string          `json:"short"`
	Long       string          `json:"long,omitempty"`
	PublicData bool            `json:"public_data" doc:"whether other tenants get the data"`
	Review     string          `json:"review" enum:"pending,approved,denied" doc:"only its owner sees one that is not approved"`
	Note       string          `json:"note,omitempty" doc:"of the review"`
	CreatedAt  time.Time       `json:"created_at"`
	Data       json.RawMessage `json:"data,omitempty" doc:"Khronos value"`
}

// GlobalPath names one entry.
type GlobalPath struct {
	Scope   string `path:"scope"`
	Key     string `path:"key"`
	Version int32  `path:"version" minimum:"0"`
}

type listGlobal struct {
	Scope  string `query:"scope"`
	Key    string `query:"key" doc:"pattern: % stands for any text, _ for one character"`
	Owner  string `query:"owner" doc:"guild:ID or user:ID"`
	Review string `query:"review" enum:"pending,approved,denied"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type reviewGlobal struct {
	GlobalPath
	Body struct {
		State string `json:"state" enum:"pending,approved,denied"`
		Note  string `json:"note,omitempty" doc:"why"`
	}
}

type globalReply struct{ Body globalView }

type globalListReply struct{ Body []globalView }

func (s *Server) globalRoutes(limit int64) {
	const route = "/i/globalkv"
	op := func(method, path, id, summary string) huma.Operation {
		return internalOp(method, path, id, "globalkv", summary, limit)
	}
	huma.Register(s.api, op(http.MethodGet, route, "list-global-entries", "List GlobalKV entries, sorted by key, version and scope"), s.listGlobal)
	huma.Register(s.api, op(http.MethodGet, route+"/{scope}/{key}/{version}", "get-global-entry", "Get a GlobalKV entry with its data"), s.getGlobal)
	huma.Register(s.api, op(http.MethodPost, route+"/{scope}/{key}/{version}/review", "review-global-entry", "Approve or deny a GlobalKV entry"), s.reviewGlobal)
	huma.Register(s.api, op(http.MethodDelete, route+"/{scope}/{key}/{version}", "delete-global-entry", "Delete a GlobalKV entry, whosever it is"), s.deleteGlobal)
}

func (s *Server) listGlobal(ctx context.Context, in *listGlobal) (*globalListReply, error) {
	f := store.GlobalFilter{Pattern: in.Key, Scope: in.Scope, Review: store.ReviewState(in.Review)}
	if in.Owner != "" {
		var err error
		if f.Owner, err = parseTenant(in.Owner); err != nil {
			return nil, s.fail(ctx, err)
		}
	}
	list, err := s.cfg.Global.GlobalFind(ctx, f, in.Limit)
	if err != nil {
		return nil, s.fail(ctx, publicGlobal(err))
	}
	reply := &globalListReply{Body: make([]globalView, len(list))}
	for i, e := range list {
		reply.Body[i] = viewGlobal(e)
	}
	return reply, nil
}

func (s *Server) getGlobal(ctx context.Context, in *GlobalPath) (*globalReply, error) {
	e, err := s.cfg.Global.GlobalGet(ctx, in.Key, in.Version, in.Scope)
	if err != nil {
		return nil, s.fail(ctx, publicGlobal(err))
	}
	view := viewGlobal(e)
	if view.Data, err = e.Data.MarshalJSON(); err != nil {
		return nil, s.fail(ctx, err)
	}
	return &globalReply{Body: view}, nil
}

func (s *Server) reviewGlobal(ctx context.Context, in *reviewGlobal) (*globalReply, error) {
	err := s.cfg.Global.GlobalReview(ctx, in.Key, in.Version, in.Scope, store.Review{State: store.ReviewState(in.Body.State), Note: in.Body.Note})
	if err != nil {
		return nil, s.fail(ctx, publicGlobal(err))
	}
	return s.getGlobal(ctx, &in.GlobalPath)
}

func (s *Server) deleteGlobal(ctx context.Context, in *GlobalPath) (*struct{}, error) {
	return nil, s.done(ctx, publicGlobal(s.cfg.Global.GlobalDelete(ctx, "", khronos.TenantID{}, in.Key, in.Version, in.Scope)))
}

// publicGlobal gives the caller's mistakes a kind and a text.
func publicGlobal(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return khronos.Errorf(khronos.ErrKindNotFound, "there is no such GlobalKV entry")
	case errors.Is(err, store.ErrInvalid):
		return khronos.Errorf(khronos.ErrKindBadRequest, "%v", err)
	case errors.Is(err, store.ErrTooLarge):
		return khronos.Errorf(khronos.ErrKindTooLarge, "the entries are too large for one answer: ask for less at once")
	}
	return err
}

func viewGlobal(e store.GlobalEntry) globalView {
	return globalView{
		Key: e.Key, Version: e.Version, Scope: e.Scope, Owner: e.Owner.String(), Short: e.Short, Long: e.Long, PublicData: e.PublicData,
		Review: string(e.Review.State), Note: e.Review.Note, CreatedAt: e.CreatedAt,
	}
}
