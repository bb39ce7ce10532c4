package lib

import "github.com/template-worker/template-worker/luau/internal/vm"

// table.sort(t, less) sorts the elements 1 to #t in place. The order of equal
// elements, the calls of less and the errors are those of the reference:
// quicksort with the median of three, heap sort once the parts get too small for
// their depth. Costs two fuel for each comparison, more for long strings and what less does.
//
// The elements are sorted in a copy that is then stored back, so less sees the
// table as it was, and an error leaves it so.
func tableSort(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	if t.Readonly() {
		return errReadonly(c)
	}
	less := vm.Nil
	if !c.Arg(1).IsNil() {
		if less, err = c.CheckFunction(1); err != nil {
			return err
		}
	}
	n := t.Len()
	if n < 2 {
		return c.Return0()
	}
	s := &sorter{t: t, less: less, size: slots(t)}
	if err := s.load(c, n); err != nil {
		return err
	}
	s.begin(part{u: int32(n - 1), budget: int32(n)})
	return s.run(c)
}

// sorter is one sort in progress: a copy of the elements, and where the algorithm
// stands, so that it can stop at each comparison. What it waits for is always
// whether a[i] is less than a[j].
type sorter struct {
	t       *vm.Table
	less    vm.Value // the comparator; nil for <
	size    int      // slots of t at first
	a       []vm.Value
	numbers bool // all elements are numbers and there is no comparator

	now   part
	stage sortStage
	i, j  int32 // the comparison
	left  int32 // partition: scans from the two ends; heap: root and child
	right int32
	last  int32 // heap: elements left
	top   int32 // heap: the greatest of root and children
	built int32 // heap: the root sifted last while it is built
	open  int
	parts [maxParts]part // parts that wait for their turn
}

// part is a range that is to be ordered. budget is what is left of the depth: it
// starts at the number of elements and loses a quarter at each level.
type part struct{ l, u, budget int32 }

// maxParts is enough for any table: of two parts the longer one waits, so each that waits is over twice as long as the next.
const maxParts = 32

type sortStage uint8

const (
	sortEnds   sortStage = iota // is the last element less than the first?
	sortMiddle                  // is the middle less than the first?
	sortUpper                   // is the last less than the middle?
	sortLeft                    // is the next from the left less than the pivot?
	sortRight                   // is the pivot less than the next from the right?
	sortSift                    // heap: is the greatest so far less than the child?
	sortDone
)

// Trace visits what the sort holds.
func (s *sorter) Trace(visit func(vm.Value)) {
	visit(s.t.Value())
	visit(s.less)
	if s.numbers {
		return
	}
	for _, v := range s.a {
		visit(v)
	}
}

// load copies the elements.
func (s *sorter) load(c *vm.Call, n int) error {
	if err := payItems(c, n); err != nil {
		return err
	}
	if err := c.Alloc(int64(n) * 16); err != nil {
		return err
	}
	s.a = make([]vm.Value, n)
	s.numbers = s.less.IsNil()
	for i := range s.a {
		v := s.t.GetInt(i + 1)
		s.a[i] = v
		s.numbers = s.numbers && v.IsNumber()
	}
	return nil
}

// compareFuel is what one comparison costs by itself.
const compareFuel = 2

// run compares and moves elements until the sort is over or a function must be called.
func (s *sorter) run(c *vm.Call) error {
	for s.stage != sortDone {
		if c.Due() {
			return c.Pause(sortGoOn, s)
		}
		if s.numbers {
			if err := s.moveNumbers(c); err != nil {
				return err
			}
			continue
		}
		if err := c.Charge(compareFuel); err != nil {
			return err
		}
		if !s.less.IsNil() {
			return c.CallThen(s.less, []vm.Value{s.a[s.i], s.a[s.j]}, sortCompared, s)
		}
		less, handler, err := c.TryLess(s.a[s.i], s.a[s.j])
		switch {
		case err != nil:
			return err
		case !handler.IsNil():
			return c.CallThen(handler, []vm.Value{s.a[s.i], s.a[s.j]}, sortCompared, s)
		}
		if err := s.move(c, less); err != nil {
			return err
		}
	}
	return s.store(c)
}

// sortCompared takes what a comparator gave.
func sortCompared(c *vm.Call, state any) error {
	s := state.(*sorter)
	if err := s.move(c, c.Arg(0).Truthy()); err != nil {
		return err
	}
	return s.run(c)
}

func sortGoOn(c *vm.Call, state any) error { return state.(*sorter).run(c) }

// store writes the elements back.
func (s *sorter) store(c *vm.Call) error {
	switch {
	case slots(s.t) != s.size:
		return c.Errorf("table modified during sorting")
	case s.t.Readonly():
		return errReadonly(c)
	}
	for i, v := range s.a {
		if err := s.t.SetInt(c.VM(), i+1, v); err != nil {
			return err
		}
	}
	return c.Return0()
}

// numberTurns is how many comparisons of numbers are made between two looks at the fuel.
const numberTurns = 1024

