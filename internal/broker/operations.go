package broker

import (
	"context"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// act does an operation. It is called when all checks have passed.
type act func(context.Context, *Broker, request) (khronos.Value, error)

// acts is what the operations of package registry do. What is not here cannot be
// asked for.
var acts = map[string]act{
	"kv.get":         kvGet,
	"kv.getrecord":   kvGetRecord,
	"kv.getbyid":     kvGetByID,
	"kv.find":        kvFind,
	"kv.set":         kvSet,
	"kv.batch":       kvBatch,
	"kv.delete":      kvDelete,
	"kv.list_scopes": kvListScopes,

	"globalkv.find":   globalFind,
	"globalkv.get":    globalGet,
	"globalkv.create": globalCreate,
	"globalkv.delete": globalDelete,

	"http.request": httpRequest,

	"runtime.stats":          runtimeStats,
	"runtime.links":          runtimeLinks,
	"runtime.gettenantstate": runtimeGetTenantState,
	"runtime.settenantstate": runtimeSetTenantState,
	"runtime.dispatchevent":  runtimeDispatchEvent,
}

// operation is one thing that a template can ask for.
type operation struct {
	*registry.Function // what it takes and needs
	act                act
}

// operations joins declarations and acts.
func operations() map[string]operation {
	ops := make(map[string]operation, len(acts))
	for name, act := range acts {
		f, ok := registry.Operation(name)
		if !ok {
			panic("BUG: the operation " + name + " is not declared")
		}
		ops[name] = operation{f, act}
	}
	return ops
}

// request is what an operation was asked. Its arguments are what the operation's
// declaration says, a Null for an optional one that was left out.
type request struct {
	caller Caller
	tenant khronos.TenantID // the caller's
	op     string
	args   []khronos.Value
}

// text gives argument i, a string.
func (r request) text(i int) string {
	s, _ := r.args[i].AsText()
	return s
}

// call names the call for the store.
func (r request) call() store.OpID { return store.OpID(r.caller.Call) }

// texts gives argument i, a list of strings.
func (r request) texts(i int) []string {
	return textsOf(r.args[i])
}

func textsOf(v khronos.Value) []string {
	list := make([]string, v.Len())
	for j, item := range v.Items() {
		list[j], _ = item.AsText()
	}
	return list
}
