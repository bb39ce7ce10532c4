// Package objectstest is the suite that every implementation of [objects.Store]
// passes. It says in tests what the contract says in words.
package objectstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/objects"
)

// Run tests an implementation. open returns an empty store for one test.
func Run(t *testing.T, open func(t *testing.T) objects.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, objects.Store)
	}{
		{"what was put is what is read", testPut},
		{"no key meets another", testKeys},
		{"tenants do not see each other", testTenants},
		{"lists", testList},
		{"bad keys", testBadKeys},
		{"the announced size", testSize},
		{"a put that fails changes nothing", testFailedPut},
		{"delete", testDelete},
		{"an ended context", testEnded},
		{"whole objects only", testWhole},
		{"puts beside deletes", testPutBesideDelete},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

var (
	guild = khronos.TenantID{Kind: khronos.TenantGuild, ID: 12}
	long  = khronos.TenantID{Kind: khronos.TenantGuild, ID: 123} // guild's id is the beginning of its
	user  = khronos.TenantID{Kind: khronos.TenantUser, ID: 12}
	giant = khronos.TenantID{Kind: khronos.TenantUser, ID: 1<<64 - 1}
)

func put(t *testing.T, s objects.Store, tenant khronos.TenantID, key, content string) objects.Info {
	t.Helper()
	info, err := s.Put(t.Context(), tenant, key, strings.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func read(t *testing.T, s objects.Store, tenant khronos.TenantID, key string) string {
	t.Helper()
	r, info, err := s.Get(t.Context(), tenant, key)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	if info.Size != int64(len(content)) || info.Key != key {
		t.Errorf("described as %q of %d bytes, read %d", info.Key, info.Size, len(content))
	}
	return string(content)
}

func keysOf(list []objects.Info) []string {
	keys := make([]string, len(list))
	for i, o := range list {
		keys[i] = o.Key
	}
	return keys
}

func testPut(t *testing.T, s objects.Store) {
	for _, content := range []string{"", "x", "\x00\xff\n", strings.Repeat("0123456789abcdef", 100_000)} {
		info := put(t, s, giant, "a/b.bin", content)
		if age := time.Since(info.ModifiedAt); info.Key != "a/b.bin" || info.Size != int64(len(content)) || info.ETag == "" || age < -time.Minute || age > time.Minute {
			t.Errorf("put of %d bytes: got %+v", len(content), info)
		}
		if got := read(t, s, giant, "a/b.bin"); got != content {
			t.Errorf("%d bytes came back as %d others", len(content), len(got))
		}
		stat, err := s.Stat(t.Context(), giant, "a/b.bin")
		if err != nil || stat != info {
			t.Errorf("stat: got %+v, %v, want %+v", stat, err, info)
		}
	}
	before := put(t, s, giant, "e", "1")
	if after := put(t, s, giant, "e", "22"); after.ETag == before.ETag {
		t.Error("another content has the same ETag")
	}
}

func testKeys(t *testing.T, s objects.Store) {
	keys := []string{
		"a", "A", "a/b", "a/b/c", "a.b", "a%62", "a%2fb", "f-a", "d-a", "d-a/f-b", "c-a", "...", "a b", "ü", "u\u0308", "\U0001f600",
		`a\b`, "con", "nul.txt", "-", "~", "a+b", "a&b=c?d#e", strings.Repeat("x", 240), strings.Repeat("x", 241), strings.Repeat("ü", 200),
		strings.Repeat("ü", 200) + "/y", strings.Repeat("x/", 400) + "x", strings.Repeat("k", objects.MaxKeyBytes),
	}
	for i, key := range keys {
		put(t, s, guild, key, fmt.Sprint("content ", i))
	}
	for i, key := range keys {
		if got := read(t, s, guild, key); got != fmt.Sprint("content ", i) {
			t.Errorf("key %q: got %q, want content %d", key, got, i)
		}
	}
	list, err := s.List(t.Context(), guild, "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	if !slices.Equal(keysOf(list), keys) {
		t.Errorf("listed %q, want %q", keysOf(list), keys)
	}
}

func testTenants(t *testing.T, s objects.Store) {
	tenants := []khronos.TenantID{guild, long, user, giant}
	for i, tenant := range tenants {
		put(t, s, tenant, "k", fmt.Sprint(i))
		put(t, s, tenant, "3/k", fmt.Sprint(i)) // what guild:12 calls 3/k is not guild:123's k
	}
	for i, tenant := range tenants {
		if got := read(t, s, tenant, "k"); got != fmt.Sprint(i) {
			t.Errorf("%s reads %q", tenant, got)
		}
		list, err := s.List(t.Context(), tenant, "", "", 100)
		if err != nil || !slices.Equal(keysOf(list), []string{"3/k", "k"}) {
			t.Errorf("%s lists %q, %v", tenant, keysOf(list), err)
		}
	}
	if err := s.Delete(t.Context(), guild, "k"); err != nil {
		t.Fatal(err)
	}
	for _, tenant := range tenants[1:] {
		read(t, s, tenant, "k")
	}
}

func testList(t *testing.T, s objects.Store) {
	list, err := s.List(t.Context(), guild, "", "", 10)
	if err != nil || list == nil || len(list) != 0 {
		t.Errorf("of an empty store: got %v, %v, want an empty list", list, err)
	}
	all := []string{"a", "a-b", "a/b", "a/c/d", "a/ca", "a0", "b"}
	for _, key := range all {
		put(t, s, guild, key, key)
	}
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          []string
	}{
		{"", "", 100, all}, {"", "", 3, all[:3]}, {"", "a/b", 2, all[3:5]}, {"a/", "", 100, all[2:5]}, {"a/c", "", 100, all[3:5]},
		{"a/c", "a/c/d", 100, all[4:5]}, {"", "a/", 1, all[2:3]}, {"c", "", 100, nil}, {"", "z", 100, nil}, {"", "", 0, nil}, {"../", "", 9, nil},
	} {
		list, err := s.List(t.Context(), guild, c.prefix, c.after, c.limit)
		if err != nil || !slices.Equal(keysOf(list), c.want) {
			t.Errorf("%q after %q, %d: got %q, %v, want %q", c.prefix, c.after, c.limit, keysOf(list), err, c.want)
		}
		for _, o := range list {
			if o.Size != int64(len(o.Key)) || o.ETag == "" || o.ModifiedAt.IsZero() {
				t.Errorf("listed %+v", o)
			}
		}
	}
}

func testBadKeys(t *testing.T, s objects.Store) {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "./a", "a\x00b", "a\nb", "\xff", "a/../../../etc/passwd",
		strings.Repeat("x", objects.MaxKeyBytes+1),
	} {
		_, putErr := s.Put(t.Context(), guild, key, strings.NewReader("x"), 1)
		_, statErr := s.Stat(t.Context(), guild, key)
		_, _, getErr := s.Get(t.Context(), guild, key)
		for name, err := range map[string]error{"put": putErr, "stat": statErr, "get": getErr, "delete": s.Delete(t.Context(), guild, key)} {
			if !errors.Is(err, objects.ErrInvalid) {
				t.Errorf("%s of %q: got %v, want ErrInvalid", name, key, err)
			}
		}
	}
	_, listErr := s.List(t.Context(), khronos.TenantID{}, "", "", 1)
	_, putErr := s.Put(t.Context(), khronos.TenantID{}, "a", strings.NewReader("x"), 1)
	_, sizeErr := s.Put(t.Context(), guild, "a", strings.NewReader("x"), -1)
	for name, err := range map[string]error{"list of nobody": listErr, "put of nobody": putErr, "negative size": sizeErr} {
		if !errors.Is(err, objects.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
}

func testSize(t *testing.T, s objects.Store) {
	for _, size := range []int64{0, 1, 4, 6, 1000} {
		if _, err := s.Put(t.Context(), guild, "k", strings.NewReader("12345"), size); !errors.Is(err, objects.ErrSize) {
			t.Errorf("5 bytes announced as %d: got %v, want ErrSize", size, err)
		}
	}
	if _, err := s.Stat(t.Context(), guild, "k"); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("something was stored: %v", err)
	}
	if _, err := s.Put(t.Context(), guild, "k", iotest.OneByteReader(strings.NewReader("12345")), 5); err != nil {
		t.Error(err)
	}
	if _, err := s.Put(t.Context(), guild, "k", iotest.DataErrReader(strings.NewReader("54321")), 5); err != nil {
		t.Error(err)
	}
	if got := read(t, s, guild, "k"); got != "54321" {
		t.Errorf("got %q", got)
	}
}

func testFailedPut(t *testing.T, s objects.Store) {
	put(t, s, guild, "k", "old")
	broken := errors.New("the line was cut")
	r := io.MultiReader(strings.NewReader("ne"), iotest.ErrReader(broken))
	if _, err := s.Put(t.Context(), guild, "k", r, 3); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
	if got := read(t, s, guild, "k"); got != "old" {
		t.Errorf("got %q, want what was there", got)
	}
}

func testDelete(t *testing.T, s objects.Store) {
	put(t, s, guild, "a/b/c", "1")
	put(t, s, guild, "a/b", "2")
	for range 2 {
		if err := s.Delete(t.Context(), guild, "a/b/c"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(t.Context(), guild, "a"); err != nil { // not the folder
		t.Fatal(err)
	}
	if _, err := s.Stat(t.Context(), guild, "a/b/c"); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("after delete: got %v, want ErrNotFound", err)
	}
	if _, _, err := s.Get(t.Context(), guild, "a/b/c"); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("get after delete: got %v, want ErrNotFound", err)
	}
	if got := read(t, s, guild, "a/b"); got != "2" {
		t.Errorf("got %q", got)
	}
}

func testEnded(t *testing.T, s objects.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, putErr := s.Put(ctx, guild, "k", strings.NewReader("x"), 1)
	_, statErr := s.Stat(ctx, guild, "k")
	_, _, getErr := s.Get(ctx, guild, "k")
	_, listErr := s.List(ctx, guild, "", "", 1)
	for name, err := range map[string]error{"put": putErr, "stat": statErr, "get": getErr, "list": listErr, "delete": s.Delete(ctx, guild, "k")} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", name, err)
		}
	}
}

