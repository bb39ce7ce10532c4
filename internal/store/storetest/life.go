package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

var concurrencyTests = []test{
	{"rows of many tenants", testManyWriters},
	{"one row, many writers", testOneRow},
	{"versions of one template", testConcurrentVersions},
	{"readers see whole templates", testWholeTemplates},
}

var lifeTests = []test{
	{"an ended context", testEndedContext},
	{"ping", func(t *testing.T, s store.Store) { check(t, s.Ping(t.Context())) }},
	{"after close", testAfterClose},
	{"close during calls", testCloseDuringCalls},
}

// inParallel runs f(0) to f(n-1) at once and reports every error.
func inParallel(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	check(t, errors.Join(errs...))
}

func testManyWriters(t *testing.T, s store.Store) {
	const writers, rows = 8, 20
	inParallel(t, writers, func(i int) error {
		tenant := khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(i/2 + 1)} // two writers per tenant
		for n := range rows {
			key := fmt.Sprintf("%d.%02d", i, n)
			if err := s.KVSet(t.Context(), tenant, key, khronos.Integer(int64(n)), []string{"s", key}); err != nil {
				return err
			}
			got, err := s.KVGet(t.Context(), tenant, key, []string{"s"})
			if err != nil {
				return err
			}
			if !got.Value.Equal(khronos.Integer(int64(n))) {
				return fmt.Errorf("key %s: read %v after writing %d", key, got.Value, n)
			}
			if n%2 == 1 {
				if err := s.KVDelete(t.Context(), tenant, key, []string{key}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	for i := range writers / 2 {
		tenant := khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(i + 1)}
		left, err := s.KVFind(t.Context(), tenant, "%", []string{"s"}, 1000)
		check(t, err)
		if len(left) != 2*rows/2 {
			t.Errorf("%s has %d rows, want %d", tenant, len(left), rows)
		}
	}
}

func testOneRow(t *testing.T, s store.Store) {
	const writers = 16
	inParallel(t, writers, func(i int) error {
		return s.KVSet(t.Context(), guild, "k", khronos.Integer(int64(i)), []string{"a", "b"})
	})
	rows, err := s.KVFind(t.Context(), guild, "k", []string{"a"}, 100)
	check(t, err)
	if len(rows) != 1 {
		t.Errorf("got %d rows, want 1", len(rows))
	}
}

func testConcurrentVersions(t *testing.T, s store.Store) {
	const writers = 16
	versions := make([]int64, writers)
	inParallel(t, writers, func(i int) error {
		got, err := s.PutTemplate(t.Context(), template(guild, "a"))
		versions[i] = got.Version
		return err
	})
	slices.Sort(versions)
	for i, v := range versions {
		if v != int64(i+1) {
			t.Fatalf("versions: got %v, want each of 1 to %d once", versions, writers)
		}
	}
}

// testWholeTemplates replaces a template whose files all say the same, while
// others read it: no reader may see files of two versions.
func testWholeTemplates(t *testing.T, s store.Store) {
	in := template(guild, "a")
	_, err := s.PutTemplate(t.Context(), in)
	check(t, err)
	inParallel(t, 4, func(i int) error {
		for n := range 20 {
			if i == 0 {
				next := template(guild, "a")
				next.Files = map[string]string{"init.luau": fmt.Sprint(n), "lib.luau": fmt.Sprint(n)}
				if _, err := s.PutTemplate(t.Context(), next); err != nil {
					return err
				}
				continue
			}
			got, err := s.Templates(t.Context(), guild)
			if err != nil {
				return err
			}
			files := got[0].Files
			if _, replaced := files["lib.luau"]; replaced && files["lib.luau"] != files["init.luau"] {
				return fmt.Errorf("read files of two versions: %v", files)
			}
			if len(files) != 2 {
				return fmt.Errorf("read %d files, want 2", len(files))
			}
		}
		return nil
	})
}

func testEndedContext(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range everyCall(ctx, s) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", name, err)
		}
	}
	known, err := s.KnownTenants(t.Context(), []khronos.TenantID{guild})
	check(t, err)
	if known[0] {
		t.Error("a call with an ended context changed something")
	}
}

func testAfterClose(t *testing.T, s store.Store) {
	check(t, s.Close())
	for name, err := range everyCall(t.Context(), s) {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: got %v, want ErrClosed", name, err)
		}
	}
	check(t, s.Close())
}

