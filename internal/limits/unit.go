package limits

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// suffixes of sizes, the largest first.
var suffixes = []struct {
	text string
	size int64
}{{"GiB", gib}, {"MiB", mib}, {"KiB", kib}}

// parse reads a value in the unit of e, without regard to its range.
func (e *entry) parse(value string) (int64, error) {
	value = strings.TrimSpace(value)
	switch e.unit {
	case unitDuration:
		d, err := time.ParseDuration(value)
		if err != nil {
			return 0, fmt.Errorf(`%q is not a duration, want one like "250ms" or "30s"`, value)
		}
		return int64(d), nil
	case unitBytes:
		return parseBytes(value)
	}
	n, err := parseCount(value)
	if err != nil {
		return 0, fmt.Errorf("%q is not a count, want a whole number", value)
	}
	return n, nil
}

func parseBytes(value string) (int64, error) {
	number, size := value, int64(1)
	for _, s := range suffixes {
		if rest, ok := strings.CutSuffix(value, s.text); ok {
			number, size = strings.TrimSpace(rest), s.size
		}
	}
	n, err := parseCount(number)
	if err != nil {
		return 0, fmt.Errorf(`%q is not a size, want one like "256KiB" or "20MiB" or a number of bytes`, value)
	}
	if n < 0 {
		return 0, fmt.Errorf("%q is negative", value)
	}
	if n > math.MaxInt64/size {
		return 0, fmt.Errorf("%q is too large", value)
	}
	return n * size, nil
}

// parseCount reads decimal digits, which may be grouped as in 100_000.
func parseCount(value string) (int64, error) {
	if strings.HasPrefix(value, "_") || strings.HasSuffix(value, "_") || strings.HasPrefix(value, "+") {
		return 0, errors.New("not a number")
	}
	return strconv.ParseInt(strings.ReplaceAll(value, "_", ""), 10, 64)
}

// format writes n so that parse reads it back, in the largest unit that is exact.
func (e *entry) format(n int64) string {
	switch e.unit {
	case unitDuration:
		return formatDuration(time.Duration(n))
	case unitBytes:
		for _, s := range suffixes {
			if n != 0 && n%s.size == 0 {
				return strconv.FormatInt(n/s.size, 10) + s.text
			}
		}
	}
	return strconv.FormatInt(n, 10)
}

// formatDuration is time.Duration.String without the zeros at the end: "1h",
// not "1h0m0s".
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (e *entry) inRange(n int64) error {
	if n < e.min {
		return fmt.Errorf("%s is too small, want at least %s", e.format(n), e.format(e.min))
	}
	if n > e.max {
		return fmt.Errorf("%s is too large, want at most %s", e.format(n), e.format(e.max))
	}
	return nil
}
