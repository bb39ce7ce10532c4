package limits

import (
	"fmt"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
)

const markdownHead = `# Limits

Every limit and its default. This page is generated from internal/limits by
` + "`go test ./internal/limits -update`" + `; a test fails while it is stale.

Set one in the configuration file under ` + "`limits:`" + `, in the environment as
` + "`TW_LIMITS_<NAME>`" + ` or on the command line as ` + "`--set limits.name=value`" + `. Sizes take
` + "`KiB`, `MiB`, `GiB`" + ` or a number of bytes, durations are written like ` + "`250ms`" + `.
`

// Markdown returns docs/LIMITS.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(markdownHead)
	group := ""
	for _, e := range Registry() {
		if e.Group != group {
			group = e.Group
			fmt.Fprintf(&b, "\n## %s\n\n| limit | unit | default | range | meaning |\n| --- | --- | --- | --- | --- |\n", group)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", e.Name, e.Unit, e.Default, e.rangeText(), e.Doc)
	}
	b.WriteString("\n## Limits that must fit each other\n\nThe first may not exceed the second.\n\n")
	for _, p := range ordered {
		fmt.Fprintf(&b, "- `%s`, `%s`\n", p.low, p.high)
	}
	fmt.Fprintf(&b, "\n## Limits that are no settings\n\nThey are part of what a value is, the same on every installation.\n\n"+
		"- A value from or for a script nests at most %d deep, the root being 0.\n- Plain JSON nests at most %d deep.\n", khronos.MaxDepth, khronos.MaxJSONDepth)
	return b.String()
}

func (e Entry) rangeText() string {
	if e.Max == "" {
		return "from " + e.Min
	}
	return e.Min + " to " + e.Max
}
