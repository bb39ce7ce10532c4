package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/template-worker/template-worker/internal/khronos"
)

var comparePrefixes = cmpopts.EquateComparable(netip.Prefix{})

func noEnv(string) string { return "" }

// write puts text into a file called tw.yaml and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tw.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad_defaults(t *testing.T) {
	got, err := Load("", noEnv, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Default(), got, comparePrefixes); d != "" {
		t.Error(d)
	}
	if got.DataDir != "./data" || got.Addr != "127.0.0.1:8700" || got.WorkerType != "process" ||
		got.Workers < 2 || got.Workers != max(2, runtime.NumCPU()) || !reflect.DeepEqual(got.RootUsers, []khronos.Snowflake{1}) {
		t.Errorf("got %+v", got)
	}
}

func TestLoad_file(t *testing.T) {
	path := write(t, `
# a comment
data_dir: /var/lib/tw
addr: "0.0.0.0:80"
workers: 4
worker_type: thread
on_worker_failure: exit
root_users:
  - 18446744073709551615
  - "728871946456137770"
internal_sources: [10.1.2.3/8, 192.168.0.1, "::ffff:127.0.0.1"]
log_level: debug
log_format: json
api_url: https://api.example.org
limits:
  heap_bytes: 32MiB
  queue_events: 1_000
  cpu_soft: 100ms
`)
	got, err := Load(path, noEnv, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.DataDir, want.Addr, want.Workers, want.WorkerType = "/var/lib/tw", "0.0.0.0:80", 4, WorkerThread
	want.OnWorkerFailure, want.LogLevel, want.LogFormat = Exit, "debug", "json"
	want.RootUsers = []khronos.Snowflake{18446744073709551615, 728871946456137770}
	want.InternalSources = []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.1/32"), netip.MustParsePrefix("127.0.0.1/32"),
	}
	want.APIURL = "https://api.example.org"
	want.Limits.HeapBytes, want.Limits.QueueEvents, want.Limits.CPUSoft = 32<<20, 1000, 100*time.Millisecond
	if d := cmp.Diff(want, got, comparePrefixes); d != "" {
		t.Error(d)
	}
}

func TestLoad_emptyFile(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "limits:\n", "{}\n"} {
		got, err := Load(write(t, text), noEnv, nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if d := cmp.Diff(Default(), got, comparePrefixes); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

func TestLoad_order(t *testing.T) {
	path := write(t, "workers: 3\naddr: a:1\ndata_dir: file\nlimits: {queue_events: 3, kv_scopes: 3, kv_burst: 3}\n")
	env := map[string]string{"TW_ADDR": "b:2", "TW_DATA_DIR": "env", "TW_LIMITS_KV_SCOPES": "4", "TW_LIMITS_KV_BURST": "4"}
	flags := map[string]string{"data-dir": "flag", "limits.kv_burst": "5"}
	got, err := Load(path, func(k string) string { return env[k] }, flags)
	if err != nil {
		t.Fatal(err)
	}
	if got.Workers != 3 || got.Addr != "b:2" || got.DataDir != "flag" {
		t.Errorf("got workers %d, addr %s, data_dir %s", got.Workers, got.Addr, got.DataDir)
	}
	if l := got.Limits; l.QueueEvents != 3 || l.KVScopes != 4 || l.KVBurst != 5 {
		t.Errorf("got queue_events %d, kv_scopes %d, kv_burst %d", l.QueueEvents, l.KVScopes, l.KVBurst)
	}
}

func TestLoad_fileErrors(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "workers: 2\nwrokers: 2\n", "tw.yaml:2: wrokers: no setting has this name"},
		{"unknown limit", "limits:\n  heap_bytes: 1MiB\n  nope: 1\n", `tw.yaml:3: limits.nope: set limit "nope": no limit has this name`},
		{"limit outside limits", "heap_bytes: 1MiB\n", "tw.yaml:1: heap_bytes: no setting has this name"},
		{"nested unknown", "link:\n  frame: 2\n", "tw.yaml:1: link: no setting has this name"},
		{"bad value", "\n\nworkers: many\n", `tw.yaml:3: workers: "many" is not a number from 1 to 1024`},
		{"bad limit", "limits:\n  cpu_soft: 5\n", `tw.yaml:2: limits.cpu_soft: set limit cpu_soft: "5" is not a duration`},
		{"no value", "addr:\n", "tw.yaml:1: addr: no value"},
		{"mapping for a scalar", "addr:\n  host: x\n", "tw.yaml:1: addr: want a plain value, not a mapping"},
		{"list for a scalar", "addr: [a, b]\n", "tw.yaml:1: addr: want a plain value, not a sequence"},
		{"list in a list", "root_users: [1, [2]]\n", "tw.yaml:1: root_users: item 2: want a plain value"},
		{"bad item", "root_users: [1, 02]\n", "tw.yaml:1: root_users: parse snowflake"},
		{"empty item", "root_users: ['']\n", ""},
		{"bad choice", "worker_type: fiber\n", `tw.yaml:1: worker_type: "fiber", want one of process, thread`},
		{"bad source", "internal_sources: [home]\n", `tw.yaml:1: internal_sources: "home" is neither`},
		{"bad addr", "addr: 8700\n", "tw.yaml:1: addr: \"8700\" is not an address"},
		{"bad port", "addr: \"x:70000\"\n", "tw.yaml:1: addr: \"x:70000\": port"},
		{"bad url", "api_url: ftp://u:secret@x\n", "tw.yaml:1: api_url: want a URL"},
		{"not a mapping", "- a\n", "tw.yaml:1: want settings"},
		{"two documents", "workers: 2\n---\nworkers: 3\n", "tw.yaml:3: a second document"},
		{"repeated key", "workers: 2\nworkers: 3\n", "tw.yaml:2: "},
		{"syntax", "workers: [2\n", "tw.yaml:1: "},
		{"alias", "data_dir: &a x\naddr: *a\n", "want a plain value"},
		{"limits do not fit", "limits: {cpu_soft: 2s}\n", "limit cpu_soft: 2s exceeds cpu_hard, which is 1s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(write(t, c.text), noEnv, nil)
			if c.want == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestLoad_otherErrors(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "absent.yaml"), noEnv, nil)
	if err == nil || !strings.Contains(err.Error(), "absent.yaml: no such file") || !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("absent file: got %v", err)
	}
	env := func(k string) string { return map[string]string{"TW_WORKERS": "0"}[k] }
	if _, err := Load("", env, nil); err == nil || !strings.HasPrefix(err.Error(), "TW_WORKERS: ") {
		t.Errorf("environment: got %v", err)
	}
	for flag, want := range map[string]string{
		"worker-type":     "--worker-type: ",
		"nope":            "--nope: no setting has this name",
		"limits.cpu_soft": "--limit cpu_soft: ",
	} {
		if _, err := Load("", noEnv, map[string]string{flag: "x"}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("flag %s: got %v", flag, err)
		}
	}
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = u.Unwrap()
	}
}

