package process

import (
	"context"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/worker"
)

// What the child says of its scripts comes through the link as it is.
func TestHandle_Dump(t *testing.T) {
	w := newWorld(t, roleWorker, noTweak)
	w.mustDo(t, "echo", "")
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, err := w.h.DispatchEvent(worker.WithProgress(ctx, &steps{}), guild, khronos.Event{Name: "hang"})
		ended <- err
	}()
	eventually(t, "the event runs", func() bool { return w.status().Running == 1 })
	list, err := w.h.Dump(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("got %+v, %v, want one entry", list, err)
	}
	want := khronos.ScriptStack{
		Tenant: guild, Template: "t", Version: 3, Event: "hang", Job: list[0].Job, Dispatch: (&steps{}).ID(),
		State: khronos.StackWaiting, Waits: "kv.get", Since: time.Unix(1700000000, 0).UTC(), Stack: "init.luau:7 function f\n",
	}
	if list[0] != want || list[0].Job == 0 {
		t.Errorf("got %+v, want %+v", list[0], want)
	}
	cancel()
	<-ended
	if err := w.h.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = w.h.Dump(t.Context())
	wantKind(t, err, khronos.ErrKindWorkerUnavailable)
}
