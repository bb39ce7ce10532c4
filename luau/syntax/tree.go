package syntax

import "github.com/template-worker/template-worker/luau/ast"

// tree allocates the nodes that make up most of a source, several at a time.
type tree struct {
	locals  slab[ast.Local]
	refs    slab[ast.LocalRef]
	globals slab[ast.Global]
	fields  slab[ast.Field]
	calls   slab[ast.Call]
	numbers slab[ast.Number]
	strings slab[ast.String]
	binary  slab[ast.Binary]
	stats   list[ast.Stat]
	exprs   list[ast.Expr]
	items   list[ast.Item]
}

// maxSlab bounds how many nodes one allocation holds.
const maxSlab = 128

// slab hands out zero values of T from allocations that grow with the source.
type slab[T any] struct {
	free []T
	size int
}

func (s *slab[T]) take() *T {
	if len(s.free) == 0 {
		s.size = min(max(2*s.size, 4), maxSlab)
		s.free = make([]T, s.size)
	}
	v := &s.free[0]
	s.free = s.free[1:]
	return v
}

// list collects slices that grow while inner ones are collected: a stack whose
// top part becomes the finished slice.
type list[T any] struct {
	stack []T
	free  []T
	size  int
}

// begin returns what finish and count need.
func (l *list[T]) begin() int { return len(l.stack) }

func (l *list[T]) add(v T) { l.stack = append(l.stack, v) }

// finish takes everything added since begin off the stack and returns it; nil when that is nothing.
func (l *list[T]) finish(begin int) []T {
	n := len(l.stack) - begin
	if n == 0 {
		return nil
	}
	out := l.carve(n)
	copy(out, l.stack[begin:])
	clear(l.stack[begin:])
	l.stack = l.stack[:begin]
	return out
}

// carve makes a slice of n whose capacity ends with it.
func (l *list[T]) carve(n int) []T {
	if n > maxSlab/4 {
		return make([]T, n)
	}
	if n > len(l.free) {
		l.size = min(max(2*l.size, 4, n), maxSlab)
		l.free = make([]T, l.size)
	}
	out := l.free[:n:n]
	l.free = l.free[n:]
	return out
}
