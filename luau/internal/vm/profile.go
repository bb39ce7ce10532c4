package vm

import (
	"cmp"
	"slices"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// profile adds up fuel by the lines that used it. It costs nothing while there is
// none: one that is on makes the grants of fuel small, so that safepoints come to
// outOfFuel, and natives that charge to burnSlow, often enough to look where the
// script stands.
type profile struct {
	every int64
	seen  int64 // fuel used at the last look
	at    site  // found at the last look
	fuel  map[site]int64
}

// site is a line of a function.
type site struct {
	proto *Proto
	line  int32
}

// ProfileLine is the fuel that one line of a function used.
type ProfileLine struct {
	Chunk    string
	Function string // "" for an anonymous function and the main chunk
	Line     int
	Fuel     int64
}

// StartProfile begins to add up fuel by line, over any number of threads and
// slices. every is the fuel between two looks at where the script stands: 1 looks
// at each call, return and turn of a loop, which makes a script several times
// slower; a large one costs little and shows what is hot. What was used between two
// looks is booked where the second finds the script, so straight code counts for
// the call or the loop turn behind it. Fuel, slices and limits stay as they are.
func (vm *VM) StartProfile(every int64) {
	vm.profile = &profile{every: max(every, 1), seen: vm.FuelUsed(), fuel: map[site]int64{}}
}

// StopProfile ends the profile and gives its lines, the most expensive first; nil
// if there was none. The fuel adds up to what was used since [VM.StartProfile], if
// there was a look at all.
func (vm *VM) StopProfile() []ProfileLine {
	p := vm.profile
	if p == nil {
		return nil
	}
	p.book(vm.FuelUsed())
	vm.profile = nil
	var lines []ProfileLine
	for at, fuel := range p.fuel {
		if at.proto != nil {
			lines = append(lines, ProfileLine{Chunk: at.proto.chunk, Function: at.proto.name, Line: int(at.line), Fuel: fuel})
		}
	}
	slices.SortFunc(lines, func(a, b ProfileLine) int {
		return cmp.Or(cmp.Compare(b.Fuel, a.Fuel), cmp.Compare(a.Chunk, b.Chunk), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Function, b.Function))
	})
	return lines
}

// look books the fuel used since the last look at the place where the script stands.
func (p *profile) look(vm *VM) {
	if vm.co == nil {
		return
	}
	if at, ok := vm.co.site(); ok {
		p.at = at
	}
	p.book(vm.FuelUsed())
}

func (p *profile) book(used int64) {
	p.fuel[p.at] += used - p.seen
	p.seen = used
}

// site tells whose line the fuel was for that has just been charged.
func (co *Coroutine) site() (site, bool) {
	for i := co.nf - 1; i > 0; i-- {
		f := &co.frames[i]
		if f.kind != frameScript || f.pc == 0 && i > 1 {
			continue // a call that has just been made is its caller's doing
		}
		p := f.cl.proto
		op := p.code[max(f.pc-1, 0)].Op()
		return site{p, int32(f.lineOf(i == co.nf-1 && op != bytecode.OpCall))}, true
	}
	return site{}, false
}
