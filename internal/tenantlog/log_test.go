package tenantlog_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/tenantlog"
)

func TestLog_Last(t *testing.T) {
	l := tenantlog.New(3, slog.New(slog.DiscardHandler))
	a := khronos.TenantID{Kind: khronos.TenantGuild, ID: 1}
	b := khronos.TenantID{Kind: khronos.TenantUser, ID: 1}
	for i := range 5 {
		l.Add(a, "t", fmt.Sprint("line ", i))
	}
	l.Add(b, "u", "other")

	for _, tc := range []struct {
		tenant khronos.TenantID
		n      int
		want   []string
	}{
		{a, 10, []string{"line 2", "line 3", "line 4"}},
		{a, 2, []string{"line 3", "line 4"}},
		{b, 10, []string{"other"}},
		{khronos.TenantID{Kind: khronos.TenantGuild, ID: 9}, 10, nil},
	} {
		got := l.Last(tc.tenant, tc.n)
		if len(got) != len(tc.want) {
			t.Errorf("%s, %d: got %d lines, want %d", tc.tenant, tc.n, len(got), len(tc.want))
			continue
		}
		for i := range got {
			if got[i].Text != tc.want[i] {
				t.Errorf("%s, %d: line %d is %q, want %q", tc.tenant, tc.n, i, got[i].Text, tc.want[i])
			}
		}
	}
}

func TestLog_ForgetsTheMostSilent(t *testing.T) {
	l := tenantlog.New(1, slog.New(slog.DiscardHandler))
	id := func(i int) khronos.TenantID {
		return khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(i)}
	}
	for i := 1; i <= 10_000; i++ {
		l.Add(id(i), "t", "x")
	}
	l.Add(id(1), "t", "again")
	l.Add(id(20_000), "t", "new")
	if got := l.Last(id(2), 1); len(got) != 0 {
		t.Errorf("the most silent tenant is still there: %v", got)
	}
	if got := l.Last(id(1), 1); len(got) != 1 || got[0].Text != "again" {
		t.Errorf("a tenant that logged again is gone: %v", got)
	}
}
