package luau_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau"
)

// What scripts find besides the libraries' functions, which testdata/names.luau
// lists: a name that comes or goes shows here.
func TestStandard_Names(t *testing.T) {
	var names []string
	globals := luau.Standard().Globals()
	for i, k, _, ok := globals.NextIndex(0); ok; i, k, _, ok = globals.NextIndex(i) {
		names = append(names, k.AsString().Str())
	}
	slices.Sort(names)
	const want = "_VERSION assert bit32 buffer collectgarbage coroutine debug error gcinfo getfenv getmetatable integer ipairs " +
		"math newproxy next os pairs pcall print rawequal rawget rawlen rawset select setfenv setmetatable string table " +
		"tonumber tostring type typeof unpack utf8 vector xpcall"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
