package process

import (
	"errors"
	"sync/atomic"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Counts is what a Handle has counted since it was made, for metrics. The
// numbers only grow; they are not taken at one instant.
type Counts struct {
	Accepted         uint64 // pieces of work, those nobody waits for included
	Retried          uint64 // sent to a second generation: the first was lost before they started
	GivenBack        uint64 // sent once more: the generation was replaced before they started
	LostStarted      uint64 // ended with worker_lost_started
	LostUnstarted    uint64 // ended with worker_lost_unstarted
	Unavailable      uint64 // ended or refused with worker_unavailable
	Draining         uint64 // ended or refused with draining
	Evicted          uint64 // VMs closed because nobody used them
	HostCalls        uint64 // host calls and template requests begun
	HostCallsRefused uint64 // and refused
}

// counters is Counts in the making.
type counters struct {
	accepted, retried, givenBack, lostStarted, lostUnstarted, unavailable, draining, evicted, hostCalls, hostCallsRefused atomic.Uint64
}

// Counts returns the numbers.
func (h *Handle) Counts() Counts {
	c := &h.counters
	return Counts{
		Accepted:         c.accepted.Load(),
		Retried:          c.retried.Load(),
		GivenBack:        c.givenBack.Load(),
		LostStarted:      c.lostStarted.Load(),
		LostUnstarted:    c.lostUnstarted.Load(),
		Unavailable:      c.unavailable.Load(),
		Draining:         c.draining.Load(),
		Evicted:          c.evicted.Load(),
		HostCalls:        c.hostCalls.Load(),
		HostCallsRefused: c.hostCallsRefused.Load(),
	}
}

// end counts how a piece of work ended, and returns err.
func (c *counters) end(err error) error {
	var public *khronos.Error
	if !errors.As(err, &public) {
		return err
	}
	switch public.Kind {
	case khronos.ErrKindWorkerLostStarted:
		c.lostStarted.Add(1)
	case khronos.ErrKindWorkerLostUnstarted:
		c.lostUnstarted.Add(1)
	case khronos.ErrKindWorkerUnavailable:
		c.unavailable.Add(1)
	case khronos.ErrKindDraining:
		c.draining.Add(1)
	}
	return err
}
