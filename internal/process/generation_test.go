package process

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/mesophyll"
)

func TestGeneration_StandstillIsLoggedOnce(t *testing.T) {
	log := &testLog{}
	h := NewHandle(Config{Limits: limits.Default()}, nil, nil, slog.New(slog.NewTextHandler(log, nil)))
	g := newGeneration(h, 1)
	start := time.Now()
	beat := func(second int, b mesophyll.Heartbeat) { g.takeBeat(b, start.Add(time.Duration(second)*time.Second)) }
	warnings := func() int { return strings.Count(log.String(), "makes no progress") }

	for s := range 20 { // idle for long
		beat(s, mesophyll.Heartbeat{Started: 5, Ended: 5})
	}
	for s := 20; s < 40; s++ { // at work, and getting on
		beat(s, mesophyll.Heartbeat{Started: uint64(s), Ended: 5, Running: 1})
	}
	if got := warnings(); got != 0 {
		t.Fatalf("%d warnings about a worker that gets on", got)
	}
	for s := 40; s < 60; s++ {
		beat(s, mesophyll.Heartbeat{Started: 39, Ended: 5, Running: 1})
	}
	if got := warnings(); got != 1 {
		t.Errorf("%d warnings about one standstill, want 1", got)
	}
	beat(60, mesophyll.Heartbeat{Started: 39, Ended: 6, Running: 1})
	for s := 61; s < 70; s++ {
		beat(s, mesophyll.Heartbeat{Started: 39, Ended: 6, Running: 1})
	}
	if got := warnings(); got != 2 {
		t.Errorf("%d warnings after a second standstill, want 2", got)
	}
}
