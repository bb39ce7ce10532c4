package mesophyll

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// takeAll empties q and returns the payloads of its frames.
func takeAll(q *queue) (ops []byte, payloads [][]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for o := q.takeLocked(); o.batch != nil; o = q.takeLocked() {
		ops = append(ops, o.op)
		payloads = append(payloads, bytes.Clone(o.batch[maxHeaderBytes:]))
		q.doneLocked(o)
	}
	q.owner = ownerNone
	select {
	case <-q.wake:
	default:
	}
	return ops, payloads
}

func TestQueue_BatchesNeverExceedAFrame(t *testing.T) {
	for _, frameBytes := range []int{100, 1 << 20} {
		q := newQueue(frameBytes, 1<<30)
		want := []byte{}
		for i := range 5000 {
			m := bytes.Repeat([]byte{byte(i)}, i%90+1)
			if err := q.putBytes(m); err != nil {
				t.Fatal(err)
			}
			want = append(binary.LittleEndian.AppendUint32(want, uint32(len(m))), m...)
		}
		_, payloads := takeAll(q)
		for _, p := range payloads {
			if len(p) > min(frameBytes, batchBytes) {
				t.Errorf("frame of %d bytes, limit %d", len(p), frameBytes)
			}
		}
		if got := bytes.Join(payloads, nil); !bytes.Equal(got, want) {
			t.Errorf("frame bytes %d: the messages do not come out as they went in", frameBytes)
		}
		if q.pending != 0 {
			t.Errorf("%d bytes pending in an empty queue", q.pending)
		}
	}
}

func TestQueue_BeatsAndPongsGoFirstAndDoNotPileUp(t *testing.T) {
	q := newQueue(1<<20, 1<<30)
	for range 100 {
		if err := q.putBytes(make([]byte, 30_000)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint64(50) {
		q.putBeat(&Heartbeat{Started: i})
		q.putPong([]byte{byte(i)})
	}
	ops, payloads := takeAll(q)
	if ops[0] != opPong || !bytes.Equal(payloads[0], []byte{49}) {
		t.Errorf("first: opcode %#x % x, want the newest pong", ops[0], payloads[0])
	}
	m, err := Decode(payloads[1][lengthBytes:], ClientSide)
	if beat, ok := m.(*Heartbeat); !ok || beat.Started != 49 {
		t.Errorf("second: %v, %v, want the newest beat", m, err)
	}
	if want := 2 + 50; len(payloads) != want {
		t.Errorf("%d frames, want %d", len(payloads), want)
	}
}

func TestQueue_CancelIsNeverRefused(t *testing.T) {
	q := newQueue(1<<20, 100)
	if err := q.put(&Dump{ReqID: 1}, false); err != nil {
		t.Fatal(err)
	}
	if err := q.putBytes(make([]byte, 100)); !errors.Is(err, ErrPendingFull) {
		t.Errorf("got %v, want ErrPendingFull", err)
	}
	for i := range uint64(40) {
		if err := q.put(&Cancel{ReqID: i}, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.put(&Dump{ReqID: 2}, false); !errors.Is(err, ErrPendingFull) || q.refused != 2 {
		t.Errorf("got %v with %d refused", err, q.refused)
	}
}

func TestQueue_RefusedMessageLeavesNothing(t *testing.T) {
	q := newQueue(200, 1<<20)
	long := &Log{Lines: []string{string(make([]byte, 300))}} // leastBytes does not see it
	if err := q.put(&Dump{ReqID: 1}, false); err != nil {
		t.Fatal(err)
	}
	if err := q.put(long, false); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got %v, want ErrTooLarge", err)
	}
	if err := q.put(&Dump{ReqID: 2}, false); err != nil {
		t.Fatal(err)
	}
	_, payloads := takeAll(q)
	want := []byte{3, 0, 0, 0, 0x92, byte(KindDump), 1, 3, 0, 0, 0, 0x92, byte(KindDump), 2}
	if len(payloads) != 1 || !bytes.Equal(payloads[0], want) {
		t.Errorf("got % x, want % x", payloads, want)
	}
}
