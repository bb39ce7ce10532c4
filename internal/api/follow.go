package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/template-worker/template-worker/internal/feed"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/ledger"
	"github.com/template-worker/template-worker/internal/tenantlog"
)

const (
	// followBeat is how often a stream without news shows that it lives.
	followBeat = 15 * time.Second
	// followWrite is how long a reader may take to accept an event.
	followWrite = 10 * time.Second
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// acceptsEvents tells that a request asks for server-sent events.
func acceptsEvents(accept string) bool { return strings.Contains(accept, "text/event-stream") }

// jsonResponse writes v as an answer of an operation that can stream.
func jsonResponse(v any) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/json")
		json.NewEncoder(ctx.BodyWriter()).Encode(v)
	}}
}

// stream is one reader of a tenant's live log.
type stream struct {
	tenant   khronos.TenantID
	lines    *feed.Follower[khronos.TenantID, tenantlog.Line]
	outcomes *feed.Follower[khronos.TenantID, ledger.Dispatch]
	in       *readTenantLog

	w      http.ResponseWriter
	ctl    *http.ResponseController
	failed bool // the reader is gone
}

// followTenantLog answers with what the log has, and then with what comes, until
// the reader goes away, does not read, or the server stops.
func (s *Server) followTenantLog(ctx context.Context, tenant khronos.TenantID, in *readTenantLog) (*huma.StreamResponse, error) {
	select {
	case s.followers <- struct{}{}:
	default:
		return nil, s.fail(ctx, khronos.Errorf(khronos.ErrKindRateLimited, "%d readers follow logs, the limit (followers)", cap(s.followers)))
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer func() { <-s.followers }()
		_, w := humachi.Unwrap(ctx)
		st := &stream{tenant: tenant, in: in, w: w, ctl: http.NewResponseController(w)}
		st.lines = s.cfg.TenantLog.Follow(tenant, s.cfg.Limits.FollowBuffer)
		defer st.lines.Close()
		st.outcomes = s.cfg.Ledger.Follow(tenant, s.cfg.Limits.FollowBuffer)
		defer st.outcomes.Close()
		s.stream(ctx.Context(), st)
	}}, nil
}

// stream writes the log and follows it. The followers were there before the log
// is read, so nothing falls between; what came meanwhile is skipped.
func (s *Server) stream(ctx context.Context, st *stream) {
	st.ctl.SetReadDeadline(time.Time{}) // the server's is for requests; an error leaves it as it is
	st.w.Header().Set("Content-Type", "text/event-stream")
	st.w.Header().Set("Cache-Control", "no-store")
	lastLine, told := uint64(0), map[string]bool{}
	for _, line := range s.cfg.TenantLog.Last(st.tenant, st.in.Lines) {
		st.send("line", line)
		lastLine = line.Seq
	}
	for _, v := range s.recentOutcomes(st.tenant, st.in.Outcomes) {
		st.send("outcome", v)
		told[v.ID] = true
	}
	st.flush()

	beat := time.NewTicker(followBeat)
	defer beat.Stop()
	for !st.failed {
		select {
		case line := <-st.lines.Items():
			if line.Seq > lastLine {
				st.send("line", line)
			}
		case d := <-st.outcomes.Items():
			if v := viewOfDispatch(&d); !told[v.ID] {
				st.send("outcome", v)
			}
		case <-beat.C:
			st.write(": still here\n\n")
		case <-ctx.Done():
			return
		case <-s.stopping:
			return
		}
		st.tellLost()
		st.flush()
	}
}

// tellLost says how much had no room in the buffers.
func (st *stream) tellLost() {
	if lines, outcomes := st.lines.Lost(), st.outcomes.Lost(); lines+outcomes > 0 {
		st.send("lost", map[string]int64{"lines": lines, "outcomes": outcomes})
	}
}

// send writes one event.
func (st *stream) send(event string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic("BUG: an event does not marshal: " + err.Error())
	}
	st.write(fmt.Sprintf("event: %s\ndata: %s\n\n", event, text))
}

func (st *stream) write(text string) {
	if st.failed {
		return
	}
	st.ctl.SetWriteDeadline(time.Now().Add(followWrite))
	_, err := st.w.Write([]byte(text))
	st.failed = err != nil
}

func (st *stream) flush() {
	if !st.failed {
		st.failed = st.ctl.Flush() != nil
	}
}
