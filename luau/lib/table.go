package lib

import (
	"math"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

func openTable(b *vm.BaseBuilder) {
	b.Lib("table", []*vm.Native{
		native("clear", tableClear),
		native("clone", tableClone),
		native("concat", tableConcat),
		native("create", tableCreate),
		native("find", tableFind),
		native("foreach", tableForEach),
		native("foreachi", tableForEachI),
		native("freeze", tableFreeze),
		fast("getn", tableGetN, fastRawLen),
		native("insert", tableInsert),
		fast("isfrozen", tableIsFrozen, nil),
		native("maxn", tableMaxN),
		native("move", tableMove),
		native("pack", tablePack),
		native("remove", tableRemove),
		native("sort", tableSort),
		native("unpack", tableUnpack),
	})
}

// writable gives argument i as a table that is not frozen.
func writable(c *vm.Call, i int) (*vm.Table, error) {
	t, err := c.CheckTable(i)
	if err == nil && t.Readonly() {
		return nil, errReadonly(c)
	}
	return t, err
}

// table.insert(t, [pos,] v): in the middle it costs fuel for each element that moves.
func tableInsert(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	n := t.Len()
	pos := n + 1
	switch c.NArgs() {
	case 2:
	case 3:
		if pos, err = c.CheckInt(1); err != nil {
			return err
		}
	default:
		return c.Errorf("wrong number of arguments to 'insert'")
	}
	if t.Readonly() {
		return errReadonly(c)
	}
	if pos >= 1 && pos <= n {
		if err := payItems(c, n-pos); err != nil {
			return err
		}
		for i := n; i >= pos; i-- {
			if err := t.SetInt(c.VM(), i+1, t.GetInt(i)); err != nil {
				return err
			}
		}
	}
	if err := t.SetInt(c.VM(), pos, c.Arg(c.NArgs()-1)); err != nil {
		return err
	}
	return c.Return0()
}

// table.remove(t, pos): in the middle it costs fuel for each element that moves.
func tableRemove(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	n := t.Len()
	pos, err := c.OptInt(1, n)
	if err != nil {
		return err
	}
	if pos < 1 || pos > n {
		return c.Return0()
	}
	if t.Readonly() {
		return errReadonly(c)
	}
	if err := payItems(c, n-pos); err != nil {
		return err
	}
	v := t.GetInt(pos)
	for i := pos; i < n; i++ {
		if err := t.SetInt(c.VM(), i, t.GetInt(i+1)); err != nil {
			return err
		}
	}
	if err := t.SetInt(c.VM(), n, vm.Nil); err != nil {
		return err
	}
	return c.Return1(v)
}

// table.concat(t, sep, i, j): looks at the elements twice, so that the result is
// made once. Costs one fuel for each element and fuel for the result's bytes.
func tableConcat(c *vm.Call) error {
	sep, err := c.OptString(1, "")
	if err != nil {
		return err
	}
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	i, err := c.OptInt(2, 1)
	if err != nil {
		return err
	}
	j := 0
	if c.Arg(3).IsNil() {
		j = t.Len()
	} else if j, err = c.CheckInt(3); err != nil {
		return err
	}
	if i > j {
		return returnString(c, "")
	}
	total, err := concatLen(c, t, i, j, len(sep))
	if err != nil {
		return err
	}
	if err := payBytes(c, total); err != nil {
		return err
	}
	if total <= 1 {
		var b [1]byte
		return returnString(c, string(appendConcat(b[:0], t, i, j, sep)))
	}
	o, b, err := c.VM().AllocString(total)
	if err != nil {
		return err
	}
	appendConcat(b[:0], t, i, j, sep)
	return c.Return1(o.Value())
}

// concatLen gives the length of the result and checks the elements.
func concatLen(c *vm.Call, t *vm.Table, i, j, sep int) (int, error) {
	total := 0
	for k := i; k <= j; k++ {
		if (k-i)%1024 == 0 {
			if err := c.Charge(int64(min(j-k+1, 1024))); err != nil {
				return 0, err
			}
		}
		switch v := t.GetInt(k); v.Kind() {
		case vm.KindString:
			total += v.AsString().Len()
		case vm.KindNumber:
			var buf [32]byte
			total += len(vm.AppendNumber(buf[:0], v.AsNumber()))
		default:
			return 0, c.Errorf("invalid value (%s) at index %d in table for 'concat'", c.VM().TypeName(v), k)
		}
		if k < j {
			total += sep
		}
		if total > maxString {
			return 0, throwText(c, "not enough memory")
		}
	}
	return total, nil
}

func appendConcat(b []byte, t *vm.Table, i, j int, sep string) []byte {
	for k := i; k <= j; k++ {
		if v := t.GetInt(k); v.IsNumber() {
			b = vm.AppendNumber(b, v.AsNumber())
		} else {
			b = append(b, v.AsString().Str()...)
		}
		if k < j {
			b = append(b, sep...)
		}
	}
	return b
}

var keyN = vm.Const("n")

// table.pack(...) gives a table of the arguments with their number as n.
func tablePack(c *vm.Call) error {
	n := c.NArgs()
	if err := payItems(c, n); err != nil {
		return err
	}
	t, err := c.VM().NewTable(n, 1)
	if err != nil {
		return err
	}
	for i := range n {
		if err := t.SetInt(c.VM(), i+1, c.Arg(i)); err != nil {
			return err
		}
	}
	if err := t.SetStr(c.VM(), keyN, vm.Number(float64(n))); err != nil {
		return err
	}
	return c.Return1(t.Value())
}

// table.unpack(t, i, j): costs one fuel for each value.
func tableUnpack(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	i, err := c.OptInt(1, 1)
	if err != nil {
		return err
	}
	j := 0
	if c.Arg(2).IsNil() {
		j = t.Len()
	} else if j, err = c.CheckInt(2); err != nil {
		return err
	}
	if i > j {
		return c.Return0()
	}
	n := j - i + 1
	if n+c.NArgs() > maxSlots {
		return c.Errorf("too many results to unpack")
	}
	if err := payItems(c, n); err != nil {
		return err
	}
	out, err := c.ReturnN(n)
	if err != nil {
		return err
	}
	for k := range out {
		out[k] = t.GetInt(i + k)
	}
	return nil
}

// table.move(src, i, j, to, dst): costs one fuel for each element of the range
// or, if the range is much larger than both tables, for each slot of them.
func tableMove(c *vm.Call) error {
	src, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	var at [3]int // first, last, to
	for k := range at {
		if at[k], err = c.CheckInt(k + 1); err != nil {
			return err
		}
	}
	dst := src
	if !c.Arg(4).IsNil() {
		if dst, err = c.CheckTable(4); err != nil {
			return err
		}
	}
	first, last, to := at[0], at[1], at[2]
	if last >= first {
		if first <= 0 && last >= math.MaxInt32+first {
			return c.ArgError(2, "too many elements to move")
		}
		n := last - first + 1
		if to > math.MaxInt32-n+1 {
			return c.ArgError(3, "destination wrap around")
		}
		if dst.Readonly() {
			return errReadonly(c)
		}
		m := mover{c: c, src: src, dst: dst, first: first, n: n, to: to}
		if err := m.move(); err != nil {
			return err
		}
	}
	return c.Return1(dst.Value())
}

// mover is one table.move in progress.
type mover struct {
	c            *vm.Call
	src, dst     *vm.Table
	first, n, to int
}

func (m *mover) move() error {
	if m.sparse() {
		return m.moveSparse()
	}
	if err := m.reserve(); err != nil {
		return err
	}
	backwards := m.src == m.dst && m.to > m.first && m.to < m.first+m.n
	for k := range m.n {
		if k%1024 == 0 {
			if err := m.c.Charge(int64(min(m.n-k, 1024))); err != nil {
				return err
			}
		}
		i := k
		if backwards {
			i = m.n - 1 - k
		}
		if err := m.dst.SetInt(m.c.VM(), m.to+i, m.src.GetInt(m.first+i)); err != nil {
			return err
		}
	}
	return nil
}

// slots counts the places of a table that hold or may hold something.
func slots(t *vm.Table) int {
	end, _, _, _ := t.NextIndex(math.MaxUint32) // behind the last place there is
	return int(end)
}

const minSparse = 32 // elements; shorter ranges are moved one by one

func (m *mover) sparse() bool {
	return m.n > minSparse && m.n/2 > max(slots(m.src), slots(m.dst))
}

// reserve gives the destination's array room for the whole range if it starts inside or right behind it.
func (m *mover) reserve() error {
	if m.to < 1 || m.to-1 > slots(m.dst) || m.to-1 > m.dst.Len() {
		return nil
	}
	return m.dst.GrowArray(m.c.VM(), m.to-1+m.n)
}

// moved is an element on its way.
type moved struct {
	i int
	v vm.Value
}

// moveSparse visits what the tables hold instead of every index of the range.
func (m *mover) moveSparse() error {
	var found []moved
	err := m.within(m.src, m.first, func(i int, v vm.Value) error {
		found = append(found, moved{i - m.first, v})
		return m.c.Alloc(24)
	})
	if err != nil {
		return err
	}
	var stale []int
	err = m.within(m.dst, m.to, func(i int, _ vm.Value) error {
		stale = append(stale, i)
		return m.c.Alloc(8)
	})
	if err != nil {
		return err
	}
	for _, i := range stale {
		if err := m.dst.SetInt(m.c.VM(), i, vm.Nil); err != nil {
			return err
		}
	}
	for _, e := range found {
		if err := m.dst.SetInt(m.c.VM(), m.to+e.i, e.v); err != nil {
			return err
		}
	}
	return nil
}

// within visits the entries of t whose keys are integers of the range that begins at first.
func (m *mover) within(t *vm.Table, first int, visit func(i int, v vm.Value) error) error {
	if err := m.c.Charge(int64(slots(t))); err != nil {
		return err
	}
	at, k, v, ok := t.NextIndex(0)
	for ; ok; at, k, v, ok = t.NextIndex(at) {
		i, exact := smallInt(k)
		if !exact || i < first || i > first+m.n-1 {
			continue
		}
		if err := visit(i, v); err != nil {
			return err
		}
	}
	return nil
}

// table.create(n, v) makes a table with room for n elements, filled with v. Costs one fuel for 16 elements.
func tableCreate(c *vm.Call) error {
	n, err := c.CheckInt(0)
	if err != nil {
		return err
	}
	if n < 0 {
		return c.ArgError(0, "size out of range")
	}
	if err := c.Charge(int64(n / 16)); err != nil {
		return err
	}
	t, err := c.VM().NewTable(n, 0)
	if err != nil {
		return err
	}
	if v := c.Arg(1); !v.IsNil() {
		for i := 1; i <= n; i++ {
			if err := t.SetInt(c.VM(), i, v); err != nil {
				return err
			}
		}
	}
	return c.Return1(t.Value())
}

// table.find(t, v, init) gives the index of the first element equal to v, by __eq if it has one. Costs one fuel for each element.
func tableFind(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	if err := c.CheckAny(1); err != nil {
		return err
	}
	init, err := c.OptInt(2, 1)
	if err != nil {
		return err
	}
	if init < 1 {
		return c.ArgError(2, "index out of range")
	}
	return search{t: t, want: c.Arg(1), at: init}.run(c)
}

// search is one table.find in progress.
type search struct {
	t    *vm.Table
	want vm.Value
	at   int
}

// Trace visits the table and the value.
func (s *search) Trace(visit func(vm.Value)) {
	visit(s.t.Value())
	visit(s.want)
}

func (s search) run(c *vm.Call) error {
	for n := 1; ; n++ {
		v := s.t.GetInt(s.at)
		if v.IsNil() {
			return c.Return1(vm.Nil)
		}
		same, handler, err := c.TryEqual(s.want, v)
		switch {
		case err != nil:
			return err
		case !handler.IsNil():
			held := s
			return c.CallThen(handler, []vm.Value{s.want, v}, searchCompared, &held)
		case same:
			return returnInt(c, s.at)
		}
		s.at++
		if n%256 != 0 {
			continue
		}
		if err := c.Charge(256); err != nil {
			return err
		}
		if c.Due() {
			held := s
			return c.Pause(searchGoOn, &held)
		}
	}
}

// searchCompared takes what __eq gave.
func searchCompared(c *vm.Call, state any) error {
	s := state.(*search)
	if c.Arg(0).Truthy() {
		return returnInt(c, s.at)
	}
	s.at++
	return s.run(c)
}

func searchGoOn(c *vm.Call, state any) error { return state.(*search).run(c) }

// table.clear(t): costs one fuel for 16 slots.
func tableClear(c *vm.Call) error {
	t, err := writable(c, 0)
	if err != nil {
		return err
	}
	if err := c.Charge(int64(slots(t) / 16)); err != nil {
		return err
	}
	t.Clear()
	return c.Return0()
}

// table.clone(t): costs one fuel for 16 slots.
func tableClone(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	if protected(t) {
		return c.ArgError(0, "table has a protected metatable")
	}
	if err := c.Charge(int64(slots(t) / 16)); err != nil {
		return err
	}
	u, err := t.Clone(c.VM())
	if err != nil {
		return err
	}
	return c.Return1(u.Value())
}

// table.freeze(t) makes a table read-only and gives it.
func tableFreeze(c *vm.Call) error {
	t, err := c.CheckTable(0)
	switch {
	case err != nil:
		return err
	case t.Readonly():
		return c.ArgError(0, "table is already frozen")
	case protected(t):
		return c.ArgError(0, "table has a protected metatable")
	}
	t.Freeze()
	return c.Return1(t.Value())
}

// table.isfrozen(t)
func tableIsFrozen(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	return c.Return1(vm.Bool(t.Readonly()))
}

// table.getn(t) is #t without metamethods.
func tableGetN(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	return returnInt(c, t.Len())
}

// table.maxn(t) gives the largest number key. Costs one fuel for 4 slots.
func tableMaxN(c *vm.Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	if err := c.Charge(int64(slots(t) / 4)); err != nil {
		return err
	}
	largest := 0.0
	at, k, _, ok := t.NextIndex(0)
	for ; ok; at, k, _, ok = t.NextIndex(at) {
		if k.IsNumber() {
			largest = max(largest, k.AsNumber())
		}
	}
	return c.Return1(vm.Number(largest))
}

// table.foreach(t, f) calls f for each entry until it returns something.
func tableForEach(c *vm.Call) error { return forEach(c, false) }

// table.foreachi(t, f) calls f for each element until it returns something.
func tableForEachI(c *vm.Call) error { return forEach(c, true) }

func forEach(c *vm.Call, array bool) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	f, err := c.CheckFunction(1)
	if err != nil {
		return err
	}
	w := &visitor{t: t, f: f, array: array}
	if array {
		w.n = t.Len()
	}
	return w.run(c)
}

