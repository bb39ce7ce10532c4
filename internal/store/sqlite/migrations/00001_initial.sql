-- Times are microseconds since the Unix epoch. Snowflakes are uint64 and SQLite integers are int64: the same 64 bits are
-- kept, so a snowflake above 2^63-1 is stored as a negative number and comes back unchanged. Nothing orders by it.

-- +goose Up

-- One row per tenant that was ever written to. It gives the short number the other tables refer to, counts the tenant's
-- KV writes, and holds the tenant's state (data is NULL while there is none).
CREATE TABLE tenants (
	pk        INTEGER PRIMARY KEY,
	kind      INTEGER NOT NULL,
	snowflake INTEGER NOT NULL,
	kv_writes INTEGER NOT NULL DEFAULT 0,
	banned    INTEGER NOT NULL DEFAULT 0 CHECK (banned IN (0, 1)),
	data      TEXT,
	UNIQUE (kind, snowflake)
) STRICT;

CREATE TABLE templates (
	tenant        INTEGER NOT NULL REFERENCES tenants (pk),
	name          TEXT    NOT NULL,
	version       INTEGER NOT NULL,
	paused        INTEGER NOT NULL CHECK (paused IN (0, 1)),
	capabilities  TEXT    NOT NULL, -- JSON array of strings
	subscriptions TEXT    NOT NULL, -- JSON array of strings
	created_at    INTEGER NOT NULL,
	updated_at    INTEGER NOT NULL,
	PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- A file's content is a BLOB because nothing says that it is UTF-8.
CREATE TABLE template_files (
	tenant   INTEGER NOT NULL,
	template TEXT    NOT NULL,
	path     TEXT    NOT NULL,
	content  BLOB    NOT NULL,
	PRIMARY KEY (tenant, template, path),
	FOREIGN KEY (tenant, template) REFERENCES templates (tenant, name) ON DELETE CASCADE
) STRICT;

-- The last version a name ever had. It outlives the template, so that a version number is never given twice.
CREATE TABLE template_versions (
	tenant INTEGER NOT NULL REFERENCES tenants (pk),
	name   TEXT    NOT NULL,
	last   INTEGER NOT NULL,
	PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE kv (
	pk         INTEGER PRIMARY KEY,
	tenant     INTEGER NOT NULL REFERENCES tenants (pk),
	key        TEXT    NOT NULL,
	scopes     TEXT    NOT NULL, -- JSON array, sorted by bytes, no duplicates: one text per scope set
	id         TEXT    NOT NULL,
	value      TEXT    NOT NULL, -- JSON form of a Khronos value
	written    INTEGER NOT NULL, -- tenants.kv_writes at the last write: higher is newer, whatever the clock did
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	UNIQUE (tenant, key, scopes)
) STRICT;

-- One row per scope of a KV row. The key is repeated here so that both "this key in this scope" and "keys of this scope in
-- order, from a prefix on" are walks along the primary key.
CREATE TABLE kv_scopes (
	tenant INTEGER NOT NULL,
	scope  TEXT    NOT NULL,
	key    TEXT    NOT NULL,
	kv     INTEGER NOT NULL REFERENCES kv (pk) ON DELETE CASCADE,
	PRIMARY KEY (tenant, scope, key, kv)
) STRICT, WITHOUT ROWID;

CREATE INDEX kv_scopes_by_row ON kv_scopes (kv);
