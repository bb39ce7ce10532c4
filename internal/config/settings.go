package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/template-worker/template-worker/internal/httpclient"
	"github.com/template-worker/template-worker/internal/khronos"
)

// limitPrefix stands before the name of a limit where settings and limits
// share one space of names.
const limitPrefix = "limits."

// maxWorkers bounds a typing error, not a machine.
const maxWorkers = 1024

// setting declares one setting. name is its key in the file; the variable is
// TW_<NAME>, the flag has dashes for underscores. get returns what set reads.
type setting struct {
	name string
	list bool // a list in the file; items are separated by commas elsewhere
	set  func(c *Config, value string) error
	get  func(c *Config) string
}

// settings declares every setting but the limits, in the order in which they
// are shown.
var settings = []setting{
	{"data_dir", false,
		func(c *Config, v string) error { return setNonEmpty(&c.DataDir, v) },
		func(c *Config) string { return c.DataDir }},
	{"database_url", false,
		func(c *Config, v string) error { return setDatabaseURL(&c.DatabaseURL, v) },
		func(c *Config) string { return c.DatabaseURL }},
	{"addr", false,
		func(c *Config, v string) error { return setAddr(&c.Addr, v) },
		func(c *Config) string { return c.Addr }},
	{"workers", false,
		func(c *Config, v string) error { return setWorkers(&c.Workers, v) },
		func(c *Config) string { return strconv.Itoa(c.Workers) }},
	{"worker_type", false,
		func(c *Config, v string) error { return setOneOf(&c.WorkerType, v, WorkerProcess, WorkerThread) },
		func(c *Config) string { return c.WorkerType }},
	{"on_worker_failure", false,
		func(c *Config, v string) error { return setOneOf(&c.OnWorkerFailure, v, Degrade, Exit) },
		func(c *Config) string { return c.OnWorkerFailure }},
	{"root_users", true,
		func(c *Config, v string) error { return setList(&c.RootUsers, v, khronos.ParseSnowflake) },
		func(c *Config) string { return joinList(c.RootUsers) }},
	{"internal_sources", true,
		func(c *Config, v string) error { return setList(&c.InternalSources, v, parseSource) },
		func(c *Config) string { return joinList(c.InternalSources) }},
	{"log_level", false,
		func(c *Config, v string) error { return setOneOf(&c.LogLevel, v, "debug", "info", "warn", "error") },
		func(c *Config) string { return c.LogLevel }},
	{"log_format", false,
		func(c *Config, v string) error { return setOneOf(&c.LogFormat, v, "text", "json") },
		func(c *Config) string { return c.LogFormat }},
	{"support_server", false,
		func(c *Config, v string) error { return setURL(&c.SupportServer, v) },
		func(c *Config) string { return c.SupportServer }},
	{"api_url", false,
		func(c *Config, v string) error { return setURL(&c.APIURL, v) },
		func(c *Config) string { return c.APIURL }},
	{"frontend_url", false,
		func(c *Config, v string) error { return setURL(&c.FrontendURL, v) },
		func(c *Config) string { return c.FrontendURL }},
	{"docs_url", false,
		func(c *Config, v string) error { return setURL(&c.DocsURL, v) },
		func(c *Config) string { return c.DocsURL }},
	{"bot_user", false,
		func(c *Config, v string) error { return setUser(&c.BotUser, v) },
		func(c *Config) string { return c.BotUser }},
	{"http_hosts", true,
		func(c *Config, v string) error { return setHosts(&c.HTTPHosts, v) },
		func(c *Config) string { return c.HTTPHosts.String() }},
	{"http_plain", false,
		func(c *Config, v string) error { return setBool(&c.HTTPPlain, v) },
		func(c *Config) string { return strconv.FormatBool(c.HTTPPlain) }},
}

func findSetting(name string) *setting {
	for i := range settings {
		if settings[i].name == name {
			return &settings[i]
		}
	}
	return nil
}

// set sets one setting or, as "limits.<name>", one limit.
func (c *Config) set(name, value string) error {
	if limit, ok := strings.CutPrefix(name, limitPrefix); ok {
		return c.Limits.Set(limit, value)
	}
	s := findSetting(name)
	if s == nil {
		return errors.New("no setting has this name")
	}
	return s.set(c, strings.TrimSpace(value))
}

func setNonEmpty(to *string, value string) error {
	if value == "" {
		return errors.New("empty")
	}
	*to = value
	return nil
}

// setUser reads a JSON object with an id, as Discord gives a user, or nothing.
func setUser(to *string, value string) error {
	if value == "" {
		*to = ""
		return nil
	}
	user, err := khronos.FromPlainJSON([]byte(value), khronos.MaxJSONDepth)
	if err != nil {
		return err
	}
	id, _ := user.Get("id")
	text, _ := id.AsText()
	if _, err := khronos.ParseSnowflake(text); err != nil {
		return fmt.Errorf(`want a user as JSON, {"id": "...", ...}: its id: %w`, err)
	}
	*to = value
	return nil
}

func setAddr(to *string, value string) error {
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		return fmt.Errorf("%q is not an address, want host:port", value)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q: port %q is not a number from 0 to 65535", value, port)
	}
	*to = value
	return nil
}

func setWorkers(to *int, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxWorkers {
		return fmt.Errorf("%q is not a number from 1 to %d", value, maxWorkers)
	}
	*to = n
	return nil
}

func setOneOf(to *string, value string, choices ...string) error {
	if !slices.Contains(choices, value) {
		return fmt.Errorf("%q, want one of %s", value, strings.Join(choices, ", "))
	}
	*to = value
	return nil
}

func setHosts(to *httpclient.Hosts, value string) error {
	hosts, err := httpclient.ParseHosts(value)
	if err != nil {
		return err
	}
	*to = hosts
	return nil
}

func setBool(to *bool, value string) error {
	if value != "true" && value != "false" {
		return fmt.Errorf("%q, want true or false", value)
	}
	*to = value == "true"
	return nil
}

func setURL(to *string, value string) error {
	u, err := url.Parse(value)
	if value != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("want a URL that begins with http:// or https://") // not shown: it may hold a password
	}
	*to = value
	return nil
}

// setDatabaseURL takes a password only before the @, which is where it is masked when
// the configuration is shown.
func setDatabaseURL(to *string, value string) error {
	u, err := url.Parse(value)
	if value != "" && (err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return errors.New("want a URL that begins with postgres://") // not shown: it may hold a password
	}
	if value != "" {
		for name := range u.Query() {
			if strings.Contains(strings.ToLower(name), "password") {
				return fmt.Errorf("parameter %s: write the password before the host, as in postgres://user:password@host/database", name)
			}
		}
	}
	*to = value
	return nil
}

// setList reads items separated by commas; an empty value is an empty list.
func setList[T any](to *[]T, value string, parse func(string) (T, error)) error {
	list := []T{}
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if item == "" && strings.TrimSpace(value) == "" {
			break
		}
		parsed, err := parse(item)
		if err != nil {
			return err
		}
		list = append(list, parsed)
	}
	*to = list
	return nil
}

func joinList[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = item.String()
	}
	return strings.Join(texts, ",")
}

// parseSource reads a prefix such as 10.0.0.0/8, or an address that stands for
// itself.
func parseSource(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a prefix like 10.0.0.0/8", s)
	}
	return p.Masked(), nil
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
