package httpclient_test

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/httpclient"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var guild = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1}

// names is a name service on a local socket: the answers for a name are given one
// after the other, the last one for ever.
type names struct {
	mu      sync.Mutex
	answers map[string][]string
	asked   map[string]int
}

func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	t.Cleanup(func() { conn.Close(); done.Wait() })
	done.Go(func() {
		buf := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			conn.WriteTo(n.reply(buf[:size]), from)
		}
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// reply answers a query for addresses of one name.
func (n *names) reply(query []byte) []byte {
	var labels []string
	i := 12
	for query[i] != 0 {
		labels = append(labels, string(query[i+1:i+1+int(query[i])]))
		i += 1 + int(query[i])
	}
	end := i + 5
	kind := binary.BigEndian.Uint16(query[i+1:])
	reply := append([]byte{}, query[:end]...)
	reply[2], reply[3] = 0x81, 0x80
	clear(reply[6:12])
	for _, text := range n.next(strings.Join(labels, "."), kind) {
		addr := netip.MustParseAddr(text)
		if addr.Is4() != (kind == 1) || kind != 1 && kind != 28 {
			continue
		}
		reply[7]++
		reply = append(reply, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(addr.AsSlice())))
		reply = append(reply, addr.AsSlice()...)
	}
	return reply
}

// say has the name lead to those addresses.
func (n *names) say(name string, answers ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers[name] = answers
}

func (n *names) next(name string, kind uint16) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.answers[strings.ToLower(name)]
	if len(list) == 0 {
		return nil
	}
	key := fmt.Sprint(kind, name)
	i := min(n.asked[key], len(list)-1)
	n.asked[key]++
	return strings.Split(list[i], " ")
}

// web is a client and a server of HTTPS that it reaches under every name, as far
// as addresses are not in the way.
type web struct {
	*testing.T
	client *httpclient.Client
	names  *names
	hits   atomic.Int64 // requests that the server saw
	limits limits.Limits
}

const certified = "example.com" // the test server's certificate has it and *.example.com

type settings struct {
	hosts  string
	plain  bool
	closed bool // the server's address is as closed as any other of its kind
	change func(*limits.Limits)
}

func newWeb(t *testing.T, s settings, serve http.HandlerFunc) *web {
	t.Helper()
	w := &web{T: t, names: &names{answers: map[string][]string{}, asked: map[string]int{}}, limits: limits.Default()}
	if s.change != nil {
		s.change(&w.limits)
	}
	handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.hits.Add(1)
		serve(rw, r)
	})
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	plain := httptest.NewServer(handler)
	t.Cleanup(plain.Close)
	if s.hosts == "" {
		s.hosts = "example.com,*.example.com"
	}
	hosts, err := httpclient.ParseHosts(s.hosts)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	_, tlsPort, _ := net.SplitHostPort(server.Listener.Addr().String())
	_, plainPort, _ := net.SplitHostPort(plain.Listener.Addr().String())
	w.client = httpclient.New(httpclient.Config{
		Hosts: hosts, Plain: s.plain, Limits: w.limits,
		Network: httpclient.Network{
			Resolver: w.names.resolver(t), Roots: roots,
			Permit: func(at netip.AddrPort) bool { return !s.closed && at.Addr() == netip.MustParseAddr("127.0.0.1") },
			Route: func(hostPort string) string {
				host, port, _ := net.SplitHostPort(hostPort)
				return net.JoinHostPort(host, map[string]string{"443": tlsPort, "80": plainPort}[port])
			},
		},
	})
	w.names.say(certified, "127.0.0.1")
	return w
}

func (w *web) get(url string) (httpclient.Response, error) {
	return w.client.Do(w.Context(), guild, httpclient.Request{Method: "GET", URL: url})
}

// refused wants an error of that kind with that text, and no request at the server.
func (w *web) refused(url string, kind khronos.ErrorKind, text string) {
	w.Helper()
	before := w.hits.Load()
	_, err := w.get(url)
	e := khronos.AsError(err)
	if err == nil || e.Kind != kind || !strings.Contains(e.Text, text) {
		w.Errorf("%s: got %v, want %v with %q", url, err, kind, text)
	}
	if w.hits.Load() != before {
		w.Errorf("%s reached the server", url)
	}
}

