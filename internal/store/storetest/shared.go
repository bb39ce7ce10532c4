package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

var versionTests = []test{
	{"versions are kept", testKeptVersions},
	{"activate and roll back", testActivate},
	{"a staged version waits", testStage},
	{"pausing makes no version", testPause},
	{"the oldest are forgotten", testForgetVersions},
	{"what is not there", testVersionsNotFound},
}

var sharedTests = []test{
	{"publish and read", testPublish},
	{"a scope has one owner", testScopeOwner},
	{"lists are filtered and paged", testShopList},
	{"reviews", testShopReview},
	{"a template from the shop", testFromShop},
	{"bad refs", testBadRefs},
	{"global keys: create and get", testGlobal},
	{"global keys: find", testGlobalFind},
	{"global keys: delete and review", testGlobalDelete},
	{"global keys: what cannot be kept", testGlobalInvalid},
}

// putVersion puts a version of template a whose files and capabilities say its number.
func putVersion(t *testing.T, s store.Store, n int) store.Template {
	t.Helper()
	out, err := s.PutTemplate(t.Context(), numbered(n))
	check(t, err)
	return out
}

func numbered(n int) store.Template {
	in := template(guild, "a")
	in.Files["init.luau"] = fmt.Sprint("return ", n)
	in.Capabilities, in.Subscriptions = []string{fmt.Sprint("cap", n)}, []string{fmt.Sprint("event", n)}
	return in
}

// is fails unless tpl is version n as putVersion put it.
func is(t *testing.T, tpl store.Template, n int64) {
	t.Helper()
	if tpl.Version != n || tpl.Files["init.luau"] != fmt.Sprint("return ", n) ||
		!slices.Equal(tpl.Capabilities, []string{fmt.Sprint("cap", n)}) || !slices.Equal(tpl.Subscriptions, []string{fmt.Sprint("event", n)}) {
		t.Errorf("got version %d with %v, %v, %v: want version %d", tpl.Version, tpl.Files, tpl.Capabilities, tpl.Subscriptions, n)
	}
}

func current(t *testing.T, s store.Store, n int64) {
	t.Helper()
	got, err := s.Template(t.Context(), guild, "a")
	check(t, err)
	is(t, got, n)
	list, err := s.Templates(t.Context(), guild)
	check(t, err)
	if len(list) != 1 {
		t.Fatalf("%d templates, want 1", len(list))
	}
	is(t, list[0], n)
	state, err := s.TenantState(t.Context(), guild)
	check(t, err)
	want := []string{fmt.Sprint("event", n)}
	if got.Paused {
		want = []string{}
	}
	if !slices.Equal(state.Events, want) {
		t.Errorf("events: got %q, want %q", state.Events, want)
	}
}

func testKeptVersions(t *testing.T, s store.Store) {
	for n := range 3 {
		putVersion(t, s, n+1)
	}
	list, err := s.TemplateVersions(t.Context(), guild, "a")
	check(t, err)
	if len(list) != 3 {
		t.Fatalf("%d versions, want 3", len(list))
	}
	for i, v := range list {
		n := int64(3 - i)
		recent(t, v.CreatedAt)
		if v.Version != n || v.Current != (n == 3) || !slices.Equal(v.Capabilities, []string{fmt.Sprint("cap", n)}) || !slices.Equal(v.Subscriptions, []string{fmt.Sprint("event", n)}) {
			t.Errorf("version %d: got %+v", n, v)
		}
		got, err := s.TemplateVersion(t.Context(), guild, "a", n)
		check(t, err)
		is(t, got, n)
	}
	current(t, s, 3)
}

func testActivate(t *testing.T, s store.Store) {
	putVersion(t, s, 1)
	second := putVersion(t, s, 2)
	back, err := s.ActivateTemplate(t.Context(), guild, "a", 1)
	check(t, err)
	is(t, back, 1)
	if !back.CreatedAt.Equal(second.CreatedAt) || back.UpdatedAt.Before(second.UpdatedAt) {
		t.Errorf("times: got %v, %v after %v, %v", back.CreatedAt, back.UpdatedAt, second.CreatedAt, second.UpdatedAt)
	}
	current(t, s, 1)
	if got := putVersion(t, s, 3); got.Version != 3 {
		t.Errorf("the next version is %d, want 3", got.Version)
	}
	_, err = s.ActivateTemplate(t.Context(), guild, "a", 2)
	check(t, err)
	current(t, s, 2)
}

