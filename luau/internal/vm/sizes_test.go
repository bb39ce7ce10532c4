package vm

import (
	"testing"
	"unsafe"
)

// The constants are what limits mean; the Go allocator must not take more.
func TestSizes_objects(t *testing.T) {
	if checkedBuild {
		t.Skip("the checked form keeps slices where the fast one keeps pointers; sizes describe the fast one")
	}
	tests := []struct {
		name    string
		counted int64
		size    uintptr
	}{
		{"value", sizeValue, unsafe.Sizeof(Value{})},
		{"node", sizeNode, unsafe.Sizeof(node{})},
		{"string header", sizeString, unsafe.Sizeof(String{})},
		{"table", sizeTable, unsafe.Sizeof(Table{})},
		{"table with 1 node", tableSize(inlineFor(0, 1)), unsafe.Sizeof(table1n{})},
		{"table with 2 nodes", tableSize(inlineFor(0, 2)), unsafe.Sizeof(table2n{})},
		{"table with 4 nodes", tableSize(inlineFor(0, 4)), unsafe.Sizeof(table4n{})},
		{"table with 1 slot", tableSize(inlineFor(1, 0)), unsafe.Sizeof(table1a{})},
		{"table with 2 slots", tableSize(inlineFor(2, 0)), unsafe.Sizeof(table2a{})},
		{"table with 3 slots", tableSize(inlineFor(3, 0)), unsafe.Sizeof(table3a{})},
		{"table with 4 slots", tableSize(inlineFor(4, 0)), unsafe.Sizeof(table4a{})},
		{"closure", sizeClosure, unsafe.Sizeof(Closure{})},
		{"closure of 1", closureSize(1), unsafe.Sizeof(closure1{})},
		{"closure of 2", closureSize(2), unsafe.Sizeof(closure2{})},
		{"closure of 3", closureSize(3), unsafe.Sizeof(closure3{})},
		{"closure of 4", closureSize(4), unsafe.Sizeof(closure4{})},
		{"cell", sizeCell, unsafe.Sizeof(cell{})},
		{"native", sizeNative, unsafe.Sizeof(Native{})},
		{"buffer", sizeBuffer, unsafe.Sizeof(Buffer{})},
		{"vector", sizeVector, unsafe.Sizeof(Vector{})},
		{"userdata", sizeUserdata, unsafe.Sizeof(Userdata{})},
		{"coroutine", sizeCoroutine, unsafe.Sizeof(Coroutine{})},
		{"frame", sizeFrame, unsafe.Sizeof(frame{})},
		{"wait", sizeWait, unsafe.Sizeof(wait{})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			took := int64(tt.size)
			if tt.name != "value" && tt.name != "node" && tt.name != "frame" && tt.name != "wait" && tt.name != "string header" {
				took = int64(cap(append([]byte(nil), make([]byte, tt.size)...)))
			}
			if tt.counted < took {
				t.Errorf("counted as %d, takes %d", tt.counted, took)
			}
		})
	}
}

// The allocator's own rounding shows in the capacity that append gives.
func TestSizes_rounding(t *testing.T) {
	for n := 1; n < 100_000; n += 1 + n/50 {
		if got, took := bytesSize(n), int64(cap(append([]byte(nil), make([]byte, n)...))); got < took {
			t.Errorf("%d bytes: counted as %d, take %d", n, got, took)
		}
	}
	for n := 1; n < 20_000; n += 1 + n/50 {
		took := int64(cap(append([]Value(nil), make([]Value, n)...))) * sizeValue
		if got := arraySize(uint32(n)); got < took {
			t.Errorf("%d slots: counted as %d, take %d", n, got, took)
		}
	}
	for n := uint32(1); n < 10_000; n *= 2 {
		took := int64(cap(append([]node(nil), make([]node, n)...))) * sizeNode
		if got := nodesSize(n, false); got < took {
			t.Errorf("%d nodes: counted as %d, take %d", n, got, took)
		}
	}
}
