package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/template-worker/template-worker/luau"
)

// profileEvery is the fuel between two looks at where the script stands: small
// enough for the line that matters, large enough to keep the script's speed.
const profileEvery = 100

// writeProfile lists the lines with their fuel and its share, the most expensive first.
func writeProfile(w io.Writer, lines []luau.ProfileLine) error {
	var total int64
	for _, l := range lines {
		total += l.Fuel
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%14s  share  line\n", "fuel")
	for _, l := range lines {
		fmt.Fprintf(&b, "%14d %5.1f%%  %s:%d", l.Fuel, 100*float64(l.Fuel)/float64(max(total, 1)), l.Chunk, l.Line)
		if l.Function != "" {
			fmt.Fprintf(&b, " function %s", l.Function)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%14d         total\n", total)
	_, err := io.WriteString(w, b.String())
	return err
}
