package bytecode

import (
	"math"
	"strings"
	"testing"
)

// good is a function that uses windows, jumps, constants, a child and an open list.
func good() *Proto {
	return &Proto{
		MaxStack: 7,
		Vararg:   true,
		Code: []Instr{
			Make(OpGetImport, 0, 0, 0, 0),
			Make(OpLoadK, 1, 0, 0, 1),
			Make(OpJmpEqK, 1, 2, 0, 1), // over the next one
			Make(OpClosure, 1, 0, 0, 0),
			Make(OpVararg, 2, 0, 0, 0),
			Make(OpCall, 0, 0, 4, 6),
			Make(OpForGPrep, 0, 0, 0, 1),
			Make(OpNop, 0, 0, 0, 0),
			Make(OpForGLoop, 0, 2, 0, -2),
			Make(OpReturn1, 1, 0, 0, 5),
		},
		Lines: make([]int32, 10),
		Consts: []Const{
			{Kind: ConstImport, Path: []string{"math", "max"}},
			{Kind: ConstNumber, Number: 1.5},
			{Kind: ConstString, Str: "x"},
		},
		Protos: []*Proto{{
			MaxStack: 1, NumUps: 2,
			Captures: []Capture{{From: FromReg, Index: 1}, {From: FromSelf}},
			Code:     []Instr{Make(OpGetUp, 0, 1, 0, 0), Make(OpReturn0, 0, 0, 0, 2)},
			Lines:    []int32{1, 1},
		}},
	}
}

func TestVerify_Good(t *testing.T) {
	if err := Verify(&Program{Chunk: "=t", Main: good()}); err != nil {
		t.Error(err)
	}
}

