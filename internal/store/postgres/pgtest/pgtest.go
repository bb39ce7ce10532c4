// Package pgtest runs a private PostgreSQL server for tests: a cluster of its
// own in a temporary folder, reached over a unix socket, that ends with the
// process that started it.
//
// It needs the server's programs (initdb, postgres) and installs nothing. As
// root it runs them as the user postgres or nobody, because they refuse root.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Variable names the environment variable with the URL of a server on which
// tests may make databases.
const Variable = "TW_TEST_POSTGRES"

// startTimeout is how long a server may take until it answers.
const startTimeout = 30 * time.Second

// Server is a running cluster. Its methods are for one goroutine.
type Server struct {
	bin  string // the folder of the server's programs
	root string // holds the cluster and the socket
	as   *syscall.Credential
	args []string

	server *exec.Cmd
	exited chan struct{} // closed when server has ended
}

// Unsynced is a setting for tests that are about answers and not about the disk.
const Unsynced = "fsync=off"

// Start makes a cluster and starts its server with these settings. The caller stops it.
func Start(ctx context.Context, settings ...string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	as, err := credential()
	if err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, root: root, as: as}
	for _, setting := range settings {
		s.args = append(s.args, "-c", setting)
	}
	if as != nil {
		err = os.Chown(root, int(as.Uid), int(as.Gid))
	}
	if err == nil {
		err = s.initialize(ctx)
	}
	if err == nil {
		err = s.Run(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(root))
	}
	return s, nil
}

// URL is the address of the server's first database; tests may make others beside it.
func (s *Server) URL() string {
	u := url.URL{Scheme: "postgres", User: url.User("tw"), Path: "/postgres", RawQuery: url.Values{"host": {s.root}}.Encode()}
	return u.String()
}

// Run starts the server again after Crash and waits until it answers.
func (s *Server) Run(ctx context.Context) error {
	args := []string{"-D", s.data(), "-k", s.root, "-c", "listen_addresses=", "-c", "logging_collector=off",
		"-c", "max_connections=200", "-c", "log_min_messages=panic"}
	s.server = s.command("postgres", append(args, s.args...)...)
	s.server.Stderr = os.Stderr
	// The signal comes when the starting thread ends, which may be before the process does.
	started := make(chan error)
	s.exited = make(chan struct{})
	go func() {
		runtime.LockOSThread()
		endWithParent(s.server.SysProcAttr)
		err := s.server.Start()
		started <- err
		if err == nil {
			_ = s.server.Wait() // how it ended is known: we ended it, or it does not answer
			close(s.exited)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return errors.New("postgres ended while it was starting; it said why on stderr")
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for postgres: %w", err), s.end(syscall.SIGQUIT))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Crash ends the server at once, without a checkpoint, as a failure would
// (immediate shutdown): its next start recovers from the log.
func (s *Server) Crash() error { return s.end(syscall.SIGQUIT) }

// Stop ends the server and removes the cluster.
func (s *Server) Stop() error {
	return errors.Join(s.end(syscall.SIGINT), os.RemoveAll(s.root))
}

func (s *Server) end(signal syscall.Signal) error {
	err := s.server.Process.Signal(signal)
	<-s.exited
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func (s *Server) data() string { return filepath.Join(s.root, "data") }

func (s *Server) initialize(ctx context.Context) error {
	c := s.command("initdb", "-D", s.data(), "-U", "tw", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return ctx.Err()
}

func (s *Server) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, program), args...)
	c.Dir = s.root
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	return c
}

func (s *Server) ping(ctx context.Context) error {
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	return errors.Join(c.Ping(ctx), c.Close(ctx))
}

// ErrNoServer means that PostgreSQL's programs are not installed.
var ErrNoServer = errors.New("PostgreSQL's server programs (initdb, postgres) are not installed")

// programs finds the folder of the newest server: Debian keeps them off the PATH.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(newest), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", ErrNoServer
	}
	return filepath.Dir(initdb), nil
}

func version(initdb string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return n
}

// credential is who runs the server: somebody who is not root.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("root may not run PostgreSQL, and there is no user postgres or nobody")
}
