package process

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// marks is a small piece of memory that a child shares with its master. It
// outlives the child whatever ends it, where a message that was queued does not.
// It has two rooms: the start marks, and behind them a [runningMap].
//
// Before a dispatch starts, the child sets the bit of its number. So the master
// never runs twice what had started.
//
// Numbers share a bit when they differ by a multiple of markBits. The child
// clears the bit when it takes a number on; by then the Started message of the
// number's namesake has long been sent.
type marks struct {
	mu sync.RWMutex
	// mu guards the fields below; the child, which never frees, does not need it.
	words  []atomic.Uint64 // the start marks, and after free a copy
	runs   runningMap      // empty after free
	last   []running       // what runs held at free
	memory []byte          // nil after free
}

const (
	markBits  = 1 << 16
	markBytes = markBits / 8

	sharedBytes = markBytes + runningBytes
)

// newMarks makes the memory. The file is for the child; the caller closes it.
func newMarks() (*marks, *os.File, error) {
	f, err := sharedFile("start marks")
	if err != nil {
		return nil, nil, fmt.Errorf("make start marks: %w", err)
	}
	if err := f.Truncate(sharedBytes); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("size start marks: %w", err)
	}
	m, err := openMarks(f)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return m, f, nil
}

// openMarks maps the memory behind f, which may be closed then.
func openMarks(f *os.File) (*marks, error) {
	memory, err := syscall.Mmap(int(f.Fd()), 0, sharedBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map start marks: %w", err)
	}
	// A mapping begins at a page, so its words are aligned.
	words := unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&memory[0])), sharedBytes/8)
	return &marks{words: words[:markBytes/8], runs: runningMap{words[markBytes/8:]}, memory: memory}, nil
}

// place returns the word and the bit of a number.
func (m *marks) place(number uint64) (*atomic.Uint64, uint64) {
	bit := number % markBits
	return &m.words[bit/64], 1 << (bit % 64)
}

// clear and set are the child's.

func (m *marks) clear(number uint64) {
	word, bit := m.place(number)
	word.And(^bit)
}

func (m *marks) set(number uint64) {
	word, bit := m.place(number)
	word.Or(bit)
}

// has says whether the child has started a number that was live in it.
func (m *marks) has(number uint64) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	word, bit := m.place(number)
	return word.Load()&bit != 0
}

// running returns what the child runs right now, or ran when it died: what it had
// begun and not ended.
func (m *marks) running() []running {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.memory == nil {
		return m.last
	}
	return m.runs.read()
}

// free gives the shared memory back, when the child is dead, and keeps a copy.
func (m *marks) free() {
	m.mu.Lock()
	defer m.mu.Unlock()
	shared := m.words
	m.words = make([]atomic.Uint64, len(shared))
	for i := range shared {
		m.words[i].Store(shared[i].Load())
	}
	m.last, m.runs = m.runs.read(), runningMap{}
	if err := syscall.Munmap(m.memory); err != nil {
		panic("BUG: unmap start marks: " + err.Error())
	}
	m.memory = nil
}