// testWhole replaces an object while others read it: each reads one of the contents, whole.
func testWhole(t *testing.T, s objects.Store) {
	content := func(n int) string { return strings.Repeat(string(rune('a'+n)), 10_000*(n+1)) }
	put(t, s, guild, "k", content(0))
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 15 {
				if w == 0 {
					c := content(n % 5)
					if _, err := s.Put(t.Context(), guild, "k", strings.NewReader(c), int64(len(c))); err != nil {
						t.Error(err)
					}
					continue
				}
				r, info, err := s.Get(t.Context(), guild, "k")
				if err != nil {
					t.Error(err)
					continue
				}
				got, err := io.ReadAll(r)
				if err := errors.Join(err, r.Close()); err != nil {
					t.Error(err)
				}
				if len(got) == 0 || string(got) != content(int(got[0]-'a')) || info.Size != int64(len(got)) {
					t.Errorf("read a mixture of %d bytes, described as %d", len(got), info.Size)
				}
			}
		})
	}
	wg.Wait()
}

func testPutBesideDelete(t *testing.T, s objects.Store) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			key := fmt.Sprint("a/b/", w)
			for range 25 {
				if _, err := s.Put(t.Context(), guild, key, bytes.NewReader([]byte(key)), int64(len(key))); err != nil {
					t.Error(err)
				}
				if err := s.Delete(t.Context(), guild, key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	list, err := s.List(t.Context(), guild, "", "", 10)
	if err != nil || len(list) != 0 {
		t.Errorf("left: %v, %v", list, err)
	}
}
