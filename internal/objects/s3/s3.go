// Package s3 is an [objects.Store] in a bucket of an S3-compatible service.
//
// It owns the keys below its prefix in the bucket: <prefix><kind>/<snowflake>/<key>. The tenant's part
// always ends with a slash, so the id of one tenant may begin with another's.
// It starts no goroutine of its own.
package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/objects"
)

// Config says where the bucket is. All but Prefix, Region and Transport is needed.
type Config struct {
	Endpoint  string // host or host:port
	Plain     bool   // http instead of https
	Region    string
	Bucket    string // must exist
	Prefix    string // before every key; with a slash at its end, if any
	AccessKey string
	SecretKey string
	Transport http.RoundTripper // nil: the client's own
}

// Store implements [objects.Store]. Make one with New.
type Store struct {
	client *minio.Client
	bucket string
	prefix string
}

var _ objects.Store = (*Store)(nil)

// New returns a store in the bucket and looks whether the bucket is there.
func New(ctx context.Context, c Config) (*Store, error) {
	client, err := minio.New(c.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""), Secure: !c.Plain, Region: c.Region, Transport: c.Transport,
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", c.Bucket, err)
	}
	ok, err := client.BucketExists(ctx, c.Bucket)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", c.Bucket, err)
	}
	if !ok {
		return nil, fmt.Errorf("open bucket %s: there is no such bucket", c.Bucket)
	}
	return &Store{client: client, bucket: c.Bucket, prefix: c.Prefix}, nil
}

func (s *Store) folder(t khronos.TenantID) string {
	return s.prefix + t.Kind.String() + "/" + strconv.FormatUint(uint64(t.ID), 10) + "/"
}

// Put implements [objects.Store].
func (s *Store) Put(ctx context.Context, tenant khronos.TenantID, key string, r io.Reader, size int64) (objects.Info, error) {
	if err := cmp.Or(objects.CheckPut(tenant, key, size), ctx.Err()); err != nil {
		return objects.Info{}, err
	}
	content := objects.Exactly(r, size)
	if size == 0 { // nothing would be read of it, and its length not be sent
		if _, err := io.Copy(io.Discard, content); err != nil {
			return objects.Info{}, fmt.Errorf("put object %q of %s: %w", key, tenant, err)
		}
		content = http.NoBody
	}
	// The client signs content in pieces, and with none of it would send a request without a length, which services refuse.
	options := minio.PutObjectOptions{ContentType: "application/octet-stream", DisableContentSha256: size == 0}
	_, err := s.client.PutObject(ctx, s.bucket, s.folder(tenant)+key, content, size, options)
	if err != nil {
		return objects.Info{}, fmt.Errorf("put object %q of %s: %w", key, tenant, err)
	}
	return s.Stat(ctx, tenant, key)
}

// Stat implements [objects.Store].
func (s *Store) Stat(ctx context.Context, tenant khronos.TenantID, key string) (objects.Info, error) {
	if err := cmp.Or(objects.Check(tenant, key), ctx.Err()); err != nil {
		return objects.Info{}, err
	}
	info, err := s.client.StatObject(ctx, s.bucket, s.folder(tenant)+key, minio.StatObjectOptions{})
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
	core := minio.Core{Client: s.client} // one request: what it describes is what it reads
	body, info, _, err := core.GetObject(ctx, s.bucket, s.folder(tenant)+key, minio.GetObjectOptions{})
	if err != nil {
		return nil, objects.Info{}, fmt.Errorf("get object %q of %s: %w", key, tenant, notFound(err))
	}
	return body, describe(key, info), nil
}

// Delete implements [objects.Store].
func (s *Store) Delete(ctx context.Context, tenant khronos.TenantID, key string) error {
	if err := cmp.Or(objects.Check(tenant, key), ctx.Err()); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.bucket, s.folder(tenant)+key, minio.RemoveObjectOptions{})
	if err != nil && !errors.Is(notFound(err), objects.ErrNotFound) {
		return fmt.Errorf("delete object %q of %s: %w", key, tenant, err)
	}
	return nil
}

// List implements [objects.Store].
func (s *Store) List(ctx context.Context, tenant khronos.TenantID, prefix, after string, limit int) ([]objects.Info, error) {
	if err := cmp.Or(objects.CheckList(tenant), ctx.Err()); err != nil {
		return nil, err
	}
	folder := s.folder(tenant)
	start := ""
	if after != "" {
		start = folder + after
	}
	list := []objects.Info{}
	if limit <= 0 {
		return list, nil
	}
	for info := range s.client.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: folder + prefix, StartAfter: start, Recursive: true}) {
		if info.Err != nil {
			return nil, fmt.Errorf("list objects of %s: %w", tenant, cmp.Or(ctx.Err(), info.Err))
		}
		key := strings.TrimPrefix(info.Key, folder)
		if key <= after || objects.Check(tenant, key) != nil { // not ours: a folder mark of another program
			continue
		}
		if list = append(list, describe(key, info)); len(list) == limit {
			break
		}
	}
	return list, nil
}

func describe(key string, info minio.ObjectInfo) objects.Info {
	return objects.Info{Key: key, Size: info.Size, ETag: strings.Trim(info.ETag, `"`), ModifiedAt: info.LastModified.UTC()}
}

func notFound(err error) error {
	if code := minio.ToErrorResponse(err).Code; code == minio.NoSuchKey {
		return objects.ErrNotFound
	}
	return err
}
