package storetest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/template-worker/template-worker/internal/store"
)

var templateTests = []test{
	{"what was put is what is read", testPutAndRead},
	{"a version is never given twice", testVersions},
	{"replacing replaces all", testReplace},
	{"lists are sorted and of one tenant", testTemplateList},
	{"unknown ones are not found", testTemplateNotFound},
	{"what cannot be kept is refused", testTemplateInvalid},
	{"results belong to the caller", testTemplateAliasing},
	{"a large template", testLargeTemplate},
}

func testPutAndRead(t *testing.T, s store.Store) {
	in := template(giant, "a.b_c-D")
	in.Paused = true
	in.Files["müll.luau"] = "-- \"quotes\" 'too' \x00 \u2028 \U0001f600"
	in.Files["raw.bin"] = "\xff\xfe"
	put, err := s.PutTemplate(t.Context(), in)
	check(t, err)

	want := in
	want.Version = 1
	want.CreatedAt, want.UpdatedAt = put.CreatedAt, put.UpdatedAt
	recent(t, put.CreatedAt)
	if !put.UpdatedAt.Equal(put.CreatedAt) {
		t.Errorf("a new template was created at %v and updated at %v", put.CreatedAt, put.UpdatedAt)
	}
	if diff := cmp.Diff(want, put); diff != "" {
		t.Errorf("PutTemplate returned (-want +got):\n%s", diff)
	}
	got, err := s.Template(t.Context(), giant, in.Name)
	check(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Template returned (-want +got):\n%s", diff)
	}
	list, err := s.Templates(t.Context(), giant)
	check(t, err)
	if diff := cmp.Diff([]store.Template{want}, list); diff != "" {
		t.Errorf("Templates returned (-want +got):\n%s", diff)
	}
}

func testVersions(t *testing.T, s store.Store) {
	put := func(name string, want int64) {
		t.Helper()
		in := template(guild, name)
		in.Version = 77 // not looked at
		got, err := s.PutTemplate(t.Context(), in)
		check(t, err)
		if got.Version != want {
			t.Errorf("version of %s: got %d, want %d", name, got.Version, want)
		}
	}
	put("a", 1)
	put("a", 2)
	put("b", 1)
	check(t, s.DeleteTemplate(t.Context(), guild, "a"))
	put("a", 3)
	got, err := s.Template(t.Context(), guild, "a")
	check(t, err)
	if got.Version != 3 {
		t.Errorf("read version: got %d, want 3", got.Version)
	}
}

func testReplace(t *testing.T, s store.Store) {
	first, err := s.PutTemplate(t.Context(), template(guild, "a"))
	check(t, err)
	in := store.Template{Tenant: guild}
	in.Name = "a"
	in.Files = map[string]string{"init.luau": "return 1"}
	second, err := s.PutTemplate(t.Context(), in)
	check(t, err)
	if !maps.Equal(second.Files, in.Files) {
		t.Errorf("files: got %v, want only the new ones", second.Files)
	}
	if second.Capabilities == nil || len(second.Capabilities) != 0 || second.Subscriptions == nil || len(second.Subscriptions) != 0 {
		t.Errorf("lists: got %v and %v, want them empty and not nil", second.Capabilities, second.Subscriptions)
	}
	if !second.CreatedAt.Equal(first.CreatedAt) || second.UpdatedAt.Before(first.UpdatedAt) {
		t.Errorf("times: got %v, %v after %v", second.CreatedAt, second.UpdatedAt, first.CreatedAt)
	}
}

