package process

import (
	"encoding/json"
	"os"
	"strings"
)

// posture is what the process can say of how it is confined: items and their
// states, as the JSON of a map.
func posture() []byte {
	items := map[string]string{"environment": "empty", "user": "other", "no_new_privs": "unknown", "seccomp": "unknown"}
	if len(os.Environ()) > 0 {
		items["environment"] = "set"
	}
	if os.Getuid() == 0 {
		items["user"] = "root"
	}
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for line := range strings.Lines(string(status)) {
			name, value, _ := strings.Cut(line, ":")
			switch name {
			case "NoNewPrivs":
				items["no_new_privs"] = stateOf(value, "off", "on")
			case "Seccomp":
				items["seccomp"] = stateOf(value, "off", "strict", "filter")
			}
		}
	}
	b, err := json.Marshal(items)
	if err != nil {
		panic("BUG: posture has no JSON form: " + err.Error())
	}
	return b
}

// stateOf names a number of the kernel's.
func stateOf(value string, names ...string) string {
	value = strings.TrimSpace(value)
	if len(value) == 1 && value[0] >= '0' && int(value[0]-'0') < len(names) {
		return names[value[0]-'0']
	}
	return "unknown"
}

// Bounds of the posture that a child may report: it ends in labels of metrics.
const (
	maxPostureItems = 32
	maxPostureText  = 64
)

// readPosture reads what a child has said; what is out of bounds is left out.
func readPosture(b []byte) map[string]string {
	var said map[string]string
	if json.Unmarshal(b, &said) != nil {
		return nil
	}
	kept := map[string]string{}
	for item, state := range said {
		if len(kept) < maxPostureItems && len(item) <= maxPostureText && len(state) <= maxPostureText {
			kept[item] = state
		}
	}
	return kept
}