func hello(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "hello") }

func TestClient_Do(t *testing.T) {
	w := newWeb(t, settings{}, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rw.Header().Add("X-Two", "a")
		rw.Header().Add("X-Two", "b")
		rw.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(rw, "%s %s %s %s %s", r.Method, r.URL, r.Header.Get("X-Mine"), r.UserAgent(), body)
	})
	got, err := w.client.Do(t.Context(), guild, httpclient.Request{
		Method: "POST", URL: "https://EXAMPLE.com/a?b=c#d", Headers: map[string]string{"X-Mine": "m"}, Body: []byte("body"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "POST /a?b=c m " + httpclient.UserAgent + " body"; string(got.Body) != want {
		t.Errorf("got %q, want %q", got.Body, want)
	}
	if got.Status != http.StatusTeapot || got.Headers["x-two"] != "a, b" || got.URL != "https://example.com/a?b=c" {
		t.Errorf("got %d %q %s", got.Status, got.Headers, got.URL)
	}
}

// The ways to name an address that is not to be called, or a host that is not on
// the list: all are refused before anything is looked up or connected.
func TestSSRF_names(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:9")
	w := newWeb(t, settings{}, hello)
	for url, want := range map[string]string{
		"http://example.com/":                             "only https",
		"ftp://example.com/":                              "https://",
		"file:///etc/passwd":                              "https://",
		"gopher://example.com/":                           "https://",
		"//example.com/":                                  "https://",
		"example.com":                                     "https://",
		"https:example.com":                               "host",
		"https:///path":                                   "host",
		"https://":                                        "host",
		"https://example.com:8443/":                       "port",
		"https://example.com:443/":                        "port",
		"https://example.com:/":                           "port",
		"https://user@example.com/":                       "user",
		"https://example.com@10.0.0.1/":                   "user",
		"https://example.com:x@evil.org/":                 "user",
		`https://example.com\@evil.org/`:                  "URL",
		"https://127.0.0.1/":                              "only names",
		"https://127.1/":                                  "only names",
		"https://2130706433/":                             "no domain",
		"https://0x7f000001/":                             "no domain",
		"https://017700000001/":                           "no domain",
		"https://0x7f.0.0.1/":                             "only names",
		"https://0177.0.0.1/":                             "only names",
		"https://127.0.0.0x1/":                            "only names",
		"https://0/":                                      "no domain",
		"https://0.0.0.0/":                                "only names",
		"https://169.254.169.254/latest/meta-data/":       "only names",
		"https://[::1]/":                                  "IPv6",
		"https://[::]/":                                   "IPv6",
		"https://[::ffff:127.0.0.1]/":                     "IPv6",
		"https://[::ffff:7f00:1]/":                        "IPv6",
		"https://[64:ff9b::7f00:1]/":                      "IPv6",
		"https://[2002:7f00:1::]/":                        "IPv6",
		"https://[fe80::1%25eth0]/":                       "IPv6",
		"https://[fd00:ec2::254]/":                        "IPv6",
		"https://localhost/":                              "no domain",
		"https://metadata/":                               "no domain",
		"https://metadata.google.internal/":               "http_hosts",
		"https://localhost.localdomain/":                  "http_hosts",
		"https://127.0.0.1.nip.io/":                       "http_hosts",
		"https://example.com./":                           "the host",
		"https://example.com.evil.org/":                   "http_hosts",
		"https://notexample.com/":                         "http_hosts",
		"https://.example.com/":                           "the host",
		"https://a..example.com/":                         "the host",
		"https://-a.example.com/":                         "the host",
		"https://example%2ecom/":                          "URL",
		"https://exämple.com/":                            "xn--",
		"https://example。com/":                            "the host",
		"https://①②⑦.⓪.⓪.①/":                              "xn--",
		"https://ｅxample.com/":                            "xn--",
		"https://example.com\r\nHost: evil.org/":          "URL",
		"https://example.com%00.evil.org/":                "URL",
		"https://" + strings.Repeat("a", 64) + ".com/":    "the host",
		"https://" + strings.Repeat("a.", 130) + "com/":   "253",
		"https://example.com/" + strings.Repeat("a", 4e3): "http_url_bytes",
	} {
		kind := khronos.ErrKindBadRequest
		if want == "http_url_bytes" {
			kind = khronos.ErrKindTooLarge
		}
		w.refused(url, kind, want)
	}
	if len(w.names.asked) != 0 {
		t.Errorf("names were looked up: %v", w.names.asked)
	}
}

// Addresses that a name of an allowed host may lead to are refused when the
// connection is made.
func TestSSRF_addresses(t *testing.T) {
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.254",
		"168.63.129.16", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.254", "192.0.0.192", "192.0.2.1",
		"192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.254", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
		"240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:20::1", "2001:db8::1",
		"2002:7f00:1::", "2002:a9fe:a9fe::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1",
	} {
		if httpclient.Public(netip.MustParseAddr(text)) {
			t.Errorf("%s is taken for public", text)
		}
	}
	for _, text := range []string{"1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "162.159.135.233", "::ffff:1.1.1.1", "2606:4700:4700::1111", "2a00::1"} {
		if !httpclient.Public(netip.MustParseAddr(text)) {
			t.Errorf("%s is not taken for public", text)
		}
	}
	if httpclient.Public(netip.Addr{}) {
		t.Error("no address is taken for public")
	}
}

// The same through the whole client: the name is allowed, where it leads is not.
func TestSSRF_connect(t *testing.T) {
	w := newWeb(t, settings{closed: true}, hello)
	for i, address := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.1.1", "100.64.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "fd00::1", "64:ff9b::7f00:1", "2002:7f00:1::", "127.0.0.1 10.0.0.1 ::1"} {
		name := fmt.Sprintf("n%d.example.com", i)
		w.names.say(name, address)
		w.refused("https://"+name+"/", khronos.ErrKindBadRequest, "an address that is closed to templates")
	}
	if err := khronos.AsError(func() error { _, err := w.get("https://n1.example.com/"); return err }()); strings.Contains(err.Text, "10.1.2.3") {
		t.Errorf("the refusal tells the address: %v", err)
	}
}