func testStage(t *testing.T, s store.Store) {
	if _, err := s.StageTemplate(t.Context(), numbered(1)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("staging what is not there: got %v, want ErrNotFound", err)
	}
	putVersion(t, s, 1)
	staged, err := s.StageTemplate(t.Context(), numbered(2))
	check(t, err)
	is(t, staged, 2)
	current(t, s, 1)
	_, err = s.ActivateTemplate(t.Context(), guild, "a", 2)
	check(t, err)
	current(t, s, 2)
}

func testPause(t *testing.T, s store.Store) {
	putVersion(t, s, 1)
	paused, err := s.PauseTemplate(t.Context(), guild, "a", true)
	check(t, err)
	if !paused.Paused || paused.Version != 1 {
		t.Errorf("got %+v, want version 1 paused", paused)
	}
	current(t, s, 1)
	staged, err := s.StageTemplate(t.Context(), numbered(2))
	check(t, err)
	if !staged.Paused {
		t.Error("a staged version of a paused template is not paused")
	}
	active, err := s.ActivateTemplate(t.Context(), guild, "a", 2)
	check(t, err)
	if !active.Paused {
		t.Error("activating resumed the template")
	}
	resumed, err := s.PauseTemplate(t.Context(), guild, "a", false)
	check(t, err)
	if resumed.Paused {
		t.Error("resume has no effect")
	}
	current(t, s, 2)
}

func testForgetVersions(t *testing.T, s store.Store) {
	putVersion(t, s, 1)
	for n := 2; n <= store.KeptVersions+3; n++ {
		_, err := s.StageTemplate(t.Context(), numbered(n))
		check(t, err)
	}
	list, err := s.TemplateVersions(t.Context(), guild, "a")
	check(t, err)
	var got []int64
	for _, v := range list {
		got = append(got, v.Version)
	}
	var want []int64
	for n := store.KeptVersions + 3; len(want) < store.KeptVersions-1; n-- {
		want = append(want, int64(n))
	}
	if want = append(want, 1); !slices.Equal(got, want) { // the current one stays
		t.Errorf("kept versions: got %v, want %v", got, want)
	}
	current(t, s, 1)
	check(t, s.DeleteTemplate(t.Context(), guild, "a"))
	if _, err := s.TemplateVersions(t.Context(), guild, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("versions of a deleted template: got %v, want ErrNotFound", err)
	}
	if got := putVersion(t, s, store.KeptVersions+4); got.Version != store.KeptVersions+4 {
		t.Errorf("the first version after a delete is %d", got.Version)
	}
}

func testVersionsNotFound(t *testing.T, s store.Store) {
	putVersion(t, s, 1)
	_, activate := s.ActivateTemplate(t.Context(), guild, "a", 2)
	_, version := s.TemplateVersion(t.Context(), guild, "a", 2)
	_, pause := s.PauseTemplate(t.Context(), guild, "b", true)
	_, versions := s.TemplateVersions(t.Context(), guild, "b")
	_, foreign := s.ActivateTemplate(t.Context(), other, "a", 1)
	for name, err := range map[string]error{"activate": activate, "version": version, "pause": pause, "versions": versions, "another's": foreign} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
	current(t, s, 1)
}

func shopTemplate(scope, name, version string) store.ShopTemplate {
	return store.ShopTemplate{
		Ref: store.TemplateRef{Scope: scope, Name: name, Version: version}, Owner: guild, Summary: "does things",
		Files:        map[string]string{"init.luau": "return {}", "raw": "\xff\x00", "empty": ""},
		Capabilities: []string{"kv:*"}, Subscriptions: []string{"MESSAGE"},
	}
}

func publish(t *testing.T, s store.Store, tpl store.ShopTemplate) {
	t.Helper()
	check(t, s.PublishTemplate(t.Context(), "", tpl))
}

