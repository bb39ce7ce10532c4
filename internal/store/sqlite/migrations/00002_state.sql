-- Versions of templates, the shop, GlobalKV, expiry, counts and operation ids.

-- +goose Up

ALTER TABLE tenants ADD COLUMN kv_rows      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN kv_bytes     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN objects      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN object_bytes INTEGER NOT NULL DEFAULT 0;

-- A row of a table that others refer to cannot get new constraints, so the old tables make room for new ones.
ALTER TABLE kv_scopes RENAME TO kv_scopes_1;
ALTER TABLE kv RENAME TO kv_1;
ALTER TABLE template_files RENAME TO template_files_1;
ALTER TABLE templates RENAME TO templates_1;

-- size is what the row counts for its tenant: the bytes of key, scopes and value. expires_at is 2^63-1 for a row that
-- stays. gone is 0, or pk once the row was set anew after it had expired: it then only waits for its expiry to be
-- acknowledged. That there is one row of a key and scope set is kept by the writer, which finds it through kv_scopes: one
-- index less to write. The value stands last, so that the other columns are read without it.
CREATE TABLE kv (
	pk         INTEGER PRIMARY KEY,
	tenant     INTEGER NOT NULL REFERENCES tenants (pk),
	key        TEXT    NOT NULL,
	scopes     TEXT    NOT NULL, -- JSON array, sorted by bytes, no duplicates: one text per scope set
	gone       INTEGER NOT NULL DEFAULT 0,
	id         TEXT    NOT NULL,
	size       INTEGER NOT NULL,
	written    INTEGER NOT NULL, -- tenants.kv_writes at the last write: the row's version
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL DEFAULT 9223372036854775807,
	value      TEXT    NOT NULL -- JSON form of a Khronos value
) STRICT;

CREATE TABLE kv_scopes (
	tenant INTEGER NOT NULL,
	scope  TEXT    NOT NULL,
	key    TEXT    NOT NULL,
	kv     INTEGER NOT NULL REFERENCES kv (pk) ON DELETE CASCADE,
	PRIMARY KEY (tenant, scope, key, kv)
) STRICT, WITHOUT ROWID;

INSERT INTO kv (pk, tenant, key, scopes, id, size, written, created_at, updated_at, value)
SELECT pk, tenant, key, scopes, id,
	length(CAST(key AS BLOB)) + length(CAST(value AS BLOB)) + (SELECT sum(length(CAST(s.value AS BLOB))) FROM json_each(scopes) AS s),
	written, created_at, updated_at, value
FROM kv_1;
INSERT INTO kv_scopes (tenant, scope, key, kv) SELECT tenant, scope, key, kv FROM kv_scopes_1;
DROP TABLE kv_scopes_1;
DROP TABLE kv_1;

CREATE INDEX kv_scopes_by_row ON kv_scopes (kv);
CREATE UNIQUE INDEX kv_by_id ON kv (id);
CREATE INDEX kv_by_expiry ON kv (expires_at, pk) WHERE expires_at < 9223372036854775807;

UPDATE tenants SET kv_rows = held.n, kv_bytes = held.bytes
FROM (SELECT tenant, count(*) AS n, sum(size) AS bytes FROM kv GROUP BY tenant) AS held WHERE held.tenant = tenants.pk;

