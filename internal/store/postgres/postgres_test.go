package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/postgres"
	"github.com/template-worker/template-worker/internal/store/postgres/pgtest"
	"github.com/template-worker/template-worker/internal/store/storetest"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func TestMain(m *testing.M) {
	if address := os.Getenv(crashAddress); address != "" {
		fmt.Fprintln(os.Stderr, crashChild(address))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func TestStore(t *testing.T) {
	address := newDatabase(t)
	if _, err := postgres.Migrate(t.Context(), address, quiet); err != nil {
		t.Fatal(err)
	}
	storetest.Run(t, func(t *testing.T) store.Store {
		if err := statement(t.Context(), address, emptied); err != nil {
			t.Fatal(err)
		}
		return open(t, address)
	})
}

func open(t *testing.T, address string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), address, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// server returns the address of the server, or skips.
func server(t *testing.T) string {
	t.Helper()
	address := os.Getenv(pgtest.Variable)
	if address == "" {
		t.Skipf("NOT TESTED: %s names no PostgreSQL server; run: make test-postgres", pgtest.Variable)
	}
	return address
}

// emptied is what one test after the other begins with: emptying a database is faster than making one.
const emptied = `DO $$ BEGIN
	EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') FROM pg_tables
		WHERE schemaname = 'public' AND tablename <> 'goose_db_version');
END $$`

// newDatabase makes a database that is dropped after the test.
func newDatabase(t *testing.T) string {
	t.Helper()
	admin := server(t)
	name := "tw_test_" + strings.ToLower(rand.Text())
	if err := statement(t.Context(), admin, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := statement(context.Background(), admin, "DROP DATABASE "+name); err != nil {
			t.Error(err)
		}
	})
	return database(t, admin, name)
}

func database(t *testing.T, admin, name string) string {
	t.Helper()
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func statement(ctx context.Context, address, text string) error {
	c, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, text)
	return err
}
