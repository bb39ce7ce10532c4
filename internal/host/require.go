package host

import (
	"slices"
	"strconv"
	"strings"

	"github.com/template-worker/template-worker/luau"
)

// platformPrefix begins the names of the platform's modules, in lower case. No alias leads there.
const platformPrefix = "@antiraid/"

// compileFuel is what a byte of source costs when require loads it.
const compileFuel = 20

// module is a file of the template that a VM has loaded or is loading.
type module struct {
	file   string
	loaded bool
	value  luau.Value      // what it returned
	ref    luau.Ref        // keeps it, unless that is the business of a require function
	co     *luau.Coroutine // that loads it
	by     *module         // whose loading asked for it; nil for init.luau and for handlers
}

// require is require(path) -> what the module returned. A module runs once, in
// the coroutine that asks for it first, and may wait meanwhile; others that ask
// wait for it.
func require(c *luau.Call) error {
	return envOf(c).Loader().require(c, callingFile(c))
}

// require is a require of the files of l, called from one of them.
func (l *Loader) require(c *luau.Call, from string) error {
	request, err := c.CheckString(0)
	if err != nil {
		return err
	}
	if name := strings.ToLower(request); strings.HasPrefix(name, platformPrefix) {
		module, ok := modules[name]
		if !ok {
			return c.Errorf("require %q: there is no such module: there are %s", request, strings.Join(moduleNames, ", "))
		}
		return c.Return1(module)
	}
	return l.requireFile(c, from, request)
}

func (l *Loader) requireFile(c *luau.Call, from, request string) error {
	if _, ok := l.files[from]; !ok && l.own == nil {
		return c.Errorf("require %q: only a file of the template can require another", request)
	}
	file, err := l.resolve(from, request)
	if broke := c.Charge(l.unpaid); broke != nil {
		return broke
	}
	l.unpaid = 0
	if err != nil {
		return c.Errorf("require %q: %s", request, err.Error())
	}
	return l.enter(c, file)
}

// callingFile gives the name of the nearest script function's file.
func callingFile(c *luau.Call) string {
	line, _, _ := strings.Cut(c.Coroutine().Traceback("", 0), "\n")
	for i := len(line) - 1; i >= 0; i-- { // file:LINE, then perhaps " function NAME"
		if line[i] != ':' {
			continue
		}
		number, _, _ := strings.Cut(line[i+1:], " ")
		if _, err := strconv.Atoi(number); err == nil {
			return line[:i]
		}
	}
	return ""
}

// enter gives the result of a module that is loaded, waits for one that is being
// loaded, and loads any other.
func (l *Loader) enter(c *luau.Call, file string) error {
	co := c.Coroutine()
	delete(l.waiting, co)
	m := l.modules[file]
	if m != nil && !m.loaded && m.co.Status() == "dead" { // it was cancelled, or ran into a limit
		m = nil
	}
	switch {
	case m == nil:
		return l.load(c, file)
	case m.loaded:
		return c.Return1(m.value)
	}
	if chain := l.cycle(co, m); chain != "" {
		return c.Errorf("require: cyclic: %s", chain)
	}
	l.waiting[co] = m
	wait := []luau.Value{luau.Number(minWait.Seconds())}
	return c.CallThen(library(c, "task", "wait"), wait, func(c *luau.Call, _ any) error { return l.enter(c, file) }, nil)
}

// load runs a module.
func (l *Loader) load(c *luau.Call, file string) error {
	if err := c.Charge(int64(len(l.files[file])) * compileFuel); err != nil {
		return err
	}
	fn, err := l.function(c, file)
	if bad, ok := err.(*sourceError); ok {
		l.syntax = bad
		return c.Errorf("%s", err.Error())
	}
	if err != nil {
		return err
	}
	m := &module{file: file, co: c.Coroutine(), by: l.loading(c.Coroutine())}
	l.modules[file] = m
	return c.ProtectedCallThen(fn, nil, l.returned, m)
}

// loading gives the module that co is in the middle of loading, the innermost.
func (l *Loader) loading(co *luau.Coroutine) *module {
	var inner *module
	for _, m := range l.modules {
		if !m.loaded && m.co == co && (inner == nil || m.within(inner)) {
			inner = m
		}
	}
	return inner
}

// within tells whether m was asked for by outer's loading, directly or not.
func (m *module) within(outer *module) bool {
	for ; m != nil; m = m.by {
		if m == outer {
			return true
		}
	}
	return false
}

// returned keeps the result of a module; one that failed may be tried again.
func (l *Loader) returned(c *luau.Call, state any) error {
	m := state.(*module)
	if !c.Arg(0).Truthy() {
		delete(l.modules, m.file)
		return c.Throw(c.Arg(1))
	}
	v := c.Arg(1)
	if v.IsNil() {
		v = luau.True
	}
	m.value, m.loaded, m.co, m.by = v, true, nil, nil
	if l.own == nil {
		m.ref = c.VM().NewRef(v)
	}
	if l.idle() {
		clear(l.waiting) // of threads that were ended while they waited
	}
	return c.Return1(v)
}

func (l *Loader) idle() bool {
	for _, m := range l.modules {
		if !m.loaded {
			return false
		}
	}
	return true
}

// cycle tells how loading m, which co now asks for, waits for co itself; "" if it does not.
func (l *Loader) cycle(co *luau.Coroutine, m *module) string {
	at, chain := m, []string{m.file}
	for at.co != co {
		if at = l.waiting[at.co]; at == nil {
			return ""
		}
		chain = append(chain, at.file)
	}
	var own []string // what co is loading inside at
	for inner := l.loading(co); inner != nil && inner != at; inner = inner.by {
		own = append(own, inner.file)
	}
	slices.Reverse(own)
	return strings.Join(append(append(chain, own...), m.file), " -> ")
}
