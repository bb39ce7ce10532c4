package process

import (
	"encoding/json"
	"fmt"

	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/mesophyll"
)

// Settings is all that a child is told about how to work. It travels in Hello
// as JSON; both ends are the same program.
type Settings struct {
	Limits      limits.Limits `json:"limits"`
	Slots       int           `json:"slots"`        // VMs that run at once, and GOMAXPROCS, which is one more while they are busy; 0 means one per CPU
	MemoryBytes int64         `json:"memory_bytes"` // soft limit of the Go heap; 0 means none
	GCPercent   int           `json:"gc_percent"`   // as GOGC; 0 means Go's default
	LogLevel    string        `json:"log_level"`    // as slog writes it; empty means INFO
	BotUser     string        `json:"bot_user"`     // JSON that scripts see; may be empty
}

// PolicyOf takes the restart policy from the limits.
func PolicyOf(l limits.Limits) Policy {
	return Policy{
		MinDelay:       l.RestartDelay,
		MaxDelay:       l.RestartDelayMax,
		UsefulLife:     l.RestartUsefulLife,
		HealEvery:      l.RestartHalfLife,
		FailuresToFail: l.RestartFailures,
		ProbeEvery:     l.RestartProbeEvery,
	}
}

// LinkConfig takes the master's end of every link from the limits.
func LinkConfig(l limits.Limits) mesophyll.Config {
	return mesophyll.Config{
		FrameBytes:   int(l.FrameBytes),
		PendingBytes: int(l.LinkPendingBytes),
		Heartbeat:    l.Heartbeat,
		MissedBeats:  l.HeartbeatMissed,
	}
}

// hello is the first message to a child.
func (h *Handle) hello(id mesophyll.Identity) (*mesophyll.Hello, error) {
	settings, err := json.Marshal(h.cfg.Settings)
	if err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	return &mesophyll.Hello{
		Protocol:   mesophyll.ProtocolVersion,
		Generation: id.Generation,
		Heartbeat:  h.cfg.Limits.Heartbeat,
		Settings:   settings,
	}, nil
}
