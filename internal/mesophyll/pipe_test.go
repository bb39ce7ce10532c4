package mesophyll

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// servePipe serves p and returns what Serve does.
func servePipe(p *Pipe, handle func(m []byte) error) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(context.Background(), handle) }()
	return ended
}

func TestPipe_CarriesMessagesInOrder(t *testing.T) {
	for _, e := range bothEnds {
		t.Run(e.name, func(t *testing.T) {
			server, client := e.pair(t)
			a, b := NewPipe(server, ServerSide, nil, Config{}), NewPipe(client, ClientSide, nil, Config{})
			const n = 2000
			size := func(i uint64) int { return 8 + int(i*7919%3000) }
			next := uint64(0)
			all := make(chan struct{})
			aEnded := servePipe(a, func(m []byte) error {
				if got := binary.LittleEndian.Uint64(m); got != next || len(m) != size(got) {
					return fmt.Errorf("message %d of %d bytes, want %d of %d", got, len(m), next, size(next))
				}
				if next++; next == n {
					close(all)
				}
				return nil
			})
			bEnded := servePipe(b, func(m []byte) error { return b.Send(m) }) // echo from the reader
			for i := range uint64(n) {
				m := make([]byte, size(i))
				binary.LittleEndian.PutUint64(m, i)
				if err := a.Send(m); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case <-all:
			case err := <-aEnded:
				t.Fatal(err)
			case <-time.After(30 * time.Second):
				t.Fatal("the echoes do not arrive")
			}
			a.Close(nil)
			if err := <-aEnded; !errors.Is(err, ErrClosed) || !errors.Is(err, ErrConnLost) {
				t.Errorf("closing end: %v", err)
			}
			var closed *PeerClosedError
			if err := <-bEnded; !errors.As(err, &closed) || closed.Code != CloseNormal {
				t.Errorf("other end: %v", err)
			}
			if frames := a.framesOut.Load(); e.name == "unix socket" && frames > n/2 {
				t.Errorf("%d messages went out in %d frames: nothing is batched", n, frames)
			}
		})
	}
}

func TestPipe_LargestMessage(t *testing.T) {
	for _, e := range bothEnds {
		t.Run(e.name, func(t *testing.T) {
			server, client := e.pair(t)
			cfg := Config{FrameBytes: 300_000}
			a, b := NewPipe(server, ServerSide, nil, cfg), NewPipe(client, ClientSide, nil, cfg)
			got := make(chan int, 3)
			bEnded := servePipe(b, func(m []byte) error { got <- len(m); return nil })
			aEnded := servePipe(a, func([]byte) error { return nil })
			largest := make([]byte, cfg.FrameBytes-lengthBytes)
			for _, m := range [][]byte{{1}, largest, {1, 2}} {
				if err := a.Send(m); err != nil {
					t.Fatal(err)
				}
			}
			for _, m := range [][]byte{append(largest, 0), nil} {
				if err := a.Send(m); !errors.Is(err, ErrTooLarge) {
					t.Errorf("%d bytes: got %v, want ErrTooLarge", len(m), err)
				}
			}
			for _, want := range []int{1, len(largest), 2} {
				if n := <-got; n != want {
					t.Errorf("got %d bytes, want %d", n, want)
				}
			}
			b.Close(nil)
			<-aEnded
			<-bEnded
		})
	}
}

// rawPeer is the client end of a Pipe, driven by hand.
type rawPeer struct {
	t  *testing.T
	nc net.Conn
	in *frameReader
}

func newRawPeer(t *testing.T, client net.Conn) *rawPeer {
	t.Cleanup(func() { client.Close() })
	client.SetDeadline(time.Now().Add(10 * time.Second))
	return &rawPeer{t, client, newFrameReader(client, false, 1<<20)}
}

