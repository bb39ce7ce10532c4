package vm

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"unsafe"
	"weak"
)

// MaxString is the longest string there can be, in bytes.
const MaxString = 1 << 30

// The strings everybody shares: the empty one and those of one byte.
var (
	emptyString = newConst("")
	byteStrings = makeByteStrings()
)

func makeByteStrings() (all [256]*String) {
	for i := range all {
		all[i] = newConst(string([]byte{byte(i)}))
	}
	return all
}

// ByteString gives the string of one byte; it costs nothing.
func ByteString(b byte) Value { return byteStrings[b].Value() }

// NewString makes a string with the content of s, charged to the VM.
func (vm *VM) NewString(s string) (Value, error) {
	if len(s) <= 1 {
		return shortString(s), nil
	}
	o, b, err := vm.AllocString(len(s))
	if err != nil {
		return Nil, err
	}
	copy(b, s)
	return o.Value(), nil
}

// NewStringBytes makes a string with a copy of b, charged to the VM.
func (vm *VM) NewStringBytes(b []byte) (Value, error) {
	return vm.NewString(unsafe.String(unsafe.SliceData(b), len(b)))
}

func shortString(s string) Value {
	if s == "" {
		return emptyString.Value()
	}
	return byteStrings[s[0]].Value()
}

// AllocString makes a string of n bytes, charged to the VM, and gives the bytes:
// the caller fills them in before it does anything else with the string, and
// then never touches them again.
func (vm *VM) AllocString(n int) (*String, []byte, error) {
	if n > MaxString {
		return nil, nil, errNoMemory
	}
	if err := vm.chargeObject(bytesSize(sizeString + n)); err != nil {
		return nil, nil, err
	}
	s, b := newString(n)
	return s, b, nil
}

// size is the accounted size of a string that belongs to a VM.
func (s *String) size() int64 { return bytesSize(sizeString + s.Len()) }

// Hash gives the hash that orders tables; it is computed once.
func (s *String) Hash() uint32 {
	if s.id != 0 {
		return s.hash
	}
	return s.setHash()
}

//go:noinline
func (s *String) setHash() uint32 {
	s.hash, s.id = hashString(s.Str()), 1
	return s.hash
}

// equal compares two strings.
func (s *String) equal(o *String) bool {
	if s == o {
		return true
	}
	if s.Len() != o.Len() || s.id != 0 && o.id != 0 && s.hash != o.hash {
		return false
	}
	return s.Str() == o.Str()
}

// hashString is the hash function whose values the order of table traversal
// rests on: long strings are mixed by blocks of twelve bytes while at least 32
// remain, the rest by shift and xor from its end.
func hashString(s string) uint32 {
	var a, b uint32
	h := uint32(len(s))
	for len(s) >= 32 {
		a += le32(s[0:4])
		b += le32(s[4:8])
		h += le32(s[8:12])
		a = (a ^ h) - bits.RotateLeft32(h, -14)
		b = (b ^ a) - bits.RotateLeft32(a, -11)
		h = (h ^ b) - bits.RotateLeft32(b, -25)
		s = s[12:]
	}
	for i := len(s) - 1; i >= 0; i-- {
		h ^= h<<5 + h>>2 + uint32(s[i])
	}
	return h
}

func le32(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// newConst makes a string that belongs to no VM, with its hash set.
func newConst(s string) *String {
	o, b := newString(len(s))
	copy(b, s)
	o.setHash()
	o.epoch = sharedEpoch
	return o
}

// Const gives the process-wide string with this content: equal contents give the
// same object for as long as anybody holds it. It is never charged to a VM. It is
// safe for concurrent use.
func Const(s string) *String {
	if len(s) <= 1 {
		return shortString(s).AsString()
	}
	return pool.get(s)
}

// pool holds the constants of all loaded programs and libraries, weakly.
var pool = constPool{seed: maphash.MakeSeed(), byHash: make(map[uint64][]weak.Pointer[String])}

type constPool struct {
	seed maphash.Seed

	// mu guards the fields below.
	mu     sync.Mutex
	byHash map[uint64][]weak.Pointer[String]
}

func (p *constPool) get(s string) *String {
	h := maphash.String(p.seed, s)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.byHash[h] {
		if o := w.Value(); o != nil && o.Str() == s {
			return o
		}
	}
	o := newConst(s)
	p.byHash[h] = append(p.byHash[h], weak.Make(o))
	runtime.AddCleanup(o, p.drop, h)
	return o
}

// drop forgets the constants of one hash that nobody holds any more.
func (p *constPool) drop(h uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	live := p.byHash[h][:0]
	for _, w := range p.byHash[h] {
		if w.Value() != nil {
			live = append(live, w)
		}
	}
	if len(live) == 0 {
		delete(p.byHash, h)
		return
	}
	p.byHash[h] = live
}
