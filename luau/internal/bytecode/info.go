package bytecode

import "strconv"

// operand says what one field of an instruction means.
type operand uint8

const (
	none    operand = iota
	regOut          // register, written
	regIn           // register, read
	regBoth         // register, read and written
	upvalue         // index of a captured value
	number          // plain number: a count, a flag, a hint
	index           // array index less one
	constIx         // index of a constant
	child           // index of a child function
	jump            // jump offset, forward
	jumpAt          // jump offset, backward
	cost            // fuel
	place           // index of a counter of visits
)

// opInfo describes one operation to the disassembler and the verifier.
// consts lists the kinds that a constant operand may have.
type opInfo struct {
	name       string
	a, b, c, i operand
	consts     kindSet
	constBC    bool // B and C together are a constant index
}

// kindSet is a set of constant kinds, one bit each.
type kindSet uint16

func kinds(ks ...ConstKind) (s kindSet) {
	for _, k := range ks {
		s |= 1 << k
	}
	return s
}

func (s kindSet) has(k ConstKind) bool { return s>>k&1 != 0 }

var (
	numberKinds  = kinds(ConstNumber)
	stringKinds  = kinds(ConstString)
	literalKinds = kinds(ConstNil, ConstFalse, ConstTrue, ConstNumber, ConstString)
	valueKinds   = literalKinds | kinds(ConstInteger, ConstVector)
)

