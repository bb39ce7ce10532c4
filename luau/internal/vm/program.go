package vm

import (
	"sync/atomic"
	"unsafe"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// Program is a compiled chunk made ready to run: constants are values, imports
// are resolved against a base. It is immutable, but for counters of visits, and
// shared by any number of VMs of that base, on any goroutine.
type Program struct {
	Chunk  string // chunk name as given to the compiler
	Main   *Proto
	Source int // bytes of source
}

// Proto is one function of a program.
type Proto struct {
	code      []bytecode.Instr
	k         []Value     // an import holds its value in the base, nil if it has none there
	paths     [][]*String // of import constants, by constant; nil if the function has no imports
	protos    []*Proto
	captures  []bytecode.Capture
	lines     []int32
	visits    []atomic.Uint64 // how often each place was visited; nil but for code compiled to tell its coverage
	maxStack  uint8
	numParams uint8
	numUps    uint8
	vararg    bool
	line      int32     // of its definition; 0 for the main chunk
	name      string    // "" for an anonymous function and the main chunk
	chunk     string    // name of the chunk for messages
	weight    *Userdata // of a program of one VM: stands for its memory, as long as a function of it lives
}

// Name gives the function's name, "" if it has none; Line the line of its definition; Chunk where it stands.
func (p *Proto) Name() string { return p.name }

// Line gives the line of the function's definition, 0 for a main chunk.
func (p *Proto) Line() int { return int(p.line) }

// Chunk gives the name of the chunk as messages show it.
func (p *Proto) Chunk() string { return p.chunk }

// Load makes a compiled program ready to run on VMs of the base.
func Load(b *Base, p *bytecode.Program) *Program {
	l := loader{base: b, chunk: shortChunk(p.Chunk)}
	return &Program{Chunk: p.Chunk, Main: l.proto(p.Main), Source: p.Source}
}

// NewProgram is [Load] for code that this VM alone will run, such as what a script
// has made: its memory counts for as long as one of its functions lives.
func (vm *VM) NewProgram(p *bytecode.Program) (*Program, error) {
	weight, err := vm.NewUserdata(programType, nil, codeSize(p.Main))
	if err != nil {
		return nil, err
	}
	l := loader{base: vm.base, chunk: shortChunk(p.Chunk), weight: weight}
	return &Program{Chunk: p.Chunk, Main: l.proto(p.Main), Source: p.Source}, nil
}

var programType = &UserType{Name: "program"}

// codeSize gives about the bytes that a function and those inside it take once they are loaded.
func codeSize(p *bytecode.Proto) int64 {
	const proto, perConst, perKey = 320, 64, 80
	n := int64(proto) + int64(len(p.Code))*int64(unsafe.Sizeof(bytecode.Instr(0))) + int64(len(p.Lines))*4 +
		int64(len(p.Captures))*int64(unsafe.Sizeof(bytecode.Capture{})) + int64(p.Places)*4
	for i := range p.Consts {
		c := &p.Consts[i]
		n += perConst + int64(len(c.Str)) + int64(len(c.Keys)+len(c.Path))*perKey
	}
	for _, inner := range p.Protos {
		n += codeSize(inner)
	}
	return n
}

type loader struct {
	base   *Base
	chunk  string
	weight *Userdata
}

func (l *loader) proto(p *bytecode.Proto) *Proto {
	q := &Proto{
		code: p.Code, lines: p.Lines, captures: p.Captures,
		maxStack: p.MaxStack, numParams: p.NumParams, numUps: p.NumUps, vararg: p.Vararg,
		name: p.Name, line: p.Line, chunk: l.chunk, weight: l.weight,
	}
	if p.Places > 0 {
		q.visits = make([]atomic.Uint64, p.Places)
	}
	q.k = make([]Value, len(p.Consts))
	for i := range p.Consts {
		q.k[i] = l.constant(q, i, &p.Consts[i])
	}
	q.protos = make([]*Proto, len(p.Protos))
	for i, c := range p.Protos {
		q.protos[i] = l.proto(c)
	}
	return q
}

// constant makes the value of constant i.
func (l *loader) constant(q *Proto, i int, c *bytecode.Const) Value {
	switch c.Kind {
	case bytecode.ConstNil:
		return Nil
	case bytecode.ConstFalse:
		return False
	case bytecode.ConstTrue:
		return True
	case bytecode.ConstNumber:
		return Number(c.Number)
	case bytecode.ConstInteger:
		return Integer(c.Int)
	case bytecode.ConstString:
		return Const(c.Str).Value()
	case bytecode.ConstVector:
		return ConstVector(c.Vector[0], c.Vector[1], c.Vector[2])
	case bytecode.ConstImport:
		if q.paths == nil {
			q.paths = make([][]*String, len(q.k))
		}
		for _, name := range c.Path {
			q.paths[i] = append(q.paths[i], Const(name))
		}
		v, _ := l.base.lookup(c.Path)
		return v
	case bytecode.ConstTable:
		return template(c.Keys).Value()
	}
	panic("BUG: constant of an unknown kind")
}

// chunkLimit is the longest chunk name in messages, in bytes.
const chunkLimit = 255

// shortChunk gives the form of a chunk name that messages show: "=name" and
// "@name" without their sign, cut if too long, anything else as the first line of a
// source text: [string "..."].
func shortChunk(name string) string {
	if name == "" {
		return `[string ""]`
	}
	switch name[0] {
	case '=':
		return name[1:min(len(name), chunkLimit+1)]
	case '@':
		if len(name)-1 > chunkLimit {
			return "..." + name[len(name)-chunkLimit+3:]
		}
		return name[1:]
	}
	return sourceChunk(name)
}

// sourceChunk shows source text by its first line.
func sourceChunk(src string) string {
	const room = chunkLimit - len(`[string "..."]`)
	line := src
	for i := range len(src) {
		if src[i] == '\n' || src[i] == '\r' {
			line = src[:i]
			break
		}
	}
	if len(line) > room {
		line = line[:room]
	}
	if len(line) < len(src) {
		line += "..."
	}
	return `[string "` + line + `"]`
}
