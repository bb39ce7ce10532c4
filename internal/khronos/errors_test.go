package khronos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files")

// Numbers travel between builds: this test may only ever see lines appended.
func TestErrorKind_golden(t *testing.T) {
	var b strings.Builder
	for _, k := range ErrorKinds() {
		fmt.Fprintf(&b, "%d %s owner=%s retry_safe=%v\n", uint16(k), k, k.Owner(), k.RetrySafe())
	}
	const path = "testdata/error_kinds.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestErrorKind(t *testing.T) {
	for _, k := range ErrorKinds() {
		if ErrorKindFromWire(uint64(k)) != k || ParseErrorKind(k.String()) != k {
			t.Errorf("%s does not survive", k)
		}
		if (k.Owner() == OwnerNone) != (k == ErrKindOK) {
			t.Errorf("%s has owner %s", k, k.Owner())
		}
	}
	unknown := ErrorKind(60000)
	if ErrorKindFromWire(60000) != ErrKindInternal || unknown.String() != "internal" || unknown.Owner() != OwnerPlatform || unknown.RetrySafe() {
		t.Error("an unknown number is not internal")
	}
	if ParseErrorKind("new_in_2030") != ErrKindInternal {
		t.Error("an unknown name is not internal")
	}
	if OwnerTenantLimit.String() != "tenant_limit" || Owner(99).String() != "owner 99" {
		t.Error("names of owners are wrong")
	}
}

func TestError_Is(t *testing.T) {
	err := fmt.Errorf("dispatch: %w", Errorf(ErrKindTenantBusy, "%d events wait", 256))
	if !errors.Is(err, ErrTenantBusy) || errors.Is(err, ErrDraining) || errors.Is(err, context.Canceled) {
		t.Error("errors.Is is wrong")
	}
	if err.Error() != "dispatch: tenant_busy: 256 events wait" || (&Error{Kind: ErrKindDraining}).Error() != "draining" {
		t.Errorf("got %q", err)
	}
}

func TestAsError(t *testing.T) {
	own := Errorf(ErrKindScriptError, "x")
	for _, c := range []struct {
		err  error
		kind ErrorKind
		text string
	}{
		{own, ErrKindScriptError, "x"},
		{fmt.Errorf("a: %w", own), ErrKindScriptError, "x"},
		{fmt.Errorf("a: %w", context.DeadlineExceeded), ErrKindDeadline, "the deadline passed"},
		{fmt.Errorf("a: %w", context.Canceled), ErrKindCancelled, "the request was cancelled"},
		{errors.New("open /secret/path"), ErrKindInternal, "internal error"},
		{(*Error)(nil), ErrKindInternal, "internal error"},
	} {
		if got := AsError(c.err); got == nil || got.Kind != c.kind || got.Text != c.text {
			t.Errorf("%v: got %v", c.kind, got)
		}
	}
	if AsError(nil) != nil {
		t.Error("nil becomes an error")
	}
	if (Outcome{}).Kind() != ErrKindOK || (Outcome{Err: own}).Kind() != ErrKindScriptError {
		t.Error("Outcome.Kind is wrong")
	}
}