// visitor is one table.foreach or table.foreachi in progress.
type visitor struct {
	t     *vm.Table
	f     vm.Value
	array bool
	key   vm.Value // foreach: the last key
	at, n int      // foreachi: the last index, the length at first
}

// Trace visits what the visitor holds.
func (w *visitor) Trace(visit func(vm.Value)) {
	visit(w.t.Value())
	visit(w.f)
	visit(w.key)
}

// run calls the function for the next entry.
func (w *visitor) run(c *vm.Call) error {
	if c.Due() {
		return c.Pause(visitGoOn, w)
	}
	if w.array {
		if w.at >= w.n {
			return c.Return0()
		}
		w.at++
		return c.CallThen(w.f, []vm.Value{vm.Number(float64(w.at)), w.t.GetInt(w.at)}, visited, w)
	}
	k, v, ok, err := c.VM().Next(w.t, w.key)
	if err != nil {
		return err
	}
	if !ok {
		return c.Return0()
	}
	w.key = k
	return c.CallThen(w.f, []vm.Value{k, v}, visited, w)
}

// visited takes what the function gave.
func visited(c *vm.Call, state any) error {
	if v := c.Arg(0); !v.IsNil() {
		return c.Return1(v)
	}
	return state.(*visitor).run(c)
}

func visitGoOn(c *vm.Call, state any) error { return state.(*visitor).run(c) }
