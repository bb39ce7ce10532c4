package host_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/broker"
	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/httpclient"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/memory"
	"github.com/template-worker/template-worker/internal/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var guild = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1}

// stage is a tenant's runtime over a broker and a store in memory.
type stage struct {
	t      *testing.T
	store  store.Store
	broker *broker.Broker
	rt     *tenant.Runtime
	ids    atomic.Uint64
	raised sync.WaitGroup // events that templates have raised

	mu    sync.Mutex
	lines []string // of the tenant's log
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return newStageWith(t, limits.Default())
}

func newStageWith(t *testing.T, l limits.Limits) *stage {
	t.Helper()
	s := &stage{t: t, store: memory.New()}
	log := slog.New(slog.DiscardHandler)
	s.broker = broker.New(s.store, l, broker.Info{DocsURL: "https://docs.example"}, s, outside{}, log)
	s.rt = tenant.New(tenant.Config{Limits: l, Slots: 2, Door: s, BotUser: `{"id":"7","username":"bot","bot":true}`, Log: log})
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.rt.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

// outside answers under the default hosts: /hello says hello, /echo what was sent,
// /large 3,000,000 bytes, /broken nothing. What else is asked for is the real client's
// to refuse.
type outside struct{}

func (outside) Do(ctx context.Context, id khronos.TenantID, r httpclient.Request) (httpclient.Response, error) {
	answer := httpclient.Response{URL: r.URL, Status: 200, Headers: map[string]string{"content-type": "text/plain"}}
	switch r.URL {
	case "https://cdn.discordapp.com/hello":
		answer.Body = []byte("hello")
	case "https://cdn.discordapp.com/echo":
		answer.Body = r.Body
	case "https://cdn.discordapp.com/large":
		answer.Body = make([]byte, 3_000_000)
	case "https://cdn.discordapp.com/broken":
		return answer, khronos.Errorf(khronos.ErrKindDependency, "cdn.discordapp.com did not answer")
	default:
		return httpclient.New(httpclient.Config{Limits: limits.Default()}).Do(ctx, id, r)
	}
	return answer, nil
}

func (s *stage) Exec(ctx context.Context, call tenant.HostCall) (khronos.Value, error) {
	return s.broker.Exec(ctx, broker.Caller{Tenant: call.Tenant, Template: call.Template, Dispatch: call.Dispatch, Call: call.Call, Author: call.Author, Depth: call.Depth}, call.Op, call.Args)
}

// DispatchEventNoWait delivers an event that a template has raised.
func (s *stage) DispatchEventNoWait(_ context.Context, id khronos.TenantID, ev khronos.Event) error {
	s.raised.Add(1)
	err := s.rt.Deliver(tenant.Job{
		ID: s.ids.Add(1), Tenant: id, Kind: tenant.JobDispatchEvent, Event: ev, Deadline: time.Now().Add(time.Minute),
		Done: func(khronos.Outcome) { s.raised.Done() },
	})
	if err != nil {
		s.raised.Done()
	}
	return err
}

func (s *stage) Templates(ctx context.Context, id khronos.TenantID) ([]khronos.Template, error) {
	return s.broker.Templates(ctx, id)
}

func (s *stage) Log(_ khronos.TenantID, _, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

// printed gives the log so far, one line each, and empties it.
func (s *stage) printed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.Join(s.lines, "\n")
	s.lines = nil
	return text
}

// template stores one that is nothing but init.luau.
func (s *stage) template(name, source string, capabilities []string, events ...string) {
	s.t.Helper()
	s.templateFiles(name, map[string]string{"init.luau": source}, capabilities, events...)
}

func (s *stage) templateFiles(name string, files map[string]string, capabilities []string, events ...string) {
	s.t.Helper()
	s.put(khronos.Template{Name: name, Files: files, Capabilities: capabilities, Subscriptions: events})
}

func (s *stage) put(tpl khronos.Template) {
	s.t.Helper()
	if _, err := s.store.PutTemplate(s.t.Context(), store.Template{Tenant: guild, Template: tpl}); err != nil {
		s.t.Fatal(err)
	}
	s.broker.Forget(guild)
	if err := s.rt.Drop(s.t.Context(), guild); err != nil {
		s.t.Fatal(err)
	}
}

// message is an event as examples have it.
func message(t *testing.T, name string) khronos.Event {
	t.Helper()
	data, err := khronos.JSONPayload([]byte(`{"content":"hello","channel_id":"7"}`))
	if err != nil {
		t.Fatal(err)
	}
	return khronos.Event{Name: name, Author: "42", Data: data}
}

func (s *stage) run(job tenant.Job) khronos.Outcome {
	s.t.Helper()
	done := make(chan khronos.Outcome, 1)
	job.ID, job.Tenant, job.Deadline = s.ids.Add(1), guild, time.Now().Add(time.Minute)
	job.Done = func(out khronos.Outcome) { done <- out }
	if err := s.rt.Deliver(job); err != nil {
		s.t.Fatal(err)
	}
	out := <-done
	s.raised.Wait() // what it has raised may raise more before it is done
	return out
}

// script runs a script with all capabilities and gives what it printed, its error last.
func (s *stage) script(code string) string {
	s.t.Helper()
	out := s.run(tenant.Job{Kind: tenant.JobRunScript, Name: "example", Code: "local ctx = ... " + code, Event: message(s.t, "MESSAGE")})
	text := s.printed()
	if out.Err != nil {
		text = strings.TrimPrefix(text+"\n"+out.Err.Text, "\n")
	}
	return text
}

// dispatch runs an event's handlers and gives what they printed, errors included.
func (s *stage) dispatch(event string) string {
	s.t.Helper()
	if out := s.run(tenant.Job{Kind: tenant.JobDispatchEvent, Event: message(s.t, event)}); out.Err != nil {
		s.t.Fatal(out.Err)
	}
	return s.printed()
}

// TestExamples runs the example of each function: what it prints is what stands
// behind each --> of it, in their order.
func TestExamples(t *testing.T) {
	for _, a := range registry.Areas() {
		for i := range a.Functions {
			f := &a.Functions[i]
			t.Run(f.FullName(), func(t *testing.T) {
				t.Parallel()
				var want []string
				for line := range strings.SplitSeq(f.Example, "\n") {
					if _, output, ok := strings.Cut(line, "--> "); ok {
						want = append(want, output)
					}
				}
				s := newStage(t)
				if got := s.script(f.Example); got != strings.Join(want, "\n") || got == "" {
					t.Errorf("%s\nprints\n%s\nwant\n%s", f.Example, got, strings.Join(want, "\n"))
				}
			})
		}
	}
}
