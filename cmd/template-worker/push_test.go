package main

import (
	"fmt"
	"testing"
)

// Only the local operator's push grants what is asked without being told to.
func TestGrantOf(t *testing.T) {
	for _, tc := range []struct {
		grant []string
		local bool
		want  string // query and capabilities of the request
	}{
		{nil, true, "grant=asked <nil>"},
		{nil, false, "grant=kept <nil>"},
		{[]string{"asked"}, false, "grant=asked <nil>"},
		{[]string{"kept"}, true, "grant=kept <nil>"},
		{[]string{"none"}, true, "grant=kept []"},
		{[]string{"kv:*", "x"}, true, "grant=kept [kv:* x]"},
		{[]string{"kv:*", "none"}, true, "error"},
	} {
		body := map[string]any{}
		query, _, err := grantOf(tc.grant, tc.local, body)
		got := fmt.Sprint(query, " ", body["capabilities"])
		if err != nil {
			got = "error"
		}
		if got != tc.want {
			t.Errorf("--grant %q, local %v: got %s, want %s", tc.grant, tc.local, got, tc.want)
		}
	}
}
