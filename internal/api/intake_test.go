package api_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// While the server drains it answers what it has, refuses what is new with
// draining, and says so to who asks for its health.
func TestServer_DrainRefusesAndAnswers(t *testing.T) {
	b := newBench(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- b.server.Serve(ctx, l) }()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	call := func(method, path, body string) (int, string) {
		req, err := http.NewRequest(method, "http://"+l.Addr().String()+path, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		req.Header.Set("Authorization", "Internal "+b.token)
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if err != nil {
			return 0, err.Error()
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	slow := make(chan int, 1)
	go func() {
		status, _ := call("POST", "/i/tenants/guild:5/dispatch-event", `{"name":"Block"}`)
		slow <- status
	}()
	<-b.rooms.blocked
	stop()
	for deadline := time.Now().Add(5 * time.Second); ; {
		status, text := call("GET", "/i/threads-count", "")
		if status == http.StatusServiceUnavailable && strings.Contains(text, `"code":"Draining"`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %d %s, want draining", status, text)
		}
	}
	if status, text := call("GET", "/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(text, "the master is stopping") {
		t.Errorf("readyz: %d %s", status, text)
	}
	close(b.rooms.unblock)
	if status := <-slow; status != http.StatusOK {
		t.Errorf("the request that ran: %d, want 200", status)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}
