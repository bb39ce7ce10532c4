package broker

import (
	"context"

	"github.com/template-worker/template-worker/internal/khronos"
)

// operation is one thing that a template can ask for.
type operation struct {
	name       string                                                         // such as "kv.get"
	args       func([]khronos.Value) (request, error)                         // reads the arguments, by position
	capability func(grants, request) (missing string)                         // empty when the request is allowed
	bucket     bucket                                                         // what pays for it
	run        func(context.Context, *Broker, request) (khronos.Value, error) // called when all checks have passed
}

// operations is every operation there is. What is not here cannot be asked for.
func operations() []operation {
	return []operation{
		{"kv.get", keyAndScopes, kvRule("get"), bucketKV, kvGet},
		{"kv.getrecord", keyAndScopes, kvRule("get"), bucketKV, kvGetRecord},
		{"kv.find", keyAndScopes, kvRule("find"), bucketKV, kvFind},
		{"kv.set", keyValueAndScopes, kvRule("set"), bucketKV, kvSet},
		{"kv.delete", keyAndScopes, kvRule("delete"), bucketKV, kvDelete},
		{"kv.list_scopes", noArgs, exactRule("kv.meta:list_scopes"), bucketNone, kvListScopes},
		{"runtime.stats", noArgs, runtimeRule("stats"), bucketRuntime, runtimeStats},
		{"runtime.links", noArgs, runtimeRule("links"), bucketRuntime, runtimeLinks},
		{"runtime.gettenantstate", noArgs, runtimeRule("gettenantstate"), bucketRuntime, runtimeGetTenantState},
	}
}
