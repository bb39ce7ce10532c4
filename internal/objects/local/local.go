// Package local is an [objects.Store] in a folder.
//
// It owns the folder. Each object is a file: its content is written beside,
// synced, and then renamed into place, so a file is always a whole object,
// whenever the process is killed. Names are an escaped form of the key in which
// different keys never meet, a file is never in the way of a folder, and nothing
// depends on case; all access goes through an os.Root, which does not leave
// the folder.
//
// It starts no goroutine. One process uses the folder at a time.
package local

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/objects"
)

// unfinished is the folder of what is being written.
const unfinished = "unfinished"

// Store implements [objects.Store]. Make one with Open.
type Store struct{ root *os.Root }

var _ objects.Store = (*Store)(nil)

// Open opens the folder, makes it when it is missing (mode 0700; the one above
// must exist), and removes what was never finished. The caller closes the store.
func Open(dir string) (*Store, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("open object folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open object folder: %w", err)
	}
	s := &Store{root}
	if err := cmp.Or(root.RemoveAll(unfinished), root.Mkdir(unfinished, 0o700), s.sync(".")); err != nil {
		return nil, errors.Join(fmt.Errorf("open object folder: %w", err), root.Close())
	}
	return s, nil
}

// Close gives the folder up. Objects that are being read stay open.
func (s *Store) Close() error { return s.root.Close() }

// Put implements [objects.Store].
func (s *Store) Put(ctx context.Context, tenant khronos.TenantID, key string, r io.Reader, size int64) (objects.Info, error) {
	if err := cmp.Or(objects.CheckPut(tenant, key, size), ctx.Err()); err != nil {
		return objects.Info{}, err
	}
	temp := path.Join(unfinished, rand.Text())
	err := s.write(temp, &until{ctx, objects.Exactly(r, size)})
	if err == nil {
		err = s.place(temp, fileName(tenant, key))
	}
	if err != nil {
		err = errors.Join(err, ignoreMissing(s.root.Remove(temp)))
		return objects.Info{}, fmt.Errorf("put object %q of %s: %w", key, tenant, err)
	}
	return s.Stat(ctx, tenant, key)
}

