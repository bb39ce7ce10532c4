package registry

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
			Args:  []Param{keyArg, {Name: "value", Type: Value.AtMost("kv_value_bytes"), Doc: "what can leave a script"}, scopesArg},
			Needs: kvCapability("set"), Bucket: BucketKV, Cost: 200,
			Doc: "Stores a value, in place of the one that is there. It is kept for good when the call returns.",
			Example: `ctx.KV:set("visits", { count = 1 }, {"stats"})
print(ctx.KV:get("visits", {"stats"}).count) --> 1
print(pcall(function() ctx.KV:set("visits", 0 / 0, {"stats"}) end)) --> false	example:3: kv.set: value: the number nan is not finite`,
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
).Freeze()

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
