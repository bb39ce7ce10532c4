// Command fair measures how a worker shares one processor among tenants: 99
// polite ones that send an event of 1 ms once a second, and a greedy one that
// keeps its queue full of events of 50 ms.
//
//	go run ./fair [-rounds 3] [-window 10s] [-events 10000] [-o result.md]
//
// It runs the tenants' side of a worker in this process, without a link. A share
// is a share of fuel, and what a processor gives is fuel by CPU time of this
// process: both mean the same on a machine that others use too. Latencies do not:
// they are for a quiet machine.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

type options struct {
	rounds int
	window time.Duration
	events int
	out    string
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fair:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var opts options
	fs := flag.NewFlagSet("fair", flag.ContinueOnError)
	fs.IntVar(&opts.rounds, "rounds", 3, "rounds; the table has medians")
	fs.DurationVar(&opts.window, "window", 10*time.Second, "length of each part of a round")
	fs.IntVar(&opts.events, "events", 10_000, "events that the greedy tenant sends at most in each part")
	fs.StringVar(&opts.out, "o", "", "file for the result; standard output if empty")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var rounds []round
	for i := range opts.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, opts.rounds)
		r, err := measureRound(opts)
		if err != nil {
			return fmt.Errorf("round %d: %w", i+1, err)
		}
		rounds = append(rounds, r)
	}
	text := report(opts, rounds)
	if opts.out == "" {
		_, err := fmt.Print(text)
		return err
	}
	return os.WriteFile(opts.out, []byte(text), 0o644)
}

// round is what one round has given.
type round struct {
	bare                      float64 // fuel by CPU second of a machine that nothing disturbs
	quiet, alone, mixed, fifo part
	crowd                     []int64 // fuel of five greedy tenants
}

func measureRound(opts options) (r round, err error) {
	cost, err := calibrate()
	if err != nil {
		return r, err
	}
	r.bare = cost.fuelPerSecond
	for _, p := range []struct {
		into   *part
		crowd  crowd
		turnBy turns
	}{
		{&r.quiet, crowd{polite: 99}, byRounds},
		{&r.alone, crowd{greedy: 1}, byRounds},
		{&r.mixed, crowd{polite: 99, greedy: 1}, byRounds},
		{&r.fifo, crowd{polite: 99, greedy: 1}, inOrder},
	} {
		if *p.into, err = measure(opts, p.crowd, p.turnBy, cost); err != nil {
			return r, err
		}
	}
	r.crowd, err = measureCrowd(opts, cost)
	return r, err
}

// figure is one line of the result: what it is, how a round gives it, and what it should be.
type figure struct {
	name   string
	of     func(r round) float64
	format string
	want   string
}

func figures() []figure {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return []figure{
		{"polite p99, quiet (ms)", func(r round) float64 { return ms(r.quiet.p99()) }, "%.2f", ""},
		{"polite p99 beside the greedy one (ms)", func(r round) float64 { return ms(r.mixed.p99()) }, "%.2f", ""},
		{"difference (ms)", func(r round) float64 { return ms(r.mixed.p99() - r.quiet.p99()) }, "%.2f", "at most 20"},
		{"polite p99 beside it in plain order (ms)", func(r round) float64 { return ms(r.fifo.p99()) }, "%.2f", ""},
		{"greedy tenant's fuel by its fair share", func(r round) float64 {
			share := r.alone.rate()*r.mixed.cpu.Seconds() - float64(r.mixed.politeFuel)
			return float64(r.mixed.greedyFuel) / share
		}, "%.3f", "0.9 to 1.1"},
		{"greedy tenant alone, by a bare machine", func(r round) float64 { return r.alone.rate() / r.bare }, "%.3f", "at least 0.95"},
		{"throughput, by that of plain order", func(r round) float64 { return r.mixed.rate() / r.fifo.rate() }, "%.3f", "at least 0.95"},
		{"five greedy tenants of different kinds, least by greatest", func(r round) float64 {
			return float64(slices.Min(r.crowd)) / float64(slices.Max(r.crowd))
		}, "%.3f", ""},
	}
}

func report(opts options, rounds []round) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# How a worker shares its processor\n\nMade by `make bench-fair`.\n\n")
	fmt.Fprintf(&b, "%s, %s/%s, %d CPUs, %s, %d rounds of %s a part\n\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"),
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), opts.rounds, opts.window)
	b.WriteString(method)
	b.WriteString("| figure | median (least-greatest) | wanted |\n|---|--:|---|\n")
	for _, f := range figures() {
		var values []float64
		for _, r := range rounds {
			values = append(values, f.of(r))
		}
		slices.Sort(values)
		fmt.Fprintf(&b, "| %s | "+f.format+" ("+f.format+"-"+f.format+") | %s |\n", f.name, values[len(values)/2], values[0], values[len(values)-1], f.want)
	}
	return b.String()
}

const method = `One processor for scripts, the CPU window switched off, all other limits as they are. 99 polite tenants each send
one event a second that takes 1 ms, at even distances; its latency counts from the moment at which it was to be sent. The
greedy tenant's queue is kept full of events of 50 ms. Each round begins with a bare machine that runs the same loop
without slices, which says what a processor gives. A rate is the fuel of all scripts by the CPU time of the whole process.
The greedy tenant's fair share is what it gets alone, for the same CPU time, less what the polite ones have used. Plain
order is the same worker with a turn so long that nobody ever makes room: who comes first runs until its queue is empty.
The five greedy tenants of the last line run a loop, long natives, many small threads, allocation, and short events.

`
