package bytecode

import "fmt"

// Verify checks what the machine's loop relies on and does not check again:
// registers lie below MaxStack, constants exist and have a fitting kind, jumps
// land inside the function and in the right direction, no path runs off the end,
// open lists are taken at once, captures name something that exists. It does not
// follow values: whether a register holds a cell is the compiler's business.
//
// The error names the function and the instruction. Code that the compiler made
// always passes; a failure is a bug of the compiler.
func Verify(p *Program) error {
	if p.Main == nil {
		return fmt.Errorf("verify %s: no main function", p.Chunk)
	}
	if p.Main.NumUps != 0 {
		return fmt.Errorf("verify %s: main function captures values", p.Chunk)
	}
	if err := verifyProto(p.Main, nil, "main"); err != nil {
		return fmt.Errorf("verify %s: %w", p.Chunk, err)
	}
	return nil
}

func verifyProto(p, parent *Proto, path string) error {
	v := verifier{p: p, targets: jumpTargets(p)}
	if err := v.header(parent); err != nil {
		return fmt.Errorf("function %s: %w", path, err)
	}
	for pc, in := range p.Code {
		if err := v.instr(pc, in); err != nil {
			return fmt.Errorf("function %s: instruction %d (%s): %w", path, pc, instrText(p, pc, in), err)
		}
	}
	for i, c := range p.Protos {
		if err := verifyProto(c, p, fmt.Sprintf("%s.%d", path, i)); err != nil {
			return err
		}
	}
	return nil
}

type verifier struct {
	p       *Proto
	targets []bool
}

func (v *verifier) header(parent *Proto) error {
	p := v.p
	switch {
	case len(p.Code) == 0:
		return fmt.Errorf("no code")
	case len(p.Lines) != len(p.Code):
		return fmt.Errorf("%d lines for %d instructions", len(p.Lines), len(p.Code))
	case p.NumParams > p.MaxStack:
		return fmt.Errorf("%d parameters in %d registers", p.NumParams, p.MaxStack)
	case len(p.Captures) != int(p.NumUps):
		return fmt.Errorf("%d captures for %d upvalues", len(p.Captures), p.NumUps)
	case p.Code[len(p.Code)-1].Op().Falls():
		return fmt.Errorf("the last instruction runs off the end")
	}
	for i, c := range p.Captures {
		if err := checkCapture(c, parent); err != nil {
			return fmt.Errorf("capture %d: %w", i, err)
		}
	}
	for i, c := range p.Consts {
		if c.Kind == ConstImport && (len(c.Path) < 1 || len(c.Path) > 3) {
			return fmt.Errorf("constant %d: import of %d names", i, len(c.Path))
		}
	}
	return nil
}

func checkCapture(c Capture, parent *Proto) error {
	switch c.From {
	case FromReg:
		if c.Index >= parent.MaxStack {
			return fmt.Errorf("register %d of %d", c.Index, parent.MaxStack)
		}
	case FromUp:
		if c.Index >= parent.NumUps {
			return fmt.Errorf("upvalue %d of %d", c.Index, parent.NumUps)
		}
	case FromSelf:
	default:
		return fmt.Errorf("unknown source %d", c.From)
	}
	return nil
}

func (v *verifier) instr(pc int, in Instr) error {
	if in.Op() >= OpCount {
		return fmt.Errorf("unknown operation")
	}
	info := &opTable[in.Op()]
	if err := v.operand(info, info.a, pc, int(in.A())); err != nil {
		return err
	}
	if info.constBC {
		if err := v.operand(info, constIx, pc, int(in.BC())); err != nil {
			return err
		}
	}
	if err := v.operand(info, info.b, pc, int(in.B())); err != nil {
		return err
	}
	if err := v.operand(info, info.c, pc, int(in.C())); err != nil {
		return err
	}
	if err := v.operand(info, info.i, pc, int(in.Imm())); err != nil {
		return err
	}
	if err := v.window(in); err != nil {
		return err
	}
	if err := v.open(pc, in); err != nil {
		return err
	}
	return v.shape(pc, in)
}

