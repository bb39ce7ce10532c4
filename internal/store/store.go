// Package store is the contract of everything that Template Worker keeps:
// templates, tenant state and KV records.
//
// It owns the interface, its words, its errors and the rules that every
// implementation shares (what a scope set is, what a pattern matches, which
// text can be kept). It never decides who may do what, and it knows no quota: the broker and
// the upload rules do that before they come here. It starts no goroutine and
// does no I/O; the implementations are in the packages below it, and package
// storetest holds the suite that each of them passes.
//
// Times are UTC and whole microseconds, which is what every database behind
// this contract can keep. Sizes are bytes.
package store

import (
	"context"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// MaxFindBytes bounds what one KVFind or KVScopes reads: the JSON forms of the
// values found, or the scopes, add up to at most this, or the call ends with
// ErrTooLarge.
//
// It bounds the memory that one call of a script costs. Answers also have to fit
// a link frame, which is smaller; only one made mostly of Buffers, whose JSON
// form takes up to four characters for each byte, can meet this bound first.
const MaxFindBytes = 8 << 20

// Template is a template as it is kept. Its Version is given by the store.
type Template struct {
	Tenant khronos.TenantID
	khronos.Template
	CreatedAt time.Time
	UpdatedAt time.Time
}

// KVRecord is one KV row. ID is 64 random letters and digits, given when the
// row is made and fixed for its life. Scopes are sorted by bytes and distinct.
// UpdatedAt is the time of the last KVSet.
type KVRecord struct {
	ID        string
	Key       string
	Value     khronos.Value
	Scopes    []string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Stats counts what the store holds. A tenant counts once it has a template, a
// KV row or a state, and no longer when the last of them is gone.
type Stats struct {
	Guilds             int64 // guild tenants
	GuildsWithTemplate int64 // of those, the ones that have at least one template
	Users              int64 // user tenants
}

// Store keeps the state of all tenants. Every method is safe for concurrent use.
//
// A method that changes something is atomic: it happened whole or not at all.
// When it has returned nil the change outlives the process, and in the
// databases also the machine's power. When it returns an error because ctx
// ended, the change may or may not have happened.
//
// Results belong to the caller: changing them changes nothing in the store.
// Tenants never see each other's rows; a guild and a user with the same
// snowflake are two tenants.
//
// Errors wrap one of this package's errors where one fits, or the context's
// error; anything else is the store's own trouble. After Close every method
// returns ErrClosed.
type Store interface {
	// Templates returns the tenant's templates sorted by name, without error
	// when there is none.
	Templates(ctx context.Context, tenant khronos.TenantID) ([]Template, error)
	// Template returns one template, or ErrNotFound.
	Template(ctx context.Context, tenant khronos.TenantID, name string) (Template, error)
	// PutTemplate inserts t, or replaces the one of that tenant and name, and
	// returns what is now stored. The version in t is not looked at: the stored
	// one is 1 above the last that this name of this tenant ever had, deleted
	// ones included. CreatedAt is kept on replacement; both times of t are ignored.
	PutTemplate(ctx context.Context, t Template) (Template, error)
	// DeleteTemplate removes one template, or returns ErrNotFound.
	DeleteTemplate(ctx context.Context, tenant khronos.TenantID, name string) error

	// KnownTenants tells for each tenant whether it has a template, a KV row or
	// a state. The answer has the order and the length of the question.
	KnownTenants(ctx context.Context, tenants []khronos.TenantID) ([]bool, error)
	// TenantState returns what the tenant wants and is. Events is the sorted
	// union of the subscriptions of its templates that are not paused. Banned
	// and Data are what PutTenantState stored, or false and {}.
	TenantState(ctx context.Context, tenant khronos.TenantID) (khronos.TenantState, error)
	// PutTenantState stores Banned and Data of s, whole. Events is ignored: it
	// follows from the templates. Data must be a JSON object; empty means {}.
	PutTenantState(ctx context.Context, tenant khronos.TenantID, s khronos.TenantState) error

	// KVGet returns the row with that key whose scope set contains all the given
	// scopes; when several do, the one that was set last. ErrNotFound when none does.
	KVGet(ctx context.Context, tenant khronos.TenantID, key string, scopes []string) (KVRecord, error)
	// KVFind returns the rows whose key matches pattern (see Pattern) and whose
	// scope set contains all the given scopes, sorted by key (bytes), oldest row
	// first within a key, and no more than limit of them. ErrTooLarge when they
	// hold more than MaxFindBytes.
	KVFind(ctx context.Context, tenant khronos.TenantID, pattern string, scopes []string, limit int) ([]KVRecord, error)
	// KVSet stores v under exactly this key and this set of scopes, in a new row
	// or over the value of the one that is there.
	KVSet(ctx context.Context, tenant khronos.TenantID, key string, v khronos.Value, scopes []string) error
	// KVDelete removes every row with that key whose scope set contains all the
	// given scopes. That there is none is no error.
	KVDelete(ctx context.Context, tenant khronos.TenantID, key string, scopes []string) error
	// KVScopes returns every scope that a row of the tenant has, sorted, each once.
	// ErrTooLarge when they are longer than MaxFindBytes in all.
	KVScopes(ctx context.Context, tenant khronos.TenantID) ([]string, error)

	// Stats counts over all tenants.
	Stats(ctx context.Context) (Stats, error)
	// Ping returns nil when the store can answer.
	Ping(ctx context.Context) error
	// Close waits for the calls under way, then frees everything. A second Close
	// does nothing.
	Close() error
}
