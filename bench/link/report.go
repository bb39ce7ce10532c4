package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"time"
)

// target is a ratio we promise: stack against base with the same callers.
type target struct {
	stack, base string
	callers     int
	atLeast     float64
}

var targets = []target{
	{"link", "raw", 16, 0.9},
	{"link", "raw", 64, 0.9},
	{"link", "raw", 256, 0.9},
	{"dispatch", "raw", 64, 0.35},
	{"dispatch-bytes", "raw", 64, 0.5},
	{"dispatch", "grpc", 64, 8},
	{"dispatch", "nats", 64, 3},
}

// results finds measurements by stack and callers, one per round.
type results map[string][]measurement

func key(stack string, callers int) string { return fmt.Sprintf("%s/%d", stack, callers) }

func (r results) median(stack string, callers int, pick func(measurement) float64) (mid, low, high float64) {
	var v []float64
	for _, m := range r[key(stack, callers)] {
		v = append(v, pick(m))
	}
	return median(v)
}

// ratios returns stack against base, one per round that has both.
func (r results) ratios(stack, base string, callers int) []float64 {
	var v []float64
	for _, a := range r[key(stack, callers)] {
		for _, b := range r[key(base, callers)] {
			if a.Round == b.Round {
				v = append(v, a.PerSec/b.PerSec)
			}
		}
	}
	return v
}

func median(v []float64) (mid, low, high float64) {
	if len(v) == 0 {
		return 0, 0, 0
	}
	sort.Float64s(v)
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2, v[0], v[n-1]
}

func report(o options, all []measurement) string {
	r := results{}
	var foreign []float64
	for _, m := range all {
		k := key(m.Stack, m.Callers)
		r[k] = append(r[k], m)
		foreign = append(foreign, m.Foreign)
	}
	var b strings.Builder
	mid, _, high := median(foreign)
	fmt.Fprintf(&b, "%s, %s/%s, %d CPUs (%s), %s\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cpuModel(), runtime.Version())
	fmt.Fprintf(&b, "%d rounds, windows of %v after %v; CPU used by others meanwhile: median %.2f, at most %.2f cores\n\n", o.rounds, o.window, o.warm, mid, high)
	b.WriteString("| stack | callers | thousand/s: median (min-max) | of raw | p50 / p99 us | CPU us/request | writes/request |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, s := range o.stacks {
		for _, n := range s.callers {
			b.WriteString(r.line(s.name, n))
		}
	}
	b.WriteString("\n| target | median of the rounds (min-max) | wanted | |\n|---|--:|--:|---|\n")
	for _, t := range targets {
		b.WriteString(r.verdict(t))
	}
	return b.String()
}

func (r results) line(stack string, callers int) string {
	perSec, low, high := r.median(stack, callers, func(m measurement) float64 { return m.PerSec })
	ratio, _, _ := median(r.ratios(stack, "raw", callers))
	p50, _, _ := r.median(stack, callers, func(m measurement) float64 { return m.P50 })
	p99, _, _ := r.median(stack, callers, func(m measurement) float64 { return m.P99 })
	cpu, _, _ := r.median(stack, callers, func(m measurement) float64 { return m.CPU })
	writes, _, _ := r.median(stack, callers, func(m measurement) float64 { return m.Writes })
	return fmt.Sprintf("| %s | %d | %.0f (%.0f-%.0f) | %.2f | %.0f / %.0f | %.1f | %.2f |\n",
		stack, callers, perSec/1e3, low/1e3, high/1e3, ratio, p50, p99, cpu, writes)
}

func (r results) verdict(t target) string {
	v := r.ratios(t.stack, t.base, t.callers)
	if len(v) == 0 {
		return ""
	}
	mid, low, high := median(v)
	word := "reached"
	if mid < t.atLeast {
		word = "missed"
	}
	return fmt.Sprintf("| %s / %s, C=%d | %.2f (%.2f-%.2f) | %.2f | %s |\n", t.stack, t.base, t.callers, mid, low, high, t.atLeast, word)
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown model"
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimLeft(name, "\t: ")
		}
	}
	return "unknown model"
}