func (v *verifier) operand(info *opInfo, kind operand, pc, n int) error {
	switch kind {
	case regOut, regIn, regBoth:
		return v.regs(n, 1)
	case upvalue:
		if n >= int(v.p.NumUps) {
			return fmt.Errorf("upvalue %d of %d", n, v.p.NumUps)
		}
	case constIx:
		if n < 0 || n >= len(v.p.Consts) {
			return fmt.Errorf("constant %d of %d", n, len(v.p.Consts))
		}
		k := v.p.Consts[n]
		if !info.consts.has(k.Kind) {
			return fmt.Errorf("constant %d (%s) has the wrong kind", n, k)
		}
		if info.constBC && k.Number != k.Number {
			return fmt.Errorf("constant %d is not a number to compare with", n)
		}
	case child:
		if n < 0 || n >= len(v.p.Protos) {
			return fmt.Errorf("child function %d of %d", n, len(v.p.Protos))
		}
	case jump, jumpAt:
		if to := pc + 1 + n; to < 0 || to >= len(v.p.Code) {
			return fmt.Errorf("jump to %d of %d", to, len(v.p.Code))
		}
		if (kind == jump) != (n >= 0) {
			return fmt.Errorf("jump in the wrong direction")
		}
	case place:
		if n < 0 || n >= int(v.p.Places) {
			return fmt.Errorf("place %d of %d", n, v.p.Places)
		}
	case cost:
		if n <= 0 {
			return fmt.Errorf("cost %d", n)
		}
	}
	return nil
}

func (v *verifier) regs(first, n int) error {
	if first+n > int(v.p.MaxStack) {
		return fmt.Errorf("registers %d..%d of %d", first, first+n-1, v.p.MaxStack)
	}
	return nil
}

// window checks the operations that touch a run of registers.
func (v *verifier) window(in Instr) error {
	a, b, c := int(in.A()), int(in.B()), int(in.C())
	switch in.Op() {
	case OpLoadNil:
		if b == 0 {
			return fmt.Errorf("empty range")
		}
		return v.regs(a, b)
	case OpNameCall:
		return v.regs(a, 2)
	case OpSetList:
		return v.regs(b, max(c-1, 0))
	case OpConcat:
		if c <= b {
			return fmt.Errorf("range of %d", c-b+1)
		}
		return v.regs(b, c-b+1)
	case OpCall:
		return v.regs(a, max(b, c-1, 1))
	case OpReturn, OpVararg:
		return v.regs(a, max(b-1, 0))
	case OpForNPrep, OpForNLoop, OpForGPrep:
		return v.regs(a, 3)
	case OpForGLoop:
		if b == 0 {
			return fmt.Errorf("no variables")
		}
		return v.regs(a, 3+max(b, 3)) // the generator is called with two arguments above the variables' place
	}
	return nil
}

// open checks that an open list is taken by the very next instruction, that
// nothing jumps between the two, and that the taker's registers reach up to it.
func (v *verifier) open(pc int, in Instr) error {
	gives := opens(in)
	if gives && (pc+1 >= len(v.p.Code) || !takes(v.p.Code[pc+1])) {
		return fmt.Errorf("nobody takes the open list")
	}
	if !takes(in) {
		return nil
	}
	if pc == 0 || !opens(v.p.Code[pc-1]) {
		return fmt.Errorf("nobody left an open list")
	}
	if v.targets[pc] {
		return fmt.Errorf("jump between an open list and its taker")
	}
	first := int(in.A())
	if in.Op() == OpSetList {
		first = int(in.B())
	}
	if in.Op() == OpCall {
		first++
	}
	if int(v.p.Code[pc-1].A()) < first {
		return fmt.Errorf("open list starts at %d, below %d", v.p.Code[pc-1].A(), first)
	}
	return nil
}

func opens(in Instr) bool {
	return in.Op() == OpCall && in.C() == 0 || in.Op() == OpVararg && in.B() == 0
}

func takes(in Instr) bool {
	switch in.Op() {
	case OpCall, OpReturn:
		return in.B() == 0
	case OpSetList:
		return in.C() == 0
	}
	return false
}

// shape checks pairs: a generic loop's preparation jumps to its loop, both on one
// window; a method is called at once; varargs only where there are some.
func (v *verifier) shape(pc int, in Instr) error {
	switch in.Op() {
	case OpForGPrep:
		to := v.p.Code[pc+1+int(in.Imm())]
		if to.Op() != OpForGLoop || to.A() != in.A() {
			return fmt.Errorf("does not lead to its FORGLOOP")
		}
	case OpVararg:
		if !v.p.Vararg {
			return fmt.Errorf("the function takes no extra arguments")
		}
	case OpSetList:
		if in.Imm() < 0 {
			return fmt.Errorf("negative index")
		}
	case OpNewTable:
		if in.Imm() < 0 || in.B() > 27 {
			return fmt.Errorf("impossible size")
		}
	}
	return nil
}
