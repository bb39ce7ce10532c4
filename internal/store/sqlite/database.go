package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/sqlstore"
)

const (
	// joined is how many changes share one transaction at most.
	joined = 256
	// waitingChanges bounds the changes that wait for the writer; further callers wait to get in.
	waitingChanges = 1024
)

// database is a [sqlstore.DB]: a few reading connections and one writing
// goroutine with the writing connection.
//
// See RATIONALE.md, "Why one goroutine writes to SQLite".
type database struct {
	write, read *sql.DB
	idle        chan *conn // reading connections that nobody uses
	changes     chan *change
	writing     chan struct{} // closed when the writer has returned

	// mu guards the fields below.
	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup // calls under way; grows only while not closed
}

// newDatabase takes over the connections, unless it returns an error.
func newDatabase(ctx context.Context, write, read *sql.DB) (*database, error) {
	d := &database{
		write: write, read: read,
		idle:    make(chan *conn, readers),
		changes: make(chan *change, waitingChanges),
		writing: make(chan struct{}),
	}
	for range readers {
		c, err := newConn(ctx, read, true)
		if err != nil {
			return nil, err
		}
		d.idle <- c
	}
	c, err := newConn(ctx, write, false)
	if err != nil {
		return nil, err
	}
	go d.writeLoop(c)
	return d, nil
}

// close waits for the calls under way and frees everything, once.
func (d *database) close() error {
	d.mu.Lock()
	already := d.closed
	d.closed = true
	d.mu.Unlock()
	if already {
		return nil
	}
	d.calls.Wait()
	close(d.changes)
	<-d.writing
	var errs []error
	for range readers {
		errs = append(errs, (<-d.idle).close())
	}
	// The writer last: the last connection moves the journal into the file.
	return errors.Join(append(errs, d.read.Close(), d.write.Close())...)
}

// enter registers a call, unless the store is closed.
func (d *database) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return store.ErrClosed
	}
	d.calls.Add(1)
	return nil
}

// One implements [sqlstore.DB].
func (d *database) One(ctx context.Context, f func(sqlstore.Tx) error) error {
	return d.reading(ctx, func(c *conn) error { return f(c) })
}

// View implements [sqlstore.DB].
func (d *database) View(ctx context.Context, f func(sqlstore.Tx) error) error {
	return d.reading(ctx, func(c *conn) error {
		if err := c.do(`BEGIN`); err != nil {
			return err
		}
		return errors.Join(f(c), c.do(`ROLLBACK`)) // there is nothing to commit
	})
}

func (d *database) reading(ctx context.Context, f func(*conn) error) error {
	if err := d.enter(ctx); err != nil {
		return err
	}
	defer d.calls.Done()
	select {
	case c := <-d.idle:
		defer func() { d.idle <- c }()
		return contextError(ctx, f(c))
	case <-ctx.Done():
		return ctx.Err()
	}
}

// change is an Update that waits for the writer.
type change struct {
	f     func(sqlstore.Tx) error
	taken atomic.Bool // by the writer, or by a caller that gave up
	done  chan error  // one
}

// Update implements [sqlstore.DB]. A caller whose context ends leaves only if
// the writer has not begun with its change: what f refers to is the caller's.
func (d *database) Update(ctx context.Context, f func(sqlstore.Tx) error) error {
	if err := d.enter(ctx); err != nil {
		return err
	}
	defer d.calls.Done()
	c := &change{f: f, done: make(chan error, 1)}
	select {
	case d.changes <- c:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		if c.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		return <-c.done
	}
}

// writeLoop owns the writing connection until changes is closed.
func (d *database) writeLoop(c *conn) {
	defer close(d.writing)
	defer c.close() // the error is that of the pool's Close too
	group := make([]*change, 0, joined)
	for first := range d.changes {
		group = d.gather(append(group[:0], first))
		errs := c.commit(group)
		for i, change := range group {
			change.done <- errs[i]
			group[i] = nil
		}
	}
}

