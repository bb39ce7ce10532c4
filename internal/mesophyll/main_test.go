package mesophyll

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ends is a pair of connected sockets of one kind.
type ends struct {
	name string
	pair func(t *testing.T) (server, client net.Conn)
}

// bothEnds are the transports that every link test runs over: a real socket, on
// which the reader writes too, and one on which only the writer does.
var bothEnds = []ends{{"unix socket", unixPair}, {"net.Pipe", pipePair}}

func pipePair(*testing.T) (server, client net.Conn) { return net.Pipe() }

func unixPair(t *testing.T) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// recorder is a Handler that keeps what it gets and may answer.
type recorder struct {
	answer func(m Message)

	mu sync.Mutex
	// mu guards the fields below.
	got []Message
}

func (r *recorder) Handle(m Message) {
	r.mu.Lock()
	r.got = append(r.got, m)
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(m)
	}
}

func (r *recorder) messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Message(nil), r.got...)
}

// link is a served pair of Conns.
type link struct {
	master, worker           *Conn
	atMaster, atWorker       *recorder
	masterEnded, workerEnded chan error // capacity 1
}

// newLink serves both ends until the test is over.
func newLink(t *testing.T, server, client net.Conn, cfg Config, atWorker func(worker *Conn, m Message)) *link {
	t.Helper()
	id := Identity{Worker: 3, Generation: 7}
	l := &link{
		master:      newConn(NewPipe(server, ServerSide, nil, cfg), id),
		worker:      newConn(NewPipe(client, ClientSide, nil, cfg), id),
		atMaster:    &recorder{},
		atWorker:    &recorder{},
		masterEnded: make(chan error, 1),
		workerEnded: make(chan error, 1),
	}
	if atWorker != nil {
		l.atWorker.answer = func(m Message) { atWorker(l.worker, m) }
	}
	var served sync.WaitGroup
	served.Go(func() { l.masterEnded <- l.master.Serve(context.Background(), l.atMaster) })
	served.Go(func() { l.workerEnded <- l.worker.Serve(context.Background(), l.atWorker) })
	t.Cleanup(func() {
		l.master.Close(nil)
		l.worker.Close(nil)
		served.Wait()
	})
	return l
}

// eventually polls until ok holds: for what real sockets do in their own time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited 10s for: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
