// Package httpclient makes the HTTP requests of templates: it is the one way by
// which a template's words reach the outside.
//
// It owns which hosts a tenant may call, which addresses nobody may, and the
// bounds of a request: sizes, time, redirects, how many at once. It runs in the
// master alone and never trusts a name: a host is held against the lists before
// a connection is made and again at each redirect, and the address that the
// system is about to connect to is looked at then, so that what a name meant a
// moment ago does not matter. It takes no proxy from the environment, keeps no
// connection, cookie or answer, and knows nothing of capabilities or rates: the
// broker does.
//
// It starts no goroutine that outlives a call. Sizes are bytes. Errors are
// *khronos.Error with texts for the author of the template: bad_request and
// too_large for what the script asked for, dependency for what the server or the
// way to it did. See RATIONALE.md, "Who decides what a template may call".
package httpclient

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

// UserAgent is what every request says of itself.
const UserAgent = "template-worker (templates; +https://github.com/template-worker/template-worker)"

// Config is what a Client is made of.
type Config struct {
	Hosts   Hosts
	Plain   bool // http, too; otherwise https alone
	Limits  limits.Limits
	Network Network
}

// Network is how the outside is reached. The zero value is the real one; tests
// give what stands for it, which no setting can.
type Network struct {
	Resolver *net.Resolver
	Roots    *x509.CertPool
	Permit   func(netip.AddrPort) bool         // takes an address that would be refused
	Route    func(hostPort string) (to string) // where to connect instead
}

// Client makes requests. Make one with New. It is safe for concurrent use.
type Client struct {
	cfg  Config
	desk *desk
}

// New makes a Client.
func New(cfg Config) *Client {
	return &Client{cfg: cfg, desk: newDesk(cfg.Limits.HTTPAtOnce, cfg.Limits.HTTPPerTenant)}
}

// Request is one request of a template.
type Request struct {
	Method  string
	URL     string
	Headers map[string]string
	Body    []byte
	Timeout time.Duration // zero or longer than http_timeout: http_timeout
}

// Response is the answer to one.
type Response struct {
	URL     string // where it came from, after redirects
	Status  int
	Headers map[string]string // by names in lower case, those of one name joined by commas
	Body    []byte
}

// Do makes a request for a tenant and reads its answer whole. It returns when the
// answer is there, when ctx or the request's time ends, or when a bound is met.
func (c *Client) Do(ctx context.Context, tenant khronos.TenantID, r Request) (Response, error) {
	allowed := c.cfg.Hosts.of(tenant)
	target, err := c.target(allowed, r.URL)
	if err != nil {
		return Response{}, err
	}
	if err := c.checkRequest(r); err != nil {
		return Response{}, err
	}
	leave, err := c.desk.enter(tenant)
	if err != nil {
		return Response{}, err
	}
	defer leave()
	timeout := c.cfg.Limits.HTTPTimeout
	if r.Timeout > 0 {
		timeout = min(timeout, r.Timeout)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &tooSlow{timeout})
	defer cancel()
	response, err := c.exchange(ctx, allowed, target, r)
	if err == nil {
		err = ctx.Err() // closing a connection may make a server answer
	}
	if err != nil {
		return Response{}, public(ctx, target, err)
	}
	return response, nil
}

// tooSlow is the end of a request's own time.
type tooSlow struct{ after time.Duration }

func (e *tooSlow) Error() string { return "no answer within " + e.after.String() + " (http_timeout)" }

// exchange sends the request, follows redirects and reads the answer.
func (c *Client) exchange(ctx context.Context, allowed []string, target *url.URL, r Request) (Response, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, target.String(), bytes.NewReader(r.Body))
	if err != nil {
		return Response{}, refuse("the request cannot be made: %v", err)
	}
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("User-Agent", UserAgent)
	transport := c.transport()
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if limit := c.cfg.Limits.HTTPRedirects; len(via) > limit {
			return khronos.Errorf(khronos.ErrKindDependency, "more than %d redirects (http_redirects)", limit)
		}
		if next.URL.Host != via[0].URL.Host { // what was meant for one host is not for another
			for name := range r.Headers {
				next.Header.Del(name)
			}
		}
		next.Header.Del("Referer") // the address of the page before may hold a secret
		if _, err := c.target(allowed, next.URL.String()); err != nil {
			return khronos.Errorf(khronos.ErrKindBadRequest, "redirected to %s: %s", clip(next.URL.Redacted()), khronos.AsError(err).Text)
		}
		return nil
	}}
	answer, err := client.Do(request)
	if err != nil {
		return Response{}, err
	}
	defer answer.Body.Close()
	body, err := c.read(answer)
	if err != nil {
		return Response{}, err
	}
	return Response{URL: answer.Request.URL.String(), Status: answer.StatusCode, Headers: plainHeaders(answer.Header), Body: body}, nil
}

