package lib

import "github.com/template-worker/template-worker/luau/internal/vm"

// table.sort(t, less) sorts the elements 1 to #t in place. The order of equal
// elements, the calls of less and the errors are those of the reference:
// quicksort with the median of three, heap sort once the recursion gets too deep.
// Costs two fuel for each comparison, more for long strings and what less does.
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
	s := sorter{c: c}
	if !c.Arg(1).IsNil() {
		if s.fn, err = c.CheckFunction(1); err != nil {
			return err
		}
	}
	n := t.Len()
	if n < 2 {
		return c.Return0()
	}
	if err := s.load(t, n); err != nil {
		return err
	}
	size := slots(t)
	if err := s.sort(0, n-1, n); err != nil {
		return err
	}
	if err := c.Charge(s.count * 2); err != nil {
		return err
	}
	switch {
	case slots(t) != size:
		return c.Errorf("table modified during sorting")
	case t.Readonly():
		return errReadonly(c)
	}
	for i, v := range s.a {
		if err := t.SetInt(c.VM(), i+1, v); err != nil {
			return err
		}
	}
	return c.Return0()
}

// sorter sorts a copy of a table's elements.
type sorter struct {
	c       *vm.Call
	a       []vm.Value
	fn      vm.Value // the comparator; nil for <
	numbers bool     // all elements are numbers and there is no comparator
	count   int64    // comparisons not paid yet
}

// load copies the elements.
func (s *sorter) load(t *vm.Table, n int) error {
	if err := payItems(s.c, n); err != nil {
		return err
	}
	if err := s.c.Alloc(int64(n) * 16); err != nil {
		return err
	}
	s.a = make([]vm.Value, n)
	s.numbers = s.fn.IsNil()
	for i := range s.a {
		v := t.GetInt(i + 1)
		s.a[i] = v
		s.numbers = s.numbers && v.IsNumber()
	}
	return nil
}

// less compares elements i and j.
func (s *sorter) less(i, j int) (bool, error) {
	if s.numbers {
		if s.count++; s.count > 4096 {
			return s.a[i].AsNumber() < s.a[j].AsNumber(), s.pay()
		}
		return s.a[i].AsNumber() < s.a[j].AsNumber(), nil
	}
	return s.lessAny(i, j)
}

func (s *sorter) lessAny(i, j int) (bool, error) {
	if s.count++; s.count > 256 {
		if err := s.pay(); err != nil {
			return false, err
		}
	}
	if s.fn.IsNil() {
		return s.c.LessThan(s.a[i], s.a[j])
	}
	out, err := s.c.Call(s.fn, s.a[i], s.a[j])
	return err == nil && len(out) > 0 && out[0].Truthy(), err
}

func (s *sorter) pay() error {
	n := s.count * 2
	s.count = 0
	return s.c.Charge(n)
}

func (s *sorter) swap(i, j int) { s.a[i], s.a[j] = s.a[j], s.a[i] }

// errOrder reports a comparator that contradicts itself.
func (s *sorter) errOrder() error { return s.c.Errorf("invalid order function for sorting") }

// sort orders a[l..u]. budget is what is left of the depth: it starts at the
// number of elements and loses a quarter at each level.
func (s *sorter) sort(l, u, budget int) error {
	for l < u {
		if budget == 0 {
			return s.heapSort(l, u)
		}
		m, err := s.median(l, u)
		if err != nil || u-l <= 2 {
			return err
		}
		s.swap(m, u-1)
		i, err := s.partition(l, u)
		if err != nil {
			return err
		}
		budget = budget>>1 + budget>>2
		if i-l < u-i { // the shorter part by recursion: at most log n deep
			err = s.sort(l, i-1, budget)
			l = i + 1
		} else {
			err = s.sort(i+1, u, budget)
			u = i - 1
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// order swaps i and j if the element at i is less.
func (s *sorter) order(i, j int) (swapped bool, err error) {
	less, err := s.less(i, j)
	if err == nil && less {
		s.swap(i, j)
	}
	return less, err
}

// median orders the first, middle and last element and gives the middle.
func (s *sorter) median(l, u int) (int, error) {
	if _, err := s.order(u, l); err != nil || u-l == 1 {
		return 0, err
	}
	m := l + (u-l)/2
	swapped, err := s.order(m, l)
	if err == nil && !swapped {
		_, err = s.order(u, m)
	}
	return m, err
}

// partition splits a[l..u] by the pivot at u-1 and gives where it ends up.
func (s *sorter) partition(l, u int) (int, error) {
	p := u - 1
	i, j := l, p
	for {
		for {
			i++
			less, err := s.less(i, p)
			if err != nil {
				return 0, err
			}
			if !less {
				break
			}
			if i >= u {
				return 0, s.errOrder()
			}
		}
		for {
			j--
			less, err := s.less(p, j)
			if err != nil {
				return 0, err
			}
			if !less {
				break
			}
			if j <= l {
				return 0, s.errOrder()
			}
		}
		if j < i {
			s.swap(p, i)
			return i, nil
		}
		s.swap(i, j)
	}
}

// heapSort orders a[l..u] in a time that no input can make worse.
func (s *sorter) heapSort(l, u int) error {
	n := u - l + 1
	for root := n/2 - 1; root >= 0; root-- {
		if err := s.sift(l, n, root); err != nil {
			return err
		}
	}
	for last := n - 1; last > 0; last-- {
		s.swap(l, l+last)
		if err := s.sift(l, last, 0); err != nil {
			return err
		}
	}
	return nil
}

// sift moves the root of a heap of n elements at l down to its place.
func (s *sorter) sift(l, n, root int) error {
	for {
		top := root
		for child := 2*root + 1; child <= 2*root+2 && child < n; child++ {
			less, err := s.less(l+top, l+child)
			if err != nil {
				return err
			}
			if less {
				top = child
			}
		}
		if top == root {
			return nil
		}
		s.swap(l+root, l+top)
		root = top
	}
}
