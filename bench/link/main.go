// Command link measures the link between master and worker against raw frames,
// gRPC and NATS: request and reply of 200 and 50 bytes over one connection
// between two processes.
//
//	go run ./link [-rounds 11] [-window 700ms] [-warm 200ms] [-stacks raw,link] [-o result.md]
//
// Each round runs every stack once, in another order each time, with a fresh
// pair of processes. Ratios are taken inside a round; the table shows medians.
// Only ratios mean something: the load generator shares the machine.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// stack is one way to carry a request and its reply.
type stack struct {
	name    string
	what    string
	callers []int // how many callers at once
	client  func(in *invocation) (caller, error)
	server  func(addr string) error
}

// stacks is every stack of a round. The first is what the others are compared to.
var stacks = []stack{
	{"raw", "length-prefixed frames, writer yields, inline echo", []int{16, 64, 256}, rawClient, rawServer},
	{"link", "mesophyll.Pipe, inline echo, no codec", []int{16, 64, 256}, linkClient, linkServer},
	{"dispatch", "Conn.Call: DispatchEvent, pool of goroutines, data decoded and answered", []int{64}, dispatchClient(true), dispatchServer(true)},
	{"dispatch-bytes", "the same, data left as bytes", []int{64}, dispatchClient(false), dispatchServer(false)},
	{"grpc", "grpc-go unary, BytesValue, bare echo", []int{64}, grpcClient, grpcServer},
	{"nats", "embedded nats-server, request and reply, bare echo", []int{64}, natsClient, natsServer},
}

func findStack(name string) (stack, error) {
	for _, s := range stacks {
		if s.name == name {
			return s, nil
		}
	}
	return stack{}, fmt.Errorf("no stack %q", name)
}

type options struct {
	rounds       int
	window, warm time.Duration
	stacks       []stack
	out          string
	profile      string
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "link:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 && args[0] == "server" {
		return runServer(args[1:])
	}
	if len(args) > 0 && args[0] == "client" {
		return runClient(args[1:])
	}
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	var all []measurement
	for round := range o.rounds {
		for i := range o.stacks {
			s := o.stacks[(i+round)%len(o.stacks)]
			got, err := measure(s, o)
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", round+1, s.name, err)
			}
			for _, m := range got {
				m.Round = round
				all = append(all, m)
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
	}
	text := report(o, all)
	fmt.Print(text)
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(text), 0o644)
}

func parseOptions(args []string) (options, error) {
	o := options{stacks: stacks}
	f := flag.NewFlagSet("link", flag.ExitOnError)
	f.IntVar(&o.rounds, "rounds", 11, "rounds")
	f.DurationVar(&o.window, "window", 700*time.Millisecond, "measured time per stack and number of callers")
	f.DurationVar(&o.warm, "warm", 200*time.Millisecond, "time before it")
	f.StringVar(&o.out, "o", "", "also write the table to this file")
	f.StringVar(&o.profile, "profile", "", "write CPU profiles to `prefix`.client and .server")
	only := f.String("stacks", "", "comma-separated names, default all")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if *only == "" {
		return o, nil
	}
	o.stacks = nil
	for name := range strings.SplitSeq(*only, ",") {
		s, err := findStack(name)
		if err != nil {
			return o, err
		}
		o.stacks = append(o.stacks, s)
	}
	return o, nil
}

// measurement is one stack with one number of callers in one round.
type measurement struct {
	Stack   string
	Callers int
	Round   int
	PerSec  float64
	P50     float64 // microseconds
	P99     float64
	CPU     float64 // microseconds of both processes per request
	Writes  float64 // write system calls of both processes per request
	Foreign float64 // cores that others used meanwhile
}

// measure runs a client process, which starts its server.
func measure(s stack, o options) ([]measurement, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "client", "-stack", s.name, "-window", o.window.String(), "-warm", o.warm.String(), "-profile", o.profile)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var got []measurement
	return got, json.Unmarshal(out, &got)
}
