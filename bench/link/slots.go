package main

import "fmt"

// slots pairs replies with callers for the two stacks that carry bare bytes, so
// that they differ in the frames only.
type slots struct {
	send    func(request []byte) error
	onClose func()
	slot    [maxCallers]struct {
		ready chan int // the length of the reply
		reply [replyBytes]byte
		_     [64]byte // callers of neighbouring slots run on different cores
	}
}

func newSlots(send func(request []byte) error, onClose func()) *slots {
	s := &slots{send: send, onClose: onClose}
	for i := range s.slot {
		s.slot[i].ready = make(chan int, 1)
	}
	return s
}

func (s *slots) call(slot int, id uint64, request []byte) error {
	w := &s.slot[slot]
	if err := s.send(request); err != nil {
		return err
	}
	return checkReply(id, w.reply[:<-w.ready])
}

func (s *slots) close() { s.onClose() }

// deliver is called by the reader with each reply, which it copies: the bytes
// are the reader's.
func (s *slots) deliver(reply []byte) error {
	if len(reply) != replyBytes {
		return fmt.Errorf("reply of %d bytes", len(reply))
	}
	w := &s.slot[reply[0]]
	w.ready <- copy(w.reply[:], reply)
	return nil
}
