package config

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/template-worker/template-worker/internal/limits"
)

// Redacted returns the whole configuration as a file that [Load] reads, with
// passwords inside URLs masked.
func (c Config) Redacted() string {
	var b strings.Builder
	for i := range settings {
		s := &settings[i]
		b.WriteString(s.name + ": " + s.yaml(&c) + "\n")
	}
	b.WriteString("limits:\n")
	for _, e := range limits.Registry() {
		value, err := c.Limits.Get(e.Name)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		b.WriteString("  " + e.Name + ": " + value + "\n")
	}
	return b.String()
}

func (s *setting) yaml(c *Config) string {
	value := s.get(c)
	if _, err := strconv.Atoi(value); err == nil && !s.list {
		return value
	}
	if !s.list {
		return strconv.Quote(masked(value))
	}
	if value == "" {
		return "[]"
	}
	items := strings.Split(value, ",")
	for i, item := range items {
		items[i] = strconv.Quote(item)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// masked hides the password of a URL.
func masked(value string) string {
	u, err := url.Parse(value)
	if err != nil || u.User == nil {
		return value
	}
	return u.Redacted()
}
