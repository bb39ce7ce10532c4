package process

import (
	"encoding/binary"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/tenant"
)

// runningMap is what a worker runs, in memory that it shares with its master:
// there the master reads what a dead worker ran when it died, and what a hung
// one is at. The child writes, the master reads; each word is stored as one.
//
// It is a table of records. A record's picture, in words of 8 bytes:
//
//	0      turn      grows by one each time the record gets another run
//	1      state     8 bits of placeState, above them milliseconds since the epoch
//	2      sizes     bytes of: template, event, waits, chunk; tenant kind, job kind
//	3..6   tenant id, version, job, line
//	7      seal      odd while words 2 (waits, chunk), 6, 29.. are written
//	8..15  template, 16..28 event, 29..32 waits, 33..39 chunk
//
// The words of a run are written while the state is placeFree, those of where it
// stands under the seal. So a reader who finds turn and seal unchanged has read
// one record and not halves of two; of a writer that died in the middle he takes
// all but where it stands.
type runningMap struct {
	words []atomic.Uint64
}

const (
	places        = 1024 // records
	sparePlaces   = 256  // of them kept for what runs right now
	recordWords   = 40
	runningWords  = places * recordWords
	runningBytes  = runningWords * 8
	maxReadTries  = 4
	templateWords = 8
	eventWords    = 13
	waitsWords    = 4
	chunkWords    = 7
)

// The words of a record.
const (
	wordTurn     = 0
	wordState    = 1
	wordSizes    = 2
	wordTenant   = 3
	wordVersion  = 4
	wordJob      = 5
	wordLine     = 6
	wordSeal     = 7
	wordTemplate = 8
	wordEvent    = wordTemplate + templateWords
	wordWaits    = wordEvent + eventWords
	wordChunk    = wordWaits + waitsWords
)

// placeState is what a record's run does.
type placeState uint8

const (
	placeFree placeState = iota
	placeRunnable
	placeRunning // in a slice: script code is executed
	placeLoading // in a slice: init.luau is
	placeWaiting
)

// running is one run that a worker had begun and not ended.
type running struct {
	khronos.ScriptStack // Stack is "chunk:line" or empty
	Kind                tenant.JobKind
	InSlice             bool // its code was being executed: it may be what the worker died of
}

// record gives the words of a place, counted from 1.
func (m *runningMap) record(place int) []atomic.Uint64 {
	return m.words[(place-1)*recordWords : place*recordWords]
}

// read returns all runs in the table. The other end may be writing.
func (m *runningMap) read() []running {
	var all []running
	for place := 1; place <= len(m.words)/recordWords; place++ {
		rec := m.record(place)
		for range maxReadTries {
			r, ok, again := readRecord(rec)
			if ok {
				all = append(all, r)
			}
			if !again {
				break
			}
		}
	}
	return all
}

// readRecord reads one record. again means that it was another run's before the
// reading was done.
func readRecord(rec []atomic.Uint64) (r running, ok, again bool) {
	turn := rec[wordTurn].Load()
	state := rec[wordState].Load()
	if placeState(state) == placeFree {
		return r, false, false
	}
	sizes := rec[wordSizes].Load()
	r.Tenant = khronos.TenantID{Kind: khronos.TenantKind(sizes >> 32 & 0xff), ID: khronos.Snowflake(rec[wordTenant].Load())}
	r.Kind = tenant.JobKind(sizes >> 40)
	r.Version = int64(rec[wordVersion].Load())
	r.Job = rec[wordJob].Load()
	r.Template = readText(rec[wordTemplate:wordEvent], sizes)
	r.Event = readText(rec[wordEvent:wordWaits], sizes>>8)
	readStand(rec, &r)
	if rec[wordTurn].Load() != turn {
		return r, false, true
	}
	r.Since = time.UnixMilli(int64(state >> 8))
	switch placeState(state) {
	case placeRunning:
		r.State, r.Waits, r.InSlice = khronos.StackRunning, "", true
	case placeLoading:
		r.State, r.Waits, r.InSlice = khronos.StackLoading, "", true
	case placeWaiting:
		r.State = khronos.StackWaiting
	default:
		r.State, r.Waits = khronos.StackRunnable, ""
	}
	return r, true, false
}

// readStand reads where a run stands, if it is not being written.
func readStand(rec []atomic.Uint64, r *running) {
	seal := rec[wordSeal].Load()
	sizes := rec[wordSizes].Load()
	waits := readText(rec[wordWaits:wordChunk], sizes>>16)
	chunk := readText(rec[wordChunk:recordWords], sizes>>24)
	line := rec[wordLine].Load()
	if seal%2 == 1 || rec[wordSeal].Load() != seal {
		return
	}
	r.Waits = waits
	if line > 0 {
		r.Stack = chunk + ":" + strconv.FormatUint(line, 10)
	}
}

