package host

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/template-worker/template-worker/luau"
)

// maxProgramBytes bounds the sources whose programs are kept, all together.
const maxProgramBytes = 32 << 20

// Programs keeps compiled programs by name and source, the least recently used
// ones go first. One serves all tenants of a worker: what it gives depends on the
// source alone. It is safe for concurrent use.
type Programs struct {
	base  *luau.Base
	cover bool // count visits

	mu sync.Mutex
	// mu guards the fields below.
	entries map[programKey]*list.Element // of *programEntry
	recent  *list.List                   // front: used last
	bytes   int
}

type programKey [sha256.Size]byte

type programEntry struct {
	key     programKey
	bytes   int
	compile func() (*luau.Program, error) // compiles at its first call
}

// NewPrograms makes an empty cache of programs for [NewBase].
func NewPrograms() *Programs {
	return &Programs{base: NewBase(), entries: map[programKey]*list.Element{}, recent: list.New()}
}

// NewCoveringPrograms makes Programs that count how often each line is reached, for
// [Programs.Coverage]. What they give runs slower.
func NewCoveringPrograms() *Programs {
	p := NewPrograms()
	p.cover = true
	return p
}

// Coverage gives the visits of the lines of a source that was run under that
// name, and nil when it was not run.
func (p *Programs) Coverage(name, source string) []luau.Coverage {
	p.mu.Lock()
	el := p.entries[keyOf(name, source)]
	p.mu.Unlock()
	if el == nil {
		return nil
	}
	program, err := el.Value.(*programEntry).compile()
	if err != nil {
		return nil
	}
	return program.Coverage()
}

// get gives the program of a source, compiling it if it has to. name is how
// messages call it. The error is a *sourceError, and is kept as well.
func (p *Programs) get(name, source string) (*luau.Program, error) {
	return p.entry(name, source).compile()
}

func (p *Programs) entry(name, source string) *programEntry {
	key := keyOf(name, source)
	p.mu.Lock()
	defer p.mu.Unlock()
	if el := p.entries[key]; el != nil {
		p.recent.MoveToFront(el)
		return el.Value.(*programEntry)
	}
	e := &programEntry{key: key, bytes: len(name) + len(source), compile: sync.OnceValues(func() (*luau.Program, error) {
		code, err := luau.Options{Cover: p.cover}.Compile("="+name, []byte(source))
		if err != nil {
			return nil, newSourceError(name, err)
		}
		return luau.Load(p.base, code), nil
	})}
	p.entries[key] = p.recent.PushFront(e)
	p.bytes += e.bytes
	for p.bytes > maxProgramBytes && p.recent.Len() > 1 {
		oldest := p.recent.Remove(p.recent.Back()).(*programEntry)
		delete(p.entries, oldest.key)
		p.bytes -= oldest.bytes
	}
	return e
}

func keyOf(name, source string) (key programKey) {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(name))))
	h.Write([]byte(name))
	h.Write([]byte(source))
	h.Sum(key[:0])
	return key
}
