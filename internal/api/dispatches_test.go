package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/khronos"
)

var guild5 = khronos.TenantID{Kind: khronos.TenantGuild, ID: 5}

func (b *bench) list(t *testing.T, query string) []api.DispatchView {
	t.Helper()
	w := b.do("GET", "/i/dispatches?"+query, "")
	var list []api.DispatchView
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != 200 {
		t.Fatalf("%s: got %d %s", query, w.Code, w.Body)
	}
	return list
}

func TestServer_Dispatches(t *testing.T) {
	b := newBench(t)
	fine := b.do("POST", "/i/dispatch-event/5", `{"name":"E"}`)
	busy := b.do("POST", "/i/dispatch-event/7", `{"name":"busy"}`)
	b.do("POST", "/i/dispatch-event/5", `{"name":"lost"}`)
	script := b.do("POST", "/i/run-script", `{"tenant":"guild:5","name":"probe","code":"error"}`)

	// Every answer names its dispatch, errors in their body too, and the log has it.
	var problem struct{ Dispatch string }
	if err := json.Unmarshal(busy.Body.Bytes(), &problem); err != nil || problem.Dispatch == "" || busy.Header().Get("X-Dispatch-ID") != problem.Dispatch {
		t.Errorf("busy: header %q, body %s", busy.Header().Get("X-Dispatch-ID"), busy.Body)
	}
	if !strings.Contains(b.log.String(), "dispatch="+problem.Dispatch) {
		t.Errorf("the log lacks %s", problem.Dispatch)
	}
	for _, w := range []*httptest.ResponseRecorder{fine, busy, script} {
		var d api.DispatchView
		got := b.do("GET", "/i/dispatches/"+w.Header().Get("X-Dispatch-ID"), "")
		if err := json.Unmarshal(got.Body.Bytes(), &d); err != nil || got.Code != 200 || d.ID != w.Header().Get("X-Dispatch-ID") || !strings.Contains(d.Explanation, d.ID) {
			t.Errorf("explain: got %d %s", got.Code, got.Body)
		}
	}

	for query, want := range map[string]string{
		"":                            "probe lost busy E",
		"limit=1":                     "probe",
		"tenant=guild:5":              "probe lost E",
		"outcome=tenant_busy":         "busy",
		"outcome=live":                "",
		"owner=platform":              "lost",
		"owner=none&tenant=guild:5":   "E",
		"before=" + problem.Dispatch:  "E",
		"outcome=ok&tenant=user:5":    "",
		"outcome=worker_lost_started": "lost",
	} {
		var got []string
		for _, d := range b.list(t, query) {
			got = append(got, d.Event)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", query, got, want)
		}
	}
	lost := b.list(t, "owner=platform")[0]
	if lost.State != "ended" || *lost.Worker != 1 || lost.Generation != 3 || lost.RetrySafe || lost.StartedAt == nil || lost.Text != "worker 0 died" {
		t.Errorf("lost is shown as %+v", lost)
	}

	for path, want := range map[string]int{
		"/i/dispatches/0000000000000":  404,
		"/i/dispatches/nonsense":       400,
		"/i/dispatches?outcome=bad":    400,
		"/i/dispatches?owner=bad":      400,
		"/i/dispatches?before=bad":     400,
		"/i/dispatches?tenant=bad":     400,
		"/i/dispatches?limit=0":        400,
		"/i/top?limit=0":               400,
		"/i/tenants/bad/log?follow=1":  400,
		"/i/tenants/guild:5/log?n=bad": 200,
	} {
		if w := b.do("GET", path, ""); w.Code != want {
			t.Errorf("%s: got %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
	var top api.TopView
	if w := b.do("GET", "/i/top", ""); json.Unmarshal(w.Body.Bytes(), &top) != nil || len(top.Workers) != 2 || len(top.Tenants) != 2 || top.Tenants[0].Tenant != "guild:5" || top.Tenants[0].Failures != 2 {
		t.Errorf("top: got %d %s", w.Code, w.Body)
	}
	var view api.TenantLogView
	if w := b.do("GET", "/i/tenants/guild:5/log", ""); json.Unmarshal(w.Body.Bytes(), &view) != nil || len(view.Lines) != 1 || len(view.Outcomes) != 3 || view.Outcomes[0].Event != "E" {
		t.Errorf("log: got %d %s", w.Code, w.Body)
	}
}

// follow reads one live log; the returned channel is closed with the stream.
func (b *bench) follow(ctx context.Context, t *testing.T, base, path string, headers http.Header) (<-chan string, int) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = headers
	req.Header.Set("Authorization", "Internal "+b.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan string, 100)
	go func() {
		defer close(events)
		defer res.Body.Close()
		event := ""
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				event = name
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				events <- event + " " + data
			}
		}
	}()
	return events, res.StatusCode
}

