package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/telemetry"
)

const (
	metricsBegin = "<!-- metrics: UPDATE_GOLDEN=1 go test ./cmd/template-worker -run Metric -->\n"
	metricsEnd   = "<!-- end of metrics -->\n"
)

// docs/OPERATIONS.md lists every metric as the code describes it.
func TestMetricsAreListed(t *testing.T) {
	r := telemetry.NewRegistry()
	telemetry.RegisterHostCalls(r, nil)
	telemetry.RegisterExpiry(r, nil)
	telemetry.RegisterLink(r, nil)
	telemetry.RegisterHandles(r, nil)
	telemetry.RegisterQuarantine(r, nil)
	telemetry.RegisterPool(r, nil)
	telemetry.RegisterLedger(r, nil)
	telemetry.NewWorkerEvents(r, nil)
	api.NewServer(api.Config{Limits: limits.Default(), Metrics: r, Log: slog.New(slog.DiscardHandler)})

	want := metricsBegin + "\n" + metricsTable(t, r) + "\n" + metricsEnd
	path := filepath.Join("..", "..", "docs", "OPERATIONS.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	begin, end := strings.Index(text, metricsBegin), strings.Index(text, metricsEnd)
	if begin < 0 || end < begin {
		t.Fatalf("%s has no place for the metrics", path)
	}
	end += len(metricsEnd)
	if text[begin:end] == want {
		return
	}
	if os.Getenv("UPDATE_GOLDEN") == "" {
		t.Fatalf("%s does not list the metrics that there are: UPDATE_GOLDEN=1 go test ./cmd/template-worker -run Metric", path)
	}
	if err := os.WriteFile(path, []byte(text[:begin]+want+text[end:]), 0o644); err != nil {
		t.Fatal(err)
	}
}

// descText takes name, help and labels out of a Desc, which shows them only so.
var descText = regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "(.*)", unit: "[^"]*", constLabels: \{[^}]*\}, variableLabels: \{([^}]*)\}\}$`)

func metricsTable(t *testing.T, r *prometheus.Registry) string {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() { defer close(descs); r.Describe(descs) }()
	var rows []string
	for d := range descs {
		m := descText.FindStringSubmatch(d.String())
		if m == nil {
			t.Errorf("a description of another form: %s", d)
			continue
		}
		name, help, labels := m[1], m[2], m[3]
		if !strings.HasPrefix(name, "tw_") {
			continue
		}
		if labels != "" {
			name += "{" + labels + "}"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", name, help))
	}
	slices.SortFunc(rows, cmp.Compare[string])
	return "| metric | what |\n|---|---|\n" + strings.Join(rows, "")
}
