// Package store is the contract of everything that Template Worker keeps:
// templates with their versions, shop templates, tenant state, KV and GlobalKV
// records, and the count of what each tenant holds.
//
// It owns the interface, its words, its errors and the rules that every
// implementation shares (what a scope set is, what a pattern matches, which
// text can be kept, what a row counts). It never decides who may do what, nor
// how much: the broker and the upload rules do that, and hand a [Quota] to the
// calls that are to hold it. It starts no goroutine and does no I/O; the
// implementations are in the packages below it, and package storetest holds the
// suite that each of them passes.
//
// Times are UTC and whole microseconds, which is what every database behind
// this contract can keep. Sizes are bytes.
package store

import (
	"context"
	"encoding/json"
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

const (
	// KeptVersions is how many versions of one template are kept, the current one
	// among them: a new one pushes out the oldest that is not current.
	KeptVersions = 10
	// OpMemory is how long the answer of a call with an [OpID] is remembered, at
	// least.
	OpMemory = 10 * time.Minute
	// MaxOpIDBytes bounds an OpID.
	MaxOpIDBytes = 128
	// MaxScopes bounds the scopes of a KV row or of a question.
	MaxScopes = 100
)

// Template is a template as it is kept. Its Version is given by the store; it
// names files, capabilities and subscriptions, which never change under one
// version. Paused belongs to the template, not to a version.
type Template struct {
	Tenant khronos.TenantID
	khronos.Template
	// From names the shop template whose files this one runs; it is zero for a
	// template with files of its own. The files are not copied: what comes in with
	// From has none, what comes out has those of the shop. FromReview is the
	// review state of From, for the caller to judge; it is not stored here.
	From       TemplateRef
	FromReview ReviewState
	CreatedAt  time.Time
	UpdatedAt  time.Time // of the last change: put, activate, pause
}

// TemplateVersion describes one kept version of a template.
type TemplateVersion struct {
	Version       int64
	Current       bool
	From          TemplateRef
	Capabilities  []string
	Subscriptions []string
	CreatedAt     time.Time
}

// OpID names one call of one client, so that the client may send the call again
// when it does not know what became of it. Within [OpMemory] the call is done
// once: the second time it changes nothing and answers what it answered the
// first time. Only success is remembered; what failed has changed nothing and
// is tried anew. Ids are the tenant's own; the same id for another method is
// ErrInvalid. The empty OpID is none.
type OpID string

// Quota bounds what a tenant holds; a zero field bounds nothing. It is looked at
// when the whole call is done: one that leaves more than before of what is over
// its bound is ErrQuota and has no effect. One that makes it less is always let through.
type Quota struct {
	Count int64 // rows, or objects
	Bytes int64
}

// Usage counts what a tenant holds, exactly. A KV row counts the bytes of its key, its scopes
// and its value's JSON form, from the set that made it until it is deleted or its
// expiry is acknowledged.
type Usage struct {
	KVRows      int64
	KVBytes     int64
	Objects     int64
	ObjectBytes int64
}

// KVRecord is one KV row. ID is 64 random letters and digits, given when the
// row is made and fixed for its life. Scopes are sorted by bytes and distinct.
// UpdatedAt is the time of the last set.
//
// Version is different after each set of the row, and no two rows of a tenant ever have the
// same: it is how many sets the tenant has made, this one included.
type KVRecord struct {
	ID        string
	Key       string
	Value     khronos.Value
	Scopes    []string
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiresAt time.Time // zero: never
}

// KVAction is what one KVOp does.
type KVAction uint8

// The actions of a KVOp. The numbers are not stored.
const (
	// KVActionSet stores Value with ExpiresAt under exactly Key and Scopes.
	KVActionSet KVAction = 1
	// KVActionDelete removes every row with Key whose scopes contain Scopes. With
	// an Expect it removes the row of exactly those scopes.
	KVActionDelete KVAction = 2
	// KVActionCheck changes nothing: it only wants its Expect to hold.
	KVActionCheck KVAction = 3
)

// KVAbsent as an Expect wants that there is no row.
const KVAbsent int64 = -1

// KVOp is one operation of a batch. Expect is what has to be true of the row of
// exactly Key and Scopes when the operation's turn comes: 0 for anything,
// KVAbsent, or the Version that it has.
type KVOp struct {
	Action    KVAction
	Key       string
	Scopes    []string
	Value     khronos.Value
	ExpiresAt time.Time // set only; zero: never
	Expect    int64
}

// KVBatch is some operations that happen together or not at all.
type KVBatch struct {
	Op    OpID
	Quota Quota
	Ops   []KVOp
}

// KVResult is what became of one KVOp. A set gives Version and ID of its row, a
// delete the number of rows it removed.
type KVResult struct {
	Version int64  `json:"v,omitempty"`
	ID      string `json:"id,omitempty"`
	Deleted int64  `json:"n,omitempty"`
}

// KVCursor is a place in the order in which rows expire. The zero one is before all.
type KVCursor struct {
	At  time.Time
	Row int64 // the store's number of the row
}

// KVExpiry is a row whose time has come.
type KVExpiry struct {
	Tenant khronos.TenantID
	Record KVRecord
	Cursor KVCursor // of this row
}

// ReviewState is what the staff says of something that is shared between tenants.
type ReviewState string

// The states of a review. What is new is pending.
const (
	ReviewPending  ReviewState = "pending"
	ReviewApproved ReviewState = "approved"
	ReviewDenied   ReviewState = "denied"
)

// Review is a decision of the staff.
type Review struct {
	State ReviewState
	Note  string
}

// TemplateRef names one version of a shop template: @Scope/Name@Version.
type TemplateRef struct {
	Scope   string
	Name    string
	Version string
}

// ShopTemplate is a published template. What is published under a ref never changes; only its review does.
type ShopTemplate struct {
	Ref           TemplateRef
	Owner         khronos.TenantID
	Summary       string
	Files         map[string]string
	Capabilities  []string // what it asks for
	Subscriptions []string
	Review        Review
	CreatedAt     time.Time
	ReviewedAt    time.Time // zero: never
}

// ShopFilter picks shop templates; a zero field picks any.
type ShopFilter struct {
	Scope  string
	Name   string
	Owner  khronos.TenantID
	Review ReviewState
}

// GlobalEntry is one GlobalKV entry. Key, Version and Scope name it; it never
// changes, only its review does. Whether Data may be shown is the caller's to judge.
type GlobalEntry struct {
	Key            string
	Version        int32
	Scope          string
	Owner          khronos.TenantID
	Short          string
	Long           string
	PublicMetadata khronos.Value
	PublicData     bool
	Data           khronos.Value
	Review         Review
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// GlobalFilter picks GlobalKV entries. Pattern is that of KVFind, on the key. A
// zero field picks any.
type GlobalFilter struct {
	Pattern string
	Scope   string
	Owner   khronos.TenantID
	Review  ReviewState
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
	// PutTemplate keeps t as a new version of the template of that tenant and
	// name, makes it the current one, and returns what is now stored. The version in t is not looked at: the stored
	// one is 1 above the last that this name of this tenant ever had, deleted
	// ones included. CreatedAt is that of the template's first version; both times
	// of t are ignored. ErrNotFound when t.From names nothing.
	PutTemplate(ctx context.Context, t Template) (Template, error)
	// StageTemplate keeps t as a new version of a template that is there, or
	// returns ErrNotFound. The current version and Paused stay as they are.
	StageTemplate(ctx context.Context, t Template) (Template, error)
	// ActivateTemplate makes a kept version the current one and returns the
	// template, or ErrNotFound. The version keeps its number.
	ActivateTemplate(ctx context.Context, tenant khronos.TenantID, name string, version int64) (Template, error)
	// PauseTemplate sets Paused and returns the template, or ErrNotFound. The
	// version stays the same.
	PauseTemplate(ctx context.Context, tenant khronos.TenantID, name string, paused bool) (Template, error)
	// TemplateVersions describes the kept versions of a template, newest first, or
	// returns ErrNotFound.
	TemplateVersions(ctx context.Context, tenant khronos.TenantID, name string) ([]TemplateVersion, error)
	// TemplateVersion returns the template as it would be with that version
	// current, or ErrNotFound.
	TemplateVersion(ctx context.Context, tenant khronos.TenantID, name string, version int64) (Template, error)
	// DeleteTemplate removes a template with all its versions, or returns ErrNotFound.
	DeleteTemplate(ctx context.Context, tenant khronos.TenantID, name string) error

	// PublishTemplate adds a shop template, pending review. ErrExists when the ref
	// is taken, or its scope belongs to another tenant: the first to publish in a
	// scope owns it.
	PublishTemplate(ctx context.Context, op OpID, t ShopTemplate) error
	// ShopTemplate returns one shop template, or ErrNotFound.
	ShopTemplate(ctx context.Context, ref TemplateRef) (ShopTemplate, error)
	// ShopTemplates returns the shop templates that f picks, without their files,
	// sorted by scope, name and version (bytes): those after the given ref, and no
	// more than limit.
	ShopTemplates(ctx context.Context, f ShopFilter, after TemplateRef, limit int) ([]ShopTemplate, error)
	// ReviewTemplate replaces the review of a shop template, or returns ErrNotFound.
	ReviewTemplate(ctx context.Context, ref TemplateRef, r Review) error

	// KnownTenants tells for each tenant whether it has a template, a KV row or
	// a state. The answer has the order and the length of the question.
	KnownTenants(ctx context.Context, tenants []khronos.TenantID) ([]bool, error)
	// TenantState returns what the tenant wants and is. Events is the sorted
	// union of the subscriptions of its templates that are not paused. Banned
	// and Data are what PutTenantState and PutTenantData stored, or false and {}.
	TenantState(ctx context.Context, tenant khronos.TenantID) (khronos.TenantState, error)
	// PutTenantState stores Banned and Data of s, whole. Events is ignored: it
	// follows from the templates. Data must be a JSON object; empty means {}.
	PutTenantState(ctx context.Context, tenant khronos.TenantID, s khronos.TenantState) error
	// PutTenantData is PutTenantState for Data alone: Banned stays what it is, also
	// when it is set at the same time.
	PutTenantData(ctx context.Context, tenant khronos.TenantID, data json.RawMessage) error

	// KVGet returns the row with that key whose scope set contains all the given
	// scopes; when several do, the one that was set last. ErrNotFound when none does.
	//
	// From its ExpiresAt on a row is there for no KV method but KVDue and
	// KVExpire, except that KVScopes and Usage count it until its expiry was acknowledged.
	KVGet(ctx context.Context, tenant khronos.TenantID, key string, scopes []string) (KVRecord, error)
	// KVGetByID returns the tenant's row with that ID, or ErrNotFound.
	KVGetByID(ctx context.Context, tenant khronos.TenantID, id string) (KVRecord, error)
	// KVFind returns the rows whose key matches pattern (see Pattern) and whose
	// scope set contains all the given scopes, sorted by key (bytes), oldest row
	// first within a key, and no more than limit of them. ErrTooLarge when they
	// hold more than MaxFindBytes.
	KVFind(ctx context.Context, tenant khronos.TenantID, pattern string, scopes []string, limit int) ([]KVRecord, error)
	// KVApply does the operations in order, in one transaction, and returns what
	// became of each. A later operation sees what an earlier one did. When an
	// Expect does not hold nothing is changed and the error is a *ConflictError,
	// which is an ErrConflict.
	KVApply(ctx context.Context, tenant khronos.TenantID, b KVBatch) ([]KVResult, error)
	// KVSet stores v under exactly this key and this set of scopes, in a new row
	// or over the value and the expiry of the one that is there. It is KVApply of one set.
	KVSet(ctx context.Context, tenant khronos.TenantID, key string, v khronos.Value, scopes []string) error
	// KVDelete removes every row with that key whose scope set contains all the
	// given scopes. That there is none is no error. It is KVApply of one delete.
	KVDelete(ctx context.Context, tenant khronos.TenantID, key string, scopes []string) error
	// KVScopes returns every scope that a row of the tenant has, sorted, each once.
	// ErrTooLarge when they are longer than MaxFindBytes in all.
	KVScopes(ctx context.Context, tenant khronos.TenantID) ([]string, error)

	// KVDue returns the rows of all tenants whose ExpiresAt is not after now and
	// whose expiry was not acknowledged, in order of that time, those after the
	// cursor only, and no more than limit: fewer when they hold more than
	// MaxFindBytes, but at least one when there is one.
	//
	// So one reader pages through what is overdue with as much in flight as it
	// likes, and after a restart begins again from the zero cursor: every expiry
	// is seen at least once. A row that is set with a time before the cursor lies behind it, so the
	// reader begins again from the zero cursor whenever it has acknowledged
	// all that it read. That a key was set anew after its time does not take the
	// expiry back.
	KVDue(ctx context.Context, now time.Time, after KVCursor, limit int) ([]KVExpiry, error)
	// KVExpire acknowledges expiries: their rows are gone for good. One that was
	// acknowledged before is passed over.
	KVExpire(ctx context.Context, done []KVExpiry) error
	// KVNextExpiry returns the first ExpiresAt after the cursor, whether it has come or not, and the
	// zero time when there is none.
	KVNextExpiry(ctx context.Context, after KVCursor) (time.Time, error)

	// GlobalCreate adds an entry, pending review. ErrExists when key, version and
	// scope are taken.
	GlobalCreate(ctx context.Context, op OpID, e GlobalEntry) error
	// GlobalGet returns one entry, or ErrNotFound.
	GlobalGet(ctx context.Context, key string, version int32, scope string) (GlobalEntry, error)
	// GlobalFind returns the entries that f picks, without Long and Data, sorted
	// by key (bytes), then version, then scope, and no more than limit. ErrTooLarge when their
	// metadata has more than MaxFindBytes.
	GlobalFind(ctx context.Context, f GlobalFilter, limit int) ([]GlobalEntry, error)
	// GlobalDelete removes an entry of that owner, or returns ErrNotFound. The
	// zero owner stands for any.
	GlobalDelete(ctx context.Context, op OpID, owner khronos.TenantID, key string, version int32, scope string) error
	// GlobalReview replaces the review of an entry, or returns ErrNotFound.
	GlobalReview(ctx context.Context, key string, version int32, scope string, r Review) error

	// ObjectReserve counts an object of that size under that key, in place of what
	// was counted for the key before. The object itself lies elsewhere: who puts
	// it reserves first, so that what is counted is never less than what is there.
	ObjectReserve(ctx context.Context, tenant khronos.TenantID, key string, size int64, q Quota) error
	// ObjectRelease stops counting the object. That it is not counted is no error.
	ObjectRelease(ctx context.Context, tenant khronos.TenantID, key string) error
	// Usage returns what the tenant holds.
	Usage(ctx context.Context, tenant khronos.TenantID) (Usage, error)

	// Stats counts over all tenants.
	Stats(ctx context.Context) (Stats, error)
	// Ping returns nil when the store can answer.
	Ping(ctx context.Context) error
	// Close waits for the calls under way, then frees everything. A second Close
	// does nothing.
	Close() error
}