// read returns the next frame; op is 0 at the end.
func (r *rawPeer) read() (op byte, payload []byte) {
	r.t.Helper()
	op, payload, err := nextFrame(r.in)
	if err == io.EOF {
		return 0, nil
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return op, bytes.Clone(payload)
}

func (r *rawPeer) write(b []byte) {
	r.t.Helper()
	if _, err := r.nc.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

func TestPipe_EndsOnViolation(t *testing.T) {
	message := func(b ...byte) []byte { return sealed(ClientSide, opBinary, b) }
	cases := []struct {
		name  string
		bytes []byte
		code  CloseCode
	}{
		{"reserved bit", []byte{0xC2, 0x80, 0, 0, 0, 0}, CloseProtocol},
		{"unmasked", sealed(ServerSide, opBinary, []byte("x")), CloseProtocol},
		{"fragment", []byte{0x02, 0x81, 0, 0, 0, 0, 1}, CloseProtocol},
		{"too large", []byte{0x82, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, CloseTooLarge},
		{"no message", message(), CloseBadMessage},
		{"empty message", message(0, 0, 0, 0), CloseBadMessage},
		{"message longer than the frame", message(9, 0, 0, 0, 1), CloseBadMessage},
		{"stray bytes", message(1, 0, 0, 0, 1, 7), CloseBadMessage},
		{"handler refuses", message(1, 0, 0, 0, 0xFF), CloseUnknownKind},
		{"bad close frame", sealed(ClientSide, opClose, []byte{3}), CloseProtocol},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server, client := unixPair(t)
			p, peer := NewPipe(server, ServerSide, nil, Config{}), newRawPeer(t, client)
			ended := servePipe(p, func(m []byte) error {
				if m[0] == 0xFF {
					return &protocolError{CloseUnknownKind, "kind"}
				}
				return nil
			})
			peer.write(c.bytes)
			op, body := peer.read()
			if op != opClose {
				t.Fatalf("got opcode %#x, want a close frame", op)
			}
			if code, reason, err := parseCloseBody(body); code != c.code || reason == "" || err != nil {
				t.Errorf("got code %d %q, %v; want %d", code, reason, err, c.code)
			}
			client.Close()
			if err := <-ended; !errors.Is(err, ErrConnLost) || !strings.Contains(err.Error(), "protocol violation") {
				t.Errorf("Serve: %v", err)
			}
		})
	}
}

func TestPipe_AnswersPing(t *testing.T) {
	server, client := unixPair(t)
	p, peer := NewPipe(server, ServerSide, nil, Config{}), newRawPeer(t, client)
	ended := servePipe(p, func([]byte) error { return nil })
	peer.write(sealed(ClientSide, opPing, []byte("are you there")))
	if op, body := peer.read(); op != opPong || string(body) != "are you there" {
		t.Errorf("got opcode %#x %q", op, body)
	}
	peer.write(sealed(ClientSide, opPong, []byte("unasked")))
	peer.write(sealed(ClientSide, opClose, closeBody(CloseGoingAway, "enough")))
	if op, body := peer.read(); op != opClose || !bytes.HasPrefix(body, []byte{0x03, 0xE9}) {
		t.Errorf("close is answered with opcode %#x % x", op, body)
	}
	var closed *PeerClosedError
	if err := <-ended; !errors.As(err, &closed) || closed.Code != CloseGoingAway || closed.Reason != "enough" {
		t.Errorf("Serve: %v", err)
	}
}

func TestPipe_PeerVanishes(t *testing.T) {
	whole := sealed(ClientSide, opBinary, []byte{3, 0, 0, 0, 1, 2, 3})
	for cut := range len(whole) {
		server, client := unixPair(t)
		p := NewPipe(server, ServerSide, nil, Config{})
		ended := servePipe(p, func([]byte) error { t.Error("half a message was delivered"); return nil })
		if _, err := client.Write(whole[:cut]); err != nil {
			t.Fatal(err)
		}
		client.Close()
		err := <-ended
		if !errors.Is(err, ErrConnLost) || !strings.Contains(err.Error(), "went away") {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if half := strings.Contains(err.Error(), "frame cut after"); half != (cut > 0) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

func TestPipe_HalfWrittenFrame(t *testing.T) {
	server, client := net.Pipe()
	p := NewPipe(server, ServerSide, nil, Config{})
	if err := p.Send(bytes.Repeat([]byte("x"), 1000)); err != nil {
		t.Fatal(err)
	}
	ended := servePipe(p, func([]byte) error { return nil })
	if _, err := io.ReadFull(client, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := <-ended; !errors.Is(err, ErrConnLost) {
		t.Errorf("Serve: %v", err)
	}
	var lost *LostError
	if err := p.Send([]byte("y")); !errors.As(err, &lost) || lost.Cause == nil {
		t.Errorf("Send after the end: %v", err)
	}
}

func TestPipe_PendingIsBounded(t *testing.T) {
	for _, e := range bothEnds {
		t.Run(e.name, func(t *testing.T) {
			server, client := e.pair(t)
			p, peer := NewPipe(server, ServerSide, nil, Config{PendingBytes: 1 << 20}), newRawPeer(t, client)
			ended := servePipe(p, func([]byte) error { return nil })
			m := make([]byte, 10_000)
			var err error
			sent := 0
			for ; err == nil && sent < 1000; sent++ { // the other end does not read
				err = p.Send(m)
			}
			if !errors.Is(err, ErrPendingFull) {
				t.Fatalf("after %d messages: %v", sent, err)
			}
			sent--
			for got := 0; got < sent; { // now it does, and everything accepted arrives
				_, payload := peer.read()
				got += len(payload) / (len(m) + lengthBytes)
			}
			eventually(t, "room again", func() bool { return p.Send(m) == nil })
			peer.nc.Close()
			<-ended
		})
	}
}

func TestPipe_CloseFlushesWhatIsQueued(t *testing.T) {
	for _, e := range bothEnds {
		t.Run(e.name, func(t *testing.T) {
			server, client := e.pair(t)
			p, peer := NewPipe(server, ServerSide, nil, Config{}), newRawPeer(t, client)
			for range 100 {
				if err := p.Send(make([]byte, 5000)); err != nil {
					t.Fatal(err)
				}
			}
			ended := servePipe(p, func([]byte) error { return nil })
			eventually(t, "Serve to begin", func() bool { return p.life.Load() == lifeServed })
			p.Close(errors.New("done here"))
			if err := p.Send([]byte("late")); !errors.Is(err, ErrConnLost) || !strings.Contains(err.Error(), "done here") {
				t.Errorf("Send after Close: %v", err)
			}
			total := 0
			op, payload := peer.read()
			for ; op == opBinary; op, payload = peer.read() {
				total += len(payload)
			}
			if want := 100 * (5000 + lengthBytes); total != want {
				t.Errorf("%d bytes arrived before the close frame, want %d", total, want)
			}
			if code, reason, _ := parseCloseBody(payload); op != opClose || code != CloseGoingAway || reason != "done here" {
				t.Errorf("got opcode %#x, code %d %q", op, code, reason)
			}
			peer.nc.Close()
			<-ended
		})
	}
}

func TestPipe_CloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe() // nobody reads from client
		defer client.Close()
		p := NewPipe(server, ServerSide, nil, Config{CloseTimeout: 3 * time.Second})
		ended := servePipe(p, func([]byte) error { return nil })
		if err := p.Send([]byte("stuck")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		p.Close(nil)
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestPipe_CloseWithoutServe(t *testing.T) {
	server, client := net.Pipe()
	p := NewPipe(server, ServerSide, nil, Config{})
	p.Close(nil)
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection is open: %v", err)
	}
	if err := p.Serve(context.Background(), func([]byte) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
}

func TestPipe_EndOfContext(t *testing.T) {
	server, client := unixPair(t)
	a, b := NewPipe(server, ServerSide, nil, Config{}), NewPipe(client, ClientSide, nil, Config{})
	ctx, cancel := context.WithCancelCause(context.Background())
	aEnded := make(chan error, 1)
	go func() { aEnded <- a.Serve(ctx, func([]byte) error { return nil }) }()
	bEnded := servePipe(b, func([]byte) error { return nil })
	why := errors.New("the master stops")
	cancel(why)
	if err := <-aEnded; !errors.Is(err, why) {
		t.Errorf("Serve: %v", err)
	}
	if err := <-bEnded; !strings.Contains(err.Error(), "the master stops") {
		t.Errorf("other end: %v", err)
	}
}

// Both readers answer more than the sockets hold. Were a reader to wait for its
// write, both would wait for ever.
func TestPipe_ReadersNeverWaitForEachOther(t *testing.T) {
	server, client := unixPair(t)
	a, b := NewPipe(server, ServerSide, nil, Config{}), NewPipe(client, ClientSide, nil, Config{})
	const n, hops = 200, 6
	var done sync.WaitGroup
	done.Add(n)
	bounce := func(p *Pipe) func(m []byte) error {
		return func(m []byte) error {
			if m[0]++; m[0] == hops {
				done.Done()
				return nil
			}
			return p.Send(m)
		}
	}
	aEnded, bEnded := servePipe(a, bounce(a)), servePipe(b, bounce(b))
	for range n {
		if err := a.Send(make([]byte, 20_000)); err != nil {
			t.Fatal(err)
		}
	}
	done.Wait()
	a.Close(nil)
	<-aEnded
	<-bEnded
}
