package process

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/tenant"
)

// sharedMap maps one memory twice: as a master and as its child.
func sharedMap(t *testing.T) (master *marks, child *mapWriter) {
	t.Helper()
	master, f, err := newMarks()
	if err != nil {
		t.Fatal(err)
	}
	other, err := openMarks(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.free)
	return master, newMapWriter(other.runs, func(time.Time, time.Duration) {})
}

func TestRunningMap_TellsTheMaster(t *testing.T) {
	master, child := sharedMap(t)
	what := tenant.Running{Tenant: guild, Template: "welcome", Version: 7, Kind: tenant.JobDispatchEvent, Event: "GUILD_MEMBER_ADD", Job: 41}
	stack := khronos.ScriptStack{Tenant: guild, Template: "welcome", Version: 7, Event: "GUILD_MEMBER_ADD", Job: 41}
	want := func(state, waits, at string, inSlice bool) {
		t.Helper()
		s := stack
		s.State, s.Waits, s.Stack = state, waits, at
		got := master.running()
		diff := cmp.Diff([]running{{ScriptStack: s, Kind: tenant.JobDispatchEvent, InSlice: inSlice}}, got,
			cmpopts.IgnoreFields(khronos.ScriptStack{}, "Since"))
		if diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
		if age := time.Since(got[0].Since); age < 0 || age > time.Minute {
			t.Fatalf("it has been so for %v", age)
		}
	}
	if got := master.running(); len(got) != 0 {
		t.Fatalf("an empty map holds %v", got)
	}
	place := child.Enter(what, false)
	want(khronos.StackRunnable, "", "", false)
	child.Run(place, true)
	want(khronos.StackLoading, "", "", true)
	child.Rest(place, "kv.get", "init.luau", 12)
	want(khronos.StackWaiting, "kv.get", "init.luau:12", false)
	child.Rest(place, "", "init.luau", 13)
	want(khronos.StackRunnable, "", "init.luau:13", false)
	child.Run(place, false)
	want(khronos.StackRunning, "", "init.luau:13", true)

	// A child that dies while it writes where it stands is still known.
	child.record(place)[wordSeal].Add(1)
	want(khronos.StackRunning, "", "", true)
	child.record(place)[wordSeal].Add(1)

	master.free()
	want(khronos.StackRunning, "", "init.luau:13", true) // from the copy
	child.Leave(place)
}

func TestRunningMap_CutsLongNames(t *testing.T) {
	master, child := sharedMap(t)
	defer master.free()
	long := strings.Repeat("x", 200)
	place := child.Enter(tenant.Running{Tenant: guild, Template: long, Event: long}, false)
	child.Rest(place, long, long, 3)
	got := master.running()[0]
	if len(got.Template) != 64 || len(got.Event) != 104 || len(got.Waits) != 32 || got.Stack != long[:56]+":3" {
		t.Errorf("template %d, event %d, waits %d bytes, stack %q", len(got.Template), len(got.Event), len(got.Waits), got.Stack)
	}
}

func TestRunningMap_KeepsPlacesForWhatRuns(t *testing.T) {
	master, child := sharedMap(t)
	defer master.free()
	var taken []int
	for place := child.Enter(tenant.Running{}, false); place != 0; place = child.Enter(tenant.Running{}, false) {
		taken = append(taken, place)
	}
	if len(taken) != places-sparePlaces {
		t.Errorf("%d places for live runs, want %d", len(taken), places-sparePlaces)
	}
	for range sparePlaces {
		if child.Enter(tenant.Running{}, true) == 0 {
			t.Fatal("no place is left for what runs")
		}
	}
	if child.Enter(tenant.Running{}, true) != 0 {
		t.Error("more places than there are")
	}
	child.Leave(taken[0])
	if child.Enter(tenant.Running{}, true) == 0 {
		t.Error("a place that was left is not free")
	}
}

// A master that reads while the child writes never sees halves of two runs.
func TestRunningMap_IsNeverTorn(t *testing.T) {
	master, child := sharedMap(t)
	defer master.free()
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := w; ; i += 2 {
				select {
				case <-stop:
					return
				default:
				}
				name := strings.Repeat(fmt.Sprint(i%10), 1+i%60)
				place := child.Enter(tenant.Running{
					Tenant: khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(i)}, Template: name, Version: int64(i), Event: name, Job: uint64(i),
				}, true)
				child.Rest(place, name[:1], name[:1], 1+i%10)
				child.Run(place, false)
				child.Leave(place)
			}
		})
	}
	seen := 0
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end) || seen == 0; {
		for _, r := range master.running() {
			seen++
			i := int(r.Job)
			name := strings.Repeat(fmt.Sprint(i%10), 1+i%60)
			stand := name[:1] + ":" + fmt.Sprint(1+i%10)
			if int(r.Tenant.ID) != i || int(r.Version) != i || r.Template != name || r.Event != name || r.Stack != "" && r.Stack != stand {
				t.Fatalf("run %d reads as %+v", i, r)
			}
		}
	}
	close(stop)
	writers.Wait()
}

func BenchmarkRunningMap(b *testing.B) {
	master, f, err := newMarks()
	if err != nil {
		b.Fatal(err)
	}
	defer master.free()
	f.Close()
	w := newMapWriter(master.runs, newProcessors().executed)
	what := tenant.Running{Tenant: guild, Template: "welcome", Version: 7, Event: "GUILD_MEMBER_ADD"}
	b.ReportAllocs()
	for b.Loop() {
		place := w.Enter(what, false)
		w.Run(place, false)
		w.Rest(place, "", "init.luau", 12)
		w.Leave(place)
	}
}
