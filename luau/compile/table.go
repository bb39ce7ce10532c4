package compile

import (
	"math/bits"
	"strconv"

	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// listRun is how many positional items of a constructor are stored at once.
const listRun = 16

// table compiles a constructor. Items are evaluated and stored in order;
// positional ones are collected in a run of temporaries first.
func (f *function) table(e *ast.Table, dst int) operand {
	top := f.top
	reg := f.early(dst)
	if reg < 0 {
		reg = f.alloc(1, e.At.Start)
	}
	if len(e.Items) == 0 || !f.template(e, reg) {
		array, hash := tableSize(e)
		f.emit(bytecode.OpNewTable, reg, logSize(hash), 0, int32(array))
	}
	f.items(e, reg)
	return f.settle(reg, dst, top)
}

// template makes the table from a template if all keys are constant names.
func (f *function) template(e *ast.Table, reg int) bool {
	if len(e.Items) > maxTemplate {
		return false
	}
	keys := make([]string, 0, len(e.Items))
	for i := range e.Items {
		name, ok := itemName(&e.Items[i])
		if !ok {
			return false
		}
		if !contains(keys, name) {
			keys = append(keys, name)
		}
	}
	text := ""
	for _, k := range keys {
		text += strconv.Itoa(len(k)) + ":" + k
	}
	k := f.constant(constKey{kind: bytecode.ConstTable, text: text}, bytecode.Const{Kind: bytecode.ConstTable, Keys: keys})
	f.emit(bytecode.OpDupTable, reg, 0, 0, k)
	return true
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// itemName gives the key of an item that has a constant string for it.
func itemName(it *ast.Item) (string, bool) {
	if it.Name != "" {
		return it.Name, true
	}
	if s, ok := it.Key.(*ast.String); ok {
		return s.Value, true
	}
	return "", false
}

// tableSize counts the room that a constructor needs. Keys [1], [2], ... in order
// count as array items if there are neither positional items nor other computed
// keys; with those, the order of traversal would change.
func tableSize(e *ast.Table) (array, hash int) {
	named, counted := 0, 0
	for i := range e.Items {
		it := &e.Items[i]
		if _, ok := itemName(it); ok {
			named++
		} else if it.Key == nil {
			array++
		} else if n, ok := it.Key.(*ast.Number); ok && n.Value == float64(counted+1) {
			counted++
		}
	}
	hash = len(e.Items) - array
	if array == 0 && hash == named+counted {
		return counted, named
	}
	if n := len(e.Items); n > 0 && array > 0 {
		if _, ok := e.Items[n-1].Value.(*ast.Vararg); ok && e.Items[n-1].Key == nil && e.Items[n-1].Name == "" {
			array-- // its storage depends on how many values there are
		}
	}
	return array, hash
}

// logSize gives the operand that stands for at least n hash nodes.
func logSize(n int) int {
	if n == 0 {
		return 0
	}
	return bits.Len(uint(n-1)) + 1
}

// items stores the items of a constructor into the table in reg.
func (f *function) items(e *ast.Table, reg int) {
	stored, first, run := 0, f.top, 0
	flush := func(open bool) {
		c := run + 1
		if open {
			c = 0
		}
		f.emit(bytecode.OpSetList, reg, first, c, int32(stored))
		stored += run
		run = 0
		f.top = first
	}
	for i := range e.Items {
		it := &e.Items[i]
		f.line = it.Value.Span().Start.Line
		if it.Name != "" || it.Key != nil {
			if run > 0 {
				flush(false) // stores happen in the order of the text
			}
			f.item(it, reg)
			continue
		}
		if i == len(e.Items)-1 && isMulti(it.Value) {
			f.multi(it.Value)
			flush(true)
			return
		}
		f.evalNext(it.Value)
		if run++; run == listRun {
			flush(false)
		}
	}
	if run > 0 {
		flush(false)
	}
}

// item stores one item that has a key.
func (f *function) item(it *ast.Item, reg int) {
	top := f.top
	t := target{kind: targetField, object: reg, name: it.Name, line: it.Value.Span().Start.Line}
	if it.Name == "" {
		t = f.keyTarget(reg, it.Key)
	}
	f.store(t, f.evalReg(it.Value))
	f.top = top
}
