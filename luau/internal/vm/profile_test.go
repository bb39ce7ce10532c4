package vm

import "testing"

func TestVM_Profile(t *testing.T) {
	const src = `local function hot(n)
	local x = 0
	for i = 1, n do
		x += i
	end
	return x
end
hot(10)
hot(5000)
for i = 1, 10 do type(i) end`
	fuel := func(profiled bool) (int64, []ProfileLine, int) {
		s := newScript(t, Config{})
		s.vm.SetSlice(700)
		if profiled {
			s.vm.StartProfile(1)
		}
		co := s.thread(src)
		for n := 1; ; n++ {
			st, err := s.vm.Resume(co)
			if err != nil {
				t.Fatal(err)
			}
			if st == StatusDone {
				return s.vm.FuelUsed(), s.vm.StopProfile(), n
			}
		}
	}
	plain, none, slices := fuel(false)
	used, lines, same := fuel(true)
	if plain != used || slices != same || none != nil {
		t.Errorf("%d fuel in %d slices, with a profile %d in %d", plain, slices, used, same)
	}
	var sum int64
	for _, l := range lines {
		sum += l.Fuel
	}
	if top := lines[0]; top.Function != "hot" || top.Chunk != "test" || top.Line != 4 || top.Fuel < used*9/10 {
		t.Errorf("the most expensive line is %+v", top)
	}
	if sum != used {
		t.Errorf("lines add up to %d of %d", sum, used)
	}
}
