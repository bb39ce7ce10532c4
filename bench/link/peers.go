package main

import (
	"context"
	"errors"
	"net"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// gRPC: one unary method, described by hand, BytesValue both ways.

const grpcMethod = "/bench.Echo/Echo"

type echoService interface {
	Echo(ctx context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error)
}

type echoServer struct{}

func (echoServer) Echo(_ context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
	return &wrapperspb.BytesValue{Value: echo(nil, in.GetValue())}, nil
}

var echoDescription = grpc.ServiceDesc{
	ServiceName: "bench.Echo",
	HandlerType: (*echoService)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Echo", Handler: handleEcho}},
}

func handleEcho(server any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	in := new(wrapperspb.BytesValue)
	if err := decode(in); err != nil {
		return nil, err
	}
	return server.(echoService).Echo(ctx, in)
}

func grpcServer(addr string) error {
	l, err := net.Listen("unix", addr)
	if err != nil {
		return err
	}
	s := grpc.NewServer()
	s.RegisterService(&echoDescription, echoServer{})
	return s.Serve(l)
}

type grpcCaller struct{ cc *grpc.ClientConn }

func grpcClient(in *invocation) (caller, error) {
	if err := in.startServer(in.addr); err != nil {
		return nil, err
	}
	cc, err := grpc.NewClient("unix:"+in.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	c := &grpcCaller{cc}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	first := &wrapperspb.BytesValue{Value: make([]byte, requestBytes)}
	return c, cc.Invoke(ctx, grpcMethod, first, new(wrapperspb.BytesValue), grpc.WaitForReady(true))
}

func (c *grpcCaller) call(_ int, id uint64, request []byte) error {
	out := new(wrapperspb.BytesValue)
	if err := c.cc.Invoke(context.Background(), grpcMethod, &wrapperspb.BytesValue{Value: request}, out); err != nil {
		return err
	}
	return checkReply(id, out.GetValue())
}

func (c *grpcCaller) close() { c.cc.Close() }

// NATS: the server lives in the client process, as it would in the master; the
// responder connects over TCP, for which it has no unix sockets.

const natsSubject = "echo"

type natsCaller struct {
	server *natsserver.Server
	nc     *nats.Conn
}

func natsClient(in *invocation) (caller, error) {
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		return nil, err
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, errors.New("nats server does not start")
	}
	if err := in.startServer(s.ClientURL()); err != nil {
		return nil, err
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		return nil, err
	}
	return &natsCaller{s, nc}, waitForResponder(nc)
}

// waitForResponder asks until the server process has subscribed.
func waitForResponder(nc *nats.Conn) error {
	request := make([]byte, requestBytes)
	for range 1000 {
		_, err := nc.Request(natsSubject, request, 10*time.Second)
		if err == nil || !errors.Is(err, nats.ErrNoResponders) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return errors.New("nats responder does not start")
}

func (c *natsCaller) call(_ int, id uint64, request []byte) error {
	m, err := c.nc.Request(natsSubject, request, 10*time.Second)
	if err != nil {
		return err
	}
	return checkReply(id, m.Data)
}

func (c *natsCaller) close() {
	c.nc.Close()
	c.server.Shutdown()
}

func natsServer(addr string) error {
	nc, err := nats.Connect(addr)
	if err != nil {
		return err
	}
	var reply []byte
	_, err = nc.Subscribe(natsSubject, func(m *nats.Msg) {
		reply = echo(reply[:0], m.Data)
		m.Respond(reply)
	})
	if err != nil {
		return err
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	select {} // until the client process goes
}
