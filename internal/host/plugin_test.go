package host

import (
	"errors"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

func TestPlugins(t *testing.T) {
	record := khronos.Map(pair("key", khronos.Text("k")), pair("value", khronos.List(khronos.Integer(1))))
	for _, tt := range []struct {
		code   string
		answer khronos.Value
		asked  string // op and arguments
		want   string
	}{
		{`local v, ok = ctx.KV:get("k", {"s", "t"}) return {v, ok}`, khronos.List(khronos.Text("v"), khronos.Boolean(true)), `kv.get ["k",["s","t"]]`, `["v",true]`},
		{`local v, ok = ctx.KV:get(7, {"s"}) return {v == nil, ok}`, khronos.List(khronos.Null(), khronos.Boolean(true)), `kv.get ["7",["s"]]`, `[true,true]`},
		{`return select("#", ctx.KV:set("k", {a = 1}, {"s"}))`, khronos.Null(), `kv.set ["k",{"a":1},["s"],null]`, `0`},
		{`return select("#", ctx.KV:set("k", nil, {"s"}))`, khronos.Null(), `kv.set ["k",null,["s"],null]`, `0`},
		{`local r = ctx.KV:getrecord("k", {"s"}) return {table.isfrozen(r), table.isfrozen(r.value), r.value}`, record, `kv.getrecord ["k",["s"]]`, `[true,false,[1]]`},
		{`local l = ctx.KV:find("%", {"s"}) return {#l, table.isfrozen(l), table.isfrozen(l[1]), l[2].key}`, khronos.List(record, record), `kv.find ["%",["s"]]`, `[2,false,true,"k"]`},
		{`return select("#", ctx.KV:delete("k", {"s"}))`, khronos.Null(), `kv.delete ["k",["s"]]`, `0`},
		{`return ctx.KV:list_scopes()`, khronos.List(khronos.Text("a")), `kv.list_scopes []`, `["a"]`},
		{`return ctx.Runtime:gettenantstate().data.x`, khronos.Map(pair("data", khronos.Map(pair("x", khronos.Integer(1))))), `runtime.gettenantstate []`, `1`},
		{`return ctx.Runtime:stats().total_guilds`, khronos.Map(pair("total_guilds", khronos.Integer(3))), `runtime.stats []`, `3`},
	} {
		d, vm := newDesk(t)
		d.answer = tt.answer
		ctx, err := NewContext(vm, Scope{Event: khronos.Event{Name: "e"}, Held: registry.NewGrants([]string{"kv:*", "kv.meta:list_scopes", "runtime:*"})})
		if err != nil {
			t.Fatal(err)
		}
		got, err := run(d, vm, "local ctx = ... "+tt.code, ctx)
		if err != nil {
			t.Errorf("%s: %v", tt.code, err)
			continue
		}
		asked, err := khronos.List(d.asked...).PlainJSON()
		if err != nil {
			t.Fatal(err)
		}
		if text := d.op + " " + string(asked); text != tt.asked {
			t.Errorf("%s asks %s, want %s", tt.code, text, tt.asked)
		}
		if text, _ := got.PlainJSON(); string(text) != tt.want {
			t.Errorf("%s gives %s, want %s", tt.code, text, tt.want)
		}
	}
}

func TestContext_Capabilities(t *testing.T) {
	for _, tt := range []struct {
		held []string
		code string
		want bool
	}{
		{[]string{"kv:*"}, `ctx:has_cap("kv:*")`, true},
		{[]string{"kv:*"}, `ctx:has_cap("kv:get:*")`, false},
		{[]string{"*"}, `ctx:has_cap("kv:get:*")`, true},
		{nil, `ctx:has_cap("*")`, false},
		{[]string{"b"}, `ctx:has_any_cap({"a", "b"})`, true},
		{[]string{"b"}, `ctx:has_any_cap({})`, false},
		{[]string{"a", "b"}, `#ctx.allowed_caps == 2 and ctx.allowed_caps == ctx.allowed_caps and table.isfrozen(ctx.allowed_caps)`, true},
		{nil, `pcall(function() ctx.store = 1 end)`, false},
		{nil, `pcall(function() ctx:has_any_cap({ 1 }) end)`, false},
	} {
		d, vm := newDesk(t)
		ctx, err := NewContext(vm, Scope{Held: registry.NewGrants(tt.held)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := run(d, vm, "local ctx = ... return ("+tt.code+")", ctx)
		if err != nil || !got.Equal(khronos.Boolean(tt.want)) {
			t.Errorf("%q: %s gives %v, %v; want %v", tt.held, tt.code, got, err, tt.want)
		}
	}
}

func TestPrint(t *testing.T) {
	d, vm := newDesk(t)
	if _, err := run(d, vm, `print(1, nil, "x", setmetatable({}, { __tostring = function() return "T" end })) print()`); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(d.lines, "|"); got != "1\tnil\tx\tT|" {
		t.Errorf("printed %q", got)
	}
}

func TestPrograms(t *testing.T) {
	p := NewPrograms()
	first, err := p.get("a", "return 1")
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := p.get("a", "return 1"); again != first {
		t.Error("the same source is compiled twice")
	}
	if other, _ := p.get("b", "return 1"); other == first {
		t.Error("another name gives the same program")
	}
	for i := range 80 { // comments of 512 KiB
		if _, err := p.get("big", "--"+strings.Repeat("x", 512<<10)+string(rune('A'+i))); err != nil {
			t.Fatal(err)
		}
	}
	if p.bytes > maxProgramBytes || len(p.entries) != p.recent.Len() || len(p.entries) > 64 {
		t.Errorf("%d bytes in %d entries are kept", p.bytes, len(p.entries))
	}
	if again, _ := p.get("a", "return 1"); again == first {
		t.Error("the least recently used program is still there")
	}
	_, err = p.get("bad", "x = = 1")
	if e, ok := SyntaxError(err); !ok || e.Kind != khronos.ErrKindScriptError || !strings.HasPrefix(e.Text, "bad:1:5:") {
		t.Errorf("got %v", err)
	}
	if _, ok := SyntaxError(luau.ErrClosed); ok {
		t.Error("any error is a syntax error")
	}
}

// A tenant whose memory is spent cannot even have a machine; that is a limit too.
func TestLoader_NoMemory(t *testing.T) {
	vm := luau.NewVM(NewBase(), luau.Config{Account: luau.NewAccount(10)})
	defer vm.Close()
	_, err := NewLoader(nil, NewPrograms()).Script(vm, "script", "return 1")
	var limit *luau.LimitError
	if !errors.As(err, &limit) || limit.Kind != luau.LimitMemory {
		t.Errorf("got %v, want a memory limit", err)
	}
}
