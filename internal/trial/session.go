package trial

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/tenant"
)

const (
	maxCalls = 10_000 // of the template under test that are written down
	maxLines = 1000   // of the log
)

// session is what stands between one test, the template under test and the
// broker. It is a [tenant.Door].
type session struct {
	cfg   *Config
	files map[string]string  // that the test runs as
	next  chan khronos.Value // what the test waits for: the end of its dispatch, or a mocked call
	owned sync.WaitGroup     // dispatches
	ended chan struct{}      // closed when the test has ended

	behind tenant.Door // set once by stand
	ctx    context.Context
	to     Dispatcher

	// mu guards the fields below.
	mu     sync.Mutex
	answer *khronos.Value // of a request that is answered at once
	busy   bool           // a dispatch runs
	mocked map[string]bool
	parked map[int64]parked
	lastID int64
	calls  map[string][]khronos.Value
	called int
	log    []string
}

// reply is what a mocked call ends with.
type reply struct {
	value khronos.Value
	err   error
}

// parked is a mocked call that waits for the test.
type parked struct {
	op   string
	done chan reply
}

var _ tenant.Door = (*session)(nil)

func newSession(cfg *Config, files map[string]string) *session {
	return &session{
		cfg: cfg, files: files, next: make(chan khronos.Value), ended: make(chan struct{}),
		mocked: map[string]bool{}, parked: map[int64]parked{}, calls: map[string][]khronos.Value{},
	}
}

// stand puts the session before a broker.
func (s *session) stand(door tenant.Door) tenant.Door {
	s.behind = door
	return s
}

// begin gives the session what a test's requests need; the installation is up.
func (s *session) begin(ctx context.Context, to Dispatcher) { s.ctx, s.to = ctx, to }

// close ends what the test has left: its context is cancelled by now.
func (s *session) close() {
	close(s.ended)
	s.owned.Wait()
}

func (s *session) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Log keeps a line of the test or of the template under test.
func (s *session) Log(id khronos.TenantID, _, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == tester {
		line = "test: " + line
	}
	if len(s.log) < maxLines {
		s.log = append(s.log, line)
	}
}

// Templates gives the test's own files to its tenant.
func (s *session) Templates(ctx context.Context, id khronos.TenantID) ([]khronos.Template, error) {
	if id != tester {
		return s.behind.Templates(ctx, id)
	}
	return []khronos.Template{{Name: "test", Version: 1, Files: s.files, Capabilities: []string{"*"}, Subscriptions: []string{"List", "Run"}}}, nil
}

// Exec does a call of the template under test, mocked or not, or speaks with the test.
func (s *session) Exec(ctx context.Context, call tenant.HostCall) (khronos.Value, error) {
	if call.Tenant == tester {
		return s.speak(ctx, call)
	}
	s.mu.Lock()
	mocked := s.mocked[call.Op]
	if s.called < maxCalls {
		s.called++
		s.calls[call.Op] = append(s.calls[call.Op], khronos.List(call.Args...))
	}
	s.mu.Unlock()
	if mocked {
		return s.park(ctx, call)
	}
	return s.behind.Exec(ctx, call)
}

// park hands a mocked call to the test and waits for what it makes of it.
func (s *session) park(ctx context.Context, call tenant.HostCall) (khronos.Value, error) {
	done := make(chan reply, 1)
	s.mu.Lock()
	s.lastID++
	id := s.lastID
	s.parked[id] = parked{call.Op, done}
	s.mu.Unlock()
	gone := khronos.Errorf(khronos.ErrKindCancelled, "%s: the test has ended", call.Op)
	select {
	case s.next <- object("call", khronos.Integer(id), "op", khronos.Text(call.Op), "args", khronos.List(call.Args...), "count", khronos.Integer(int64(len(call.Args)))):
	case <-s.ended:
		return khronos.Null(), gone
	case <-ctx.Done():
		return khronos.Null(), context.Cause(ctx)
	}
	select {
	case r := <-done:
		return r.value, r.err
	case <-s.ended:
		return khronos.Null(), gone
	case <-ctx.Done():
		return khronos.Null(), context.Cause(ctx)
	}
}

