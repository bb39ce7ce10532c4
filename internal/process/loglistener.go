package process

import (
	"context"
	"log/slog"
	"strings"
)

// logListener writes events to the log: one line for each exit, one for each
// alarm.
type logListener struct{ log *slog.Logger }

func (l logListener) WorkerExited(e WorkerExited) {
	level := slog.LevelWarn
	if e.Reason == ReasonStopped || e.Reason == ReasonKilled || e.Reason == ReasonReplaced {
		level = slog.LevelInfo
	}
	l.log.Log(context.Background(), level, "worker exited",
		"generation", uint64(e.Generation), "pid", e.PID, "reason", string(e.Reason), "detail", e.Detail,
		"useful_life", e.UsefulLife, "failures", e.Failures, "restart_in", e.RestartIn,
		"output", strings.Join(e.Output, "\n"))
}

func (l logListener) WorkerFailed(e WorkerFailed) {
	l.log.Error("worker marked failed", "generation", uint64(e.Generation), "failures", e.Failures, "probe_in", e.ProbeIn)
}