func testPublish(t *testing.T, s store.Store) {
	in := shopTemplate("scope", "name", "1.2.0-beta")
	in.Review = store.Review{State: store.ReviewApproved, Note: "by myself"} // not looked at
	publish(t, s, in)
	got, err := s.ShopTemplate(t.Context(), in.Ref)
	check(t, err)
	recent(t, got.CreatedAt)
	want := in
	want.Review, want.CreatedAt = store.Review{State: store.ReviewPending}, got.CreatedAt
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if err := s.PublishTemplate(t.Context(), "", in); !errors.Is(err, store.ErrExists) {
		t.Errorf("the same ref again: got %v, want ErrExists", err)
	}
	publish(t, s, shopTemplate("scope", "name", "1.2.0"))
	if _, err := s.ShopTemplate(t.Context(), store.TemplateRef{Scope: "scope", Name: "name", Version: "9"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func testScopeOwner(t *testing.T, s store.Store) {
	publish(t, s, shopTemplate("mine", "a", "1"))
	theirs := shopTemplate("mine", "b", "1")
	theirs.Owner = user
	if err := s.PublishTemplate(t.Context(), "", theirs); !errors.Is(err, store.ErrExists) {
		t.Errorf("in another's scope: got %v, want ErrExists", err)
	}
	if _, err := s.ShopTemplate(t.Context(), theirs.Ref); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what was refused is there: %v", err)
	}
	theirs.Ref.Scope = "theirs"
	publish(t, s, theirs)
}

func testShopList(t *testing.T, s store.Store) {
	var refs []string
	for _, scope := range []string{"B", "a"} {
		for _, name := range []string{"x", "y"} {
			for _, version := range []string{"1", "10", "2"} {
				tpl := shopTemplate(scope, name, version)
				if scope == "a" {
					tpl.Owner = user
				}
				publish(t, s, tpl)
				refs = append(refs, tpl.Ref.String())
			}
		}
	}
	check(t, s.ReviewTemplate(t.Context(), store.TemplateRef{Scope: "a", Name: "x", Version: "10"}, store.Review{State: store.ReviewApproved}))
	find := func(f store.ShopFilter, page int) []string {
		t.Helper()
		var got []string
		var after store.TemplateRef
		for {
			list, err := s.ShopTemplates(t.Context(), f, after, page)
			check(t, err)
			if len(list) == 0 {
				return got
			}
			for _, tpl := range list {
				if len(tpl.Files) != 0 {
					t.Errorf("%s comes with files", tpl.Ref)
				}
				got = append(got, tpl.Ref.String())
				after = tpl.Ref
			}
		}
	}
	for _, c := range []struct {
		f    store.ShopFilter
		want []string
	}{
		{store.ShopFilter{}, refs},
		{store.ShopFilter{Scope: "a"}, refs[6:]},
		{store.ShopFilter{Scope: "a", Name: "y"}, refs[9:]},
		{store.ShopFilter{Owner: guild}, refs[:6]},
		{store.ShopFilter{Owner: user, Name: "x"}, refs[6:9]},
		{store.ShopFilter{Review: store.ReviewApproved}, []string{"@a/x@10"}},
		{store.ShopFilter{Owner: other}, nil},
	} {
		for _, page := range []int{1, 5, 100} {
			if got := find(c.f, page); !slices.Equal(got, c.want) {
				t.Errorf("%+v in pages of %d: got %q, want %q", c.f, page, got, c.want)
			}
		}
	}
}

func testShopReview(t *testing.T, s store.Store) {
	in := shopTemplate("s", "n", "1")
	publish(t, s, in)
	want := store.Review{State: store.ReviewDenied, Note: "no\nway"}
	check(t, s.ReviewTemplate(t.Context(), in.Ref, want))
	got, err := s.ShopTemplate(t.Context(), in.Ref)
	check(t, err)
	recent(t, got.ReviewedAt)
	if got.Review != want {
		t.Errorf("got %+v, want %+v", got.Review, want)
	}
	if err := s.ReviewTemplate(t.Context(), in.Ref, store.Review{State: "maybe"}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("an unknown state: got %v, want ErrInvalid", err)
	}
	if err := s.ReviewTemplate(t.Context(), store.TemplateRef{Scope: "s", Name: "n", Version: "2"}, want); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func testFromShop(t *testing.T, s store.Store) {
	shop := shopTemplate("s", "n", "1")
	in := store.Template{Tenant: user, From: shop.Ref}
	in.Name, in.Capabilities, in.Subscriptions = "a", []string{"granted"}, []string{"MESSAGE"}
	if _, err := s.PutTemplate(t.Context(), in); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("from what is not there: got %v, want ErrNotFound", err)
	}
	publish(t, s, shop)
	check(t, s.ReviewTemplate(t.Context(), shop.Ref, store.Review{State: store.ReviewApproved}))
	put, err := s.PutTemplate(t.Context(), in)
	check(t, err)
	got, err := s.Template(t.Context(), user, "a")
	check(t, err)
	list, err := s.Templates(t.Context(), user)
	check(t, err)
	if len(list) != 1 {
		t.Fatalf("%d templates, want 1", len(list))
	}
	for _, tpl := range []store.Template{put, got, list[0]} {
		if tpl.From != shop.Ref || tpl.FromReview != store.ReviewApproved || tpl.Version != 1 {
			t.Errorf("got version %d from %s, %s", tpl.Version, tpl.From, tpl.FromReview)
		}
		if diff := cmp.Diff(shop.Files, tpl.Files); diff != "" {
			t.Errorf("files (-shop +template):\n%s", diff)
		}
		if !slices.Equal(tpl.Capabilities, []string{"granted"}) {
			t.Errorf("capabilities: got %q, want what the tenant grants", tpl.Capabilities)
		}
	}
	own := template(user, "a")
	_, err = s.PutTemplate(t.Context(), own)
	check(t, err)
	versions, err := s.TemplateVersions(t.Context(), user, "a")
	check(t, err)
	if versions[0].From != (store.TemplateRef{}) || versions[1].From != shop.Ref {
		t.Errorf("versions: got %+v", versions)
	}
	own.From = shop.Ref
	if _, err := s.PutTemplate(t.Context(), own); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("own files and the shop's: got %v, want ErrInvalid", err)
	}
}

func testBadRefs(t *testing.T, s store.Store) {
	for _, text := range []string{"", "@", "a/b@1", "@a/b", "@a@1", "@/b@1", "@a/@1", "@a/b@", "@a/b/c@1", "@a b/c@1", "@a/../b@1", "@a/b@1@2", "@.a/b@1", "@a/b@\x00"} {
		if ref, err := store.ParseTemplateRef(text); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q: got %v, %v, want ErrInvalid", text, ref, err)
		}
	}
	bad := shopTemplate("a", "b", "..")
	_, read := s.ShopTemplate(t.Context(), bad.Ref)
	from := store.Template{Tenant: guild, From: bad.Ref}
	from.Name = "a"
	_, put := s.PutTemplate(t.Context(), from)
	for name, err := range map[string]error{
		"publish": s.PublishTemplate(t.Context(), "", bad), "read": read, "from": put,
		"review": s.ReviewTemplate(t.Context(), bad.Ref, store.Review{State: store.ReviewDenied}),
	} {
		if !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	ref, err := store.ParseTemplateRef("@anti-raid/raid.guard@1.0_2")
	check(t, err)
	if ref.String() != "@anti-raid/raid.guard@1.0_2" {
		t.Errorf("got %s", ref)
	}
}

func globalEntry(key string, version int32, scope string) store.GlobalEntry {
	return store.GlobalEntry{
		Key: key, Version: version, Scope: scope, Owner: guild, Short: "short", Long: "long\ntext",
		PublicMetadata: khronos.Map(khronos.Pair{Key: khronos.Text("a"), Value: khronos.Null()}), PublicData: true,
		Data: khronos.List(khronos.Integer(1), khronos.Text("x")),
	}
}

func testGlobal(t *testing.T, s store.Store) {
	in := globalEntry("key", -1, "scope")
	check(t, s.GlobalCreate(t.Context(), "", in))
	got, err := s.GlobalGet(t.Context(), "key", -1, "scope")
	check(t, err)
	recent(t, got.CreatedAt)
	want := in
	want.Review, want.CreatedAt, want.UpdatedAt = store.Review{State: store.ReviewPending}, got.CreatedAt, got.CreatedAt
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if err := s.GlobalCreate(t.Context(), "", in); !errors.Is(err, store.ErrExists) {
		t.Errorf("again: got %v, want ErrExists", err)
	}
	for _, e := range []store.GlobalEntry{globalEntry("key", 2, "scope"), globalEntry("key", -1, "other"), globalEntry("Key", -1, "scope")} {
		check(t, s.GlobalCreate(t.Context(), "", e))
	}
	if _, err := s.GlobalGet(t.Context(), "key", 3, "scope"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another version: got %v, want ErrNotFound", err)
	}
}

func testGlobalFind(t *testing.T, s store.Store) {
	for _, e := range []store.GlobalEntry{globalEntry("b", 10, "s"), globalEntry("a_", 2, "s"), globalEntry("b", 9, "s"), globalEntry("ab", 1, "t")} {
		if e.Scope == "t" {
			e.Owner = user
		}
		check(t, s.GlobalCreate(t.Context(), "", e))
	}
	check(t, s.GlobalReview(t.Context(), "b", 9, "s", store.Review{State: store.ReviewApproved, Note: "fine"}))
	for _, c := range []struct {
		f     store.GlobalFilter
		limit int
		want  []string
	}{
		{store.GlobalFilter{}, 10, []string{"a_ 2 s", "ab 1 t", "b 9 s", "b 10 s"}},
		{store.GlobalFilter{Pattern: "%%"}, 3, []string{"a_ 2 s", "ab 1 t", "b 9 s"}},
		{store.GlobalFilter{Pattern: "a%"}, 10, []string{"a_ 2 s", "ab 1 t"}},
		{store.GlobalFilter{Pattern: `a\_`}, 10, []string{"a_ 2 s"}},
		{store.GlobalFilter{Pattern: "b", Scope: "s"}, 10, []string{"b 9 s", "b 10 s"}},
		{store.GlobalFilter{Owner: user}, 10, []string{"ab 1 t"}},
		{store.GlobalFilter{Review: store.ReviewApproved}, 10, []string{"b 9 s"}},
		{store.GlobalFilter{Review: store.ReviewApproved, Scope: "t"}, 10, nil},
		{store.GlobalFilter{}, 0, nil},
	} {
		list, err := s.GlobalFind(t.Context(), c.f, c.limit)
		check(t, err)
		var got []string
		for _, e := range list {
			got = append(got, fmt.Sprint(e.Key, " ", e.Version, " ", e.Scope))
			if e.Long != "" || !e.Data.IsNull() || e.Short != "short" || e.PublicMetadata.Kind() != khronos.KindMap {
				t.Errorf("an entry of a list: %+v", e)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %q, want %q", c.f, got, c.want)
		}
	}
	if _, err := s.GlobalFind(t.Context(), store.GlobalFilter{Pattern: `\`}, 1); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a bad pattern: got %v, want ErrInvalid", err)
	}
}

func testGlobalDelete(t *testing.T, s store.Store) {
	check(t, s.GlobalCreate(t.Context(), "", globalEntry("k", 1, "s")))
	check(t, s.GlobalReview(t.Context(), "k", 1, "s", store.Review{State: store.ReviewDenied, Note: "why"}))
	got, err := s.GlobalGet(t.Context(), "k", 1, "s")
	check(t, err)
	if got.Review != (store.Review{State: store.ReviewDenied, Note: "why"}) {
		t.Errorf("review: got %+v", got.Review)
	}
	for name, err := range map[string]error{
		"not the owner":   s.GlobalDelete(t.Context(), "", user, "k", 1, "s"),
		"another version": s.GlobalDelete(t.Context(), "", guild, "k", 2, "s"),
		"review of none":  s.GlobalReview(t.Context(), "k", 2, "s", store.Review{State: store.ReviewDenied}),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
	check(t, s.GlobalDelete(t.Context(), "", guild, "k", 1, "s"))
	if _, err := s.GlobalGet(t.Context(), "k", 1, "s"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after delete: got %v, want ErrNotFound", err)
	}
	check(t, s.GlobalCreate(t.Context(), "", globalEntry("k", 1, "s")))
	check(t, s.GlobalDelete(t.Context(), "", khronos.TenantID{}, "k", 1, "s")) // the staff
}

func testGlobalInvalid(t *testing.T, s store.Store) {
	for name, spoil := range map[string]func(*store.GlobalEntry){
		"no owner":     func(e *store.GlobalEntry) { e.Owner = khronos.TenantID{} },
		"key":          func(e *store.GlobalEntry) { e.Key = "\x00" },
		"scope":        func(e *store.GlobalEntry) { e.Scope = "\xff" },
		"description":  func(e *store.GlobalEntry) { e.Long = "\xff" },
		"deep data":    func(e *store.GlobalEntry) { e.Data = nested(khronos.MaxDepth + 1) },
		"deep metdata": func(e *store.GlobalEntry) { e.PublicMetadata = nested(khronos.MaxDepth + 1) },
	} {
		e := globalEntry("k", 1, "s")
		spoil(&e)
		if err := s.GlobalCreate(t.Context(), "", e); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	list, err := s.GlobalFind(t.Context(), store.GlobalFilter{}, 10)
	check(t, err)
	if len(list) != 0 {
		t.Errorf("refused entries were stored: %v", list)
	}
}

func nested(depth int) khronos.Value {
	v := khronos.Null()
	for range depth {
		v = khronos.List(v)
	}
	return v
}