// write makes a file with everything from r and syncs it.
func (s *Store) write(name string, r io.Reader) error {
	f, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// placeTries is how often place makes folders that a Delete removes meanwhile.
const placeTries = 100

// place renames a finished file, and makes sure that its name is on the disk too.
func (s *Store) place(temp, name string) error {
	dir := path.Dir(name)
	for range placeTries {
		if err := s.root.MkdirAll(dir, 0o700); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err := s.root.Rename(temp, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for ; ; dir = path.Dir(dir) { // the folders may be new
			if err := s.sync(dir); err != nil || dir == "." {
				return err
			}
		}
	}
	return fmt.Errorf("place the object: its folder was removed %d times", placeTries)
}

func (s *Store) sync(dir string) error {
	f, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Stat implements [objects.Store].
func (s *Store) Stat(ctx context.Context, tenant khronos.TenantID, key string) (objects.Info, error) {
	if err := cmp.Or(objects.Check(tenant, key), ctx.Err()); err != nil {
		return objects.Info{}, err
	}
	info, err := s.root.Stat(fileName(tenant, key))
	if err != nil {
		return objects.Info{}, fmt.Errorf("object %q of %s: %w", key, tenant, notFound(err))
	}
	return describe(key, info), nil
}

// Get implements [objects.Store].
func (s *Store) Get(ctx context.Context, tenant khronos.TenantID, key string) (io.ReadCloser, objects.Info, error) {
	if err := cmp.Or(objects.Check(tenant, key), ctx.Err()); err != nil {
		return nil, objects.Info{}, err
	}
	f, err := s.root.Open(fileName(tenant, key))
	if err != nil {
		return nil, objects.Info{}, fmt.Errorf("get object %q of %s: %w", key, tenant, notFound(err))
	}
	info, err := f.Stat()
	if err != nil {
		return nil, objects.Info{}, errors.Join(fmt.Errorf("get object %q of %s: %w", key, tenant, err), f.Close())
	}
	return f, describe(key, info), nil
}

// Delete implements [objects.Store]. It also removes folders that are empty then.
func (s *Store) Delete(ctx context.Context, tenant khronos.TenantID, key string) error {
	if err := cmp.Or(objects.Check(tenant, key), ctx.Err()); err != nil {
		return err
	}
	name := fileName(tenant, key)
	if err := s.root.Remove(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("delete object %q of %s: %w", key, tenant, err)
	}
	dir := path.Dir(name)
	for dir != "." && s.root.Remove(dir) == nil { // it fails for one that holds something
		dir = path.Dir(dir)
	}
	if err := ignoreMissing(s.sync(dir)); err != nil { // a missing one was removed by another Delete, which syncs
		return fmt.Errorf("delete object %q of %s: %w", key, tenant, err)
	}
	return nil
}

// List implements [objects.Store]. It looks at every object of the tenant: their number is bounded by its quota.
func (s *Store) List(ctx context.Context, tenant khronos.TenantID, prefix, after string, limit int) ([]objects.Info, error) {
	if err := cmp.Or(objects.CheckList(tenant), ctx.Err()); err != nil {
		return nil, err
	}
	list := []objects.Info{}
	root := tenantFolder(tenant)
	err := fs.WalkDir(s.root.FS(), root, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // no object, or deleted meanwhile
			return nil
		}
		if err != nil || entry.IsDir() {
			return cmp.Or(err, ctx.Err())
		}
		key, err := keyOf(strings.TrimPrefix(name, root+"/"))
		if err != nil || key <= after || !strings.HasPrefix(key, prefix) {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			list = append(list, describe(key, info))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list objects of %s: %w", tenant, err)
	}
	slices.SortFunc(list, func(a, b objects.Info) int { return strings.Compare(a.Key, b.Key) })
	return list[:min(len(list), max(limit, 0))], nil
}

func describe(key string, info fs.FileInfo) objects.Info {
	at := info.ModTime().UTC()
	return objects.Info{Key: key, Size: info.Size(), ETag: fmt.Sprintf("%x-%x", at.UnixNano(), info.Size()), ModifiedAt: at}
}

func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return objects.ErrNotFound
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// until is a reader that ends when its context does.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u *until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// longest is the longest part of a segment in one name: a name may have 255 bytes.
const longest = 240

func tenantFolder(t khronos.TenantID) string {
	return t.Kind.String() + "/" + strconv.FormatUint(uint64(t.ID), 10)
}

// fileName is the path of an object. Of each segment of the key the name is d
// (more segments follow) or f (the last one) and its escaped form; a long one
// begins with parts marked c.
//
//	guild/42 + "photos/Cat.png"  ->  guild/42/d-photos/f-%43at.png
func fileName(t khronos.TenantID, key string) string {
	var b strings.Builder
	b.WriteString(tenantFolder(t))
	segments := strings.Split(key, "/")
	for i, segment := range segments {
		text := escape(segment)
		for len(text) > longest {
			b.WriteString("/c-" + text[:longest])
			text = text[longest:]
		}
		mark := "/d-"
		if i == len(segments)-1 {
			mark = "/f-"
		}
		b.WriteString(mark + text)
	}
	return b.String()
}

// keyOf is the reverse of fileName, without the tenant.
func keyOf(name string) (string, error) {
	var key, segment strings.Builder
	for part := range strings.SplitSeq(name, "/") {
		if len(part) < 2 || part[1] != '-' || !strings.ContainsRune("cdf", rune(part[0])) {
			return "", fmt.Errorf("the file %q is none of ours", name)
		}
		segment.WriteString(part[2:])
		if part[0] == 'c' {
			continue
		}
		text, err := unescape(segment.String())
		if err != nil {
			return "", fmt.Errorf("the file %q is none of ours", name)
		}
		segment.Reset()
		key.WriteString(text)
		if part[0] == 'd' {
			key.WriteByte('/')
		}
	}
	return key.String(), nil
}

const hexDigits = "0123456789abcdef"

// escape writes all but a-z, 0-9, dot, dash and underscore as % and two digits.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errors.New("cut escape")
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", err
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}