// A name that is fine when it is first looked up, and leads home the next time,
// does not get there: what counts is the address of the connection.
func TestSSRF_rebinding(t *testing.T) {
	w := newWeb(t, settings{}, hello)
	w.names.say("rebind.example.com", "127.0.0.1", "127.0.0.2") // the first is permitted here, the second closed
	if _, err := w.get("https://rebind.example.com/"); err != nil {
		t.Fatal(err)
	}
	w.refused("https://rebind.example.com/", khronos.ErrKindBadRequest, "closed to templates")
	w.refused("https://rebind.example.com/", khronos.ErrKindBadRequest, "closed to templates")
}

// Only the ports of the web are open, whatever a redirect or a route says.
func TestSSRF_ports(t *testing.T) {
	hosts, _ := httpclient.ParseHosts("example.com")
	n := &names{answers: map[string][]string{"example.com": {"192.0.2.1"}}, asked: map[string]int{}}
	for _, port := range []string{"22", "80", "8080", "5432"} {
		client := httpclient.New(httpclient.Config{Hosts: hosts, Limits: limits.Default(), Network: httpclient.Network{
			Resolver: n.resolver(t), Route: func(string) string { return "1.1.1.1:" + port },
		}})
		_, err := client.Do(t.Context(), guild, httpclient.Request{Method: "GET", URL: "https://example.com/"})
		if err == nil || !strings.Contains(err.Error(), "closed to templates") {
			t.Errorf("port %s: got %v", port, err)
		}
	}
}

