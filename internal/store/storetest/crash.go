package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// CrashTenant is whose rows WriteForever writes.
var CrashTenant = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1<<64 - 2}

// batchRows is how many rows each batch of WriteForever sets.
const batchRows = 5

// WriteForever is the work of a process that is to be killed: it writes rows, batches and
// templates from several goroutines, under names that begin with run, and prints to out a line for each that was
// acknowledged. It returns only on an error.
func WriteForever(s store.Store, run string, out io.Writer) error {
	const writers = 8
	results := make(chan error, writers)
	var mu sync.Mutex // guards out: one line at a time
	for w := range writers {
		go func() {
			for n := 0; ; n++ {
				line, err := acknowledge(s, fmt.Sprintf("%s.%d.%d", run, w, n), n)
				if err != nil {
					results <- err
					return
				}
				mu.Lock()
				fmt.Fprintln(out, line)
				mu.Unlock()
			}
		}()
	}
	return <-results
}

// acknowledge stores one thing and returns its line.
func acknowledge(s store.Store, name string, n int) (string, error) {
	ctx := context.Background()
	switch {
	case n%16 == 0:
		tpl := store.Template{Tenant: CrashTenant, Template: khronos.Template{
			Name: name, Files: map[string]string{"init.luau": name, "a": name, "b": name},
		}}
		_, err := s.PutTemplate(ctx, tpl)
		return "template " + name, err
	case n%2 == 0:
		b := store.KVBatch{Op: store.OpID(name)}
		for i := range batchRows {
			b.Ops = append(b.Ops, expecting(put(fmt.Sprintf("%s/%d", name, i), khronos.Text(name), "batch", "s"), store.KVAbsent))
		}
		// A row that every second batch deletes again.
		b.Ops = append(b.Ops, put("shared", khronos.Text(name), "batch"))
		if n%4 == 0 {
			b.Ops = append(b.Ops, remove("shared", "batch"))
		}
		_, err := s.KVApply(ctx, CrashTenant, b)
		return "batch " + name, err
	}
	return "row " + name, s.KVSet(ctx, CrashTenant, name, khronos.Text(name), []string{"row", "s"})
}

// KillAfter runs this test program again with the variable set, reads the lines of
// WriteForever until there are n, calls kill, and returns every line that came until the child had
// ended. A child that ended by itself before that fails the test.
func KillAfter(t *testing.T, variable string, n int, kill func(child *os.Process) error) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), exe)
	child.Env = append(os.Environ(), variable)
	var complaint strings.Builder
	child.Stderr = &complaint
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		lines = append(lines, scanner.Text())
		if len(lines) == n {
			if err := kill(child.Process); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || len(lines) < n {
		t.Fatalf("the child ended with %v after %d lines; it said: %s", err, len(lines), complaint.String())
	}
	return lines
}

// CheckSurvivors fails unless everything that was acknowledged is there, no
// batch is there in part, whether acknowledged or not, and the counts are exact.
func CheckSurvivors(t *testing.T, s store.Store, lines []string) {
	t.Helper()
	rows := map[string]store.KVRecord{}
	bytes := int64(0)
	for _, scope := range []string{"row", "batch"} {
		found, err := s.KVFind(t.Context(), CrashTenant, "%", []string{scope}, 1_000_000)
		check(t, err)
		for _, r := range found {
			rows[r.Key] = r
			form, err := store.EncodeValue(r.Value)
			check(t, err)
			bytes += store.RowBytes(r.Key, r.Scopes, form)
		}
	}
	parts := map[string]int{}
	for key, r := range rows {
		if name, _, ok := strings.Cut(key, "/"); ok {
			parts[name]++
			if !r.Value.Equal(khronos.Text(name)) {
				t.Errorf("%s holds %v", key, r.Value)
			}
		}
	}
	for name, n := range parts {
		if n != batchRows {
			t.Errorf("%d of %d rows of batch %s survived", n, batchRows, name)
		}
	}
	for _, line := range lines {
		kind, name, _ := strings.Cut(line, " ")
		switch kind {
		case "row":
			if r, ok := rows[name]; !ok || !r.Value.Equal(khronos.Text(name)) {
				t.Errorf("acknowledged %s is lost", line)
			}
		case "batch":
			if parts[name] != batchRows {
				t.Errorf("acknowledged %s is lost", line)
			}
		case "template":
			got, err := s.Template(t.Context(), CrashTenant, name)
			if err != nil || len(got.Files) != 3 || got.Files["b"] != name {
				t.Errorf("acknowledged %s: got %v, %v", line, got.Files, err)
			}
		default:
			t.Fatalf("the child wrote %q", line)
		}
	}
	usage, err := s.Usage(t.Context(), CrashTenant)
	check(t, err)
	if usage.KVRows != int64(len(rows)) || usage.KVBytes != bytes {
		t.Errorf("counted %d rows of %d bytes, there are %d of %d", usage.KVRows, usage.KVBytes, len(rows), bytes)
	}
}
