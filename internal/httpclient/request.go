package httpclient

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
)

// target reads the address of a request, or of a redirect, and holds it against
// the hosts that are allowed.
func (c *Client) target(allowed []string, address string) (*url.URL, error) {
	if limit := c.cfg.Limits.HTTPURLBytes; int64(len(address)) > limit {
		return nil, khronos.Errorf(khronos.ErrKindTooLarge, "the URL has %d bytes: the limit is %d (http_url_bytes)", len(address), limit)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, refuse("%s is no URL", clip(address))
	}
	switch {
	case u.Scheme == "http" && !c.cfg.Plain:
		return nil, refuse("%s: only https is allowed", clip(address))
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, refuse("%s: want a URL that begins with https://", clip(address))
	case u.Opaque != "" || u.Host == "":
		return nil, refuse("%s: want a URL with a host, as in https://example.com/", clip(address))
	case u.User != nil:
		return nil, refuse("the URL may have no user and no password: use a header")
	case strings.Contains(u.Host, ":"):
		return nil, refuse("%s: a port, or an address of IPv6, is not allowed", clip(u.Host))
	}
	host := strings.ToLower(u.Host)
	if err := checkName(host); err != nil {
		return nil, refuse("the host %s: %v", clip(u.Host), err)
	}
	if !allows(allowed, host) {
		return nil, refuse("the host %s is not among those that templates may call (http_hosts): ask the operator", clip(host))
	}
	u.Host, u.Fragment, u.RawFragment = host, "", ""
	return u, nil
}

// methods are those that a template may use.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// checkRequest holds what is not the address against the bounds.
func (c *Client) checkRequest(r Request) error {
	lim := &c.cfg.Limits
	if !slices.Contains(methods, r.Method) {
		return refuse("the method %s is not among %s", clip(r.Method), strings.Join(methods, ", "))
	}
	if n := int64(len(r.Body)); n > lim.HTTPRequestBytes {
		return khronos.Errorf(khronos.ErrKindTooLarge, "the body has %d bytes: the limit is %d (http_request_bytes)", n, lim.HTTPRequestBytes)
	}
	var size int64
	for name, value := range r.Headers {
		if err := CheckHeader(name, value); err != nil {
			return err
		}
		size += int64(len(name) + len(value) + len(": \r\n"))
	}
	if size > lim.HTTPHeaderBytes {
		return khronos.Errorf(khronos.ErrKindTooLarge, "the headers have %d bytes: the limit is %d (http_header_bytes)", size, lim.HTTPHeaderBytes)
	}
	return nil
}

// ours are the headers that belong to the connection or to us.
var ours = []string{
	"connection", "content-length", "expect", "forwarded", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "via",
}

// CheckHeader wants a header that a template may send.
func CheckHeader(name, value string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "" || strings.ContainsFunc(name, func(c rune) bool { return !isToken(c) }):
		return refuse("%s is no name of a header", clip(name))
	case slices.Contains(ours, lower) || strings.HasPrefix(lower, "proxy-") || strings.HasPrefix(lower, "x-forwarded-"):
		return refuse("the header %s is not a template's to set", clip(name))
	case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
		return refuse("the header %s holds a control character", clip(name))
	}
	return nil
}

func isToken(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}

// clip quotes a text of the script for a message.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}
