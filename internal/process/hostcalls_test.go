package process

import (
	"context"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
)

func TestHostCalls_Checks(t *testing.T) {
	w := newWorld(t, roleWorker, noTweak)
	got := w.mustDo(t, "exec", "12")
	if !got.Equal(khronos.List(khronos.Text("12"))) {
		t.Errorf("host call = %v, want [12]", got)
	}
	if call := w.host.made()[0]; call.Tenant != guild || call.Template != "t" || call.Dispatch == 0 {
		t.Errorf("call = %+v, want the dispatch's tenant and template", call)
	}
	for trick, want := range map[string]khronos.ErrorKind{
		"exec-stale":      khronos.ErrKindCancelled,
		"exec-nameless":   khronos.ErrKindInternal,
		"exec-foreign":    khronos.ErrKindInternal,
		"exec-alien":      khronos.ErrKindInternal,
		"templates-alien": khronos.ErrKindInternal,
	} {
		_, err := w.do(trick, "")
		wantKind(t, err, want)
	}
	if n := len(w.host.made()); n != 1 {
		t.Errorf("%d calls reached the host, want 1", n)
	}
}

func TestHostCalls_PrivateErrorsStayPrivate(t *testing.T) {
	w := newWorld(t, roleWorker, noTweak)
	_, err := w.do("exec-secret", "")
	wantKind(t, err, khronos.ErrKindInternal)
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the worker was told %q", err)
	}
}

func TestHostCalls_EndWithTheirDispatch(t *testing.T) {
	w := newWorld(t, roleWorker, noTweak)
	w.mustDo(t, "echo", "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	got := make(chan error, 1)
	go func() { _, err := w.h.DispatchEvent(ctx, guild, khronos.Event{Name: "exec-block"}); got <- err }()
	eventually(t, "the call blocks", func() bool { b, _ := w.host.blocks(); return b == 1 })
	cancel()
	wantKind(t, <-got, khronos.ErrKindCancelled)
	eventually(t, "the call ends", func() bool { b, e := w.host.blocks(); return b == 0 && e == 1 })
}

func TestHostCalls_EndWithTheirGeneration(t *testing.T) {
	w := newWorld(t, roleWorker, noTweak)
	w.mustDo(t, "echo", "")
	got := make(chan error, 1)
	go func() { _, err := w.do("exec-block", ""); got <- err }()
	eventually(t, "the call blocks", func() bool { b, _ := w.host.blocks(); return b == 1 })
	if err := w.h.Kill(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantKind(t, <-got, khronos.ErrKindWorkerLostStarted)
	if b, e := w.host.blocks(); b != 0 || e != 1 {
		t.Errorf("%d calls still block after the worker is down", b)
	}
}

func TestHostCalls_AreBoundedPerTenant(t *testing.T) {
	w := newWorld(t, roleWorker, noTweak)
	got, _ := w.mustDo(t, "exec-blocks", "20").AsInteger()
	if got != 20-testHostCalls {
		t.Errorf("%d of 20 calls at once were refused, want all but %d", got, testHostCalls)
	}
	eventually(t, "the others end with the dispatch", func() bool { b, _ := w.host.blocks(); return b == 0 })
}

func TestHostCalls_TemplatesComeInPages(t *testing.T) {
	w := newWorld(t, roleWorker, noTweak)
	got := w.mustDo(t, "templates", "")
	if !got.Equal(khronos.List(khronos.Text("t0"), khronos.Text("t1"), khronos.Text("t2"))) {
		t.Errorf("templates = %v, want all three", got)
	}
}
