package process

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOutput_LinesAndRing(t *testing.T) {
	log := &testLog{}
	o := &output{log: slog.New(slog.NewTextHandler(log, nil))}
	for _, part := range []string{"one\ntw", "o\n\nthr", "ee"} { // lines end anywhere
		fmt.Fprint(o, part)
	}
	if got, want := o.last(), []string{"one", "two", "", "three"}; !slices.Equal(got, want) {
		t.Errorf("lines = %q, want %q", got, want)
	}
	if !strings.Contains(log.String(), "line=two") || strings.Contains(log.String(), "three") {
		t.Errorf("log = %s, want the lines that have ended", log)
	}
	fmt.Fprintln(o, strings.Repeat("x", 3*outputLineBytes))
	if got := o.last(); len(got[len(got)-1]) != outputLineBytes {
		t.Errorf("a long line has %d bytes, want %d", len(got[len(got)-1]), outputLineBytes)
	}
	for i := range 2 * outputLines {
		fmt.Fprintln(o, i)
	}
	if got := o.last(); len(got) != outputLines || got[0] != fmt.Sprint(outputLines) {
		t.Errorf("%d lines kept from %q, want the last %d", len(got), got[0], outputLines)
	}
}

func TestOutput_FloodIsCountedNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &testLog{}
		o := &output{log: slog.New(slog.NewTextHandler(log, nil))}
		for range outputPerSecond + 50 {
			fmt.Fprintln(o, "flood")
		}
		time.Sleep(time.Second)
		fmt.Fprintln(o, "after")
		if got := strings.Count(log.String(), "line=flood"); got != outputPerSecond {
			t.Errorf("%d lines logged, want %d", got, outputPerSecond)
		}
		if !strings.Contains(log.String(), "lines=50") || !strings.Contains(log.String(), "line=after") {
			t.Error("the log does not tell of the 50 lines that are missing, or did not recover")
		}
	})
}
