package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/luau"
)

// cost is what the engine needs on this machine.
type cost struct {
	fuelPerSecond  float64 // of CPU time
	turnsPerSecond float64 // of the loop, in CPU time
}

// calibrate runs the loop on a bare machine for about half a second.
func calibrate() (cost, error) {
	base := luau.Standard()
	const turns = 50_000_000
	code, err := luau.Compile("=loop", fmt.Appendf(nil, "local n = 0 for i = 1, %d do n += i end return n", turns))
	if err != nil {
		return cost{}, err
	}
	vm := luau.NewVM(base, luau.Config{})
	defer vm.Close()
	fn, err := vm.NewFunction(luau.Load(base, code), nil)
	if err != nil {
		return cost{}, err
	}
	co, err := vm.NewThread(fn)
	if err != nil {
		return cost{}, err
	}
	before := cpuTime()
	if _, err := vm.Resume(co); err != nil {
		return cost{}, err
	}
	seconds := (cpuTime() - before).Seconds()
	return cost{fuelPerSecond: float64(vm.FuelUsed()) / seconds, turnsPerSecond: turns / seconds}, nil
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("BUG: the own usage is refused: " + err.Error())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// crowd is who sends events.
type crowd struct{ polite, greedy int }

// turns says how tenants take turns.
type turns int

const (
	byRounds turns = iota // as in the product
	inOrder               // nobody ever makes room
)

// part is what one part of a round has given.
type part struct {
	cpu                    time.Duration
	politeFuel, greedyFuel int64
	latencies              []time.Duration // of the polite events, sorted
}

func (p part) rate() float64 { return float64(p.politeFuel+p.greedyFuel) / p.cpu.Seconds() }

func (p part) p99() time.Duration {
	if len(p.latencies) == 0 {
		return 0
	}
	return p.latencies[len(p.latencies)*99/100]
}

// loop is a template with a handler that loops for d of CPU time.
func (c cost) loop(d time.Duration) string {
	return fmt.Sprintf("return { e = function() local n = 0 for i = 1, %d do n += i end end }", int64(c.turnsPerSecond*d.Seconds()))
}

// door answers what tenants ask the master: their templates, made from one source each.
type door map[khronos.TenantID]string

func (d door) Exec(context.Context, tenant.HostCall) (khronos.Value, error) {
	return khronos.Null(), errors.New("there are no host calls")
}

func (d door) Templates(_ context.Context, id khronos.TenantID) ([]khronos.Template, error) {
	return []khronos.Template{{Name: "t", Version: 1, Files: map[string]string{khronos.InitFile: d[id]}, Subscriptions: []string{"e"}}}, nil
}

func (d door) Log(khronos.TenantID, string, string) {}

func tenantID(n int) khronos.TenantID {
	return khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(n + 1)}
}

// stage is a worker's tenants on one processor.
type stage struct {
	rt     *tenant.Runtime
	lim    limits.Limits
	ids    atomic.Uint64
	failed atomic.Pointer[khronos.Error]
	end    func()
}

func newStage(d door, by turns) *stage {
	lim := limits.Default()
	lim.CPUWindow, lim.CPUWindowBudget = time.Hour, time.Hour
	lim.DispatchDeadline = time.Hour
	if by == inOrder {
		lim.SliceFuel = 1e9
	}
	s := &stage{lim: lim, rt: tenant.New(tenant.Config{Limits: lim, Slots: 1, Door: d, Log: slog.New(slog.DiscardHandler)})}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.rt.Serve(ctx) }()
	s.end = func() { stop(); <-served }
	return s
}

// send hands in one event; done gets what it has used.
func (s *stage) send(id khronos.TenantID, done func(fuel int64)) error {
	return s.rt.Deliver(tenant.Job{
		ID: s.ids.Add(1), Tenant: id, Kind: tenant.JobDispatchEvent, Event: khronos.Event{Name: "e"},
		Deadline: time.Now().Add(s.lim.DispatchDeadline),
		Done: func(out khronos.Outcome) {
			if err := failure(out); err != nil && err.Kind != khronos.ErrKindDraining {
				s.failed.CompareAndSwap(nil, err)
			}
			done(out.Usage.Fuel)
		},
	})
}

