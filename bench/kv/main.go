// Command kv measures KV calls of scripts through the whole program: a real
// server, worker processes, the link, the broker and SQLite. It writes
// docs/bench/kv.md.
//
//	make bench-kv
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	tenants  = 64
	perEvent = 50 // KV calls that a handler makes, one after the other
)

// template makes its calls and answers how many it has made.
const template = `
local n = %d
return {
	Set = function(ctx)
		for i = 1, n do ctx.KV:set("key" .. i, i, { "bench" }) end
		return n
	end,
	Get = function(ctx)
		for i = 1, n do
			if ctx.KV:get("key" .. i, { "bench" }) ~= i then error("key" .. i .. " is not " .. i) end
		end
		return n
	end,
}`

func main() {
	out := flag.String("o", "../docs/bench/kv.md", "file to write")
	window := flag.Duration("window", 2*time.Second, "measured time of each round")
	rounds := flag.Int("rounds", 7, "rounds")
	flag.Parse()
	if err := run(*out, *window, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "kv:", err)
		os.Exit(1)
	}
}

func run(out string, window time.Duration, rounds int) (err error) {
	dir, err := os.MkdirTemp(".", "kv-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := start(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	for i := range tenants {
		if err := s.push(i); err != nil {
			return err
		}
	}
	perSecond := map[string][]float64{}
	for range rounds {
		for _, event := range []string{"Set", "Get"} {
			n, err := s.drive(event, window)
			if err != nil {
				return err
			}
			perSecond[event] = append(perSecond[event], n)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# KV calls of scripts, through the whole program

A real server on SQLite (WAL, synchronous=FULL: a set has returned when it is on the disk) with %d worker processes. %d tenants at once each
run one event after the other over HTTP; its handler makes %d calls, one after the other. Every call goes from the script over the link to the
broker, its checks and the store, and back. %d rounds of %v each. Made with `+"`make bench-kv`"+` on %d processors, %s, %s.

| call | calls a second: median (min-max) | wanted |
|---|--:|--:|
`, workers(), tenants, perEvent, rounds, window, runtime.NumCPU(), runtime.Version(), time.Now().UTC().Format("2006-01-02 15:04 UTC"))
	for _, row := range []struct {
		event, wanted string
	}{{"Get", "20,000"}, {"Set", "5,000"}} {
		all := perSecond[row.event]
		slices.Sort(all)
		fmt.Fprintf(&b, "| %s | %.0f (%.0f-%.0f) | %s |\n", strings.ToLower(row.event), all[len(all)/2], all[0], all[len(all)-1], row.wanted)
	}
	fmt.Print(b.String())
	return os.WriteFile(out, []byte(b.String()), 0o644)
}

func workers() int { return max(2, runtime.NumCPU()) }

// server is a running master.
type server struct {
	cmd    *exec.Cmd
	url    string
	token  string
	client *http.Client
}

// start builds the program and runs it on a data folder in dir, without the
// limits that a tenant of this kind would meet.
func start(dir string) (*server, error) {
	program, err := filepath.Abs(filepath.Join(dir, "template-worker"))
	if err != nil {
		return nil, err
	}
	build := exec.Command("go", "build", "-o", program, "./cmd/template-worker")
	build.Dir, build.Stderr = "..", os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("build the program: %w", err)
	}
	cmd := exec.Command(program, "serve", "--json", "--addr", "127.0.0.1:0", "--workers", fmt.Sprint(workers()), "--data-dir", filepath.Join(dir, "data"),
		"--set", "log_level=error", "--set", "limits.kv_burst=1000000", "--set", "limits.kv_refill=1us", "--set", "limits.cpu_window_budget=60s")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var hello struct{ Addr, Token string }
	if err := json.NewDecoder(stdout).Decode(&hello); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	s := &server{cmd, "http://" + hello.Addr, hello.Token, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: tenants}}}
	for range 1000 {
		if _, err = s.do(context.Background(), "GET", "/readyz", nil); err == nil {
			return s, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, errors.Join(fmt.Errorf("the server does not get ready: %w", err), s.stop())
}

func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

func (s *server) do(ctx context.Context, method, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Internal "+s.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, answer)
	}
	return answer, err
}

func tenant(i int) string { return fmt.Sprint("guild:", uint64(i+1)<<22) }

// push stores the template and fills its keys.
func (s *server) push(i int) error {
	files := map[string]string{"init.luau": fmt.Sprintf(template, perEvent)}
	_, err := s.do(context.Background(), "PUT", "/i/tenants/"+tenant(i)+"/templates/bench", map[string]any{"files": files, "capabilities": []string{"*"}})
	if err == nil {
		err = s.dispatch(i, "Set")
	}
	return err
}

// dispatch runs one event; its one result must be the number of calls.
func (s *server) dispatch(i int, event string) error {
	answer, err := s.do(context.Background(), "POST", "/i/tenants/"+tenant(i)+"/dispatch-event", map[string]any{"name": event})
	want := fmt.Sprintf(`[{"Text":"value"},{"Integer":%d}]`, perEvent)
	if err == nil && !strings.Contains(string(answer), want) {
		err = fmt.Errorf("%s: %s", event, answer)
	}
	return err
}

// drive keeps all tenants busy for the window and gives the calls a second.
func (s *server) drive(event string, window time.Duration) (float64, error) {
	var calls atomic.Int64
	errs := make([]error, tenants)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range tenants {
		wg.Go(func() {
			for errs[i] == nil && time.Since(began) < window {
				errs[i] = s.dispatch(i, event)
				calls.Add(perEvent)
			}
		})
	}
	wg.Wait()
	return float64(calls.Load()) / time.Since(began).Seconds(), errors.Join(errs...)
}
