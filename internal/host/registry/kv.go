package registry

import "github.com/template-worker/template-worker/internal/khronos"

var kvArea = Area{
	Name: "ctx.KV", Kind: Object, Type: "KV",
	Doc: "The records of the tenant, which all its templates share. A record has a key and a set of scopes, and is one of its own " +
		"for each set. Reads and deletes match records that have ALL the given scopes, and need a capability for each of them.\n\n" +
		"Beside the capabilities that stand at the functions, `kv:*`, `kv:<action>:<key>`, `kv[<scope>]:*`, `kv[<scope>]:<action>` " +
		"and `kv[<scope>]:<action>:<key>` do as well; those in brackets are about one scope.",
	Functions: []Function{
		{
			Name: "get", Op: "kv.get", Args: []Param{keyArg, scopesArg},
			Results: []Param{{Name: "value", Type: Any}, {Name: "exists", Type: Boolean}},
			Needs:   kvCapability("get"), Bucket: BucketKV, Cost: 100,
			Doc: "Reads a value. `exists` tells a stored nil from no record. When several records match, it is the one that was set last.",
			Example: `ctx.KV:set("color", "red", {"prefs"})
print(ctx.KV:get("color", {"prefs"})) --> red	true
print(ctx.KV:get("size", {"prefs"})) --> nil	false`,
		},
		{
			Name: "getrecord", Op: "kv.getrecord", Args: []Param{keyArg, scopesArg},
			Results: []Param{{Name: "record", Type: kvRecord}},
			Needs:   kvCapability("get"), Bucket: BucketKV, Cost: 100,
			Doc: "Reads a record. One that is not there has `exists = false`, empty texts and no times.",
			Example: `ctx.KV:set("color", "red", {"prefs"})
local record = ctx.KV:getrecord("color", {"prefs"})
print(record.exists, record.value, record.scopes[1], typeof(record.created_at)) --> true	red	prefs	DateTime
print(ctx.KV:getrecord("size", {"prefs"}).exists) --> false`,
		},
		{
			Name: "getbyid", Op: "kv.getbyid", Args: []Param{{Name: "id", Type: Text.AtMost("kv_key_bytes"), Doc: "of a record that was read before"}},
			Results: []Param{{Name: "record", Type: kvRecord}},
			Needs:   exactly("kv:get:*", "kv:*"), Bucket: BucketKV, Cost: 100,
			Doc: "Reads the record with that id, as `getrecord` does. Capabilities for a key or for one scope do not do: an id tells neither.",
			Example: `ctx.KV:set("color", "red", {"prefs"})
local id = ctx.KV:getrecord("color", {"prefs"}).id
print(ctx.KV:getbyid(id).value, ctx.KV:getbyid("none").exists) --> red	false`,
		},
		{
			Name: "find", Op: "kv.find",
			Args: []Param{{Name: "pattern", Type: Text.AtMost("kv_key_bytes"),
				Doc: "`%` stands for any text, `_` for one character, a backslash takes their meaning; capitals matter"}, scopesArg},
			Results: []Param{{Name: "records", Type: ListOf(kvRecord)}},
			Needs:   kvCapability("find"), Bucket: BucketKV, Cost: 200, Limits: []string{"kv_find_rows", "frame_bytes"},
			Doc: "Gives the records whose key matches, by key. More than the limit are an error and not a shorter list.",
			Example: `ctx.KV:set("user.1", 10, {"xp"})
ctx.KV:set("user.2", 20, {"xp"})
for _, record in ctx.KV:find("user.%", {"xp"}) do
	print(record.key, record.value)
end
--> user.1	10
--> user.2	20`,
		},
		{
			Name: "set", Op: "kv.set",
			Args: []Param{keyArg, {Name: "value", Type: Value.AtMost("kv_value_bytes"), Doc: "what can leave a script"}, scopesArg,
				opt(Param{Name: "options", Type: RecordOf("KVSetOptions", "When a record of `ctx.KV` ends; one of the two.", expiryFields...)})},
			Needs: kvCapability("set"), Bucket: BucketKV, Cost: 200, Limits: kvQuota,
			Doc: "Stores a value, in place of the one that is there, and when it expires; without options it never does. It is kept for good " +
				"when the call returns. From the time when it expires a record is not there any more, and the event `KeyExpiry` brings it " +
				"to the templates that handle it, as `ctx:event().data` with id, key, scopes, value, created_at, last_updated_at and expires_at: " +
				"in the order of time, soon after it, and at least once; the platform keeps the record until the handler has ended.",
			Example: `ctx.KV:set("visits", { count = 1 }, {"stats"})
print(ctx.KV:get("visits", {"stats"}).count) --> 1
ctx.KV:set("muted.42", true, {"mutes"}, { expires_in = 3600 })
print(ctx.KV:getrecord("muted.42", {"mutes"}).expires_at ~= nil) --> true
print(pcall(function() ctx.KV:set("visits", 0 / 0, {"stats"}) end)) --> false	example:5: kv.set: value: the number nan is not finite`,
		},
		{
			Name: "delete", Op: "kv.delete", Args: []Param{keyArg, scopesArg},
			Needs: kvCapability("delete"), Bucket: BucketKV, Cost: 200,
			Doc: "Deletes every record that matches; none is no error.",
			Example: `ctx.KV:set("color", "red", {"prefs"})
ctx.KV:delete("color", {"prefs"})
print(ctx.KV:get("color", {"prefs"})) --> nil	false`,
		},
		{
			Name: "batch", Op: "kv.batch",
			Args: []Param{{Name: "operations", Type: ListOf(kvOperation).NotEmpty().AtMost("kv_batch_operations")}},
			Results: []Param{{Name: "done", Type: Boolean}, {Name: "results", Type: ListOf(kvOutcome.Freeze()).Freeze()},
				opt(Param{Name: "conflict", Type: Integer, Doc: "the operation whose version did not hold"})},
			Needs:  Capability{Name: "kv:*", Rule: batchLacks},
			Bucket: BucketKV, Tokens: "operations", Cost: 300, Limits: append([]string{"frame_bytes"}, kvQuota...),
			Doc: "Does several operations in order, all of them or none: a later one sees what an earlier one did, and nobody else sees " +
				"part of them. When a `version` does not hold nothing is changed, done is false and results is empty: read again, " +
				"and try again. Each operation takes a token of the bucket, and needs what `set` or `delete` needs; `check` that of `get`.",
			Example: `ctx.KV:set("from", 10, {"money"})
local from = ctx.KV:getrecord("from", {"money"})
local function move()
	return ctx.KV:batch{
		{ action = "set", key = "from", scopes = {"money"}, value = from.value - 3, version = from.version },
		{ action = "set", key = "to", scopes = {"money"}, value = 3, version = 0 },
	}
end
local done, results = move()
print(done, #results, ctx.KV:get("from", {"money"})) --> true	2	7	true
print(select("#", move()), select(3, move())) --> 3	1`,
		},
		{
			Name: "list_scopes", Op: "kv.list_scopes", Results: []Param{{Name: "scopes", Type: ListOf(Text)}},
			Needs: exactly("kv.meta:list_scopes"), Cost: 100, Limits: []string{"frame_bytes"},
			Doc: "Lists the scopes that the tenant's records have, sorted.",
			Example: `ctx.KV:set("a", 1, {"prefs", "xp"})
print(table.concat(ctx.KV:list_scopes(), " ")) --> prefs xp`,
		},
	},
}

