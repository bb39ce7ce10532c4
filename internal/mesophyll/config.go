package mesophyll

import "time"

// Config holds the bounds and times of a link. A zero field means its default.
type Config struct {
	// FrameBytes bounds the payload of one frame, and so one message, both ways. Default 1 MiB.
	FrameBytes int
	// PendingBytes bounds what is queued and not yet written. Default 64 MiB.
	PendingBytes int
	// HandshakeTimeout bounds the upgrade, on either side. Default 10 s.
	HandshakeTimeout time.Duration
	// CloseTimeout bounds what an ending link still writes and waits for. Default 1 s.
	CloseTimeout time.Duration
	// Heartbeat is the interval of beats. The worker takes the one in Hello as
	// soon as it has arrived. Default 1 s.
	Heartbeat time.Duration
	// MissedBeats is how many intervals in a row may pass without a beat before
	// the master ends the link. Default 3.
	MissedBeats int
	// Counters fills the beats of a worker; nil sends empty ones. It is called
	// from a timer's goroutine and must not block. The master never calls it.
	Counters func() Heartbeat
}

// withDefaults returns c with every zero field replaced.
func (c Config) withDefaults() Config {
	setDefault(&c.FrameBytes, 1<<20)
	setDefault(&c.PendingBytes, 64<<20)
	setDefault(&c.HandshakeTimeout, 10*time.Second)
	setDefault(&c.CloseTimeout, time.Second)
	setDefault(&c.Heartbeat, time.Second)
	setDefault(&c.MissedBeats, 3)
	return c
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
