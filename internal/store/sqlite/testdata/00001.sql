-- What a store of schema 1 holds: two tenants, one of them beyond int64, with templates, rows in several scopes and a state.
INSERT INTO tenants (pk, kind, snowflake, kv_writes, banned, data) VALUES (1, 1, 1, 3, 0, NULL), (2, 2, -2, 1, 1, '{"a":1}');
INSERT INTO templates VALUES (1, 'greeter', 4, 1, '["kv:*"]', '["MESSAGE"]', 1700000000000000, 1700000001000000);
INSERT INTO template_versions VALUES (1, 'greeter', 4), (1, 'deleted', 9);
INSERT INTO template_files VALUES (1, 'greeter', 'init.luau', CAST('return {}' AS BLOB)), (1, 'greeter', 'empty', X'');
INSERT INTO kv (pk, tenant, key, scopes, id, value, written, created_at, updated_at) VALUES
	(1, 1, 'ü', '["a","b"]', 'id1', '{"Integer":1}', 2, 1700000000000000, 1700000000000000),
	(2, 1, 'k', '["a"]', 'id2', '"Null"', 3, 1700000000000000, 1700000002000000),
	(5, 2, 'k', '["a"]', 'id5', '{"Text":"x"}', 1, 1700000000000000, 1700000000000000);
INSERT INTO kv_scopes VALUES (1, 'a', 'ü', 1), (1, 'b', 'ü', 1), (1, 'a', 'k', 2), (2, 'a', 'k', 5);
