package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what the system has counted so far. On systems without /proc only
// the time is there.
type usage struct {
	at      time.Time
	pair    float64 // CPU seconds of client and server
	machine float64 // CPU seconds of everything
	writes  float64 // write system calls of client and server
}

func takeUsage(serverPID int) usage {
	u := usage{at: time.Now(), machine: machineSeconds()}
	for _, pid := range []int{os.Getpid(), serverPID} {
		u.pair += processSeconds(pid)
		u.writes += processWrites(pid)
	}
	return u
}

func (u usage) since(before usage, requests int) measurement {
	seconds := u.at.Sub(before.at).Seconds()
	n := float64(requests)
	return measurement{
		PerSec:  n / seconds,
		CPU:     (u.pair - before.pair) / n * 1e6,
		Writes:  (u.writes - before.writes) / n,
		Foreign: max(0, (u.machine-before.machine-(u.pair-before.pair))/seconds),
	}
}

// ticks is the length of a jiffy in all files of /proc that we read.
const ticks = 100.0

func processSeconds(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	return (number(f, 11) + number(f, 12)) / ticks
}

func machineSeconds() float64 {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	f := strings.Fields(line)
	// user nice system, irq softirq; idle and iowait are columns 4 and 5.
	return (number(f, 1) + number(f, 2) + number(f, 3) + number(f, 6) + number(f, 7)) / ticks
}

func processWrites(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "syscw: ")
	return number(strings.Fields(rest), 0)
}

func number(fields []string, i int) float64 {
	if i >= len(fields) {
		return 0
	}
	n, err := strconv.ParseFloat(fields[i], 64)
	if err != nil {
		return 0
	}
	return n
}
