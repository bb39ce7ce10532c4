package mesophyll

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// echoName answers a DispatchEvent with the event's name.
func echoName(worker *Conn, m Message) {
	if m, ok := m.(*DispatchEvent); ok && m.ReqID != 0 {
		result := ResultOf(khronos.Outcome{Value: khronos.Text(m.Event.Name)})
		worker.Send(&DispatchResponse{ReqID: m.ReqID, Result: result}) // an error ends in the test's time-out
	}
}

func eventNamed(name string) *DispatchEvent {
	return &DispatchEvent{Tenant: testTenant, Event: khronos.Event{Name: name}}
}

func TestConn_CallsInParallelGetTheirOwnReplies(t *testing.T) {
	for _, e := range bothEnds {
		t.Run(e.name, func(t *testing.T) {
			server, client := e.pair(t)
			l := newLink(t, server, client, Config{}, echoName)
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			var callers sync.WaitGroup
			for caller := range 100 {
				callers.Go(func() {
					for i := range 50 {
						want := fmt.Sprintf("%d/%d", caller, i)
						reply, err := l.master.Call(ctx, eventNamed(want))
						if err != nil {
							t.Errorf("%s: %v", want, err)
							return
						}
						if got, _ := reply.(*DispatchResponse).Outcome().Value.AsText(); got != want {
							t.Errorf("got the reply of %q, want %q", got, want)
						}
					}
				})
			}
			callers.Wait()
			if s := l.master.Stats(); s.MessagesOut != 5000 || s.InFlight != 0 || s.LateReplies != 0 {
				t.Errorf("stats: %+v", s)
			}
			eventually(t, "the last frame to be counted", func() bool { return l.master.Stats().MessagesIn == 5000 })
		})
	}
}

