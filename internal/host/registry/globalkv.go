package registry

import "github.com/template-worker/template-worker/internal/khronos"

var globalKVArea = Area{
	Name: "ctx.GlobalKV", Kind: Object, Type: "GlobalKV",
	Doc: "Entries that tenants publish for all others. One is named by key, version and scope and never changes. The staff reviews it: " +
		"until it is approved only its owner sees it.\n\n" +
		"Beside the capabilities that stand at the functions, `globalkv:*` and `globalkv:<action>:<scope>` do as well.",
	Functions: []Function{
		{
			Name: "find", Op: "globalkv.find",
			Args:    []Param{{Name: "pattern", Type: Text.AtMost("kv_key_bytes"), Doc: "of keys, as that of `KV:find`"}, globalScopeArg},
			Results: []Param{{Name: "entries", Type: ListOf(globalPartial)}},
			Needs:   globalCapability("find"), Bucket: BucketGlobalKV, Cost: 200, Limits: []string{"kv_find_rows", "frame_bytes"},
			Doc: "Gives the entries whose key matches, by key and version, without `long`. More than the limit are an error and not a shorter list.",
			Example: `ctx.GlobalKV:create({ key = "greetings", version = 1, scope = "texts", short = "How to greet", public_data = true, data = {"hello"} })
local entry = ctx.GlobalKV:find("greet%", "texts")[1]
print(entry.key, entry.version, entry.owner_type, entry.review_state) --> greetings	1	guild	pending`,
		},
		{
			Name: "get", Op: "globalkv.get", Args: []Param{globalKeyArg, globalVersionArg, globalScopeArg},
			Results: []Param{opt(Param{Name: "entry", Type: globalEntry})},
			Needs:   globalCapability("get"), Bucket: BucketGlobalKV, Cost: 200, Limits: []string{"frame_bytes"},
			Doc: "Gives an entry, or nil. Data that is not public only its owner is given; for others `data.type` is `Opaque`.",
			Example: `ctx.GlobalKV:create({ key = "greetings", version = 1, scope = "texts", short = "How to greet", public_data = true, data = {"hello"} })
local entry = ctx.GlobalKV:get("greetings", 1, "texts")
print(entry.partial.short, entry.data.type, entry.data.data[1]) --> How to greet	Value	hello
print(ctx.GlobalKV:get("greetings", 2, "texts")) --> nil`,
		},
		{
			Name: "create", Op: "globalkv.create", Args: []Param{{Name: "entry", Type: RecordOf("GlobalKVEntry", "An entry to publish.",
				globalKeyArg, globalVersionArg, globalScopeArg,
				Param{Name: "short", Type: Text.AtMost("globalkv_text_bytes"), Doc: "what it is, in a line"},
				opt(Param{Name: "long", Type: Text.AtMost("globalkv_text_bytes")}),
				opt(Param{Name: "public_metadata", Type: Value.AtMost("globalkv_text_bytes")}),
				Param{Name: "public_data", Type: Boolean, Doc: "whether others get the data"},
				opt(Param{Name: "data", Type: Value.AtMost("kv_value_bytes")}),
			)}},
			Needs:  Capability{Name: "globalkv:create:*", Rule: globalCreateLacks},
			Bucket: BucketGlobalKV, Cost: 300, Limits: []string{"globalkv_entries"},
			Doc: "Publishes an entry, to be reviewed. That the name is taken is an error: entries do not change, publish another version.",
			Example: `local entry = { key = "greetings", version = 1, scope = "texts", short = "How to greet", public_data = true, data = {"hello"} }
ctx.GlobalKV:create(entry)
print(pcall(function() ctx.GlobalKV:create(entry) end)) --> false	example:3: globalkv.create: version 1 of "greetings" is there already: publish another version`,
		},
		{
			Name: "delete", Op: "globalkv.delete", Args: []Param{globalKeyArg, globalVersionArg, globalScopeArg},
			Needs: globalCapability("delete"), Bucket: BucketGlobalKV, Cost: 200,
			Doc: "Deletes an entry of the tenant. One that is not there, or another tenant's, is an error.",
			Example: `ctx.GlobalKV:create({ key = "greetings", version = 1, scope = "texts", short = "How to greet", public_data = true })
ctx.GlobalKV:delete("greetings", 1, "texts")
print(ctx.GlobalKV:get("greetings", 1, "texts")) --> nil`,
		},
	},
}

var (
	globalKeyArg     = Param{Name: "key", Type: Text.AtMost("kv_key_bytes"), Doc: "3 to 64 of A-Z a-z 0-9 . _ -, without a dot at either end"}
	globalVersionArg = Param{Name: "version", Type: Integer.Between(0, 1<<31-1)}
	globalScopeArg   = Param{Name: "scope", Type: Text.AtMost("kv_scope_bytes")}
)

var globalPartial = RecordOf("GlobalKVPartial", "What an entry of `ctx.GlobalKV` is, without its data.",
	Param{Name: "key", Type: Text},
	Param{Name: "version", Type: Integer},
	Param{Name: "scope", Type: Text},
	Param{Name: "owner_id", Type: Text},
	Param{Name: "owner_type", Type: OneOf("guild", "user")},
	Param{Name: "short", Type: Text},
	opt(Param{Name: "long", Type: Text, Doc: "only from `get`"}),
	Param{Name: "public_metadata", Type: Any},
	Param{Name: "public_data", Type: Boolean},
	Param{Name: "review_state", Type: OneOf("pending", "approved", "denied")},
	Param{Name: "created_at", Type: ObjectOf("DateTime")},
	Param{Name: "last_updated_at", Type: ObjectOf("DateTime")},
).Freeze()

var globalEntry = RecordOf("GlobalKVItem", "An entry of `ctx.GlobalKV`.",
	Param{Name: "partial", Type: globalPartial},
	Param{Name: "data", Type: RecordOf("GlobalKVData", "The data of an entry.",
		Param{Name: "type", Type: OneOf("Value", "Opaque")}, opt(Param{Name: "data", Type: Any, Doc: "of a Value"}))},
).Freeze()

// globalCapability allows an action in a scope, never in all of them because it is
// allowed in one.
func globalCapability(action string) Capability {
	return exactly("globalkv:"+action+":*", "globalkv:*", "globalkv:"+action+":<scope>")
}

func globalCreateLacks(held Grants, args []khronos.Value) string {
	scope, _ := args[0].Get("scope")
	f := Function{Name: "create", Needs: globalCapability("create"), Args: []Param{globalScopeArg}}
	return f.Missing(held, []khronos.Value{scope})
}
