package host

// kvFunctions is ctx.KV: the records of the tenant. A record has a key and a set
// of scopes; reads and deletes match records that have all the given scopes. The
// capabilities named here cover all scopes; kv[<scope>]:<action> covers one.
var kvFunctions = []function{
	// get(key, scopes) -> value, exists
	{"get", "kv:get:<key>", "kv.get", 100, keyAndScopes, finishPair},
	// getrecord(key, scopes) -> {id, key, value, scopes, exists, created_at?, last_updated_at?}
	{"getrecord", "kv:get:<key>", "kv.getrecord", 100, keyAndScopes, finishFrozen},
	// find(pattern, scopes) -> {record}; % stands for any text, _ for a character, \ takes their meaning
	{"find", "kv:find:<pattern>", "kv.find", 200, []param{{"pattern", textParam}, {"scopes", textsParam}}, finishFrozenItems},
	// set(key, value, scopes)
	{"set", "kv:set:<key>", "kv.set", 200, []param{{"key", textParam}, {"value", valueParam}, {"scopes", textsParam}}, finishNothing},
	// delete(key, scopes)
	{"delete", "kv:delete:<key>", "kv.delete", 200, keyAndScopes, finishNothing},
	// list_scopes() -> {scope}
	{"list_scopes", "kv.meta:list_scopes", "kv.list_scopes", 100, nil, finishValue},
}

var keyAndScopes = []param{{"key", textParam}, {"scopes", textsParam}}