func TestConn_BothSidesCall(t *testing.T) {
	server, client := unixPair(t)
	l := newLink(t, server, client, Config{}, nil)
	l.atMaster.answer = func(m Message) {
		switch m := m.(type) {
		case *HostCall:
			l.master.Send(&HostReply{CallID: m.CallID, Result: Result{Err: khronos.Errorf(khronos.ErrKindNotFound, "%s", m.Op)}})
		case *TemplatesRequest:
			l.master.Send(&TemplatesReply{CallID: m.CallID, Templates: []khronos.Template{{Name: m.After + "x"}}})
		}
	}
	reply, err := l.worker.Call(context.Background(), &HostCall{ReqID: 5, Tenant: testTenant, Op: "kv.get"})
	if err != nil {
		t.Fatal(err)
	}
	if r := reply.(*HostReply); r.Err == nil || r.Err.Kind != khronos.ErrKindNotFound || r.Err.Text != "kv.get" {
		t.Errorf("host reply: %+v", r)
	}
	reply, err = l.worker.Call(context.Background(), &TemplatesRequest{Tenant: testTenant, After: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if r := reply.(*TemplatesReply); len(r.Templates) != 1 || r.Templates[0].Name != "ax" {
		t.Errorf("templates reply: %+v", r)
	}
}

func TestConn_CancelledCall(t *testing.T) {
	server, client := unixPair(t)
	l := newLink(t, server, client, Config{}, nil) // nobody answers
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("the caller left")
	ended := make(chan error, 1)
	go func() {
		_, err := l.master.Call(ctx, eventNamed("slow"))
		ended <- err
	}()
	eventually(t, "the event", func() bool { return len(l.atWorker.messages()) == 1 })
	cancel(why)
	if err := <-ended; !errors.Is(err, why) {
		t.Errorf("Call: %v", err)
	}
	eventually(t, "the cancel", func() bool { return len(l.atWorker.messages()) == 2 })
	number := l.atWorker.messages()[0].(*DispatchEvent).ReqID
	if c, ok := l.atWorker.messages()[1].(*Cancel); !ok || c.ReqID != number {
		t.Errorf("got %+v, want the cancel of %d", l.atWorker.messages()[1], number)
	}
	if err := l.worker.Send(&DispatchResponse{ReqID: number, Result: Result{Value: []byte{0xc0}}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the late reply", func() bool { return l.master.Stats().LateReplies == 1 })
	if got := l.atMaster.messages(); len(got) != 0 {
		t.Errorf("the late reply reached the handler: %v", got)
	}
}

func TestConn_HostCallHasNoCancel(t *testing.T) {
	server, client := unixPair(t)
	l := newLink(t, server, client, Config{}, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := l.worker.Call(ctx, &HostCall{Op: "kv.get"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Call: %v", err)
	}
	if err := l.worker.Send(&Ready{Generation: 7}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both messages", func() bool { return len(l.atMaster.messages()) == 2 })
}

func TestConn_LostCallsKnowWhetherTheyStarted(t *testing.T) {
	server, client := unixPair(t)
	l := newLink(t, server, client, Config{}, func(worker *Conn, m Message) {
		if ev, ok := m.(*DispatchEvent); ok && ev.Event.Name == "begin" {
			worker.Send(&Started{ReqID: ev.ReqID})
		}
	})
	errs := map[string]chan error{"begin": make(chan error, 1), "wait": make(chan error, 1)}
	for name, ended := range errs {
		go func() {
			_, err := l.master.Call(context.Background(), eventNamed(name))
			ended <- err
		}()
	}
	eventually(t, "Started at the handler", func() bool { return len(l.atMaster.messages()) == 1 })
	eventually(t, "both events", func() bool { return len(l.atWorker.messages()) == 2 })
	client.Close() // as when the process is killed
	for name, ended := range errs {
		err := <-ended
		var lost *LostError
		if !errors.As(err, &lost) || !errors.Is(err, ErrConnLost) || lost.Started != (name == "begin") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := l.master.Call(context.Background(), eventNamed("after")); !errors.Is(err, ErrConnLost) {
		t.Errorf("Call after the end: %v", err)
	}
	if err := l.master.Send(&Shutdown{}); !errors.Is(err, ErrConnLost) {
		t.Errorf("Send after the end: %v", err)
	}
}

func TestConn_CloseFreesCallersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe() // the worker is hung: it does not read
		defer client.Close()
		c := newConn(NewPipe(server, ServerSide, nil, Config{MissedBeats: 100}), Identity{})
		served := make(chan error, 1)
		go func() { served <- c.Serve(context.Background(), &recorder{}) }()
		ended := make(chan error, 1)
		go func() {
			_, err := c.Call(context.Background(), eventNamed("x"))
			ended <- err
		}()
		synctest.Wait()
		began := time.Now()
		why := errors.New("killed by the operator")
		c.Close(why)
		if err := <-ended; !errors.Is(err, why) {
			t.Errorf("Call: %v", err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the caller waited %v", took)
		}
		if err := <-served; !errors.Is(err, why) {
			t.Errorf("Serve: %v", err)
		}
	})
}

func TestConn_ReplyOfTheWrongKindEndsTheLink(t *testing.T) {
	server, client := unixPair(t)
	l := newLink(t, server, client, Config{}, nil)
	l.atMaster.answer = func(m Message) {
		l.master.Send(&TemplatesReply{CallID: m.(*HostCall).CallID})
	}
	if _, err := l.worker.Call(context.Background(), &HostCall{Op: "kv.get"}); !errors.Is(err, ErrConnLost) {
		t.Errorf("Call: %v", err)
	}
	var closed *PeerClosedError
	if err := <-l.masterEnded; !errors.As(err, &closed) || closed.Code != CloseBadMessage {
		t.Errorf("master: %v", err)
	}
}

func TestConn_UnknownKindEndsTheLinkAndIsCounted(t *testing.T) {
	server, client := unixPair(t)
	l := newLink(t, server, client, Config{}, nil)
	if err := l.worker.pipe.Send([]byte{0x92, 126, 1}); err != nil {
		t.Fatal(err)
	}
	if err := <-l.masterEnded; !strings.Contains(err.Error(), "unknown kind 126") {
		t.Errorf("master: %v", err)
	}
	var closed *PeerClosedError
	if err := <-l.workerEnded; !errors.As(err, &closed) || closed.Code != CloseUnknownKind {
		t.Errorf("worker: %v", err)
	}
	if n := l.master.Stats().UnknownKinds; n != 1 {
		t.Errorf("counted %d", n)
	}
}

func TestConn_HelloOfAnotherVersion(t *testing.T) {
	server, client := unixPair(t)
	l := newLink(t, server, client, Config{}, nil)
	if err := l.master.Send(&Hello{Protocol: ProtocolVersion + 1, Generation: 7}); err != nil {
		t.Fatal(err)
	}
	var closed *PeerClosedError
	if err := <-l.masterEnded; !errors.As(err, &closed) || closed.Code != CloseWrongVersion {
		t.Errorf("master: %v", err)
	}
	if got := l.atWorker.messages(); len(got) != 0 {
		t.Errorf("the handler saw %v", got)
	}
}

func TestConn_TooLargeCallLeavesTheLinkAlone(t *testing.T) {
	server, client := unixPair(t)
	l := newLink(t, server, client, Config{FrameBytes: 2000}, echoName)
	for _, name := range []string{strings.Repeat("x", 2500), strings.Repeat("x", 1990)} {
		if _, err := l.master.Call(context.Background(), eventNamed(name)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v, want ErrTooLarge", err)
		}
	}
	if _, err := l.master.Call(context.Background(), eventNamed("fits")); err != nil {
		t.Error(err)
	}
	if n := l.master.Stats().InFlight; n != 0 {
		t.Errorf("%d calls in flight", n)
	}
}

func TestConn_Heartbeat(t *testing.T) {
	t.Run("beats carry the counters at the interval of Hello", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := uint64(0)
			cfg := Config{Heartbeat: time.Hour, Counters: func() Heartbeat { n++; return Heartbeat{Started: n} }}
			server, client := net.Pipe()
			l := newLink(t, server, client, cfg, nil)
			if err := l.master.Send(&Hello{Protocol: ProtocolVersion, Heartbeat: 200 * time.Millisecond}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1100 * time.Millisecond)
			synctest.Wait()
			got := l.atMaster.messages()
			if len(got) != 5 || got[4].(*Heartbeat).Started != 5 {
				t.Errorf("after 1.1 s: %v", got)
			}
		})
	})
	t.Run("silence ends the link after the missed beats", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server, client := net.Pipe()
			defer client.Close()
			c := newConn(NewPipe(server, ServerSide, nil, Config{}), Identity{})
			began := time.Now()
			ended := make(chan error, 1)
			go func() {
				_, err := c.Call(context.Background(), eventNamed("x"))
				if took := time.Since(began); took != 3*time.Second {
					t.Errorf("the caller waited %v", took)
				}
				ended <- err
			}()
			if err := c.Serve(context.Background(), &recorder{}); !errors.Is(err, ErrHeartbeat) {
				t.Errorf("Serve: %v", err)
			}
			if err := <-ended; !errors.Is(err, ErrHeartbeat) {
				t.Errorf("Call: %v", err)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("took %v", took)
			}
			if n := c.Stats().MissedBeats; n != 3 {
				t.Errorf("%d beats missed", n)
			}
		})
	})
	t.Run("a beat that is late but comes is forgiven", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server, client := net.Pipe()
			// The worker's interval is 2.5 of the master's: two are missed, never three.
			master := newConn(NewPipe(server, ServerSide, nil, Config{Heartbeat: time.Second}), Identity{})
			worker := newConn(NewPipe(client, ClientSide, nil, Config{Heartbeat: 2500 * time.Millisecond}), Identity{})
			var served sync.WaitGroup
			served.Go(func() { master.Serve(context.Background(), &recorder{}) })
			served.Go(func() { worker.Serve(context.Background(), &recorder{}) })
			time.Sleep(time.Minute)
			if err := master.Send(&Shutdown{}); err != nil {
				t.Errorf("the link is gone: %v", err)
			}
			if n := master.Stats().MissedBeats; n < 30 {
				t.Errorf("%d beats missed in a minute", n)
			}
			master.Close(nil)
			served.Wait()
		})
	})
}

