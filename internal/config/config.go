// Package config reads the settings of the master.
//
// A setting comes from, in this order, a command-line flag, the environment
// (TW_<NAME>), the YAML file, and its default. A name that does not exist is an
// error that says where it stands. The package declares each setting once, in
// settings.go; limits come from internal/limits. It looks at nothing but what
// [Load] is given, starts no goroutine, and checks all values in one place,
// before anything is started with them.
//
// Workers are never configured from here directly: what they need arrives in
// the handshake.
package config

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"runtime"
	"strings"

	"github.com/template-worker/template-worker/internal/httpclient"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

// Config is the settings of a master. Make it with [Default] or [Load].
type Config struct {
	DataDir         string              // state, key and socket; made when missing
	DatabaseURL     string              // postgres:// URL of the store; empty: a SQLite file in DataDir
	Addr            string              // host:port of the internal API; port 0 takes a free one
	Workers         int                 // number of workers, at least 1
	WorkerType      string              // WorkerProcess or WorkerThread
	OnWorkerFailure string              // what a failed worker does to the master: Degrade or Exit
	RootUsers       []khronos.Snowflake // who may do everything over the internal API
	InternalSources []netip.Prefix      // addresses that may reach the internal API
	LogLevel        string              // "debug", "info", "warn" or "error"
	LogFormat       string              // "text" or "json"
	SupportServer   string              // the four links that scripts see; may be empty
	APIURL          string
	FrontendURL     string
	DocsURL         string
	BotUser         string           // the bot's Discord user, as scripts see it: JSON, or empty
	HTTPHosts       httpclient.Hosts // what templates may call
	HTTPPlain       bool             // over http, too
	Limits          limits.Limits
}

// Values of WorkerType and OnWorkerFailure.
const (
	WorkerProcess = "process" // each worker is a child process
	WorkerThread  = "thread"  // workers live in the master: for development and tests
	Degrade       = "degrade" // keep going with the other workers
	Exit          = "exit"    // end the master
)

// Default returns the settings of a master that is told nothing: state in
// ./data, an API for this machine only, and a worker process per CPU but at
// least two.
func Default() Config {
	return Config{
		DataDir:         "./data",
		Addr:            "127.0.0.1:8700",
		Workers:         max(2, runtime.NumCPU()),
		WorkerType:      WorkerProcess,
		OnWorkerFailure: Degrade,
		RootUsers:       []khronos.Snowflake{1},
		InternalSources: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		LogLevel:        "info",
		LogFormat:       "text",
		HTTPHosts:       defaultHosts(),
		Limits:          limits.Default(),
	}
}

func defaultHosts() httpclient.Hosts {
	hosts, err := httpclient.ParseHosts(httpclient.DefaultHosts)
	if err != nil {
		panic("BUG: the default of http_hosts: " + err.Error())
	}
	return hosts
}

// Load reads the settings. file may be empty: then there is none. getenv is
// os.Getenv or a stand-in; an empty variable is as good as an unset one. flags
// holds the flags that were given, under their names without dashes in front;
// `--limit heap_bytes=32MiB` is the flag "limits.heap_bytes".
//
// Errors begin with the place: "tw.yaml:3", "TW_WORKERS", "--workers".
func Load(file string, getenv func(string) string, flags map[string]string) (Config, error) {
	cfg := Default()
	if file != "" {
		if err := cfg.loadFile(file); err != nil {
			return Config{}, err
		}
	}
	if err := cfg.loadEnv(getenv); err != nil {
		return Config{}, err
	}
	if err := cfg.loadFlags(flags); err != nil {
		return Config{}, err
	}
	if err := cfg.Limits.Validate(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

func (c *Config) loadFile(file string) error {
	source, err := os.ReadFile(file)
	if err != nil {
		if pathErr, ok := err.(*fs.PathError); ok {
			err = pathErr.Err
		}
		return fmt.Errorf("read configuration %s: %w", file, err)
	}
	return c.loadYAML(file, source)
}

func (c *Config) loadEnv(getenv func(string) string) error {
	for i := range settings {
		if err := c.loadVar(getenv, settings[i].name); err != nil {
			return err
		}
	}
	for _, e := range limits.Registry() {
		if err := c.loadVar(getenv, limitPrefix+e.Name); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) loadVar(getenv func(string) string, name string) error {
	variable := "TW_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
	value := getenv(variable)
	if value == "" {
		return nil
	}
	if err := c.set(name, value); err != nil {
		return fmt.Errorf("%s: %w", variable, err)
	}
	return nil
}

func (c *Config) loadFlags(flags map[string]string) error {
	for _, flag := range sortedKeys(flags) {
		if err := c.set(strings.ReplaceAll(flag, "-", "_"), flags[flag]); err != nil {
			if name, isLimit := strings.CutPrefix(flag, limitPrefix); isLimit {
				return fmt.Errorf("--limit %s: %w", name, err)
			}
			return fmt.Errorf("--%s: %w", flag, err)
		}
	}
	return nil
}