// speak is one word with the test: it sets a request and gets what comes of it.
func (s *session) speak(ctx context.Context, call tenant.HostCall) (khronos.Value, error) {
	switch call.Op {
	case "kv.set":
		s.take(ctx, call.Args[1])
		return khronos.Null(), nil
	case "kv.get":
		v, err := s.give(ctx)
		return khronos.List(v, khronos.Boolean(true)), err
	}
	return khronos.Null(), khronos.Errorf(khronos.ErrKindBadRequest, "%s: a test has no host of its own: use t.host", call.Op)
}

// give waits for what the test's request has led to.
func (s *session) give(ctx context.Context) (khronos.Value, error) {
	s.mu.Lock()
	now := s.answer
	s.answer = nil
	s.mu.Unlock()
	if now != nil {
		return *now, nil
	}
	select {
	case v := <-s.next:
		return v, nil
	case <-ctx.Done():
		return khronos.Null(), context.Cause(ctx)
	}
}

// take does what the test asks for. What it asks to wait for comes through next.
func (s *session) take(ctx context.Context, request khronos.Value) {
	var v khronos.Value
	var err error
	switch what := text(request, "ask"); what {
	case "dispatch":
		if err = s.dispatch(request); err == nil {
			return
		}
	case "answer":
		if err = s.settle(request); err == nil {
			return
		}
	case "mock":
		err = s.mock(request)
	case "host":
		v, err = s.host(ctx, request)
	case "calls":
		v, err = s.made(text(request, "op"))
	case "log":
		lines := s.lines()
		items := make([]khronos.Value, len(lines))
		for i, line := range lines {
			items[i] = khronos.Text(line)
		}
		v = khronos.List(items...)
	case "fixture":
		v, err = s.fixture(text(request, "name"))
	}
	answer := object("value", v)
	if err != nil {
		answer = object("error", khronos.Text(khronos.AsError(err).Text))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = &answer
}

// dispatch sends an event to the template under test.
func (s *session) dispatch(request khronos.Value) error {
	data, _ := request.Get("data")
	payload, err := payloadOf(data)
	if err != nil {
		return khronos.Errorf(khronos.ErrKindBadRequest, "dispatch: data: %v", err)
	}
	ev := khronos.Event{Name: text(request, "event"), Author: text(request, "author"), Data: payload}
	if err := ev.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return khronos.Errorf(khronos.ErrKindBadRequest, "dispatch: another dispatch of this test has not ended")
	}
	s.busy = true
	s.owned.Go(func() {
		list, err := s.to.DispatchEvent(s.ctx, Subject, ev)
		value, failure, _ := entry(list)
		if err != nil {
			failure, _ = failureOf(err)
		}
		answer := object("value", value)
		if failure != "" {
			answer = object("error", khronos.Text(failure))
		}
		s.mu.Lock()
		s.busy = false
		s.mu.Unlock()
		select {
		case s.next <- answer:
		case <-s.ended:
		}
	})
	return nil
}

// payloadOf makes the data of an event: plain JSON, as a gateway sends it, where JSON can hold it.
func payloadOf(v khronos.Value) (khronos.Payload, error) {
	if v.IsNull() {
		return khronos.Payload{}, nil
	}
	if jsonable(v) {
		if plain, err := v.PlainJSON(); err == nil {
			return khronos.JSONPayload(plain)
		}
	}
	return khronos.ValuePayload(v)
}

// jsonable tells whether plain JSON holds a value whole.
func jsonable(v khronos.Value) bool {
	switch v.Kind() {
	case khronos.KindNull, khronos.KindText, khronos.KindInteger, khronos.KindFloat, khronos.KindBoolean:
		return true
	case khronos.KindList:
		return !slices.ContainsFunc(v.Items(), func(item khronos.Value) bool { return !jsonable(item) })
	case khronos.KindMap:
		for _, p := range v.Pairs() {
			if _, isText := p.Key.AsText(); !isText || !jsonable(p.Value) {
				return false
			}
		}
		return true
	}
	return false
}

