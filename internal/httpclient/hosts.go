package httpclient

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Hosts says which hosts templates may call. A host is a name like
// api.example.com, which stands for itself alone, or *.example.com, which stands
// for all names below. It must not be changed while it is used.
type Hosts struct {
	All     []string                      // for every tenant
	Tenants map[khronos.TenantID][]string // for that one, too
}

// DefaultHosts is what templates may call when nobody says otherwise: what
// Discord serves files from.
const DefaultHosts = "cdn.discordapp.com,*.cdn.discordapp.com"

// ParseHosts reads a list of hosts, separated by commas. A host of one tenant has
// the tenant and an equals sign before it: guild:123=api.example.com.
func ParseHosts(text string) (Hosts, error) {
	h := Hosts{Tenants: map[khronos.TenantID][]string{}}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		tenant, host, own := strings.Cut(item, "=")
		if !own {
			host = item
		}
		host = strings.ToLower(host)
		if err := checkName(strings.TrimPrefix(host, "*.")); err != nil {
			return Hosts{}, fmt.Errorf("%q is no host: %w", host, err)
		}
		if !own {
			h.All = append(h.All, host)
			continue
		}
		id, err := khronos.ParseTenantID(tenant)
		if err != nil {
			return Hosts{}, fmt.Errorf("%q: %w", item, err)
		}
		h.Tenants[id] = append(h.Tenants[id], host)
	}
	return h, nil
}

// String gives the list as [ParseHosts] reads it.
func (h Hosts) String() string {
	list := slices.Clone(h.All)
	byID := func(a, b khronos.TenantID) int { return strings.Compare(a.String(), b.String()) }
	for _, tenant := range slices.SortedFunc(maps.Keys(h.Tenants), byID) {
		for _, host := range h.Tenants[tenant] {
			list = append(list, tenant.String()+"="+host)
		}
	}
	return strings.Join(list, ",")
}

// of gives the hosts of a tenant.
func (h Hosts) of(tenant khronos.TenantID) []string {
	return slices.Concat(h.All, h.Tenants[tenant])
}

// allows tells whether a name, in lower case, is among them.
func allows(hosts []string, name string) bool {
	return slices.ContainsFunc(hosts, func(host string) bool {
		if below, ok := strings.CutPrefix(host, "*"); ok {
			return strings.HasSuffix(name, below)
		}
		return name == host
	})
}

// checkName wants the name of a host as the name service has it: at least two
// labels of lower case letters, digits and hyphens, the last one no number in any
// of the ways in which systems read addresses. So no IP address is a name,
// however it is written, nor is a name of a local network.
func checkName(name string) error {
	labels := strings.Split(name, ".")
	switch {
	case len(name) > 253:
		return fmt.Errorf("it is longer than 253 bytes")
	case len(labels) < 2:
		return fmt.Errorf("it has no domain")
	}
	for _, label := range labels {
		if !isLabel(label) {
			return fmt.Errorf("write it as in api.example.com, a name beyond ASCII in its xn-- form")
		}
	}
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return fmt.Errorf("addresses are not allowed, only names")
	}
	return nil
}

func isLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