// failure is why an event with one template did not work.
func failure(out khronos.Outcome) *khronos.Error {
	if out.Err != nil || out.Value.Len() == 0 {
		return out.Err
	}
	if _, bad := out.Value.Index(0).Get("kind"); bad {
		text, _ := out.Value.Index(0).Get("value")
		s, _ := text.AsText()
		return khronos.Errorf(khronos.ErrKindScriptError, "%s", s)
	}
	return nil
}

// measure runs one part of a round. Work that has not ended with the window is
// counted with what it has used by then.
func measure(opts options, who crowd, by turns, c cost) (part, error) {
	d := door{}
	for i := range who.polite {
		d[tenantID(i)] = c.loop(time.Millisecond)
	}
	for i := range who.greedy {
		d[tenantID(who.polite+i)] = c.loop(50 * time.Millisecond)
	}
	s := newStage(d, by)
	var p part
	var mu sync.Mutex // guards p
	ctx, cancel := context.WithTimeout(context.Background(), opts.window)
	defer cancel()
	before := cpuTime()
	var senders sync.WaitGroup
	for i := range who.greedy {
		senders.Go(func() {
			s.flood(ctx, tenantID(who.polite+i), opts.events, func(fuel int64) {
				mu.Lock()
				defer mu.Unlock()
				p.greedyFuel += fuel
			})
		})
	}
	if who.polite > 0 {
		senders.Go(func() {
			s.polite(ctx, who.polite, func(took time.Duration, fuel int64) {
				mu.Lock()
				defer mu.Unlock()
				p.politeFuel += fuel
				p.latencies = append(p.latencies, took)
			})
		})
	}
	senders.Wait()
	s.end() // ends what is still there, which counts too
	p.cpu = cpuTime() - before
	slices.Sort(p.latencies)
	if err := s.failed.Load(); err != nil {
		return p, err
	}
	return p, nil
}

// flood keeps a tenant's queue full.
func (s *stage) flood(ctx context.Context, id khronos.TenantID, events int, done func(fuel int64)) {
	room := make(chan struct{}, s.lim.QueueEvents)
	for range events {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if err := s.send(id, func(fuel int64) { <-room; done(fuel) }); err != nil {
			s.failed.CompareAndSwap(nil, khronos.AsError(err))
			return
		}
	}
	<-ctx.Done()
}

// polite sends one event a second for each of n tenants.
func (s *stage) polite(ctx context.Context, n int, done func(took time.Duration, fuel int64)) {
	began := time.Now()
	for i := 0; ; i++ {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(n))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return
		}
		if err := s.send(tenantID(i%n), func(fuel int64) { done(time.Since(due), fuel) }); err != nil {
			s.failed.CompareAndSwap(nil, khronos.AsError(err))
			return
		}
	}
}

// kinds of greedy handlers: their slices cost very different amounts of fuel.
func kinds(c cost) []string {
	return []string{
		c.loop(50 * time.Millisecond),
		`return { e = function() for i = 1, 10 do string.find(string.rep("a", 150), string.rep("a-", 2) .. "b") end end }`,
		`return { e = function() for i = 1, 200 do task.spawn(function() for j = 1, 1000 do end end) end end }`,
		`return { e = function() local t = {} for i = 1, 50000 do t[i % 100] = { i } end end }`,
		c.loop(200 * time.Microsecond),
	}
}

// measureCrowd gives the fuel of one greedy tenant of each kind, side by side.
func measureCrowd(opts options, c cost) ([]int64, error) {
	d := door{}
	for i, source := range kinds(c) {
		d[tenantID(i)] = source
	}
	s := newStage(d, byRounds)
	used := make([]atomic.Int64, len(d))
	ctx, cancel := context.WithTimeout(context.Background(), opts.window)
	defer cancel()
	var senders sync.WaitGroup
	for i := range used {
		senders.Go(func() {
			s.flood(ctx, tenantID(i), 1<<30, func(fuel int64) { used[i].Add(fuel) })
		})
	}
	senders.Wait()
	s.end()
	out := make([]int64, len(used))
	for i := range used {
		out[i] = used[i].Load()
	}
	if err := s.failed.Load(); err != nil {
		return nil, err
	}
	return out, nil
}