// settle ends a mocked call with what the test's function has returned.
func (s *session) settle(request khronos.Value) error {
	id, _ := request.Get("call")
	number, _ := id.AsInteger()
	s.mu.Lock()
	waiting, ok := s.parked[number]
	delete(s.parked, number)
	s.mu.Unlock()
	if !ok {
		return khronos.Errorf(khronos.ErrKindBadRequest, "there is no mocked call %d", number)
	}
	if _, failed := request.Get("error"); failed {
		waiting.done <- reply{err: khronos.Errorf(khronos.ErrKindDependency, "%s", text(request, "error"))}
		return nil
	}
	values, _ := request.Get("values")
	op, _ := registry.Operation(waiting.op)
	waiting.done <- reply{value: resultOf(op, values)}
	return nil
}

// resultOf makes an operation's answer of what a mock returned: a single result as
// it is, several as a List.
func resultOf(op *registry.Function, values khronos.Value) khronos.Value {
	if op == nil || len(op.Results) == 1 {
		v, _ := values.Get("1")
		return v
	}
	return khronos.List(numbered(values, len(op.Results))...)
}

// numbered reads a Map with keys "1" to n; what is missing is Null.
func numbered(values khronos.Value, n int) []khronos.Value {
	list := make([]khronos.Value, n)
	for i := range list {
		list[i], _ = values.Get(strconv.Itoa(i + 1))
	}
	return list
}

func (s *session) mock(request khronos.Value) error {
	op := text(request, "op")
	if _, ok := registry.Operation(op); !ok {
		return khronos.Errorf(khronos.ErrKindBadRequest, "mock: there is no operation %q: want a name such as kv.get, as errors call it", op)
	}
	on, _ := request.Get("on")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mocked[op] = on.Equal(khronos.Boolean(true))
	return nil
}

// host does an operation on the template's tenant, with all capabilities.
func (s *session) host(ctx context.Context, request khronos.Value) (khronos.Value, error) {
	name := text(request, "op")
	op, ok := registry.Operation(name)
	if !ok {
		return khronos.Null(), khronos.Errorf(khronos.ErrKindBadRequest, "host: there is no operation %q: want a name such as kv.get", name)
	}
	args, _ := request.Get("args")
	v, err := s.behind.Exec(ctx, tenant.HostCall{Tenant: Subject, Op: name, Args: numbered(args, len(op.Args))})
	if err == nil && len(op.Results) > 1 {
		v = v.Index(0)
	}
	return v, err
}

func (s *session) made(op string) (khronos.Value, error) {
	if _, ok := registry.Operation(op); !ok {
		return khronos.Null(), khronos.Errorf(khronos.ErrKindBadRequest, "calls: there is no operation %q: want a name such as kv.get", op)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return khronos.List(s.calls[op]...), nil
}

func (s *session) fixture(name string) (khronos.Value, error) {
	raw, err := s.cfg.Fixture(name)
	if err != nil {
		return khronos.Null(), khronos.Errorf(khronos.ErrKindNotFound, "fixture %q: %v", name, err)
	}
	payload, err := khronos.JSONPayload(raw)
	if err != nil {
		return khronos.Null(), khronos.Errorf(khronos.ErrKindBadRequest, "fixture %q: %v", name, err)
	}
	return payload.Value()
}

// text reads a text of a Map; what is missing is empty.
func text(m khronos.Value, key string) string {
	v, _ := m.Get(key)
	s, _ := v.AsText()
	return s
}

// object makes a Map of keys and values by turns.
func object(fields ...any) khronos.Value {
	var pairs []khronos.Pair
	for i := 0; i < len(fields); i += 2 {
		pairs = append(pairs, khronos.Pair{Key: khronos.Text(fmt.Sprint(fields[i])), Value: fields[i+1].(khronos.Value)})
	}
	return khronos.Map(pairs...)
}