func TestSSRF_redirects(t *testing.T) {
	w := newWeb(t, settings{}, func(rw http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(rw, r, to, http.StatusFound)
			return
		}
		fmt.Fprintf(rw, "%s %q %q", r.Host, r.Header.Get("Referer"), r.Header.Get("X-Key"))
	})
	w.names.say("other.example.com", "127.0.0.1")
	w.names.say("home.example.com", "127.0.0.2")
	for to, want := range map[string]string{
		"http://example.com/":                     "only https",
		"https://127.0.0.1/":                      "only names",
		"https://[::1]/":                          "IPv6",
		"https://169.254.169.254/":                "only names",
		"https://example.com:22/":                 "port",
		"https://evil.org/":                       "http_hosts",
		"https://a:b@example.com/":                "user",
		"https://home.example.com/":               "closed to templates",
		"https://other.example.com/?to=//[::1]/x": "IPv6",
		"file:///etc/passwd":                      "https://",
	} {
		_, err := w.get("https://example.com/?to=" + to)
		if err == nil || khronos.AsError(err).Kind != khronos.ErrKindBadRequest || !strings.Contains(err.Error(), want) {
			t.Errorf("to %s: got %v, want %q", to, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "a:b@") {
			t.Errorf("to %s: the password is in %v", to, err)
		}
	}
	_, err := w.get("https://example.com/?to=/?to=/?to=/?to=/?to=/")
	if err == nil || !strings.Contains(err.Error(), "http_redirects") {
		t.Errorf("five redirects: got %v", err)
	}
	got, err := w.client.Do(t.Context(), guild, httpclient.Request{Method: "GET", URL: "https://example.com/?to=https://other.example.com/", Headers: map[string]string{"X-Key": "secret"}})
	if err != nil || string(got.Body) != `other.example.com "" ""` || got.URL != "https://other.example.com/" {
		t.Errorf("to another host: got %s %q, %v, want no referer and no key", got.URL, got.Body, err)
	}
	got, err = w.client.Do(t.Context(), guild, httpclient.Request{Method: "GET", URL: "https://example.com/?to=/", Headers: map[string]string{"X-Key": "secret"}})
	if err != nil || string(got.Body) != `example.com "" "secret"` {
		t.Errorf("to the same host: got %q, %v, want the key", got.Body, err)
	}
}

func TestClient_hostsOfTenants(t *testing.T) {
	w := newWeb(t, settings{hosts: "example.com, guild:1=mine.example.com,guild:2=theirs.example.com"}, hello)
	w.names.say("mine.example.com", "127.0.0.1")
	for _, url := range []string{"https://example.com/", "https://mine.example.com/"} {
		if _, err := w.get(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	w.refused("https://theirs.example.com/", khronos.ErrKindBadRequest, "http_hosts")
	w.refused("https://a.example.com/", khronos.ErrKindBadRequest, "http_hosts")
	for _, bad := range []string{"10.0.0.1", "localhost", "*", "*.com.", "https://example.com", "example.com:80", "guild:x=example.com", "guild:1="} {
		if _, err := httpclient.ParseHosts(bad); err == nil {
			t.Errorf("%q is taken for a list of hosts", bad)
		}
	}
	if h, err := httpclient.ParseHosts(httpclient.DefaultHosts); err != nil || len(h.All) != 2 || len(h.Tenants) != 0 {
		t.Errorf("the default: %+v, %v", h, err)
	}
}

func TestClient_plain(t *testing.T) {
	w := newWeb(t, settings{plain: true}, hello)
	if got, err := w.get("http://example.com/"); err != nil || string(got.Body) != "hello" {
		t.Errorf("got %q, %v", got.Body, err)
	}
}

// What is too much is refused with the limit's name.
func TestClient_limits(t *testing.T) {
	w := newWeb(t, settings{change: func(l *limits.Limits) {
		l.HTTPResponseBytes, l.HTTPRequestBytes, l.HTTPHeaderBytes, l.HTTPTimeout = 1000, 100, 4<<10, 200*time.Millisecond
	}}, func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/announced":
			rw.Header().Set("Content-Length", "1000000000")
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := rw.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		case "/headers":
			rw.Header().Set("X", strings.Repeat("x", 64<<10))
		case "/slow":
			<-r.Context().Done()
		case "/drip":
			rw.WriteHeader(200)
			rw.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/exact":
			rw.Write(make([]byte, 1000))
		case "/broken":
			rw.Header().Set("Content-Length", "10")
			rw.Write([]byte("12345"))
		}
	})
	for _, test := range []struct {
		request httpclient.Request
		kind    khronos.ErrorKind
		want    string
	}{
		{httpclient.Request{URL: "announced"}, khronos.ErrKindTooLarge, "http_response_bytes"},
		{httpclient.Request{URL: "endless"}, khronos.ErrKindTooLarge, "http_response_bytes"},
		{httpclient.Request{URL: "headers"}, khronos.ErrKindTooLarge, "http_header_bytes"},
		{httpclient.Request{URL: "slow"}, khronos.ErrKindDependency, "http_timeout"},
		{httpclient.Request{URL: "drip"}, khronos.ErrKindDependency, "http_timeout"},
		{httpclient.Request{URL: "slow", Timeout: 10 * time.Millisecond}, khronos.ErrKindDependency, "within 10ms"},
		{httpclient.Request{URL: "broken"}, khronos.ErrKindDependency, "did not answer"},
		{httpclient.Request{URL: "", Body: make([]byte, 101)}, khronos.ErrKindTooLarge, "http_request_bytes"},
		{httpclient.Request{URL: "", Headers: map[string]string{"X": strings.Repeat("x", 5000)}}, khronos.ErrKindTooLarge, "http_header_bytes"},
		{httpclient.Request{URL: "", Headers: map[string]string{"Host": "evil.org"}}, khronos.ErrKindBadRequest, "not a template's to set"},
		{httpclient.Request{URL: "", Headers: map[string]string{"Proxy-Authorization": "x"}}, khronos.ErrKindBadRequest, "not a template's to set"},
		{httpclient.Request{URL: "", Headers: map[string]string{"X": "a\r\nY: b"}}, khronos.ErrKindBadRequest, "control character"},
		{httpclient.Request{URL: "", Headers: map[string]string{"X: y": "a"}}, khronos.ErrKindBadRequest, "no name of a header"},
		{httpclient.Request{URL: "", Method: "CONNECT"}, khronos.ErrKindBadRequest, "GET, HEAD"},
		{httpclient.Request{URL: "", Method: "GET / HTTP/1.1\r\nX: y"}, khronos.ErrKindBadRequest, "GET, HEAD"},
	} {
		r := test.request
		if r.Method == "" {
			r.Method = "GET"
		}
		r.URL = "https://example.com/" + r.URL
		_, err := w.client.Do(t.Context(), guild, r)
		if err == nil || khronos.AsError(err).Kind != test.kind || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want %v with %q", r, err, test.kind, test.want)
		}
	}
	if got, err := w.get("https://example.com/exact"); err != nil || len(got.Body) != 1000 {
		t.Errorf("just as much as allowed: %d bytes, %v", len(got.Body), err)
	}
}

