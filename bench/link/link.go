package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
)

func linkClient(in *invocation) (caller, error) {
	nc, err := listenAndStart(in)
	if err != nil {
		return nil, err
	}
	p := mesophyll.NewPipe(nc, mesophyll.ServerSide, nil, mesophyll.Config{})
	s := newSlots(p.Send, func() { p.Close(nil) })
	go p.Serve(context.Background(), s.deliver)
	return s, nil
}

func linkServer(addr string) error {
	nc, err := net.Dial("unix", addr)
	if err != nil {
		return err
	}
	p := mesophyll.NewPipe(nc, mesophyll.ClientSide, nil, mesophyll.Config{})
	reply := make([]byte, 0, replyBytes)
	return p.Serve(context.Background(), func(m []byte) error {
		return p.Send(echo(reply[:0], m))
	})
}

const dispatchers = 16 // goroutines that handle events in the worker

// dispatchCaller is the master's side: a whole dispatch through Conn.Call.
type dispatchCaller struct {
	conn  *mesophyll.Conn
	slot  [maxCallers]*dispatchSlot
	stop  context.CancelFunc
	ended chan struct{}
}

// dispatchSlot is what one caller keeps between its calls.
type dispatchSlot struct {
	ctx    context.Context // its own, as every request of the API has
	cancel context.CancelFunc
	event  mesophyll.DispatchEvent
	data   khronos.Value
	buf    []byte
}

type ignore struct{}

func (ignore) Handle(mesophyll.Message) {}

// dispatchClient accepts the worker through the real handshake. With encode each
// call also encodes the event data, which a master gets as bytes. The worker gets
// what the product gives it when no script runs for long: a processor for each
// slot, and the same GOGC.
func dispatchClient(encode bool) func(in *invocation) (caller, error) {
	return func(in *invocation) (_ caller, err error) {
		ctx, stop := context.WithCancel(context.Background())
		defer func() {
			if err != nil {
				stop()
			}
		}()
		server := mesophyll.NewServer(mesophyll.Config{}, slog.New(slog.DiscardHandler))
		l, err := net.Listen("unix", in.addr)
		if err != nil {
			return nil, err
		}
		go server.Serve(ctx, l)
		ticket, err := server.Expect(mesophyll.Identity{Worker: 1, Generation: 1})
		if err != nil {
			return nil, err
		}
		in.env = []string{"GOMAXPROCS=1", "GOGC=200"}
		if err := in.startServer(in.addr + " " + ticket.Token()); err != nil {
			return nil, err
		}
		waiting, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		conn, err := ticket.Wait(waiting)
		if err != nil {
			return nil, err
		}
		c := &dispatchCaller{conn: conn, stop: stop, ended: make(chan struct{})}
		for i := range c.slot {
			if c.slot[i], err = newDispatchSlot(ctx, encode); err != nil {
				return nil, err
			}
		}
		go func() {
			defer close(c.ended)
			conn.Serve(ctx, ignore{})
		}()
		return c, nil
	}
}

func newDispatchSlot(ctx context.Context, encode bool) (*dispatchSlot, error) {
	s := &dispatchSlot{}
	s.ctx, s.cancel = context.WithCancel(ctx)
	data := khronos.Map(
		khronos.Pair{Key: khronos.Text("content"), Value: khronos.Text("hello there, this is a message")},
		khronos.Pair{Key: khronos.Text("channel_id"), Value: khronos.Text("1098765432109876543")},
		khronos.Pair{Key: khronos.Text("mentions"), Value: khronos.List(khronos.Text("728871946456137770"))},
		khronos.Pair{Key: khronos.Text("flags"), Value: khronos.Integer(64)},
		khronos.Pair{Key: khronos.Text("pinned"), Value: khronos.Boolean(false)},
	)
	payload, err := khronos.ValuePayload(data)
	if err != nil {
		return nil, err
	}
	if encode {
		s.data = data
	}
	s.event = mesophyll.DispatchEvent{
		Tenant:  khronos.TenantID{Kind: khronos.TenantGuild, ID: 1129384756102938475},
		Event:   khronos.Event{Name: "MESSAGE_CREATE", Author: "728871946456137770", Data: payload},
		Timeout: time.Hour,
	}
	return s, nil
}

func (c *dispatchCaller) call(slot int, _ uint64, _ []byte) error {
	s := c.slot[slot]
	if !s.data.IsNull() {
		var err error
		if s.buf, err = s.data.AppendMsg(s.buf[:0]); err != nil {
			return err
		}
		s.event.Event.Data.Bytes = s.buf
	}
	reply, err := c.conn.Call(s.ctx, &s.event)
	if err != nil {
		return err
	}
	outcome := reply.(*mesophyll.DispatchResponse).Outcome()
	if outcome.Err != nil {
		return outcome.Err
	}
	if text, ok := outcome.Value.AsText(); !ok || text != s.event.Event.Name {
		return errWrongReply
	}
	return nil
}

func (c *dispatchCaller) close() {
	c.stop()
	<-c.ended
}

// worker hands events to a fixed number of goroutines.
type worker struct {
	conn   *mesophyll.Conn
	decode bool
	events chan *mesophyll.DispatchEvent
}

func dispatchServer(decode bool) func(addr string) error {
	return func(addr string) error {
		var socket, token string
		if _, err := fmt.Sscan(addr, &socket, &token); err != nil {
			return err
		}
		conn, err := mesophyll.Dial(context.Background(), "unix", socket, token, mesophyll.Config{})
		if err != nil {
			return err
		}
		w := &worker{conn: conn, decode: decode, events: make(chan *mesophyll.DispatchEvent, 1024)}
		for range dispatchers {
			go w.run()
		}
		return conn.Serve(context.Background(), w)
	}
}

func (w *worker) Handle(m mesophyll.Message) {
	if m, ok := m.(*mesophyll.DispatchEvent); ok {
		w.events <- m // never full: fewer callers than places
	}
}

// run is the whole of an empty handler: decode the data, answer with a value.
func (w *worker) run() {
	var buf []byte
	for ev := range w.events {
		response := mesophyll.DispatchResponse{ReqID: ev.ReqID}
		if err := w.handle(ev, &buf, &response); err != nil {
			response.Err = khronos.AsError(err)
		}
		if err := w.conn.Send(&response); err != nil {
			fmt.Fprintln(os.Stderr, "send response:", err)
			return
		}
	}
}

func (w *worker) handle(ev *mesophyll.DispatchEvent, buf *[]byte, response *mesophyll.DispatchResponse) error {
	if w.decode {
		data, err := ev.Event.Data.Value()
		if err != nil {
			return err
		}
		if data.Len() != 5 {
			return fmt.Errorf("event data has %d entries", data.Len())
		}
	}
	b, err := khronos.Text(ev.Event.Name).AppendMsg((*buf)[:0])
	*buf, response.Value = b, b
	return err
}