func testTemplateList(t *testing.T, s store.Store) {
	for _, name := range []string{"b", "a", "B"} {
		_, err := s.PutTemplate(t.Context(), template(guild, name))
		check(t, err)
	}
	_, err := s.PutTemplate(t.Context(), template(user, "mine"))
	check(t, err)
	list, err := s.Templates(t.Context(), guild)
	check(t, err)
	var names []string
	for _, tpl := range list {
		names = append(names, tpl.Name)
		if len(tpl.Files) != 2 {
			t.Errorf("%s has %d files, want 2", tpl.Name, len(tpl.Files))
		}
	}
	if want := []string{"B", "a", "b"}; !slices.Equal(names, want) {
		t.Errorf("names: got %q, want %q", names, want)
	}
	list, err = s.Templates(t.Context(), other)
	check(t, err)
	if list == nil || len(list) != 0 {
		t.Errorf("templates of a tenant without any: got %v, want an empty list", list)
	}
}

func testTemplateNotFound(t *testing.T, s store.Store) {
	_, err := s.PutTemplate(t.Context(), template(guild, "a"))
	check(t, err)
	if _, err := s.Template(t.Context(), guild, "A"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Template of another case: got %v, want ErrNotFound", err)
	}
	if _, err := s.Template(t.Context(), user, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Template of another tenant: got %v, want ErrNotFound", err)
	}
	if err := s.DeleteTemplate(t.Context(), user, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("DeleteTemplate of another tenant: got %v, want ErrNotFound", err)
	}
	check(t, s.DeleteTemplate(t.Context(), guild, "a"))
	if err := s.DeleteTemplate(t.Context(), guild, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("second DeleteTemplate: got %v, want ErrNotFound", err)
	}
	if _, err := s.Template(t.Context(), guild, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Template after delete: got %v, want ErrNotFound", err)
	}
}

func testTemplateInvalid(t *testing.T, s store.Store) {
	bad := map[string]func(*store.Template){
		"no tenant":              func(t *store.Template) { t.Tenant.Kind = 0 },
		"no name":                func(t *store.Template) { t.Name = "" },
		"name with NUL":          func(t *store.Template) { t.Name = "a\x00" },
		"path is not UTF-8":      func(t *store.Template) { t.Files["\xff"] = "" },
		"capability with NUL":    func(t *store.Template) { t.Capabilities = []string{"\x00"} },
		"subscription not UTF-8": func(t *store.Template) { t.Subscriptions = []string{"\xff"} },
	}
	for name, spoil := range bad {
		in := template(guild, "a")
		spoil(&in)
		if _, err := s.PutTemplate(t.Context(), in); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
	list, err := s.Templates(t.Context(), guild)
	check(t, err)
	if len(list) != 0 {
		t.Errorf("refused templates were stored: %v", list)
	}
}

func testTemplateAliasing(t *testing.T, s store.Store) {
	in := template(guild, "a")
	put, err := s.PutTemplate(t.Context(), in)
	check(t, err)
	read, err := s.Template(t.Context(), guild, "a")
	check(t, err)
	for _, tpl := range []store.Template{in, put, read} {
		tpl.Files["init.luau"] = "changed"
		tpl.Capabilities[0] = "changed"
		tpl.Subscriptions[0] = "changed"
	}
	got, err := s.Template(t.Context(), guild, "a")
	check(t, err)
	want := template(guild, "a")
	if diff := cmp.Diff(want.Files, got.Files); diff != "" {
		t.Errorf("files changed from outside:\n%s", diff)
	}
	if got.Capabilities[0] == "changed" || got.Subscriptions[0] == "changed" {
		t.Errorf("lists changed from outside: %v, %v", got.Capabilities, got.Subscriptions)
	}
}

func testLargeTemplate(t *testing.T, s store.Store) {
	in := template(guild, "large")
	in.Files["big.luau"] = strings.Repeat("x", 256<<10)
	for i := range 200 {
		in.Files[strings.Repeat("d/", i)+"f.luau"] = strings.Repeat("y", i)
	}
	_, err := s.PutTemplate(t.Context(), in)
	check(t, err)
	got, err := s.Template(t.Context(), guild, "large")
	check(t, err)
	if !maps.Equal(got.Files, in.Files) {
		t.Errorf("%d files came back different from the %d put", len(got.Files), len(in.Files))
	}
}
