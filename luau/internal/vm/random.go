package vm

import "math/bits"

// The generator behind math.random is PCG32: 64 bits of state, 32 of output.
const (
	pcgMultiplier = 6364136223846793005
	pcgIncrement  = 105
)

// Random32 gives the next number of the generator behind math.random.
func (vm *VM) Random32() uint32 {
	old := vm.random
	vm.random = old*pcgMultiplier + pcgIncrement
	return bits.RotateLeft32(uint32((old>>18^old)>>27), -int(old>>59))
}

// SeedRandom sets the state of the generator; it begins as Config.Seed sets it.
func (vm *VM) SeedRandom(seed uint64) {
	vm.random = (pcgIncrement+seed)*pcgMultiplier + pcgIncrement
}
