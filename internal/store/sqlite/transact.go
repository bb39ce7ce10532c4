package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/template-worker/template-worker/internal/store"
)

// reading and writing list the statements of transactions of either sort. They
// are prepared when the file is opened: most of the time of a small query would
// otherwise go into compiling it.
var (
	reading = []string{
		tenantSQL, knownSQL, stateSQL, subscriptionsSQL, statsSQL, pingSQL,
		templateSQL, templatesSQL, filesSQL, allFilesSQL,
		getSQL, findSQL, recordSQL, scopesSQL,
	}
	writing = []string{
		tenantSQL, addTenantSQL, putStateSQL,
		nextVersionSQL, putTemplateSQL, deleteFilesSQL, addFileSQL, deleteTemplateSQL, templateSQL, filesSQL,
		countWriteSQL, setSQL, addScopesSQL, deleteSQL,
	}
)

// pool is a set of connections and the statements prepared on them.
type pool struct {
	db         *sql.DB
	statements map[string]*sql.Stmt // by text; never written after prepare
}

// prepare compiles the statements. They live as long as the pool.
func (p *pool) prepare(ctx context.Context, texts []string) error {
	p.statements = make(map[string]*sql.Stmt, len(texts))
	for _, text := range texts {
		statement, err := p.db.PrepareContext(ctx, text)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", text, err)
		}
		p.statements[text] = statement
	}
	return nil
}

// txn is a transaction that runs its pool's statements.
type txn struct {
	tx   *sql.Tx
	pool *pool
}

func (t txn) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return t.statement(ctx, text).QueryContext(ctx, args...)
}

func (t txn) row(ctx context.Context, text string, args ...any) *sql.Row {
	return t.statement(ctx, text).QueryRowContext(ctx, args...)
}

func (t txn) exec(ctx context.Context, text string, args ...any) (sql.Result, error) {
	return t.statement(ctx, text).ExecContext(ctx, args...)
}

func (t txn) statement(ctx context.Context, text string) *sql.Stmt {
	prepared, ok := t.pool.statements[text]
	if !ok {
		panic("BUG: a statement that is in no list: " + text)
	}
	return t.tx.StmtContext(ctx, prepared)
}

// view runs f in a reading transaction: all its queries see one state.
func (s *Store) view(ctx context.Context, f func(txn) error) error {
	return s.transact(ctx, &s.read, f)
}

// update runs f in the writing transaction and commits it when f returns nil.
func (s *Store) update(ctx context.Context, f func(txn) error) error {
	return s.transact(ctx, &s.write, f)
}

func (s *Store) transact(ctx context.Context, p *pool, f func(txn) error) error {
	if !s.enter() {
		return store.ErrClosed
	}
	defer s.calls.Done()
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return contextError(ctx, err)
	}
	defer tx.Rollback() // after a commit this does nothing
	if err := f(txn{tx, p}); err != nil {
		return contextError(ctx, err)
	}
	return contextError(ctx, tx.Commit())
}

// enter registers a call, unless the store is closed.
func (s *Store) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.calls.Add(1)
	return true
}

// contextError puts ctx's error before err when ctx has ended: the driver
// reports an interrupted statement in words of its own.
func contextError(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}
