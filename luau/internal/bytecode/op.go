package bytecode

// Instr is one instruction, eight bytes:
//
//	bits  0..7   Op
//	bits  8..15  A   register, mostly the one written
//	bits 16..23  B
//	bits 24..31  C
//	bits 32..63  Imm signed: constant index, child index, jump offset or cost
//
// A jump offset counts instructions from the one after the jump.
type Instr uint64

// Make builds an instruction.
func Make(op Op, a, b, c uint8, imm int32) Instr {
	return Instr(op) | Instr(a)<<8 | Instr(b)<<16 | Instr(c)<<24 | Instr(uint32(imm))<<32
}

// Op gives the operation; A, B, C and Imm give the operands.
func (i Instr) Op() Op     { return Op(i) }
func (i Instr) A() uint8   { return uint8(i >> 8) }
func (i Instr) B() uint8   { return uint8(i >> 16) }
func (i Instr) C() uint8   { return uint8(i >> 24) }
func (i Instr) Imm() int32 { return int32(i >> 32) }

// BC gives B and C as one 16-bit number, B being the low byte.
func (i Instr) BC() uint16 { return uint16(i >> 16) }

// Op is an operation. The numbers are dense from zero so that the loop's switch becomes a jump table.
type Op uint8

// The operations. R is the register window, K the constants, U the captured values of the running closure.
// "top" is the end of an open list of values, left by OpCall or OpVararg with an open result.
const (
	OpNop Op = iota

	OpMove     // R[A] = R[B]
	OpLoadNil  // R[A .. A+B-1] = nil
	OpLoadBool // R[A] = B != 0
	OpLoadN    // R[A] = number(Imm)
	OpLoadK    // R[A] = K[Imm]

	OpGetUp     // R[A] = U[B]                       a value captured by copy
	OpGetUpCell // R[A] = cell(U[B]).value           a captured local that changes
	OpSetUpCell // cell(U[B]).value = R[A]
	OpNewCell   // R[A] = new cell holding R[A]
	OpGetCell   // R[A] = cell(R[B]).value
	OpSetCell   // cell(R[A]).value = R[B]

	OpGetGlobal // R[A] = env[K[Imm]]
	OpSetGlobal // env[K[Imm]] = R[A]
	OpGetImport // R[A] = K[Imm], an import such as math.max: its value resolved at load while env is safe, else looked up step by step

	OpGetTable  // R[A] = R[B][R[C]]
	OpSetTable  // R[B][R[C]] = R[A]
	OpGetField  // R[A] = R[B][K[Imm]]               K is a string; C is a hint: low byte of its hash
	OpSetField  // R[B][K[Imm]] = R[A]               same
	OpGetIndexN // R[A] = R[B][C+1]                  C+1 in 1..256
	OpSetIndexN // R[B][C+1] = R[A]
	OpNameCall  // R[A+1] = R[B]; R[A] = R[B][K[Imm]] the method, for the OpCall that follows; C as OpGetField

	OpNewTable // R[A] = {}                          room for Imm array slots and, if B > 0, 1<<(B-1) hash nodes
	OpDupTable // R[A] = copy of the table template K[Imm] (keys present, values nil; OpSetField fills them)
	OpSetList  // R[A][Imm+1+i] = R[B+i] for i < C-1; C == 0: up to top

	OpClosure // R[A] = closure of child Imm; captures as its Proto says

	OpAdd  // R[A] = R[B] + R[C], and so on
	OpSub  //
	OpMul  //
	OpDiv  //
	OpIDiv //
	OpMod  //
	OpPow  //

	OpAddK  // R[A] = R[B] + K[Imm], K a number
	OpSubK  //
	OpMulK  //
	OpDivK  //
	OpIDivK //
	OpModK  //
	OpPowK  //
	OpRSubK // R[A] = K[Imm] - R[B]
	OpRDivK // R[A] = K[Imm] / R[B]

	OpUnm    // R[A] = -R[B]
	OpNot    // R[A] = not R[B]
	OpLen    // R[A] = #R[B]
	OpConcat // R[A] = R[B] .. ... .. R[C]; the registers B..C may be overwritten

	OpJmp      // pc += Imm (forward)
	OpJmpBack  // pc += Imm (backward); charges -Imm fuel: safepoint
	OpJmpIf    // if R[A] is true: pc += Imm
	OpJmpIfNot // if R[A] is false or nil: pc += Imm

	OpJmpEq  // if R[A] == R[B]: pc += Imm
	OpJmpNe  // if R[A] ~= R[B]
	OpJmpLt  // if R[A] < R[B]
	OpJmpLe  // if R[A] <= R[B]
	OpJmpNLt // if not (R[A] < R[B])
	OpJmpNLe // if not (R[A] <= R[B])

	OpJmpEqK  // if R[A] == K[BC]: pc += Imm         K is nil, a boolean, a number or a string: raw equality
	OpJmpNeK  // if R[A] ~= K[BC]
	OpJmpLtK  // if R[A] < K[BC]                     K is a number
	OpJmpLeK  // if R[A] <= K[BC]
	OpJmpGtK  // if R[A] > K[BC]
	OpJmpGeK  // if R[A] >= K[BC]
	OpJmpNLtK // if not (R[A] < K[BC]), and so on
	OpJmpNLeK //
	OpJmpNGtK //
	OpJmpNGeK //

	OpCall    // R[A .. ] = R[A](R[A+1 .. A+B-1])   B-1 arguments, B == 0: up to top; C-1 results, C == 0: open, sets top; charges Imm fuel: safepoint
	OpReturn  // return R[A .. A+B-2]; B == 0: up to top; charges Imm fuel: safepoint
	OpReturn0 // return nothing; Imm as OpReturn
	OpReturn1 // return R[A]; Imm as OpReturn
	OpVararg  // R[A .. A+B-2] = ...; B == 0: all of them, sets top

	OpForNPrep // R[A] limit, R[A+1] step, R[A+2] first value: check and convert to numbers; if the loop has no turn: pc += Imm
	OpForNLoop // R[A+2] += R[A+1]; if it has not passed R[A]: pc += Imm (backward); charges -Imm fuel: safepoint
	OpForGPrep // R[A], R[A+1], R[A+2] = generator, state, control: resolve __iter, tables, next and ipairs to built-in iteration; pc += Imm, to its OpForGLoop
	OpForGLoop // R[A+3 .. A+2+B] = next values; if the first is not nil: pc += Imm (backward); charges -Imm fuel: safepoint

	OpCover // counts one visit of the function's place Imm; only in code compiled to tell its coverage
	OpFuel  // charges Imm fuel: breaks up straight code whose cost would not fit elsewhere

	OpCount // number of operations; not an operation
)