// A worker that sends much must still beat in time: beats overtake data.
func TestConn_BeatsOvertakeData(t *testing.T) {
	server, client := net.Pipe()
	worker := newConn(NewPipe(client, ClientSide, nil, Config{Heartbeat: time.Millisecond}), Identity{})
	for range 100 {
		if err := worker.Send(&Log{Tenant: testTenant, Lines: []string{strings.Repeat("x", 50_000)}}); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- worker.Serve(context.Background(), &recorder{}) }()
	eventually(t, "a beat in the queue", func() bool {
		worker.pipe.q.mu.Lock()
		defer worker.pipe.q.mu.Unlock()
		return worker.pipe.q.beat != nil
	})
	in := newFrameReader(server, true, 1<<20)
	for frame := 1; ; frame++ {
		_, payload, err := nextFrame(in)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := Decode(payload[lengthBytes:], ClientSide); err == nil && m.Kind() == KindHeartbeat {
			if frame > 2 {
				t.Errorf("the beat came as frame %d", frame)
			}
			break
		}
	}
	server.Close()
	<-ended
}

func TestConn_ReserveTellsTheNumberBeforeAnythingIsSent(t *testing.T) {
	server, client := unixPair(t)
	got := make(chan uint64, 2)
	l := newLink(t, server, client, Config{}, func(worker *Conn, m Message) {
		got <- m.(*DispatchEvent).ReqID
		echoName(worker, m)
	})
	first, second := eventNamed("first"), eventNamed("second")
	early, err := l.master.Reserve(first)
	if err != nil {
		t.Fatal(err)
	}
	late, err := l.master.Start(second)
	if err != nil {
		t.Fatal(err)
	}
	if early.ID() == 0 || early.ID() != first.ReqID || late.ID() != second.ReqID || early.ID() == late.ID() {
		t.Fatalf("numbers %d and %d, in the messages %d and %d", early.ID(), late.ID(), first.ReqID, second.ReqID)
	}
	lateID, earlyID := late.ID(), early.ID()
	if _, err := late.Wait(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if n := l.master.Stats().InFlight; n != 1 {
		t.Errorf("%d calls in flight, want the reserved one", n)
	}
	if err := early.Send(); err != nil {
		t.Fatal(err)
	}
	reply, err := early.Wait(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if name, _ := reply.(*DispatchResponse).Outcome().Value.AsText(); name != "first" {
		t.Errorf("got the reply of %q", name)
	}
	if a, b := <-got, <-got; a != lateID || b != earlyID {
		t.Errorf("arrived as %d, %d, want %d, %d: sent by Send, not by Reserve", a, b, lateID, earlyID)
	}
}

func TestConn_ReservedCallOfALostConnection(t *testing.T) {
	server, client := unixPair(t)
	l := newLink(t, server, client, Config{}, echoName)
	p, err := l.master.Reserve(eventNamed("x"))
	if err != nil {
		t.Fatal(err)
	}
	l.master.Close(errors.New("over"))
	<-l.masterEnded
	if err := p.Send(); !errors.Is(err, ErrConnLost) {
		t.Errorf("Send: %v", err)
	}
	if _, err := l.master.Reserve(eventNamed("y")); !errors.Is(err, ErrConnLost) {
		t.Errorf("Reserve: %v", err)
	}
	if n := l.master.Stats().InFlight; n != 0 {
		t.Errorf("%d calls in flight", n)
	}
}

func TestCalls_NumbersStayUniqueWhileOldCallsWait(t *testing.T) {
	c := newCalls()
	held := map[uint64]*Pending{}
	for i := range 1000 {
		w := &Pending{ready: make(chan struct{}, 1)}
		if err := c.add(w); err != nil {
			t.Fatal(err)
		}
		n := w.ID()
		if held[n] != nil {
			t.Fatalf("number %d given out twice", n)
		}
		held[n] = w
		if i%3 == 0 { // most calls end at once, a third stay
			continue
		}
		if !c.remove(w) {
			t.Fatalf("number %d is not there", n)
		}
		delete(held, n)
	}
	for n, w := range held {
		if c.findLocked(n) != w {
			t.Fatalf("number %d is lost", n)
		}
	}
	if inFlight, _ := c.counts(); inFlight != len(held) {
		t.Errorf("%d in flight, want %d", inFlight, len(held))
	}
}
