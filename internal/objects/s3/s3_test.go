package s3_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/objects"
	"github.com/template-worker/template-worker/internal/objects/objectstest"
	"github.com/template-worker/template-worker/internal/objects/s3"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server starts an S3-compatible server in this process and returns how to reach its bucket.
func server(t *testing.T, start func(http.Handler) *httptest.Server) s3.Config {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("objects"); err != nil {
		t.Fatal(err)
	}
	srv := start(gofakes3.New(backend).Server())
	t.Cleanup(srv.Close)
	t.Cleanup(srv.Client().CloseIdleConnections)
	return s3.Config{
		Endpoint: srv.Listener.Addr().String(), Plain: srv.TLS == nil, Region: "us-east-1", Bucket: "objects", Prefix: "tw/",
		AccessKey: "key", SecretKey: "secret", Transport: srv.Client().Transport,
	}
}

func TestStore(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{"https": httptest.NewTLSServer, "http": httptest.NewServer} {
		t.Run(name, func(t *testing.T) {
			objectstest.Run(t, func(t *testing.T) objects.Store {
				s, err := s3.New(t.Context(), server(t, start))
				if err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
}

func TestNew_noBucket(t *testing.T) {
	c := server(t, httptest.NewServer)
	c.Bucket = "missing"
	if _, err := s3.New(t.Context(), c); err == nil || !strings.Contains(err.Error(), "open bucket missing") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want that the bucket is missing", err)
	}
}