func testCloseDuringCalls(t *testing.T, s store.Store) {
	begun := make(chan struct{}, 4)
	var wg sync.WaitGroup
	for i := range cap(begun) {
		wg.Go(func() {
			for n := 0; ; n++ {
				err := s.KVSet(t.Context(), guild, fmt.Sprint(i, n), khronos.Null(), []string{"s"})
				if n == 0 {
					begun <- struct{}{}
				}
				if err == nil {
					continue
				}
				if !errors.Is(err, store.ErrClosed) {
					t.Errorf("a call during Close: got %v, want success or ErrClosed", err)
				}
				return
			}
		})
	}
	for range cap(begun) {
		<-begun
	}
	check(t, s.Close())
	wg.Wait()
}

// everyCall makes each call once and returns the errors by name.
func everyCall(ctx context.Context, s store.Store) map[string]error {
	scopes := []string{"s"}
	errs := make(map[string]error)
	_, errs["Templates"] = s.Templates(ctx, guild)
	_, errs["Template"] = s.Template(ctx, guild, "a")
	_, errs["PutTemplate"] = s.PutTemplate(ctx, template(guild, "a"))
	errs["DeleteTemplate"] = s.DeleteTemplate(ctx, guild, "a")
	_, errs["KnownTenants"] = s.KnownTenants(ctx, []khronos.TenantID{guild})
	_, errs["TenantState"] = s.TenantState(ctx, guild)
	errs["PutTenantState"] = s.PutTenantState(ctx, guild, khronos.TenantState{})
	errs["PutTenantData"] = s.PutTenantData(ctx, guild, nil)
	_, errs["KVGet"] = s.KVGet(ctx, guild, "k", scopes)
	_, errs["KVFind"] = s.KVFind(ctx, guild, "%", scopes, 1)
	errs["KVSet"] = s.KVSet(ctx, guild, "k", khronos.Null(), scopes)
	errs["KVDelete"] = s.KVDelete(ctx, guild, "k", scopes)
	_, errs["KVScopes"] = s.KVScopes(ctx, guild)
	_, errs["StageTemplate"] = s.StageTemplate(ctx, template(guild, "a"))
	_, errs["ActivateTemplate"] = s.ActivateTemplate(ctx, guild, "a", 1)
	_, errs["PauseTemplate"] = s.PauseTemplate(ctx, guild, "a", true)
	_, errs["TemplateVersions"] = s.TemplateVersions(ctx, guild, "a")
	_, errs["TemplateVersion"] = s.TemplateVersion(ctx, guild, "a", 1)
	shop := shopTemplate("s", "n", "1")
	errs["PublishTemplate"] = s.PublishTemplate(ctx, "", shop)
	_, errs["ShopTemplate"] = s.ShopTemplate(ctx, shop.Ref)
	_, errs["ShopTemplates"] = s.ShopTemplates(ctx, store.ShopFilter{}, store.TemplateRef{}, 1)
	errs["ReviewTemplate"] = s.ReviewTemplate(ctx, shop.Ref, store.Review{State: store.ReviewDenied})
	_, errs["KVGetByID"] = s.KVGetByID(ctx, guild, "x")
	_, errs["KVApply"] = s.KVApply(ctx, guild, store.KVBatch{Ops: []store.KVOp{put("k", khronos.Null(), "s")}})
	_, errs["KVDue"] = s.KVDue(ctx, store.Now(), store.KVCursor{}, 1)
	errs["KVExpire"] = s.KVExpire(ctx, []store.KVExpiry{{Tenant: guild}})
	_, errs["KVNextExpiry"] = s.KVNextExpiry(ctx, store.KVCursor{})
	errs["GlobalCreate"] = s.GlobalCreate(ctx, "", globalEntry("k", 1, "s"))
	_, errs["GlobalGet"] = s.GlobalGet(ctx, "k", 1, "s")
	_, errs["GlobalFind"] = s.GlobalFind(ctx, store.GlobalFilter{}, 1)
	errs["GlobalDelete"] = s.GlobalDelete(ctx, "", guild, "k", 1, "s")
	errs["GlobalReview"] = s.GlobalReview(ctx, "k", 1, "s", store.Review{State: store.ReviewDenied})
	errs["ObjectReserve"] = s.ObjectReserve(ctx, guild, "k", 1, store.Quota{})
	errs["ObjectRelease"] = s.ObjectRelease(ctx, guild, "k")
	_, errs["Usage"] = s.Usage(ctx, guild)
	_, errs["Stats"] = s.Stats(ctx)
	errs["Ping"] = s.Ping(ctx)
	return errs
}
