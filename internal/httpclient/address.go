package httpclient

import "net/netip"

// Public tells whether an address is one of the open internet that templates may
// be connected to. It is false for everything that is private to a machine, a
// network or a carrier, reserved, or a way to say an IPv4 address in IPv6.
func Public(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	if addr.Is4In6() {
		addr = addr.Unmap() // the system connects to that one
	}
	if addr.Is6() && !global6.Contains(addr) {
		return false
	}
	for _, closed := range closedPrefixes {
		if closed.Contains(addr) {
			return false
		}
	}
	return true
}

// global6 is what IPv6 has given out so far. All else is closed without being
// named: loopback ::1, unique local fc00::/7, link-local fe80::/10, multicast
// ff00::/8, NAT64 64:ff9b::/96 and 64:ff9b:1::/48, IPv4-compatible ::/96, discard
// 100::/64, segment routing 5f00::/16.
var global6 = netip.MustParsePrefix("2000::/3")

// closedPrefixes are the blocks of the registries of special addresses, and one
// that a cloud uses for its machines alone.
var closedPrefixes = prefixes(
	"0.0.0.0/8",         // this network
	"10.0.0.0/8",        // private
	"100.64.0.0/10",     // shared by a carrier's customers
	"127.0.0.0/8",       // loopback
	"168.63.129.16/32",  // a cloud's metadata
	"169.254.0.0/16",    // link-local, metadata among it
	"172.16.0.0/12",     // private
	"192.0.0.0/24",      // protocol assignments
	"192.0.2.0/24",      // documentation
	"192.31.196.0/24",   // AS112
	"192.52.193.0/24",   // AMT
	"192.88.99.0/24",    // 6to4 relays
	"192.168.0.0/16",    // private
	"192.175.48.0/24",   // AS112
	"198.18.0.0/15",     // benchmarks
	"198.51.100.0/24",   // documentation
	"203.0.113.0/24",    // documentation
	"224.0.0.0/4",       // multicast
	"240.0.0.0/4",       // reserved, broadcast among it
	"2001::/23",         // protocol assignments: Teredo, ORCHID, benchmarks
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4
	"2620:4f:8000::/48", // AS112
	"3ffe::/16",         // once a test network
	"3fff::/20",         // documentation
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}
