// Command store measures both databases behind the store's contract: durable
// sets and gets of one key, by callers at once, and the pace at which keys expire. It
// writes docs/bench/store.md.
//
//	make bench-store
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/postgres"
	"github.com/template-worker/template-worker/internal/store/postgres/pgtest"
	"github.com/template-worker/template-worker/internal/store/sqlite"
)

const (
	keys    = 10_000
	tenants = 100
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func main() {
	out := flag.String("o", "../docs/bench/store.md", "file to write")
	length := flag.Duration("t", 5*time.Second, "how long each measurement takes")
	expiring := flag.Int("expiring", 100_000, "keys that expire")
	flag.Parse()
	if err := run(context.Background(), *out, *length, *expiring); err != nil {
		fmt.Fprintln(os.Stderr, "store:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string, length time.Duration, expiring int) error {
	dir, err := os.MkdirTemp(".", "store-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	lite, err := sqlite.Open(ctx, filepath.Join(dir, "tw.db"), quiet)
	if err != nil {
		return err
	}
	defer lite.Close()
	address := os.Getenv(pgtest.Variable)
	if address == "" {
		return fmt.Errorf("%s names no server: run make bench-store", pgtest.Variable)
	}
	pg, err := postgres.Open(ctx, address, quiet)
	if err != nil {
		return err
	}
	defer pg.Close()

	if err := errors.Join(fill(ctx, lite), fill(ctx, pg)); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# The stores

Operations a second at the level of the store: one set or get of a small value, each set durable (SQLite: WAL with
synchronous=FULL; PostgreSQL: fsync and synchronous_commit on, over a unix socket). %d keys, %d tenants, each measured for %v.
Made with: `+"`make bench-store`"+` on %d processors, %s. Latencies are p50 / p99.

| what | callers | SQLite | latency | PostgreSQL | latency |
|---|---|---|---|---|---|
`, keys, tenants, length, runtime.NumCPU(), runtime.Version())
	for _, m := range []struct {
		name    string
		callers []int
		do      func(context.Context, store.Store, int) error
	}{
		{"set", []int{1, 16, 64, 256}, set(tenants)},
		{"set, one tenant", []int{64}, set(1)},
		{"set with an operation id", []int{64}, setOnce},
		{"batch of 5 sets", []int{64}, batch},
		{"get", []int{1, 16, 64}, get},
	} {
		for _, callers := range m.callers {
			fmt.Fprintf(&b, "| %s | %d ", m.name, callers)
			for _, s := range []store.Store{lite, pg} {
				r, err := measure(ctx, callers, length, func(n int) error { return m.do(ctx, s, n) })
				if err != nil {
					return err
				}
				fmt.Fprintf(&b, "| %.0f | %v / %v ", r.perSecond, r.p50, r.p99)
			}
			fmt.Fprintln(&b, "|")
		}
	}
	fmt.Fprintf(&b, "\n%d keys whose time has come, read in pages of 500 and acknowledged page by page:\n\n| | keys a second |\n|---|---|\n", expiring)
	for _, s := range []struct {
		name string
		store.Store
	}{{"SQLite", lite}, {"PostgreSQL", pg}} {
		pace, err := expire(ctx, s.Store, expiring)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "| %s | %.0f |\n", s.name, pace)
	}
	fmt.Print(b.String())
	return os.WriteFile(out, []byte(b.String()), 0o644)
}

// fill sets every key once.
func fill(ctx context.Context, s store.Store) error {
	for t := range tenants {
		var b store.KVBatch
		for n := t; n < keys; n += tenants {
			b.Ops = append(b.Ops, op(n))
		}
		if _, err := s.KVApply(ctx, tenant(t), b); err != nil {
			return err
		}
	}
	return nil
}

func tenant(n int) khronos.TenantID {
	return khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(n + 1)}
}

func op(n int) store.KVOp {
	return store.KVOp{Action: store.KVActionSet, Key: fmt.Sprint("key", n%keys), Scopes: []string{"s"}, Value: khronos.Integer(int64(n))}
}

func set(tenants int) func(context.Context, store.Store, int) error {
	return func(ctx context.Context, s store.Store, n int) error {
		_, err := s.KVApply(ctx, tenant(n%tenants), store.KVBatch{Ops: []store.KVOp{op(n)}})
		return err
	}
}

func setOnce(ctx context.Context, s store.Store, n int) error {
	id := store.OpID(fmt.Sprint(time.Now().UnixNano(), ".", n))
	_, err := s.KVApply(ctx, tenant(n%tenants), store.KVBatch{Op: id, Ops: []store.KVOp{op(n)}})
	return err
}

func batch(ctx context.Context, s store.Store, n int) error {
	b := store.KVBatch{}
	for i := range 5 {
		b.Ops = append(b.Ops, op(n+i*tenants))
	}
	_, err := s.KVApply(ctx, tenant(n%tenants), b)
	return err
}

func get(ctx context.Context, s store.Store, n int) error {
	_, err := s.KVGet(ctx, tenant(n%tenants), fmt.Sprint("key", n%keys), []string{"s"})
	return err
}

type result struct {
	perSecond float64
	p50, p99  time.Duration
}

// measure calls do from that many goroutines for that long.
func measure(ctx context.Context, callers int, length time.Duration, do func(n int) error) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var next atomic.Int64
	var mu sync.Mutex // guards the two below
	var all []time.Duration
	var failed error
	begin := time.Now()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			var own []time.Duration
			var err error
			for ctx.Err() == nil && err == nil {
				at := time.Now()
				err = do(int(next.Add(1)))
				own = append(own, time.Since(at))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	slices.Sort(all)
	at := func(share float64) time.Duration {
		return all[int(float64(len(all)-1)*share)].Round(10 * time.Microsecond)
	}
	return result{float64(len(all)) / took.Seconds(), at(0.5), at(0.99)}, failed
}

// expire makes n keys that have expired and returns how many a second are read and acknowledged.
func expire(ctx context.Context, s store.Store, n int) (float64, error) {
	const chunk = 500
	past := time.Now().Add(-time.Hour)
	for from := 0; from < n; from += chunk {
		var b store.KVBatch
		for i := from; i < from+chunk; i++ {
			o := op(0)
			o.Key, o.ExpiresAt = fmt.Sprint("expiring", i), past.Add(time.Duration(i)*time.Millisecond)
			b.Ops = append(b.Ops, o)
		}
		if _, err := s.KVApply(ctx, tenant(from/chunk%tenants), b); err != nil {
			return 0, err
		}
	}
	begin, done := time.Now(), 0
	var cursor store.KVCursor
	for {
		list, err := s.KVDue(ctx, time.Now(), cursor, chunk)
		if err != nil {
			return 0, err
		}
		if len(list) == 0 {
			break
		}
		if err := s.KVExpire(ctx, list); err != nil {
			return 0, err
		}
		done += len(list)
		cursor = list[len(list)-1].Cursor
	}
	if done < n {
		return 0, fmt.Errorf("%d keys expired, %d were set", done, n)
	}
	return float64(done) / time.Since(begin).Seconds(), nil
}