// readText reads the first size%256 bytes in words.
func readText(words []atomic.Uint64, size uint64) string {
	n := min(int(size&0xff), len(words)*8)
	b := make([]byte, len(words)*8)
	for i := range words {
		binary.LittleEndian.PutUint64(b[i*8:], words[i].Load())
	}
	return string(b[:n])
}

// writeText writes as much of text as there is room for and returns its size.
func writeText(words []atomic.Uint64, text string) uint64 {
	text = text[:min(len(text), len(words)*8)]
	var b [8]byte
	for i := 0; i*8 < len(text); i++ {
		copy(b[:], text[i*8:])
		words[i].Store(binary.LittleEndian.Uint64(b[:]))
	}
	return uint64(len(text))
}

// mapWriter is the child's end of the map.
type mapWriter struct {
	runningMap
	stood    []stand                              // by place, what its record says of where it stands
	executed func(now time.Time, d time.Duration) // told at the end of each slice

	mu sync.Mutex
	// mu guards the field below.
	free []int
}

// stand is where a run stands.
type stand struct {
	sizes        uint64 // of the run
	waits, chunk string
	line         int
	run          time.Time // when it was last executed
}

var _ tenant.RunningMap = (*mapWriter)(nil)

func newMapWriter(m runningMap, executed func(now time.Time, d time.Duration)) *mapWriter {
	w := &mapWriter{runningMap: m, executed: executed, stood: make([]stand, places+1), free: make([]int, places)}
	for i := range w.free {
		w.free[i] = places - i
	}
	return w
}

// take gives a free place, unless only spare ones are left.
func (w *mapWriter) take(spare int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.free)
	if n <= spare {
		return 0
	}
	place := w.free[n-1]
	w.free = w.free[:n-1]
	return place
}

// Enter puts a run on the map.
func (w *mapWriter) Enter(what tenant.Running, now bool) int {
	spare := sparePlaces
	if now {
		spare = 0
	}
	place := w.take(spare)
	if place == 0 {
		return 0
	}
	rec := w.record(place)
	rec[wordTurn].Add(1)
	sizes := writeText(rec[wordTemplate:wordEvent], what.Template) |
		writeText(rec[wordEvent:wordWaits], what.Event)<<8 |
		uint64(what.Tenant.Kind)<<32 | uint64(what.Kind)<<40
	rec[wordSizes].Store(sizes)
	rec[wordTenant].Store(uint64(what.Tenant.ID))
	rec[wordVersion].Store(uint64(what.Version))
	rec[wordJob].Store(what.Job)
	rec[wordLine].Store(0)
	w.stood[place] = stand{sizes: sizes}
	w.enter(rec, placeRunnable)
	return place
}

// enter changes the state and gives the time.
func (w *mapWriter) enter(rec []atomic.Uint64, s placeState) time.Time {
	now := time.Now()
	rec[wordState].Store(uint64(now.UnixMilli())<<8 | uint64(s))
	return now
}

// Run marks a place as being executed.
func (w *mapWriter) Run(place int, loading bool) {
	s := placeRunning
	if loading {
		s = placeLoading
	}
	w.stood[place].run = w.enter(w.record(place), s)
}

// Rest marks a place as not being executed.
func (w *mapWriter) Rest(place int, waits, chunk string, line int) {
	rec := w.record(place)
	w.stands(rec, &w.stood[place], waits, chunk, line)
	s := placeRunnable
	if waits != "" {
		s = placeWaiting
	}
	now := w.enter(rec, s)
	w.executed(now, now.Sub(w.stood[place].run))
}

// stands writes where a run stands, as far as that has changed.
func (w *mapWriter) stands(rec []atomic.Uint64, now *stand, waits, chunk string, line int) {
	if now.waits == waits && now.chunk == chunk && now.line == line {
		return
	}
	rec[wordSeal].Add(1)
	if now.waits != waits {
		now.waits = waits
		now.sizes = now.sizes&^(0xff<<16) | writeText(rec[wordWaits:wordChunk], waits)<<16
	}
	if now.chunk != chunk {
		now.chunk = chunk
		now.sizes = now.sizes&^(0xff<<24) | writeText(rec[wordChunk:recordWords], chunk)<<24
	}
	now.line = line
	rec[wordSizes].Store(now.sizes)
	rec[wordLine].Store(uint64(line))
	rec[wordSeal].Add(1)
}

// Leave takes a run off the map.
func (w *mapWriter) Leave(place int) {
	w.record(place)[wordState].Store(uint64(placeFree))
	w.stood[place] = stand{}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free = append(w.free, place)
}