// next waits for an event that begins so and contains that.
func next(t *testing.T, events <-chan string, prefix, part string) {
	t.Helper()
	select {
	case got, ok := <-events:
		if !ok || !strings.HasPrefix(got, prefix+" ") || !strings.Contains(got, part) {
			t.Fatalf("got %q, want a %s with %s", got, prefix, part)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("no %s with %s within 10 s", prefix, part)
	}
}

func TestServer_FollowsTheLog(t *testing.T) {
	b := newBench(t)
	b.do("POST", "/i/dispatch-event/5", `{"name":"before"}`)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	listener := listen(t)
	go func() { served <- b.server.Serve(ctx, listener) }()
	base := "http://" + listener.Addr().String()
	defer http.DefaultClient.CloseIdleConnections()

	byHeader, status := b.follow(t.Context(), t, base, "/i/tenants/guild:5/log", http.Header{"Accept": {"text/event-stream"}})
	if status != 200 {
		t.Fatalf("follow: got %d", status)
	}
	next(t, byHeader, "line", "hello")
	next(t, byHeader, "outcome", `"event":"before"`)
	readerCtx, leave := context.WithCancel(t.Context())
	byQuery, _ := b.follow(readerCtx, t, base, "/i/tenants/guild:5/log?follow=1&lines=1&outcomes=0", http.Header{})
	next(t, byQuery, "line", "hello")

	if _, status := b.follow(t.Context(), t, base, "/i/tenants/guild:9/log?follow=1", http.Header{}); status != http.StatusTooManyRequests {
		t.Errorf("a third reader: got %d, want 429", status)
	}
	b.lines.Add(guild5, "greeter", "live")
	b.lines.Add(khronos.TenantID{Kind: khronos.TenantGuild, ID: 6}, "other", "of another tenant")
	b.do("POST", "/i/dispatch-event/5", `{"name":"lost"}`)
	for _, events := range []<-chan string{byHeader, byQuery} {
		got := map[string]bool{}
		for range 2 { // lines and outcomes come by two ways: in any order
			select {
			case ev := <-events:
				name, _, _ := strings.Cut(ev, " ")
				got[name] = strings.Contains(ev, "live") || strings.Contains(ev, "worker_lost_started")
			case <-time.After(10 * time.Second):
			}
		}
		if !got["line"] || !got["outcome"] {
			t.Errorf("live: got %v, want the line and the outcome", got)
		}
	}

	leave() // a reader that goes makes room for another
	for range byQuery {
	}
	var again <-chan string
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if again, status = b.follow(t.Context(), t, base, "/i/tenants/guild:5/log?follow=1", http.Header{}); status == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a reader that went away still counts")
		}
	}
	next(t, again, "line", "hello")

	began := time.Now()
	stop() // live logs do not hold the server up
	if err := <-served; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the server took %s to stop", took)
	}
	for range byHeader {
	}
	for range again {
	}
}

// A reader that does not keep up is told what it has lost, and holds nobody up.
func TestServer_SlowReader(t *testing.T) {
	b := newBench(t)
	w := newStuckWriter()
	ctx, stop := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, "GET", "/i/tenants/guild:5/log?follow=1&outcomes=0", nil)
	r.RemoteAddr = "127.0.0.1:5000"
	r.Header.Set("Authorization", "Internal "+b.token)
	done := make(chan struct{})
	go func() { b.server.Handler().ServeHTTP(w, r); close(done) }()
	<-w.reached
	for i := range 50 {
		b.lines.Add(guild5, "greeter", fmt.Sprint("line ", i))
	}
	close(w.release)
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(w.text(), "event: lost"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not told of any loss: %s", w.text())
		}
	}
	stop()
	<-done
	if !strings.Contains(w.text(), `{"lines":42,"outcomes":0}`) {
		t.Errorf("want 42 of 50 lines lost with a buffer of 8: %s", w.text())
	}
}

// stuckWriter is the connection of a reader that does not read until release.
type stuckWriter struct {
	*httptest.ResponseRecorder
	once             sync.Once
	reached, release chan struct{}

	mu sync.Mutex // mu guards the field below
	b  strings.Builder
}

func newStuckWriter() *stuckWriter {
	return &stuckWriter{ResponseRecorder: httptest.NewRecorder(), reached: make(chan struct{}), release: make(chan struct{})}
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.reached) })
	<-w.release
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

// text is what was written so far.
func (w *stuckWriter) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}