// What the server does wrong is a dependency's fault, without our addresses.
func TestClient_faultsOfServers(t *testing.T) {
	w := newWeb(t, settings{hosts: "example.com,wrong.org,nowhere.org"}, hello)
	w.names.say("wrong.org", "127.0.0.1") // the certificate is another name's
	w.refused("https://wrong.org/", khronos.ErrKindDependency, "certificate of wrong.org is not valid")
	w.refused("https://nowhere.org/", khronos.ErrKindDependency, "nowhere.org was not found")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.client.Do(ctx, guild, httpclient.Request{Method: "GET", URL: "https://example.com/"}); khronos.AsError(err).Kind != khronos.ErrKindCancelled {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestClient_atOnce(t *testing.T) {
	arrived, leave := make(chan bool), make(chan bool)
	w := newWeb(t, settings{change: func(l *limits.Limits) { l.HTTPPerTenant, l.HTTPAtOnce = 2, 3 }}, func(rw http.ResponseWriter, _ *http.Request) {
		arrived <- true
		<-leave
	})
	var group sync.WaitGroup
	start := func(tenant khronos.TenantID) {
		group.Go(func() {
			if _, err := w.client.Do(t.Context(), tenant, httpclient.Request{Method: "GET", URL: "https://example.com/"}); err != nil {
				t.Errorf("%s: %v", tenant, err)
			}
		})
		<-arrived
	}
	other := khronos.TenantID{Kind: khronos.TenantGuild, ID: 2}
	start(guild)
	start(guild)
	w.refused("https://example.com/", khronos.ErrKindRateLimited, "http_per_tenant")
	start(other)
	_, err := w.client.Do(t.Context(), other, httpclient.Request{Method: "GET", URL: "https://example.com/"})
	if err == nil || !strings.Contains(err.Error(), "http_at_once") {
		t.Errorf("a fourth: got %v", err)
	}
	close(leave)
	group.Wait()
	start(guild)
	group.Wait()
}
