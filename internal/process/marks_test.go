package process

import "testing"

func TestMarks_AreSharedAndOutliveTheOtherEnd(t *testing.T) {
	master, f, err := newMarks()
	if err != nil {
		t.Fatal(err)
	}
	child, err := openMarks(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []uint64{1, 63, 64, markBits - 1, markBits + 7} {
		child.set(n)
		if !master.has(n) {
			t.Errorf("%d is not marked", n)
		}
	}
	if master.has(2) {
		t.Error("2 is marked")
	}
	child.clear(markBits + 7)
	if master.has(7) || !master.has(1) {
		t.Error("clear did not take exactly one mark")
	}
	child.free()
	master.free()
	if !master.has(63) || master.has(2) {
		t.Error("the marks are lost with the memory")
	}
}
