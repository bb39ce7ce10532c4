package trial

import (
	"maps"
	"slices"

	"github.com/template-worker/template-worker/internal/host"
)

// Cover is how much of one file the tests have reached.
type Cover struct {
	File    string `json:"file"`
	Lines   int    `json:"lines"` // that have a statement
	Reached int    `json:"reached"`
	Missed  []int  `json:"missed,omitempty"`
}

// Covered tells how much of the template's modules programs have run. A file that
// was never loaded has no lines.
func Covered(programs *host.Programs, files map[string]string) []Cover {
	var list []Cover
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if !isModule(file) {
			continue
		}
		visits := map[int]uint64{}
		for _, fn := range programs.Coverage(file, files[file]) {
			for _, line := range fn.Lines {
				visits[line.Line] = max(visits[line.Line], line.Visits)
			}
		}
		c := Cover{File: file, Lines: len(visits)}
		for _, line := range slices.Sorted(maps.Keys(visits)) {
			if visits[line] == 0 {
				c.Missed = append(c.Missed, line)
			}
		}
		c.Reached = c.Lines - len(c.Missed)
		list = append(list, c)
	}
	return list
}
