// Package registry declares everything that templates can call: functions,
// fields and types, each once.
//
// A declaration is data: name, arguments, results, capability, rate bucket,
// fuel, limits, text and an example. The host makes the natives of it and checks
// their arguments by it, the broker takes its operations, capability rules and
// rate limits from it and checks calls by it again, and docs/script-api.md and
// the definition files are written from it. So a declaration cannot say what is
// not enforced.
//
// It imports nothing that acts and starts no goroutine. Sizes are bytes, costs
// are units of the engine's fuel.
//
// # To add a function
//
//  1. Declare it in the list of its area (kv.go, runtime.go, ...). A new area is
//     a new file and a line in areas.
//  2. Write its Go function and name it in one line: an operation (one with Op)
//     in internal/broker's table of operations, any other in internal/host's
//     table of bodies. A test says when one of the two is missing.
//  3. go test ./internal/host -update
//
// Arguments have been checked by their declared types when the function runs,
// and its example runs as a test. A member of the original's API that is still
// missing stands in coverage.go with the reason; delete that line too.
package registry

import (
	"fmt"
	"strings"
)

// Area is a place where scripts find members: an object, a library or a module.
type Area struct {
	Name      string // how scripts reach it: "ctx.KV", "task", "@antiraid/interop", or an object's type; "" for globals
	Kind      AreaKind
	Type      string // of an Object: what typeof gives, and its name in definition files
	Doc       string
	Fields    []Param
	Functions []Function
	Operators string // of an Object, for documentation
}

// AreaKind says what an Area is.
type AreaKind uint8

const (
	Globals AreaKind = iota // names that every script sees
	Library                 // a frozen global table
	Module                  // a frozen table that require gives
	Part                    // a frozen table in a module, whose name and a dot begin its own
	Object                  // a userdata; its functions are called with a colon
)

// Function is one function that scripts can call.
type Function struct {
	Name    string
	Op      string // the broker's operation; empty for a function that runs inside the worker
	Args    []Param
	Rest    bool // takes any further arguments
	Results []Param
	Static  bool // of an Object: called with a dot, without the object
	Yields  bool // suspends the calling coroutine; every operation does
	Needs   Capability
	Bucket  Bucket   // what pays for an operation
	Tokens  string   // the list argument of which each item takes a token; a call takes one without
	Cost    int64    // fuel of each call, beside what depends on sizes
	Limits  []string // limits that hold, beside those of the arguments
	Doc     string
	Example string // a script with ctx; what it prints stands behind -->

	area *Area
}

// Param is an argument, a result or a field.
type Param struct {
	Name     string
	Type     Type
	Optional bool
	Doc      string
}

// opt makes p optional.
func opt(p Param) Param {
	p.Optional = true
	return p
}

// areas is everything there is, in the order of docs/script-api.md.
var areas = []*Area{
	&globalsArea, &contextArea, &kvArea, &globalKVArea, &runtimeArea, &httpArea, &taskArea,
	&dateTimeArea, &timeDeltaArea, &timezoneArea, &i64Area, &u64Area, &lazyArea, &blobArea, &archiveArea,
	&urlArea, &headersArea, &requestArea, &responseArea,
	&oneshotArea, &delayArea, &keyHandleArea,
	&chunkArea, &vfsArea,
	&channelArea, &datamgmtArea, &datetimeArea, &interopArea, &jsonArea, &luauArea, &typesextArea, &bitu64Area, &vfsPart,
}

// names and ops find functions by their full name and by their operation.
var names, ops = index(areas)

func index(areas []*Area) (names, ops map[string]*Function) {
	names, ops = map[string]*Function{}, map[string]*Function{}
	for _, a := range areas {
		for i := range a.Functions {
			f := &a.Functions[i]
			f.area = a
			if names[f.FullName()] != nil || f.Op != "" && ops[f.Op] != nil {
				panic("BUG: " + f.FullName() + " is declared twice")
			}
			names[f.FullName()] = f
			if f.Op != "" {
				f.Yields = true
				ops[f.Op] = f
			}
		}
	}
	return names, ops
}

// Areas returns all declarations, in the order of docs/script-api.md. They must
// not be changed.
func Areas() []*Area { return areas }

