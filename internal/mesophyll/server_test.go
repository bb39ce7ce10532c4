package mesophyll

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// listening is a Server that serves until the test is over.
type listening struct {
	*Server
	network, addr string
}

func startServer(t *testing.T, network string, cfg Config) *listening {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(cfg, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("test over")
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel(stop)
		if err := <-ended; !errors.Is(err, stop) {
			t.Errorf("Server.Serve: %v", err)
		}
	})
	return &listening{s, network, l.Addr().String()}
}

func (s *listening) expect(t *testing.T, id Identity) *Ticket {
	t.Helper()
	ticket, err := s.Expect(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ticket.Close)
	return ticket
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// connect makes a served pair of Conns through the whole handshake.
func (s *listening) connect(t *testing.T, id Identity) *link {
	t.Helper()
	ticket := s.expect(t, id)
	worker, err := Dial(testContext(t), s.network, s.addr, ticket.Token(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	master, err := ticket.Wait(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if master.Identity() != id || worker.Identity() != id {
		t.Errorf("identities %v and %v, want %v", master.Identity(), worker.Identity(), id)
	}
	l := &link{master: master, worker: worker, atMaster: &recorder{}, atWorker: &recorder{},
		masterEnded: make(chan error, 1), workerEnded: make(chan error, 1)}
	l.atWorker.answer = func(m Message) { echoName(worker, m) }
	var served sync.WaitGroup
	served.Go(func() { l.masterEnded <- master.Serve(context.Background(), l.atMaster) })
	served.Go(func() { l.workerEnded <- worker.Serve(context.Background(), l.atWorker) })
	t.Cleanup(func() { master.Close(nil); served.Wait() })
	return l
}

func TestServer_WholeLink(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := startServer(t, network, Config{})
			l := s.connect(t, Identity{Worker: 2, Generation: 41})
			reply, err := l.master.Call(testContext(t), eventNamed("hello"))
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := reply.(*DispatchResponse).Outcome().Value.AsText(); got != "hello" {
				t.Errorf("got %q", got)
			}
			if got := s.Stats(); got != (ServerStats{Accepted: 1}) { // counted before the ticket has it
				t.Errorf("stats: %+v", got)
			}
		})
	}
}

func TestServer_TokenIsGoodForOneConnection(t *testing.T) {
	s := startServer(t, "unix", Config{})
	l := s.connect(t, Identity{Worker: 1, Generation: 1})
	ticket := s.expect(t, Identity{Worker: 1, Generation: 2})
	if len(ticket.Token()) != tokenChars {
		t.Errorf("token of %d characters", len(ticket.Token()))
	}
	first, err := Dial(testContext(t), "unix", s.addr, ticket.Token(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close(nil)
	for name, token := range map[string]string{
		"reused":  ticket.Token(),
		"wrong":   strings.Repeat("A", tokenChars),
		"cut":     ticket.Token()[:63],
		"longer":  ticket.Token() + "A",
		"missing": "",
	} {
		c, err := Dial(testContext(t), "unix", s.addr, token, Config{})
		if err == nil {
			c.Close(nil)
			t.Errorf("%s token: let in", name)
			continue
		}
		if !strings.Contains(err.Error(), "401") || !strings.Contains(err.Error(), "unknown or used token") {
			t.Errorf("%s token: %v", name, err)
		}
		if strings.Contains(err.Error(), ticket.Token()) {
			t.Errorf("%s token: the error shows the token", name)
		}
	}
	want := ServerStats{Accepted: 2, Refused: 5, Reused: 1}
	eventually(t, "the counters", func() bool { return s.Stats() == want })
	if _, err := l.master.Call(testContext(t), eventNamed("x")); err != nil {
		t.Errorf("the older connection suffered: %v", err)
	}
}

func TestServer_RefusesBadUpgrades(t *testing.T) {
	s := startServer(t, "unix", Config{})
	ticket := s.expect(t, Identity{Worker: 1, Generation: 1})
	good := []string{
		"GET /mesophyll HTTP/1.1", "Host: mesophyll", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: mesophyll.v1", "Authorization: Bearer " + ticket.Token(),
	}
	cases := []struct {
		name, old, new string
		status         int
	}{
		{"another version of ours", "mesophyll.v1", "mesophyll.v2", http.StatusBadRequest},
		{"no subprotocol", "Sec-WebSocket-Protocol", "X-Nothing", http.StatusBadRequest},
		{"another version of WebSocket", "Version: 13", "Version: 8", http.StatusUpgradeRequired},
		{"another path", "GET /mesophyll", "GET /other", http.StatusNotFound},
		{"another method", "GET ", "POST ", http.StatusMethodNotAllowed},
		{"no key", "Sec-WebSocket-Key", "X-Nothing", http.StatusBadRequest},
		{"no upgrade", "Upgrade: websocket", "X: y", http.StatusBadRequest},
		{"basic authorization", "Bearer ", "Basic ", http.StatusUnauthorized},
		{"nothing wrong", "", "", http.StatusSwitchingProtocols}, // and the token is still good
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			request := strings.Join(good, "\r\n") + "\r\n\r\n"
			status, _ := s.ask(t, strings.Replace(request, c.old, c.new, 1))
			if status != c.status {
				t.Errorf("got %d, want %d", status, c.status)
			}
		})
	}
	want := ServerStats{Accepted: 1, Refused: uint64(len(cases) - 1)}
	eventually(t, "the counters", func() bool { return s.Stats() == want })
}

// ask sends bytes and returns the status of the answer, 0 if there is none.
func (s *listening) ask(t *testing.T, request string) (status int, err error) {
	t.Helper()
	nc, err := net.Dial(s.network, s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(nc, request); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, nil
}

func TestServer_HandshakeIsBounded(t *testing.T) {
	t.Run("in size", func(t *testing.T) {
		s := startServer(t, "unix", Config{})
		endless := "GET /mesophyll HTTP/1.1\r\nX: " + strings.Repeat("x", maxHandshakeBytes)
		if status, err := s.ask(t, endless); err == nil && status < 400 {
			t.Errorf("got status %d", status)
		}
		eventually(t, "the refusal", func() bool { return s.Stats().Refused == 1 })
	})
	t.Run("in time", func(t *testing.T) {
		s := startServer(t, "unix", Config{HandshakeTimeout: 30 * time.Millisecond})
		if status, err := s.ask(t, "GET /mesophyll HTTP/1.1\r\n"); err == nil {
			t.Errorf("got status %d", status)
		}
		eventually(t, "the refusal", func() bool { return s.Stats().Refused == 1 })
	})
	t.Run("for the worker", func(t *testing.T) {
		l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // accepts nothing
		if c, err := Dial(testContext(t), "unix", l.Addr().String(), "t", Config{HandshakeTimeout: 30 * time.Millisecond}); err == nil {
			c.Close(nil)
			t.Error("connected to a silent master")
		}
	})
}

func TestServer_EndOfAnOldConnectionTouchesNoNewerOne(t *testing.T) {
	s := startServer(t, "unix", Config{})
	old := s.connect(t, Identity{Worker: 1, Generation: 1})
	newer := s.connect(t, Identity{Worker: 1, Generation: 2})
	old.master.Close(errors.New("replaced"))
	<-old.masterEnded
	<-old.workerEnded
	for i := range 10 {
		if _, err := newer.master.Call(testContext(t), eventNamed(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTicket_Close(t *testing.T) {
	s := startServer(t, "unix", Config{})
	t.Run("withdraws the token", func(t *testing.T) {
		ticket := s.expect(t, Identity{Worker: 1, Generation: 1})
		ticket.Close()
		ticket.Close()
		if _, err := ticket.Wait(testContext(t)); !errors.Is(err, ErrTicketClosed) {
			t.Errorf("Wait: %v", err)
		}
		if c, err := Dial(testContext(t), "unix", s.addr, ticket.Token(), Config{}); err == nil {
			c.Close(nil)
			t.Error("the token still works")
		}
	})
	t.Run("closes a connection nobody took", func(t *testing.T) {
		ticket := s.expect(t, Identity{Worker: 1, Generation: 2})
		worker, err := Dial(testContext(t), "unix", s.addr, ticket.Token(), Config{})
		if err != nil {
			t.Fatal(err)
		}
		ticket.Close()
		if err := worker.Serve(testContext(t), &recorder{}); !errors.Is(err, ErrConnLost) {
			t.Errorf("worker: %v", err)
		}
	})
	t.Run("Wait ends with its context", func(t *testing.T) {
		ticket := s.expect(t, Identity{Worker: 1, Generation: 3})
		ctx, cancel := context.WithCancelCause(context.Background())
		why := errors.New("the process died")
		cancel(why)
		if _, err := ticket.Wait(ctx); !errors.Is(err, why) {
			t.Errorf("Wait: %v", err)
		}
	})
	t.Run("tokens differ", func(t *testing.T) {
		seen := map[string]bool{}
		for i := range 100 {
			token := s.expect(t, Identity{Worker: 1, Generation: 4}).Token()
			if seen[token] || len(token) != tokenChars {
				t.Fatalf("token %d: %q", i, token)
			}
			seen[token] = true
		}
	})
}
