package vm

// What objects count for, in bytes. The numbers are ours and part of what a
// memory limit means, so they do not follow the Go release of the day; a test
// checks that the Go allocator never takes more for the fast form. Variable
// parts are rounded by bytesSize (no pointers inside) or scanSize (values).
//
//	object      counted as
//	string      bytesSize(16 + length); "", one-byte strings and constants: 0
//	table       48, + scanSize(16 x array slots), + scanSize(40 x nodes), one node more from 16 on
//	            or once a string of over 64 bytes is a key;
//	            made with 1 to 4 slots and no nodes or with 1, 2 or 4 nodes and no slots: bytesSize(48 + them)
//	            for as long as the table lives
//	closure     48 + 16 x captures up to 4, beyond that scanSize of them
//	cell        24
//	native      only those made at run time: 112 + what the maker states
//	buffer      32 + bytesSize(length)
//	vector      24
//	userdata    64 + what the host states
//	coroutine   256 + scanSize of each: 16 x stack slots, 48 x frames, 48 x waits
const (
	sizeValue     = 16
	sizeNode      = 40
	sizeString    = 16
	sizeTable     = 48
	sizeClosure   = 48
	sizeCell      = 24
	sizeNative    = 112
	sizeBuffer    = 32
	sizeVector    = 24
	sizeUserdata  = 64
	sizeCoroutine = 256
	sizeFrame     = 48
	sizeWait      = 48
	sizeRef       = 24
)

// The sizes memory comes in. Up to 1024 they are looked up by eights, up to
// 32768 by 128s, beyond that they are whole 8 KiB pages.
var sizeClasses = [...]uint16{8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256,
	288, 320, 352, 384, 416, 448, 480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048,
	2304, 2688, 3072, 3200, 3456, 4096, 4864, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880,
	12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768}

const (
	pageSize     = 8 << 10
	maxClass     = 32 << 10
	smallSizes   = 1024
	scanInlined  = 512 // larger objects with pointers carry eight bytes more
	scanOverhead = 8
)

var classesBy8, classesBy128 = makeClasses()

func makeClasses() (by8 [smallSizes/8 + 1]uint16, by128 [maxClass/128 + 1]uint16) {
	c := 0
	for i := range by8 {
		for int(sizeClasses[c]) < i*8 {
			c++
		}
		by8[i] = sizeClasses[c]
	}
	c = 0
	for i := range by128 {
		for int(sizeClasses[c]) < i*128 {
			c++
		}
		by128[i] = sizeClasses[c]
	}
	by8[0], by128[0] = 0, 0
	return by8, by128
}

// bytesSize rounds a block without pointers up to what it takes.
func bytesSize(n int) int64 {
	switch {
	case n <= smallSizes:
		return int64(classesBy8[uint(n+7)/8])
	case n <= maxClass:
		return int64(classesBy128[uint(n+127)/128])
	}
	return (int64(n) + pageSize - 1) &^ (pageSize - 1)
}

// scanSize rounds a block of values up to what it takes.
func scanSize(n int64) int64 {
	if n > scanInlined {
		n += scanOverhead
	}
	return bytesSize(int(n))
}

// arraySize and nodesSize are the accounted sizes of a table's parts.
func arraySize(n uint32) int64 {
	if n == 0 {
		return 0
	}
	return scanSize(int64(n) * sizeValue)
}

// stackSize, framesSize and waitsSize are the accounted sizes of a coroutine's parts.
func stackSize(n int) int64  { return scanSize(int64(n) * sizeValue) }
func framesSize(n int) int64 { return scanSize(int64(n) * sizeFrame) }
func waitsSize(n int) int64  { return scanSize(int64(n) * sizeWait) }

func nodesSize(n uint32, owned bool) int64 {
	return scanSize(int64(nodeSpace(n, owned)) * sizeNode)
}

// nodeSpace gives the nodes that a hash part of n takes: from ownedNodes on, or if
// told so, a spare one behind the last names the owner.
func nodeSpace(n uint32, owned bool) uint32 {
	if n >= ownedNodes || owned && n > 0 {
		return n + 1
	}
	return n
}