// transport makes what carries one request. None is kept: an answer of the name
// service holds for one connection, and the look at its address for that one too.
func (c *Client) transport() *http.Transport {
	dialer := &net.Dialer{Resolver: c.cfg.Network.Resolver, Control: c.control, KeepAlive: -1}
	return &http.Transport{
		Proxy: nil,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if c.cfg.Network.Route != nil {
				address = c.cfg.Network.Route(address)
			}
			return dialer.DialContext(ctx, network, address)
		},
		TLSClientConfig:        &tls.Config{RootCAs: c.cfg.Network.Roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true, // what is read is what was sent: no bomb can unfold here
		MaxResponseHeaderBytes: c.cfg.Limits.HTTPHeaderBytes,
	}
}

// control looks at the address that the system is about to connect to.
func (c *Client) control(network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &closedAddress{address}
	}
	if c.cfg.Network.Permit != nil && c.cfg.Network.Permit(at) {
		return nil
	}
	if !strings.HasPrefix(network, "tcp") || !Public(at.Addr()) || at.Port() != 443 && (at.Port() != 80 || !c.cfg.Plain) {
		return &closedAddress{address}
	}
	return nil
}

// closedAddress is the refusal of an address. Which one it is, is not the
// script's to know: it would tell it of the network behind a name.
type closedAddress struct{ address string }

func (e *closedAddress) Error() string { return "the address " + e.address + " is closed to templates" }

// read takes the body whole, or none of it.
func (c *Client) read(answer *http.Response) ([]byte, error) {
	limit := c.cfg.Limits.HTTPResponseBytes
	if answer.ContentLength > limit {
		return nil, khronos.Errorf(khronos.ErrKindTooLarge, "the answer has %d bytes: the limit is %d (http_response_bytes)", answer.ContentLength, limit)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, khronos.Errorf(khronos.ErrKindTooLarge, "the answer has more than %d bytes (http_response_bytes)", limit)
	}
	return body, nil
}

func plainHeaders(h http.Header) map[string]string {
	plain := make(map[string]string, len(h))
	for name, values := range h {
		plain[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return plain
}

// public turns what went wrong into what the author may see: addresses and the
// words of our system are not among it.
func public(ctx context.Context, target *url.URL, err error) error {
	var e *khronos.Error
	var closed *closedAddress
	var slow *tooSlow
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	host := target.Hostname()
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &closed):
		return refuse("the host %s leads to an address that is closed to templates", host)
	case errors.As(context.Cause(ctx), &slow):
		return khronos.Errorf(khronos.ErrKindDependency, "%s: %v", host, slow)
	case ctx.Err() != nil:
		return khronos.AsError(cmp.Or(context.Cause(ctx), ctx.Err()))
	case errors.As(err, &dns):
		return khronos.Errorf(khronos.ErrKindDependency, "the name %s was not found", host)
	case errors.As(err, &cert):
		return khronos.Errorf(khronos.ErrKindDependency, "the certificate of %s is not valid", host)
	case strings.Contains(err.Error(), "server response headers exceeded"): // net/http has no value for it
		return khronos.Errorf(khronos.ErrKindTooLarge, "the headers of the answer are over the limit (http_header_bytes)")
	}
	return khronos.Errorf(khronos.ErrKindDependency, "%s did not answer as a server of HTTP does", host)
}

func refuse(format string, args ...any) *khronos.Error {
	return khronos.Errorf(khronos.ErrKindBadRequest, format, args...)
}