// Parts returns the tables in a module.
func Parts(module *Area) []*Area {
	var list []*Area
	for _, a := range areas {
		if a.Kind == Part && strings.HasPrefix(a.Name, module.Name+".") {
			list = append(list, a)
		}
	}
	return list
}

// Operation returns the function that the broker's operation op stands for.
func Operation(op string) (*Function, bool) {
	f, ok := ops[op]
	return f, ok
}

// Find returns the function of that full name, such as "ctx.KV:get".
func Find(name string) (*Function, bool) {
	f, ok := names[name]
	return f, ok
}

// Has tells whether there is a function or a field of that full name, or an
// area.
func Has(name string) bool {
	if names[name] != nil {
		return true
	}
	for _, a := range areas {
		if a.Name == name {
			return true
		}
		for _, f := range a.Fields {
			if a.member(f.Name, ".") == name {
				return true
			}
		}
	}
	return false
}

// FullName is how scripts write the function: "ctx.KV:get", "task.wait",
// "@antiraid/interop.memusage", "print".
func (f *Function) FullName() string {
	if f.area.Kind == Object && !f.Static {
		return f.area.member(f.Name, ":")
	}
	return f.area.member(f.Name, ".")
}

func (a *Area) member(name, separator string) string {
	if a.Name == "" {
		return name
	}
	return a.Name + separator + name
}

// Area returns where the function is found.
func (f *Function) Area() *Area { return f.area }

// Label is what errors call the function: its operation, or its full name.
func (f *Function) Label() string {
	if f.Op != "" {
		return f.Op
	}
	return f.FullName()
}

// Signature is the call as an author writes it, with types:
// "ctx.KV:get(key: string, scopes: {string}) -> (value: any, exists: boolean)".
func (f *Function) Signature() string {
	text := f.FullName() + "(" + strings.Join(f.ArgTexts(), ", ") + ")"
	switch results := paramTexts(f.Results); len(results) {
	case 0:
		return text
	case 1:
		return text + " -> " + f.Results[0].TypeText()
	default:
		return text + " -> (" + strings.Join(results, ", ") + ")"
	}
}

// ArgTexts gives the arguments with their types.
func (f *Function) ArgTexts() []string {
	args := paramTexts(f.Args)
	if f.Rest {
		args = append(args, "...any")
	}
	return args
}

// ResultText gives the type of the results, "()" for none.
func (f *Function) ResultText() string {
	types := make([]string, len(f.Results))
	for i, p := range f.Results {
		types[i] = p.TypeText()
	}
	if len(types) == 1 {
		return types[0]
	}
	return "(" + strings.Join(types, ", ") + ")"
}

func paramTexts(params []Param) []string {
	texts := make([]string, len(params))
	for i, p := range params {
		texts[i] = p.Name + ": " + p.TypeText()
	}
	return texts
}

// TypeText is the type in Luau, with a mark when it is optional.
func (p Param) TypeText() string {
	text := p.Type.String()
	if p.Optional && text != "any" {
		if strings.Contains(text, "|") || strings.Contains(text, "->") {
			text = "(" + text + ")"
		}
		return text + "?"
	}
	return text
}

// LimitNames returns the limits that hold for a call of f, each once.
func (f *Function) LimitNames() []string {
	var list []string
	add := func(name string) {
		for _, have := range list {
			if have == name {
				return
			}
		}
		if name != "" {
			list = append(list, name)
		}
	}
	for _, p := range f.Args {
		p.Type.limitNames(add)
	}
	for _, name := range f.Limits {
		add(name)
	}
	if q, ok := f.Bucket.quota(); ok {
		add(q.Burst)
		add(q.Refill)
	}
	return list
}

// Problems says what the declaration lacks; tests want none.
func (f *Function) Problems() []string {
	var list []string
	miss := func(format string, args ...any) {
		list = append(list, f.FullName()+": "+fmt.Sprintf(format, args...))
	}
	if f.Doc == "" {
		miss("no text")
	}
	if f.Example == "" {
		miss("no example")
	}
	if f.Cost < 5 {
		miss("a cost of %d", f.Cost)
	}
	if f.Op != "" && f.Needs.Name == "" {
		miss("an operation without capability")
	}
	optional := false
	for _, p := range f.Args {
		if optional && !p.Optional {
			miss("%s follows an optional argument", p.Name)
		}
		optional = p.Optional
	}
	return list
}