// opTable holds the fields of each operation; op.go says what they do.
var opTable = [OpCount]opInfo{
	OpNop: {name: "NOP"},

	OpMove:     {name: "MOVE", a: regOut, b: regIn},
	OpLoadNil:  {name: "LOADNIL", a: regOut, b: number},
	OpLoadBool: {name: "LOADBOOL", a: regOut, b: number},
	OpLoadN:    {name: "LOADN", a: regOut, i: number},
	OpLoadK:    {name: "LOADK", a: regOut, i: constIx, consts: valueKinds},

	OpGetUp:     {name: "GETUP", a: regOut, b: upvalue},
	OpGetUpCell: {name: "GETUPCELL", a: regOut, b: upvalue},
	OpSetUpCell: {name: "SETUPCELL", a: regIn, b: upvalue},
	OpNewCell:   {name: "NEWCELL", a: regBoth},
	OpGetCell:   {name: "GETCELL", a: regOut, b: regIn},
	OpSetCell:   {name: "SETCELL", a: regIn, b: regIn},

	OpGetGlobal: {name: "GETGLOBAL", a: regOut, c: number, i: constIx, consts: stringKinds},
	OpSetGlobal: {name: "SETGLOBAL", a: regIn, c: number, i: constIx, consts: stringKinds},
	OpGetImport: {name: "GETIMPORT", a: regOut, i: constIx, consts: kinds(ConstImport)},

	OpGetTable:  {name: "GETTABLE", a: regOut, b: regIn, c: regIn},
	OpSetTable:  {name: "SETTABLE", a: regIn, b: regIn, c: regIn},
	OpGetField:  {name: "GETFIELD", a: regOut, b: regIn, c: number, i: constIx, consts: stringKinds},
	OpSetField:  {name: "SETFIELD", a: regIn, b: regIn, c: number, i: constIx, consts: stringKinds},
	OpGetIndexN: {name: "GETINDEXN", a: regOut, b: regIn, c: index},
	OpSetIndexN: {name: "SETINDEXN", a: regIn, b: regIn, c: index},
	OpNameCall:  {name: "NAMECALL", a: regOut, b: regIn, c: number, i: constIx, consts: stringKinds},

	OpNewTable: {name: "NEWTABLE", a: regOut, b: number, i: number},
	OpDupTable: {name: "DUPTABLE", a: regOut, i: constIx, consts: kinds(ConstTable)},
	OpSetList:  {name: "SETLIST", a: regIn, b: regIn, c: number, i: number},

	OpClosure: {name: "CLOSURE", a: regOut, i: child},

	OpAdd:  {name: "ADD", a: regOut, b: regIn, c: regIn},
	OpSub:  {name: "SUB", a: regOut, b: regIn, c: regIn},
	OpMul:  {name: "MUL", a: regOut, b: regIn, c: regIn},
	OpDiv:  {name: "DIV", a: regOut, b: regIn, c: regIn},
	OpIDiv: {name: "IDIV", a: regOut, b: regIn, c: regIn},
	OpMod:  {name: "MOD", a: regOut, b: regIn, c: regIn},
	OpPow:  {name: "POW", a: regOut, b: regIn, c: regIn},

	OpAddK:  {name: "ADDK", a: regOut, b: regIn, i: constIx, consts: numberKinds},
	OpSubK:  {name: "SUBK", a: regOut, b: regIn, i: constIx, consts: numberKinds},
	OpMulK:  {name: "MULK", a: regOut, b: regIn, i: constIx, consts: numberKinds},
	OpDivK:  {name: "DIVK", a: regOut, b: regIn, i: constIx, consts: numberKinds},
	OpIDivK: {name: "IDIVK", a: regOut, b: regIn, i: constIx, consts: numberKinds},
	OpModK:  {name: "MODK", a: regOut, b: regIn, i: constIx, consts: numberKinds},
	OpPowK:  {name: "POWK", a: regOut, b: regIn, i: constIx, consts: numberKinds},
	OpRSubK: {name: "RSUBK", a: regOut, b: regIn, i: constIx, consts: numberKinds},
	OpRDivK: {name: "RDIVK", a: regOut, b: regIn, i: constIx, consts: numberKinds},

	OpUnm:    {name: "UNM", a: regOut, b: regIn},
	OpNot:    {name: "NOT", a: regOut, b: regIn},
	OpLen:    {name: "LEN", a: regOut, b: regIn},
	OpConcat: {name: "CONCAT", a: regOut, b: regIn, c: regIn},

	OpJmp:      {name: "JMP", i: jump},
	OpJmpBack:  {name: "JMPBACK", i: jumpAt},
	OpJmpIf:    {name: "JMPIF", a: regIn, i: jump},
	OpJmpIfNot: {name: "JMPIFNOT", a: regIn, i: jump},

	OpJmpEq:  {name: "JMPEQ", a: regIn, b: regIn, i: jump},
	OpJmpNe:  {name: "JMPNE", a: regIn, b: regIn, i: jump},
	OpJmpLt:  {name: "JMPLT", a: regIn, b: regIn, i: jump},
	OpJmpLe:  {name: "JMPLE", a: regIn, b: regIn, i: jump},
	OpJmpNLt: {name: "JMPNLT", a: regIn, b: regIn, i: jump},
	OpJmpNLe: {name: "JMPNLE", a: regIn, b: regIn, i: jump},

	OpJmpEqK:  {name: "JMPEQK", a: regIn, constBC: true, i: jump, consts: literalKinds},
	OpJmpNeK:  {name: "JMPNEK", a: regIn, constBC: true, i: jump, consts: literalKinds},
	OpJmpLtK:  {name: "JMPLTK", a: regIn, constBC: true, i: jump, consts: numberKinds},
	OpJmpLeK:  {name: "JMPLEK", a: regIn, constBC: true, i: jump, consts: numberKinds},
	OpJmpGtK:  {name: "JMPGTK", a: regIn, constBC: true, i: jump, consts: numberKinds},
	OpJmpGeK:  {name: "JMPGEK", a: regIn, constBC: true, i: jump, consts: numberKinds},
	OpJmpNLtK: {name: "JMPNLTK", a: regIn, constBC: true, i: jump, consts: numberKinds},
	OpJmpNLeK: {name: "JMPNLEK", a: regIn, constBC: true, i: jump, consts: numberKinds},
	OpJmpNGtK: {name: "JMPNGTK", a: regIn, constBC: true, i: jump, consts: numberKinds},
	OpJmpNGeK: {name: "JMPNGEK", a: regIn, constBC: true, i: jump, consts: numberKinds},

	OpCall:    {name: "CALL", a: regIn, b: number, c: number, i: cost},
	OpReturn:  {name: "RETURN", a: regIn, b: number, i: cost},
	OpReturn0: {name: "RETURN0", i: cost},
	OpReturn1: {name: "RETURN1", a: regIn, i: cost},
	OpVararg:  {name: "VARARG", a: regOut, b: number},

	OpForNPrep: {name: "FORNPREP", a: regBoth, i: jump},
	OpForNLoop: {name: "FORNLOOP", a: regBoth, i: jumpAt},
	OpForGPrep: {name: "FORGPREP", a: regBoth, i: jump},
	OpForGLoop: {name: "FORGLOOP", a: regBoth, b: number, i: jumpAt},

	OpCover: {name: "COVER", i: place},
	OpFuel:  {name: "FUEL", i: cost},
}

// String gives the name that the disassembler prints.
func (o Op) String() string {
	if o < OpCount {
		return opTable[o].name
	}
	return "Op(" + strconv.Itoa(int(o)) + ")"
}

// IsJump tells that Imm is a jump offset.
func (o Op) IsJump() bool {
	return o < OpCount && (opTable[o].i == jump || opTable[o].i == jumpAt)
}

// Falls tells that the next instruction may run after this one.
func (o Op) Falls() bool {
	switch o {
	case OpJmp, OpJmpBack, OpForGPrep, OpReturn, OpReturn0, OpReturn1:
		return false
	}
	return true
}

// HashHint gives the low byte of the hash that a table uses for the string s,
// for the C field of field operations. For strings of 32 bytes and more it is 0:
// it is only a guess at the place of the key, and such names are rare.
func HashHint(s string) uint8 {
	if len(s) >= 32 {
		return 0
	}
	h := uint32(len(s))
	for i := len(s) - 1; i >= 0; i-- {
		h ^= h<<5 + h>>2 + uint32(s[i])
	}
	return uint8(h)
}
