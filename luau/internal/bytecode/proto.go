// Package bytecode is what the compiler makes and the machine runs: operations,
// function prototypes and their constants, with a disassembler and a verifier.
//
// It holds plain data. Nothing here runs a script, does I/O or starts a
// goroutine. Code is never loaded from outside: the compiler is the only source,
// and the verifier checks what it makes in tests and fuzzing.
package bytecode

// Proto is one compiled function. It is immutable once the compiler returns it.
type Proto struct {
	Name      string // debug name; "" for an anonymous function and the main chunk
	Line      int32  // line of its definition; 0 for the main chunk
	NumParams uint8  // fixed parameters; they arrive in R[0..]
	Vararg    bool
	MaxStack  uint8 // registers in use at once; at most 255
	NumUps    uint8
	Code      []Instr
	Lines     []int32 // line of each instruction, len(Code)
	Consts    []Const
	Protos    []*Proto
	Captures  []Capture // how OpClosure fills U when it makes this function, len == NumUps
	Places    int32     // places whose visits OpCover counts; 0 but for code compiled to tell its coverage
}

// Capture says where a captured value comes from when a closure is made.
type Capture struct {
	From  CaptureFrom
	Index uint8
}

// CaptureFrom is the place of a captured value in the function that makes the closure.
type CaptureFrom uint8

// The places. A register or an upvalue that holds a cell is copied as the cell.
const (
	FromReg  CaptureFrom = iota // R[Index]
	FromUp                      // U[Index]
	FromSelf                    // the new closure itself: a local function that calls itself and is never reassigned
)

// ConstKind tells what a Const holds.
type ConstKind uint8

// The kinds of constants.
const (
	ConstNil ConstKind = iota
	ConstFalse
	ConstTrue
	ConstNumber
	ConstInteger
	ConstString
	ConstVector
	ConstImport // Path: one to three names, "math", "max"
	ConstTable  // Keys: string keys, in order, of a constructor's template
)

// Const is one constant in plain form; the machine turns it into a value when it loads the program.
type Const struct {
	Kind   ConstKind
	Number float64
	Int    int64
	Str    string
	Vector [3]float32
	Path   []string
	Keys   []string
}

// Program is one compiled chunk.
type Program struct {
	Chunk  string // chunk name as given: "=name", "@path" or source text
	Main   *Proto
	Source int // bytes of source, for accounting
}
