package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/template-worker/template-worker/internal/store/postgres"
	"github.com/template-worker/template-worker/internal/store/postgres/pgtest"
	"github.com/template-worker/template-worker/internal/store/storetest"
)

// crashAddress names the database in the environment of the child that is killed.
const crashAddress = "TW_TEST_CRASH_DATABASE"

// crashChild returns only on an error.
func crashChild(address string) error {
	s, err := postgres.Open(context.Background(), address, quiet)
	if err != nil {
		return err
	}
	return storetest.WriteForever(s, fmt.Sprint("run", os.Getpid()), os.Stdout)
}

// TestOpen_afterKill kills a writing process with SIGKILL, several times over
// one database, and looks for everything that it had acknowledged.
func TestOpen_afterKill(t *testing.T) {
	address := newDatabase(t)
	var acknowledged []string
	for round := range 3 {
		acknowledged = append(acknowledged, storetest.KillAfter(t, crashAddress+"="+address, 150+97*round, (*os.Process).Kill)...)
	}
	s := open(t, address)
	storetest.CheckSurvivors(t, s, acknowledged)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestOpen_afterServerCrash ends a server of its own in the middle of writes,
// without a checkpoint, starts it again, and looks for everything that was acknowledged.
func TestOpen_afterServerCrash(t *testing.T) {
	server(t)
	private, err := pgtest.Start(t.Context())
	if errors.Is(err, pgtest.ErrNoServer) {
		t.Skipf("NOT TESTED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := private.Stop(); err != nil {
			t.Error(err)
		}
	}()
	var acknowledged []string
	for range 2 {
		lines := storetest.KillAfter(t, crashAddress+"="+private.URL(), 200, func(*os.Process) error { return private.Crash() })
		acknowledged = append(acknowledged, lines...)
		if err := private.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, private.URL())
	storetest.CheckSurvivors(t, s, acknowledged)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
