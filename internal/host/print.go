package host

import (
	"strings"

	"github.com/template-worker/template-worker/luau"
)

// printLine is print(...): one line of the tenant's log, arguments as tostring
// shows them with tabs between. It costs a unit of fuel for 16 bytes, as each
// byte travels to the master.
func printLine(c *luau.Call) error { return c.Strings(printTexts) }

func printTexts(c *luau.Call, texts []string) error {
	var line strings.Builder
	for i, s := range texts {
		if err := c.Charge(int64(len(s)) / 16); err != nil {
			return err
		}
		if err := c.Alloc(int64(len(s)) + 1); err != nil {
			return err
		}
		if i > 0 {
			line.WriteByte('\t')
		}
		line.WriteString(s)
	}
	envOf(c).Print(line.String())
	return c.Return0()
}