func TestLoad_databaseURL(t *testing.T) {
	for value, want := range map[string]string{
		"":                                  "",
		"postgres://u:p@h/d":                "",
		"postgresql:///d?host=/run":         "",
		"mysql://u:hush@h/d":                "postgres://",
		"host=h password=hush":              "postgres://",
		"postgres://u:hush @h/d":            "postgres://",
		"postgres://u@h/d?password=hush":    "before the host",
		"postgres://u@h/d?SSLPassword=hush": "before the host",
	} {
		env := func(k string) string { return map[string]string{"TW_DATABASE_URL": value}[k] }
		got, err := Load("", env, nil)
		if want == "" {
			if err != nil || got.DatabaseURL != value {
				t.Errorf("%q: got %q, %v", value, got.DatabaseURL, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: got %v, want that it says %q and no password", value, err, want)
		}
	}
}

// Every field but Limits is reached by a setting: what Redacted writes, Load
// reads back.
func TestConfig_Redacted(t *testing.T) {
	cfg, err := Load("", noEnv, map[string]string{
		"data-dir": `C:\tw "x": # y`, "database-url": "postgres://h/d", "addr": "[::1]:0", "workers": "7", "worker-type": "thread", "on-worker-failure": "exit",
		"root-users": "", "internal-sources": "10.0.0.0/8, fe80::/10", "log-level": "warn", "log-format": "json",
		"support-server": "https://a.example", "api-url": "https://b.example", "frontend-url": "https://c.example", "docs-url": "http://d.example",
		"http-hosts": "example.com,guild:2=*.example.org,user:1=a.example.org", "http-plain": "true",
		"bot-user":          `{"id": "7", "username": "a: 'b' # c"}`,
		"limits.heap_bytes": "33MiB",
	})
	if err != nil {
		t.Fatal(err)
	}
	changed, def := reflect.ValueOf(cfg), reflect.ValueOf(Default())
	for i := range changed.NumField() {
		if reflect.DeepEqual(changed.Field(i).Interface(), def.Field(i).Interface()) {
			t.Errorf("no setting reached field %s", changed.Type().Field(i).Name)
		}
	}
	got, err := Load(write(t, cfg.Redacted()), noEnv, nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, cfg.Redacted())
	}
	if d := cmp.Diff(cfg, got, comparePrefixes); d != "" {
		t.Error(d)
	}
}

func TestConfig_Redacted_password(t *testing.T) {
	cfg := Default()
	cfg.APIURL = "https://user:secret@api.example.org"
	cfg.DatabaseURL = "postgres://tw:secret@db.example.org/tw?sslmode=verify-full"
	if s := cfg.Redacted(); !strings.Contains(s, "postgres://tw:xxxxx@db.example.org/tw?sslmode=verify-full") {
		t.Errorf("got\n%s", s)
	}
	if s := cfg.Redacted(); strings.Contains(s, "secret") || !strings.Contains(s, "user:xxxxx@api.example.org") {
		t.Errorf("got\n%s", s)
	}
}

func FuzzLoadYAML(f *testing.F) {
	f.Add([]byte("workers: 3\nlimits:\n  heap_bytes: 1MiB\n"))
	f.Add([]byte("root_users: [1, 2]\n---\n- x"))
	f.Fuzz(func(t *testing.T, source []byte) {
		cfg := Default()
		if err := cfg.loadYAML("f", source); err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("%q: error without the file: %v", source, err)
		}
	})
}

func TestLoad_httpHosts(t *testing.T) {
	for _, bad := range []string{"10.0.0.1", "localhost", "https://example.com", "guild:x=example.com", "[::1]"} {
		_, err := Load("", noEnv, map[string]string{"http-hosts": bad})
		if err == nil || !strings.HasPrefix(err.Error(), "--http-hosts: ") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
	cfg, err := Load(write(t, "http_hosts: []\n"), noEnv, nil)
	if err != nil || cfg.HTTPHosts.String() != "" {
		t.Errorf("none: got %q, %v", cfg.HTTPHosts.String(), err)
	}
}
