package khronos

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDispatchID_RoundTripAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := DispatchID(rapid.Uint64().Draw(t, "a")), DispatchID(rapid.Uint64().Draw(t, "b"))
		for _, text := range []string{a.String(), strings.ToUpper(a.String())} {
			if got, err := ParseDispatchID(text); err != nil || got != a {
				t.Fatalf("%s reads as %d, %v, want %d", text, got, err, a)
			}
		}
		if (a < b) != (a.String() < b.String()) {
			t.Fatalf("%d and %d sort otherwise than %s and %s", a, b, a, b)
		}
	})
}

func TestParseDispatchID_Refuses(t *testing.T) {
	for _, text := range []string{"", "0", "00000000000000", "000000000000u", "0000000000 00", "g000000000000", "00000000000é"} {
		if id, err := ParseDispatchID(text); err == nil {
			t.Errorf("%q reads as %d", text, id)
		}
	}
	if got := DispatchID(math.MaxUint64).String(); got != "fzzzzzzzzzzzz" {
		t.Errorf("the largest is %s", got)
	}
}
