package compile

import (
	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// A chunk with exports returns them in a table that it freezes at its end.
//
// An exported local that closures share and somebody writes lives in that table
// from the start, so that a write after the end of the chunk is an error and not
// a change that importers never see. The others are copied at the end. The table
// is then an unnamed local of the main function, which closures capture.

// openExports makes the export table at the start of the chunk if a local lives in it.
func (f *function) openExports(exports []*ast.Local) {
	for _, l := range exports {
		if shared(l) {
			if f.exported == nil {
				f.exported = make(map[*ast.Local]bool)
			}
			f.exported[l] = true
		}
	}
	if f.exported == nil {
		return
	}
	f.exports = &ast.Local{Name: "exports", Captured: true}
	f.newExports(exports)
	f.declare(f.exports)
}

// newExports makes the table in a new register.
func (f *function) newExports(exports []*ast.Local) int {
	reg := f.alloc(1, f.tree.At.Start)
	f.emit(bytecode.OpNewTable, reg, logSize(len(exports)), 0, 0)
	return reg
}

// exportTarget gives the field that is l. The table's register may be a new temporary.
func (f *function) exportTarget(l *ast.Local) target {
	return target{kind: targetField, object: f.exportReg(-1), name: l.Name, line: f.line}
}

// exportReg gives a register with the export table: the local itself, or hint or a new temporary in inner functions.
func (f *function) exportReg(hint int) int {
	table := &ast.LocalRef{Local: f.exports, Depth: f.tree.Depth}
	return f.localRef(table, hint).reg
}

// returnExports ends the chunk: it returns table.freeze of the table of exports.
// The function comes by import even where the chunk assigns a global named table:
// as long as its environment is safe, that assignment has no part in it.
//
//	R: base = table.freeze | base+1 = the table | one value at a time
func (f *function) returnExports(exports []*ast.Local) {
	at := f.tree.At.Start
	base := f.alloc(1, at)
	f.emit(bytecode.OpGetImport, base, 0, 0, f.importConst([]string{"table", "freeze"}))
	table := base + 1
	if f.exports == nil {
		f.newExports(exports)
	} else {
		f.place(inRegister(f.exportReg(-1)), f.alloc(1, at))
	}
	for _, l := range exports {
		if f.exported[l] {
			continue
		}
		top := f.top
		reg := f.register(f.localRef(&ast.LocalRef{Local: l, Depth: l.Depth}, -1), -1, at)
		f.store(target{kind: targetField, object: table, name: l.Name, line: f.line}, reg)
		f.top = top
	}
	f.emitCall(base, 1, 1, at)
	f.emit(bytecode.OpReturn1, base, 0, 0, 0)
}
