package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"
)

const (
	requestBytes = 200
	replyBytes   = 50
	maxCallers   = 256
)

// caller sends the request of one slot and waits for its reply. At most one
// call per slot is in flight. The first eight bytes of both are the id.
type caller interface {
	call(slot int, id uint64, request []byte) error
	close()
}

var errWrongReply = errors.New("reply to another request")

// checkReply is what every stack does with a reply.
func checkReply(id uint64, reply []byte) error {
	if len(reply) != replyBytes || binary.LittleEndian.Uint64(reply) != id {
		return errWrongReply
	}
	return nil
}

// echo is what every server does with a request.
func echo(dst, request []byte) []byte {
	if len(request) != requestBytes {
		panic(fmt.Sprintf("request of %d bytes", len(request)))
	}
	return append(dst, request[:replyBytes]...)
}

// invocation is a client process with its server process.
type invocation struct {
	stack   string
	addr    string // a unix socket in a directory of its own
	profile string
	env     []string // more for the server process
	server  *exec.Cmd
	stdin   interface{ Close() error }
}

// startServer runs the server process of this stack; it ends when its standard
// input does.
func (in *invocation) startServer(addr string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	in.server = exec.Command(self, "server", "-stack", in.stack, "-addr", addr, "-profile", in.profile)
	in.server.Stderr = os.Stderr
	in.server.Env = append(os.Environ(), in.env...)
	if in.stdin, err = in.server.StdinPipe(); err != nil {
		return err
	}
	return in.server.Start()
}

func (in *invocation) stopServer() {
	in.stdin.Close()
	in.server.Wait()
}

func runServer(args []string) error {
	f := flag.NewFlagSet("server", flag.ExitOnError)
	name := f.String("stack", "", "")
	addr := f.String("addr", "", "")
	profile := f.String("profile", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	s, err := findStack(*name)
	if err != nil {
		return err
	}
	end, err := startProfile(*profile, ".server")
	if err != nil {
		return err
	}
	go func() {
		os.Stdin.Read(make([]byte, 1)) // until the client goes
		end()
		os.Exit(0)
	}()
	return s.server(*addr)
}

func startProfile(prefix, suffix string) (end func(), err error) {
	if prefix == "" {
		return func() {}, nil
	}
	f, err := os.Create(prefix + suffix)
	if err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, pprof.StartCPUProfile(f)
}

func runClient(args []string) error {
	f := flag.NewFlagSet("client", flag.ExitOnError)
	name := f.String("stack", "", "")
	window := f.Duration("window", 0, "")
	warm := f.Duration("warm", 0, "")
	profile := f.String("profile", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	s, err := findStack(*name)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "link")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	in := &invocation{stack: s.name, addr: filepath.Join(dir, "s"), profile: *profile}
	c, err := s.client(in)
	if err != nil {
		return err
	}
	end, err := startProfile(*profile, ".client")
	if err != nil {
		return err
	}
	var got []measurement
	for _, n := range s.callers {
		runtime.GC()
		m, err := drive(c, n, in.server.Process.Pid, *warm, *window)
		if err != nil {
			return err
		}
		m.Stack = s.name
		got = append(got, m)
	}
	end()
	in.stopServer()
	c.close()
	return json.NewEncoder(os.Stdout).Encode(got)
}

// drive keeps n callers busy and counts what they finish within window.
func drive(c caller, n, serverPID int, warm, window time.Duration) (measurement, error) {
	var stop, measuring atomic.Bool
	var wg sync.WaitGroup
	times := make([]histogram, n)
	errs := make([]error, n)
	for slot := range n {
		wg.Go(func() { errs[slot] = callUntil(c, slot, &times[slot], &stop, &measuring) })
	}
	time.Sleep(warm)
	before := takeUsage(serverPID)
	measuring.Store(true)
	time.Sleep(window)
	measuring.Store(false)
	after := takeUsage(serverPID)
	stop.Store(true)
	wg.Wait()
	var all histogram
	for i := range times {
		all.merge(&times[i])
	}
	if all.n == 0 {
		return measurement{}, fmt.Errorf("no request finished: %v", errors.Join(errs...))
	}
	m := after.since(before, all.n)
	m.Callers, m.P50, m.P99 = n, all.quantile(.5)/1e3, all.quantile(.99)/1e3
	return m, errors.Join(errs...)
}

// callUntil is one caller; it adds the nanoseconds of each measured call.
func callUntil(c caller, slot int, times *histogram, stop, measuring *atomic.Bool) error {
	request := make([]byte, requestBytes)
	for i := range request {
		request[i] = byte(i * 7)
	}
	for n := uint64(1); !stop.Load(); n++ {
		id := n<<8 | uint64(slot)
		binary.LittleEndian.PutUint64(request, id)
		counts := measuring.Load()
		began := time.Now()
		if err := c.call(slot, id, request); err != nil {
			return err
		}
		if counts && measuring.Load() {
			times.add(time.Since(began))
		}
	}
	return nil
}