var (
	keyArg    = Param{Name: "key", Type: Text.AtMost("kv_key_bytes")}
	scopesArg = Param{Name: "scopes", Type: ListOf(Text.AtMost("kv_scope_bytes")).NotEmpty().AtMost("kv_scopes")}
)

var kvRecord = RecordOf("KVRecord", "A record of `ctx.KV`.",
	Param{Name: "id", Type: Text, Doc: "64 characters, the same for the life of the record"},
	Param{Name: "key", Type: Text},
	Param{Name: "value", Type: Any},
	Param{Name: "scopes", Type: ListOf(Text), Doc: "sorted"},
	Param{Name: "exists", Type: Boolean},
	opt(Param{Name: "created_at", Type: ObjectOf("DateTime")}),
	opt(Param{Name: "last_updated_at", Type: ObjectOf("DateTime")}),
	opt(Param{Name: "expires_at", Type: ObjectOf("DateTime"), Doc: "nil for never"}),
	Param{Name: "version", Type: Integer, Doc: "another one after each set; 0 for a record that is not there"},
).Freeze()

// expiryFields say when a record ends.
var expiryFields = []Param{
	opt(Param{Name: "expires_in", Type: Number.Between(0, maxExpirySeconds), Doc: "seconds from now"}),
	opt(Param{Name: "expires_at", Type: ObjectOf("DateTime"), Doc: "a moment; one that has passed expires at once"}),
}

// maxExpirySeconds is a hundred years.
const maxExpirySeconds = 100 * 366 * 86400

// kvQuota is what bounds all that a tenant keeps.
var kvQuota = []string{"kv_rows", "kv_bytes"}

var kvOperation = RecordOf("KVOperation", "An operation of a batch.", append([]Param{
	{Name: "action", Type: OneOf("set", "delete", "check"), Doc: "check changes nothing and only wants its version to hold"},
	keyArg, scopesArg,
	opt(Param{Name: "value", Type: Value.AtMost("kv_value_bytes"), Doc: "of a set"}),
	opt(Param{Name: "version", Type: Integer.Between(0, 1<<53), Doc: "that the record of exactly this key and these scopes must have; " +
		"0 for none. Without it a delete removes every record that matches"}),
}, expiryFields...)...)

var kvOutcome = RecordOf("KVOutcome", "What an operation of a batch has done.",
	opt(Param{Name: "id", Type: Text, Doc: "of the record that was set"}),
	opt(Param{Name: "version", Type: Integer, Doc: "of the record that was set"}),
	opt(Param{Name: "deleted", Type: Integer, Doc: "how many records were deleted"}),
)

// batchLacks wants for each operation what the call for one of its kind needs.
func batchLacks(held Grants, args []khronos.Value) string {
	if args[0].Len() == 0 {
		return "kv:*" // "each" of none is no permission
	}
	for _, op := range args[0].Items() {
		action, _ := op.Get("action")
		key, _ := op.Get("key")
		scopes, _ := op.Get("scopes")
		name, _ := action.AsText()
		if name == "check" {
			name = "get"
		}
		f := Function{Name: name, Needs: kvCapability(name), Args: []Param{keyArg, scopesArg}}
		if missing := f.Missing(held, []khronos.Value{key, scopes}); missing != "" {
			return missing
		}
	}
	return ""
}

// kvCapability allows an action on keys and scopes. For find the key is the text
// of the pattern.
func kvCapability(action string) Capability {
	key := "<key>"
	if action == "find" {
		key = "<pattern>"
	}
	return exactly("kv:"+action+":*", "kv:*", "kv:"+action+":"+key,
		"kv[<scopes>]:*", "kv[<scopes>]:"+action, "kv[<scopes>]:"+action+":"+key)
}