-- A template points at its current version; files and what it may do belong to a version and never change.
CREATE TABLE templates (
	tenant     INTEGER NOT NULL REFERENCES tenants (pk),
	name       TEXT    NOT NULL,
	version    INTEGER NOT NULL,
	paused     INTEGER NOT NULL CHECK (paused IN (0, 1)),
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE template_revisions (
	tenant        INTEGER NOT NULL,
	name          TEXT    NOT NULL,
	version       INTEGER NOT NULL,
	from_shop     TEXT    NOT NULL, -- @scope/name@version, or empty for files of its own
	capabilities  TEXT    NOT NULL, -- JSON array of strings
	subscriptions TEXT    NOT NULL, -- JSON array of strings
	created_at    INTEGER NOT NULL,
	PRIMARY KEY (tenant, name, version),
	FOREIGN KEY (tenant, name) REFERENCES templates (tenant, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- A file's content is a BLOB because nothing says that it is UTF-8.
CREATE TABLE template_files (
	tenant   INTEGER NOT NULL,
	template TEXT    NOT NULL,
	version  INTEGER NOT NULL,
	path     TEXT    NOT NULL,
	content  BLOB    NOT NULL,
	PRIMARY KEY (tenant, template, version, path),
	FOREIGN KEY (tenant, template, version) REFERENCES template_revisions (tenant, name, version) ON DELETE CASCADE
) STRICT;

INSERT INTO templates (tenant, name, version, paused, created_at, updated_at)
SELECT tenant, name, version, paused, created_at, updated_at FROM templates_1;
INSERT INTO template_revisions (tenant, name, version, from_shop, capabilities, subscriptions, created_at)
SELECT tenant, name, version, '', capabilities, subscriptions, updated_at FROM templates_1;
INSERT INTO template_files (tenant, template, version, path, content)
SELECT f.tenant, f.template, t.version, f.path, f.content FROM template_files_1 AS f
JOIN templates_1 AS t ON t.tenant = f.tenant AND t.name = f.template;
DROP TABLE template_files_1;
DROP TABLE templates_1;

-- The first tenant that publishes in a scope owns it.
CREATE TABLE shop_scopes (
	scope TEXT    PRIMARY KEY,
	owner INTEGER NOT NULL REFERENCES tenants (pk)
) STRICT, WITHOUT ROWID;

CREATE TABLE shop_templates (
	pk            INTEGER PRIMARY KEY,
	scope         TEXT    NOT NULL REFERENCES shop_scopes (scope),
	name          TEXT    NOT NULL,
	version       TEXT    NOT NULL,
	owner         INTEGER NOT NULL REFERENCES tenants (pk),
	summary       TEXT    NOT NULL,
	capabilities  TEXT    NOT NULL,
	subscriptions TEXT    NOT NULL,
	review        TEXT    NOT NULL CHECK (review IN ('pending', 'approved', 'denied')),
	note          TEXT    NOT NULL,
	created_at    INTEGER NOT NULL,
	reviewed_at   INTEGER NOT NULL, -- 0: never
	UNIQUE (scope, name, version)
) STRICT;

CREATE TABLE shop_files (
	template INTEGER NOT NULL REFERENCES shop_templates (pk) ON DELETE CASCADE,
	path     TEXT    NOT NULL,
	content  BLOB    NOT NULL,
	PRIMARY KEY (template, path)
) STRICT;

CREATE TABLE global_kv (
	pk          INTEGER PRIMARY KEY,
	key         TEXT    NOT NULL,
	version     INTEGER NOT NULL,
	scope       TEXT    NOT NULL,
	owner       INTEGER NOT NULL REFERENCES tenants (pk),
	short       TEXT    NOT NULL,
	long        TEXT    NOT NULL,
	metadata    TEXT    NOT NULL, -- JSON form of a Khronos value
	public_data INTEGER NOT NULL CHECK (public_data IN (0, 1)),
	review      TEXT    NOT NULL CHECK (review IN ('pending', 'approved', 'denied')),
	note        TEXT    NOT NULL,
	created_at  INTEGER NOT NULL,
	updated_at  INTEGER NOT NULL,
	data        TEXT    NOT NULL, -- JSON form of a Khronos value
	UNIQUE (key, version, scope)
) STRICT;

-- What each tenant has in the object store, which lies elsewhere.
CREATE TABLE objects (
	tenant INTEGER NOT NULL REFERENCES tenants (pk),
	key    TEXT    NOT NULL,
	size   INTEGER NOT NULL,
	PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

-- Answers of calls that may be sent again.
CREATE TABLE operations (
	tenant INTEGER NOT NULL REFERENCES tenants (pk),
	id     TEXT    NOT NULL,
	method TEXT    NOT NULL,
	answer TEXT    NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX operations_by_time ON operations (at);
