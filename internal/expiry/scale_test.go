package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/template-worker/template-worker/internal/broker"
	"github.com/template-worker/template-worker/internal/expiry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/sqlite"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/worker"
)

const (
	scaleVariable = "TW_EXPIRY_KEYS" // how many keys expire; few without it
	fewKeys       = 3000
	keysPerSecond = 2000
	scaleTenants  = 100
)

// TestScale lets keys of 100 tenants expire at 2,000 a second, on SQLite, each into a
// template's handler. In the middle the service is killed and another one goes on: all
// fire, within a second of their time but for those of the restart, and no more than were in flight
// fire twice. With a million keys it is the measurement of docs/bench/expiry.md.
func TestScale(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv(scaleVariable))
	if n == 0 {
		n = fewKeys
	}
	log := slog.New(slog.DiscardHandler)
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), log)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	l := limits.Default()
	s := &scale{keys: make([]key, n)}
	s.broker = broker.New(st, l, broker.Info{}, nil, nil, log)
	thread := worker.NewThread(worker.ThreadConfig{ID: 1, Limits: l, Log: log, New: func() worker.Runtime {
		return tenant.New(tenant.Config{Limits: l, Door: s, Log: log})
	}})
	stopThread := serve(t, thread.Serve)
	<-thread.Up()

	for i := range scaleTenants {
		_, err := st.PutTemplate(t.Context(), store.Template{Tenant: scaleTenant(i), Template: khronos.Template{
			Name: "a", Subscriptions: []string{expiry.Event},
			Files: map[string]string{"init.luau": `return { KeyExpiry = function(ctx) print(ctx:event().data.key) end }`},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	s.fill(t, st, began.Add(time.Second+time.Duration(n)*time.Second/5000))
	t.Logf("%d keys set in %v", n, time.Since(began).Round(time.Millisecond))

	before := rss()
	kill := &killable{Store: st}
	first := expiry.New(kill, thread, l, log)
	stop := serve(t, first.Serve)
	s.await(t, n/2)
	kill.killed.Store(true)
	stop()
	restart := time.Now()
	second := expiry.New(st, thread, l, log)
	stop = serve(t, second.Serve)
	s.await(t, n)
	stop()
	stopThread()

	var late []time.Duration
	twice, slow := 0, 0
	for i := range s.keys {
		k := &s.keys[i]
		twice += int(k.fired.Load()) - 1
		late = append(late, time.Duration(k.late.Load()))
		if d := late[i]; d > time.Second && (k.at.Before(restart.Add(-2*time.Second)) || k.at.After(restart.Add(2*time.Second))) {
			slow++
		}
	}
	slices.Sort(late)
	t.Logf("%d keys: late p50 %v, p99 %v, most %v; %d by more than 1 s; %d fired twice; memory %d MiB before, %d MiB at most",
		n, late[n/2], late[n/100*99], late[n-1], slow, twice, before>>20, s.peak>>20)
	if twice > l.ExpiryInFlight {
		t.Errorf("%d fired twice, with %d in flight at most", twice, l.ExpiryInFlight)
	}
	if left, err := st.KVDue(context.Background(), time.Now(), store.KVCursor{}, 1); err != nil || len(left) > 0 {
		t.Errorf("%d are left: %v", len(left), err)
	}
	if os.Getenv(scaleVariable) != "" && slow > 0 {
		t.Errorf("%d fired more than a second late", slow)
	}
}

type key struct {
	at    time.Time
	set   time.Time
	fired atomic.Int32
	late  atomic.Int64
}

// scale is the tenants' door, which sees what their handlers print.
type scale struct {
	broker *broker.Broker
	keys   []key
	fired  atomic.Int64 // keys that have fired
	peak   int64
}

func (s *scale) Exec(context.Context, tenant.HostCall) (khronos.Value, error) {
	return khronos.Null(), errors.New("no handler calls anything")
}

func (s *scale) Templates(ctx context.Context, id khronos.TenantID) ([]khronos.Template, error) {
	return s.broker.Templates(ctx, id)
}

func (s *scale) Log(_ khronos.TenantID, _, line string) {
	i, err := strconv.Atoi(line)
	if err != nil {
		panic("a handler printed " + line)
	}
	k := &s.keys[i]
	if k.fired.Add(1) == 1 {
		k.late.Store(int64(time.Since(later(k.at, k.set))))
		s.fired.Add(1)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// await waits until that many keys have fired.
func (s *scale) await(t *testing.T, n int) {
	t.Helper()
	last, since := int64(0), time.Now()
	for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
		s.peak = max(s.peak, rss())
		got := s.fired.Load()
		if got >= int64(n) {
			tick.Stop()
			return
		}
		if got > last {
			last, since = got, time.Now()
		}
		if time.Since(since) > 5*time.Minute {
			t.Fatalf("%d of %d have fired, none for a long time", got, n)
		}
	}
}

// fill sets the keys, to expire one after the other from first on.
func (s *scale) fill(t *testing.T, st store.Store, first time.Time) {
	t.Helper()
	const batch = 500
	var group errgroup.Group
	group.SetLimit(4)
	for n := 0; n < len(s.keys)+batch*scaleTenants; n += batch {
		group.Go(func() error {
			var b store.KVBatch
			of := n / batch % scaleTenants // every hundredth key is this tenant's
			from := n/(batch*scaleTenants)*batch*scaleTenants + of
			end := min(from+batch*scaleTenants, len(s.keys))
			for i := from; i < end; i += scaleTenants {
				s.keys[i].at = first.Add(time.Duration(i) * time.Second / keysPerSecond)
				b.Ops = append(b.Ops, store.KVOp{
					Action: store.KVActionSet, Key: strconv.Itoa(i), Scopes: []string{"s"}, Value: khronos.Integer(int64(i)), ExpiresAt: s.keys[i].at,
				})
			}
			_, err := st.KVApply(t.Context(), scaleTenant(of), b)
			for i := from; i < end; i += scaleTenants {
				s.keys[i].set = time.Now()
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func scaleTenant(n int) khronos.TenantID {
	return khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(1 + n%scaleTenants)}
}

// killable stops to acknowledge, as a process that is killed does.
type killable struct {
	expiry.Store
	killed atomic.Bool
}

func (k *killable) KVExpire(ctx context.Context, done []store.KVExpiry) error {
	if k.killed.Load() {
		return errors.New("killed")
	}
	return k.Store.KVExpire(ctx, done)
}

// serve runs a part until the returned function is called.
func serve(t *testing.T, part func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- part(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// rss is the memory of this process, 0 where the system does not tell.
func rss() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		panic(fmt.Sprint("statm: ", err))
	}
	return pages * int64(os.Getpagesize())
}