// gather appends the changes that wait already and returns those whose callers still do.
func (d *database) gather(group []*change) []*change {
	for len(group) < joined {
		select {
		case next, ok := <-d.changes:
			if !ok {
				return take(group)
			}
			group = append(group, next)
			continue
		default:
		}
		break
	}
	return take(group)
}

func take(group []*change) []*change {
	kept := group[:0]
	for _, c := range group {
		if c.taken.CompareAndSwap(false, true) {
			kept = append(kept, c)
		}
	}
	return kept
}

// commit does the changes in one transaction and returns the error of each. One
// that fails takes back only what it did itself. When the transaction
// fails all have failed.
func (c *conn) commit(group []*change) []error {
	errs := make([]error, len(group))
	if len(group) == 0 {
		return errs
	}
	err := c.do(`BEGIN IMMEDIATE`)
	for i := 0; i < len(group) && err == nil; i++ {
		errs[i], err = c.change(group[i].f)
	}
	if err == nil {
		err = c.do(`COMMIT`)
	}
	if err == nil {
		return errs
	}
	// SQLite may have rolled back by itself; then this is an error that says so.
	_ = c.do(`ROLLBACK`)
	for i := range errs {
		errs[i] = fmt.Errorf("write to the database: %w", err)
	}
	return errs
}

// change runs f under a savepoint. err is f's, broken says that the whole
// transaction is lost.
func (c *conn) change(f func(sqlstore.Tx) error) (err, broken error) {
	if err := c.do(`SAVEPOINT change`); err != nil {
		return nil, err
	}
	if err = run(f, c); err != nil {
		if broken := c.do(`ROLLBACK TO change`); broken != nil {
			return err, errors.Join(err, broken)
		}
	}
	return err, c.do(`RELEASE change`)
}

// run turns a panic of f, which is our bug, into an error: the writer has to go on.
func run(f func(sqlstore.Tx) error, c *conn) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a change of the store: %v\n%s", p, debug.Stack())
		}
	}()
	return f(c)
}

// conn is one connection with its statements, compiled when first needed: most
// of the time of a small query would otherwise go into that. There are finitely many:
// the texts vary only with the number of scopes.
//
// It is a [sqlstore.Tx]. Only Query looks at its context, and only on reading
// connections: interrupting a change would roll back those that it is joined with.
type conn struct {
	c          *sql.Conn
	reads      bool
	statements map[string]*sql.Stmt
}

func newConn(ctx context.Context, db *sql.DB, reads bool) (*conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{c: c, reads: reads, statements: make(map[string]*sql.Stmt)}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

func (c *conn) statement(text string) (*sql.Stmt, error) {
	if s, ok := c.statements[text]; ok {
		return s, nil
	}
	s, err := c.c.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", text, err)
	}
	c.statements[text] = s
	return s, nil
}

func (c *conn) do(text string) error {
	_, err := c.Exec(context.Background(), text)
	return err
}

// Exec implements [sqlstore.Tx].
func (c *conn) Exec(_ context.Context, text string, args ...any) (int64, error) {
	s, err := c.statement(text)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Row implements [sqlstore.Tx].
func (c *conn) Row(_ context.Context, text string, args ...any) sqlstore.Scanner {
	s, err := c.statement(text)
	if err != nil {
		return noRow{err}
	}
	return s.QueryRowContext(context.Background(), args...)
}

// Query implements [sqlstore.Tx].
func (c *conn) Query(ctx context.Context, text string, args ...any) (sqlstore.Rows, error) {
	s, err := c.statement(text)
	if err != nil {
		return nil, err
	}
	if !c.reads {
		ctx = context.Background()
	}
	rows, err := s.QueryContext(ctx, args...)
	return queried{rows}, err
}

// noRow is the answer to a question that could not be put.
type noRow struct{ err error }

func (r noRow) Scan(...any) error { return r.err }

// queried is sql.Rows whose Close has nothing to say that Err has not.
type queried struct{ *sql.Rows }

func (r queried) Close() { _ = r.Rows.Close() }

// contextError puts ctx's error before err when ctx has ended: the driver
// reports an interrupted statement in words of its own.
func contextError(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}
