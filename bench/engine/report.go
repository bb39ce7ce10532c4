package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report writes the table: seconds of the first engine that others are compared
// with, and ratios of all pairs we have promised something about.
func report(rounds int, programs []program, engines []engine, all map[string]times) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s/%s, %d CPUs (%s), %s, %d rounds\n\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"),
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cpuModel(), runtime.Version(), rounds)
	b.WriteString("Seconds and ratios are medians of the rounds (least-greatest).\n\n")
	cols := columns(engines)
	b.WriteString("| program | luau s |")
	for _, c := range cols {
		fmt.Fprintf(&b, " %s / %s |", c.over, c.under)
	}
	b.WriteString("\n|---|--:|" + strings.Repeat("--:|", len(cols)) + "\n")
	for _, p := range programs {
		t := all[p.name]
		fmt.Fprintf(&b, "| %s | %.2f |", p.name, seconds(t[ours]))
		for i := range cols {
			b.WriteString(cols[i].cell(t))
		}
		b.WriteByte('\n')
	}
	b.WriteString("| **geometric mean** | |")
	for _, c := range cols {
		fmt.Fprintf(&b, " **%.*f** |", c.digits, geometricMean(c.medians))
	}
	b.WriteByte('\n')
	for _, c := range cols {
		b.WriteString(c.verdict())
	}
	return b.String()
}

// column compares two engines.
type column struct {
	over, under string
	medians     []float64
	mean        float64 // the geometric mean we promise; 0 if none
	most        bool    // it is an upper bound, else a lower one
	each        float64 // and the bound for each program
	digits      int     // of the ratios
}

func columns(engines []engine) []column {
	here := func(name string) bool {
		return slices.ContainsFunc(engines, func(e engine) bool { return e.name == name })
	}
	var cs []column
	for _, c := range []column{
		{over: ours, under: reference, mean: 2, most: true, each: 3, digits: 2},
		{over: gopher, under: ours, mean: 2.5, each: 1, digits: 2},
		{over: puc, under: reference, digits: 2},
		{over: ours, under: "old", digits: 2},
		{over: sliced, under: ours, digits: 3},
	} {
		if here(c.over) && here(c.under) {
			cs = append(cs, c)
		}
	}
	return cs
}

func (c *column) cell(t times) string {
	var ratios []float64
	for i := range min(len(t[c.over]), len(t[c.under])) {
		ratios = append(ratios, t[c.over][i].Seconds()/t[c.under][i].Seconds())
	}
	if len(ratios) == 0 {
		return " |"
	}
	mid := median(ratios)
	c.medians = append(c.medians, mid)
	return fmt.Sprintf(" %.*f (%.2f-%.2f) |", c.digits, mid, slices.Min(ratios), slices.Max(ratios))
}

// verdict says whether the column keeps its promise.
func (c column) verdict() string {
	if c.mean == 0 || len(c.medians) == 0 {
		return ""
	}
	mean, worst := geometricMean(c.medians), slices.Max(c.medians)
	word, ok := "at most", mean <= c.mean && worst <= c.each
	if !c.most {
		worst = slices.Min(c.medians)
		word, ok = "at least", mean >= c.mean && worst >= c.each
	}
	result := "missed"
	if ok {
		result = "reached"
	}
	return fmt.Sprintf("\n%s / %s: mean %.2f, wanted %s %.1f; worst program %.2f, wanted %s %.1f: %s\n", c.over, c.under, mean, word, c.mean, worst, word, c.each, result)
}

func seconds(ds []time.Duration) float64 {
	var v []float64
	for _, d := range ds {
		v = append(v, d.Seconds())
	}
	return median(v)
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func geometricMean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(v)))
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
