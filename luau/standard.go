package luau

import (
	"sync"

	"github.com/template-worker/template-worker/luau/internal/vm"
	"github.com/template-worker/template-worker/luau/lib"
)

// Standard gives the base with all standard libraries. It is made once per
// process and safe for concurrent use.
var Standard = sync.OnceValue(func() *Base { return NewBase(OpenAll) })

// NewBase makes a base: build sets the globals, then everything is frozen. Call
// it once per process and share the result.
func NewBase(build func(*BaseBuilder)) *Base { return vm.NewBase(build) }

// OpenAll sets all standard globals and libraries. A base that wants other ones
// calls it first and sets what differs; a global set to [Nil] is gone.
func OpenAll(b *BaseBuilder) { lib.OpenAll(b) }

// TypeName gives what type() gives for a value: "nil", "number", "table", ...
// [VM.TypeName] also tells host types apart.
func TypeName(v Value) string { return lib.TypeName(v) }