// moveNumbers makes comparisons of numbers, at least one, and charges them.
func (s *sorter) moveNumbers(c *vm.Call) error {
	made := int64(0)
	for made < numberTurns && s.stage != sortDone {
		if s.stage == sortLeft { // most of the work
			p, i := s.a[s.j].AsNumber(), s.i
			for i < s.now.u && s.a[i].AsNumber() < p {
				i++
			}
			made += int64(i - s.i)
			s.i, s.left = i, i
		} else if s.stage == sortRight {
			p, j := s.a[s.i].AsNumber(), s.j
			for j > s.now.l && p < s.a[j].AsNumber() {
				j--
			}
			made += int64(s.j - j)
			s.j, s.right = j, j
		}
		made++
		if err := s.move(c, s.a[s.i].AsNumber() < s.a[s.j].AsNumber()); err != nil {
			return err
		}
	}
	return c.Charge(made * compareFuel)
}

func (s *sorter) swap(i, j int32) { s.a[i], s.a[j] = s.a[j], s.a[i] }

// ask makes the next comparison that of elements i and j.
func (s *sorter) ask(stage sortStage, i, j int32) { s.stage, s.i, s.j = stage, i, j }

// begin starts to order a part, or the next one that waits if it has less than two elements.
func (s *sorter) begin(p part) {
	for p.l >= p.u {
		if s.open == 0 {
			s.stage = sortDone
			return
		}
		s.open--
		p = s.parts[s.open]
	}
	s.now = p
	if p.budget == 0 {
		s.beginHeap()
		return
	}
	s.ask(sortEnds, p.u, p.l)
}

// next starts to order the next part that waits.
func (s *sorter) next() { s.begin(part{}) }

// move goes on with the answer to the comparison asked for.
func (s *sorter) move(c *vm.Call, less bool) error {
	l, u := s.now.l, s.now.u
	m := l + (u-l)/2
	switch s.stage {
	case sortEnds:
		if less {
			s.swap(u, l)
		}
		if u-l == 1 {
			s.next()
			return nil
		}
		s.ask(sortMiddle, m, l)
	case sortMiddle:
		if less {
			s.swap(m, l)
			s.pivot(m)
			return nil
		}
		s.ask(sortUpper, u, m)
	case sortUpper:
		if less {
			s.swap(u, m)
		}
		s.pivot(m)
	case sortLeft:
		if !less {
			s.right--
			s.ask(sortRight, u-1, s.right)
			return nil
		}
		if s.left >= u {
			return errOrder(c)
		}
		s.left++
		s.i = s.left
	case sortRight:
		if !less {
			s.meet()
			return nil
		}
		if s.right <= l {
			return errOrder(c)
		}
		s.right--
		s.j = s.right
	case sortSift:
		s.sifted(less)
	}
	return nil
}

// errOrder reports a comparator that contradicts itself.
func errOrder(c *vm.Call) error { return c.Errorf("invalid order function for sorting") }

// pivot takes the median of three, at m, as the pivot and begins to split by it.
func (s *sorter) pivot(m int32) {
	l, u := s.now.l, s.now.u
	if u-l <= 2 {
		s.next()
		return
	}
	s.swap(m, u-1)
	s.left, s.right = l+1, u-1
	s.ask(sortLeft, s.left, u-1)
}

// meet swaps the elements at which the two scans have stopped, or ends the split once they have passed each other.
func (s *sorter) meet() {
	p := s.now.u - 1
	if s.right >= s.left {
		s.swap(s.left, s.right)
		s.left++
		s.ask(sortLeft, s.left, p)
		return
	}
	i := s.left
	s.swap(p, i)
	budget := s.now.budget>>1 + s.now.budget>>2
	long, short := part{s.now.l, i - 1, budget}, part{i + 1, s.now.u, budget}
	if i-s.now.l < s.now.u-i {
		long, short = short, long
	}
	s.parts[s.open] = long
	s.open++
	s.begin(short)
}

// beginHeap starts to order the part in a time that no input can make worse.
func (s *sorter) beginHeap() {
	s.last = s.now.u - s.now.l + 1
	s.built = s.last/2 - 1
	s.sift(s.built)
	s.child()
}

// sift prepares to move the root down to its place in the heap of last elements.
func (s *sorter) sift(root int32) { s.left, s.top, s.right = root, root, 2*root+1 }

// child asks about the next child of the root, or goes on if there is none.
func (s *sorter) child() {
	for {
		if s.right <= 2*s.left+2 && s.right < s.last {
			s.ask(sortSift, s.now.l+s.top, s.now.l+s.right)
			return
		}
		if s.top != s.left { // go on with the child that took the root's place
			s.swap(s.now.l+s.left, s.now.l+s.top)
			s.left, s.right = s.top, 2*s.top+1
			continue
		}
		if !s.nextRoot() {
			s.next()
			return
		}
	}
}

// sifted takes whether the greatest so far is less than the child.
func (s *sorter) sifted(less bool) {
	if less {
		s.top = s.right
	}
	s.right++
	s.child()
}

// nextRoot prepares the next root to sift: the one before while the heap is
// built, then the element that takes the place of the greatest. It tells whether
// there is one.
func (s *sorter) nextRoot() bool {
	if s.built > 0 {
		s.built--
		s.sift(s.built)
		return true
	}
	if s.last--; s.last <= 0 {
		return false
	}
	s.swap(s.now.l, s.now.l+s.last)
	s.sift(0)
	return true
}
