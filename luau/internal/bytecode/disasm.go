package bytecode

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Disassemble writes p as text for people: each function with its registers,
// captures and constants, then one line per instruction with its index, source
// line, operands and what they refer to. The form may change at any time.
func Disassemble(w io.Writer, p *Program) error {
	bw := bufio.NewWriter(w)
	d := disassembler{w: bw}
	fmt.Fprintf(bw, "chunk %s\n", p.Chunk)
	d.proto(p.Main, "main")
	return bw.Flush()
}

type disassembler struct {
	w *bufio.Writer
}

func (d *disassembler) proto(p *Proto, path string) {
	fmt.Fprintf(d.w, "\nfunction %s", path)
	if p.Name != "" {
		fmt.Fprintf(d.w, " %q", p.Name)
	}
	fmt.Fprintf(d.w, " line %d: %d parameters", p.Line, p.NumParams)
	if p.Vararg {
		d.w.WriteString(" and ...")
	}
	fmt.Fprintf(d.w, ", %d registers\n", p.MaxStack)
	for i, c := range p.Captures {
		fmt.Fprintf(d.w, "  U%d = %s\n", i, c)
	}
	targets := jumpTargets(p)
	for pc, in := range p.Code {
		mark := ' '
		if targets[pc] {
			mark = '>'
		}
		text := instrText(p, pc, in)
		fmt.Fprintf(d.w, "%c%4d [%d] %s\n", mark, pc, lineAt(p, pc), text)
	}
	for i, c := range p.Protos {
		d.proto(c, path+"."+strconv.Itoa(i))
	}
}

func jumpTargets(p *Proto) []bool {
	targets := make([]bool, len(p.Code))
	for pc, in := range p.Code {
		if t := pc + 1 + int(in.Imm()); in.Op().IsJump() && t >= 0 && t < len(targets) {
			targets[t] = true
		}
	}
	return targets
}

func lineAt(p *Proto, pc int) int32 {
	if pc < len(p.Lines) {
		return p.Lines[pc]
	}
	return 0
}

// instrText gives one instruction: name, operands, and a note on what they refer to.
func instrText(p *Proto, pc int, in Instr) string {
	op := in.Op()
	if op >= OpCount {
		return op.String()
	}
	info := &opTable[op]
	var args, notes []string
	field := func(kind operand, v int) {
		switch kind {
		case none:
		case regOut, regIn, regBoth:
			args = append(args, "R"+strconv.Itoa(v))
		case upvalue:
			args = append(args, "U"+strconv.Itoa(v))
		case index:
			args = append(args, strconv.Itoa(v+1))
		case constIx:
			args = append(args, "K"+strconv.Itoa(v))
			notes = append(notes, constText(p, v))
		case child:
			args = append(args, "F"+strconv.Itoa(v))
			notes = append(notes, childText(p, v))
		case jump, jumpAt:
			args = append(args, "-> "+strconv.Itoa(pc+1+v))
		case cost:
			notes = append(notes, "cost "+strconv.Itoa(v))
		default:
			args = append(args, strconv.Itoa(v))
		}
	}
	field(info.a, int(in.A()))
	if info.constBC {
		field(constIx, int(in.BC()))
	}
	field(info.b, int(in.B()))
	field(info.c, int(in.C()))
	field(info.i, int(in.Imm()))
	text := fmt.Sprintf("%-9s %s", info.name, strings.Join(args, " "))
	if len(notes) > 0 {
		text = fmt.Sprintf("%-32s ; %s", text, strings.Join(notes, ", "))
	}
	return strings.TrimRight(text, " ")
}

func constText(p *Proto, i int) string {
	if i < 0 || i >= len(p.Consts) {
		return "no such constant"
	}
	return p.Consts[i].String()
}

func childText(p *Proto, i int) string {
	if i < 0 || i >= len(p.Protos) {
		return "no such function"
	}
	if p.Protos[i].Name == "" {
		return "anonymous"
	}
	return p.Protos[i].Name
}

// String gives the constant as source text would have it, as far as that goes.
func (c Const) String() string {
	switch c.Kind {
	case ConstNil:
		return "nil"
	case ConstFalse:
		return "false"
	case ConstTrue:
		return "true"
	case ConstNumber:
		return strconv.FormatFloat(c.Number, 'g', -1, 64)
	case ConstInteger:
		return strconv.FormatInt(c.Int, 10) + "i"
	case ConstString:
		return strconv.Quote(c.Str)
	case ConstVector:
		return fmt.Sprintf("vector(%g, %g, %g)", c.Vector[0], c.Vector[1], c.Vector[2])
	case ConstImport:
		return strings.Join(c.Path, ".")
	case ConstTable:
		return "{" + strings.Join(c.Keys, ", ") + "}"
	}
	return "ConstKind(" + strconv.Itoa(int(c.Kind)) + ")"
}

// String gives the place a captured value comes from.
func (c Capture) String() string {
	switch c.From {
	case FromReg:
		return "R" + strconv.Itoa(int(c.Index)) + " of the maker"
	case FromUp:
		return "U" + strconv.Itoa(int(c.Index)) + " of the maker"
	}
	return "itself"
}