// TestVerify_Bad breaks one thing in the good function at a time.
func TestVerify_Bad(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(p *Proto)
		want  string
	}{
		{"register", func(p *Proto) { p.Code[1] = Make(OpLoadK, 7, 0, 0, 1) }, "registers 7..7 of 7"},
		{"missing constant", func(p *Proto) { p.Code[1] = Make(OpLoadK, 1, 0, 0, 3) }, "constant 3 of 3"},
		{"negative constant", func(p *Proto) { p.Code[1] = Make(OpLoadK, 1, 0, 0, -1) }, "constant -1 of 3"},
		{"kind of constant", func(p *Proto) { p.Code[1] = Make(OpLoadK, 1, 0, 0, 0) }, "wrong kind"},
		{"short constant", func(p *Proto) { p.Code[2] = Make(OpJmpEqK, 1, 0, 1, 1) }, "constant 256 of 3"},
		{"comparison with NaN", func(p *Proto) { p.Consts[2] = Const{Kind: ConstNumber, Number: math.NaN()} }, "not a number"},
		{"missing child", func(p *Proto) { p.Code[3] = Make(OpClosure, 1, 0, 0, 1) }, "child function 1 of 1"},
		{"jump off the end", func(p *Proto) { p.Code[2] = Make(OpJmp, 0, 0, 0, 7) }, "jump to 10 of 10"},
		{"jump before the start", func(p *Proto) { p.Code[2] = Make(OpJmpBack, 0, 0, 0, -4) }, "jump to -1 of 10"},
		{"forward jump backwards", func(p *Proto) { p.Code[2] = Make(OpJmp, 0, 0, 0, -1) }, "wrong direction"},
		{"backward jump forwards", func(p *Proto) { p.Code[2] = Make(OpJmpBack, 0, 0, 0, 0) }, "wrong direction"},
		{"end", func(p *Proto) { p.Code[9] = Make(OpNop, 0, 0, 0, 0) }, "runs off the end"},
		{"no code", func(p *Proto) { p.Code, p.Lines = nil, nil }, "no code"},
		{"lines", func(p *Proto) { p.Lines = p.Lines[1:] }, "9 lines for 10"},
		{"unknown operation", func(p *Proto) { p.Code[7] = Instr(OpCount) }, "unknown operation"},
		{"call window", func(p *Proto) { p.Code[5] = Make(OpCall, 0, 0, 9, 6) }, "registers 0..7 of 7"},
		{"return window", func(p *Proto) { p.Code[9] = Make(OpReturn, 1, 8, 0, 5) }, "registers 1..7 of 7"},
		{"method window", func(p *Proto) { p.Code[7] = Make(OpNameCall, 6, 0, 0, 2) }, "registers 6..7 of 7"},
		{"nil window", func(p *Proto) { p.Code[7] = Make(OpLoadNil, 6, 2, 0, 0) }, "registers 6..7 of 7"},
		{"empty nil window", func(p *Proto) { p.Code[7] = Make(OpLoadNil, 6, 0, 0, 0) }, "empty range"},
		{"concat window", func(p *Proto) { p.Code[7] = Make(OpConcat, 0, 3, 3, 0) }, "range of 1"},
		{"loop window", func(p *Proto) { p.Code[7] = Make(OpForNPrep, 5, 0, 0, 0) }, "registers 5..7 of 7"},
		{"generator's window", func(p *Proto) { p.MaxStack = 5 }, "registers 0..5 of 5"},
		{"no loop variables", func(p *Proto) { p.Code[8] = Make(OpForGLoop, 0, 0, 0, -2) }, "no variables"},
		{"open list dropped", func(p *Proto) { p.Code[5] = Make(OpCall, 0, 2, 4, 6) }, "nobody takes"},
		{"open list missing", func(p *Proto) { p.Code[4] = Make(OpNop, 0, 0, 0, 0) }, "nobody left"},
		{"open list below its taker", func(p *Proto) { p.Code[5] = Make(OpCall, 2, 0, 4, 6) }, "below 3"},
		{"jump into an open list", func(p *Proto) { p.Code[2] = Make(OpJmpEqK, 1, 2, 0, 2) }, "between an open list"},
		{"generic loop's pair", func(p *Proto) { p.Code[6] = Make(OpForGPrep, 0, 0, 0, 0) }, "FORGLOOP"},
		{"generic loop's window", func(p *Proto) { p.Code[6] = Make(OpForGPrep, 1, 0, 0, 1) }, "FORGLOOP"},
		{"no varargs", func(p *Proto) { p.Vararg = false }, "no extra arguments"},
		{"cost", func(p *Proto) { p.Code[9] = Make(OpReturn1, 1, 0, 0, 0) }, "cost 0"},
		{"captured register", func(p *Proto) { p.Protos[0].Captures[0].Index = 7 }, "register 7 of 7"},
		{"captured upvalue", func(p *Proto) { p.Protos[0].Captures[0].From = FromUp }, "upvalue 1 of 0"},
		{"capture count", func(p *Proto) { p.Protos[0].NumUps = 3 }, "2 captures for 3"},
		{"upvalue", func(p *Proto) { p.Protos[0].Code[0] = Make(OpGetUp, 0, 2, 0, 0) }, "upvalue 2 of 2"},
		{"main captures", func(p *Proto) { p.NumUps = 1 }, "main function captures"},
		{"parameters", func(p *Proto) { p.NumParams = 8 }, "8 parameters in 7"},
		{"import", func(p *Proto) { p.Consts[0].Path = nil }, "import of 0 names"},
		{"list index", func(p *Proto) { p.Code[7] = Make(OpSetList, 0, 1, 2, -1) }, "negative index"},
		{"table size", func(p *Proto) { p.Code[7] = Make(OpNewTable, 0, 28, 0, 0) }, "impossible size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := good()
			tt.spoil(p)
			err := Verify(&Program{Chunk: "=t", Main: p})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestOps checks that the tables know every operation.
func TestOps(t *testing.T) {
	seen := map[string]bool{}
	for op := range OpCount {
		name := op.String()
		if name == "" || seen[name] {
			t.Errorf("operation %d has the name %q", op, name)
		}
		seen[name] = true
	}
	if got := OpCount.String(); !strings.HasPrefix(got, "Op(") {
		t.Errorf("OpCount is called %q", got)
	}
}

func TestInstr_Fields(t *testing.T) {
	in := Make(OpSetList, 1, 255, 128, -7)
	if in.Op() != OpSetList || in.A() != 1 || in.B() != 255 || in.C() != 128 || in.Imm() != -7 || in.BC() != 255|128<<8 {
		t.Errorf("fields of %x: %v %d %d %d %d %d", uint64(in), in.Op(), in.A(), in.B(), in.C(), in.Imm(), in.BC())
	}
}

// TestDisassemble_Broken checks that the disassembler also prints code that does not verify.
func TestDisassemble_Broken(t *testing.T) {
	p := &Proto{Code: []Instr{Make(OpLoadK, 0, 0, 0, 9), Make(OpClosure, 0, 0, 0, -1), Make(OpJmp, 0, 0, 0, 99), Instr(OpCount)}}
	var text strings.Builder
	if err := Disassemble(&text, &Program{Chunk: "=t", Main: p}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"no such constant", "no such function", "-> 102", OpCount.String()} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("want %q in\n%s", want, text.String())
		}
	}
}
