package host

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// httpRequest is what a Request userdata holds.
type httpRequest struct {
	scope   *scopeState // of the ctx that it was made with, whose capabilities it has
	method  string
	url     string
	headers httpHeaders
	body    []byte
	hasBody bool
	timeout luau.Value // a TimeDelta, or nil
}

// Trace implements [luau.Tracer].
func (r *httpRequest) Trace(visit func(luau.Value)) { visit(r.timeout) }

// httpHeaders are headers by their names in lower case.
type httpHeaders map[string]string

// httpResponse is what a Response userdata holds.
type httpResponse struct {
	url     string
	status  float64
	headers httpHeaders
	length  int
	body    []byte
	taken   bool
}

const headerRoom = 64 // what one takes beside its texts

func (h httpHeaders) size() int64 {
	n := int64(headerRoom)
	for name, value := range h {
		n += int64(len(name)+len(value)) + headerRoom
	}
	return n
}

func (r *httpRequest) size() int64 {
	return 256 + int64(len(r.method)+len(r.url)+cap(r.body)) + r.headers.size()
}

func textField(vm *luau.VM, text string) (luau.Value, error) {
	if text == "" {
		return luau.Nil, nil
	}
	return vm.NewString(text)
}

func urlField(part func(*url.URL) string) field {
	return func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
		return textField(c.VM(), part(self.Data().(*url.URL)))
	}
}

var urlType = &luau.UserType{
	Name: "Url",
	Eq: func(a, b *luau.Userdata) bool {
		return a.Data().(*url.URL).String() == b.Data().(*url.URL).String()
	},
	ToString: func(_ *luau.VM, self *luau.Userdata) (string, error) { return self.Data().(*url.URL).String(), nil },
	Fields: map[string]field{
		"scheme":   urlField(func(u *url.URL) string { return u.Scheme }),
		"host":     urlField((*url.URL).Hostname),
		"query":    urlField(func(u *url.URL) string { return u.RawQuery }),
		"fragment": urlField(func(u *url.URL) string { return u.Fragment }),
		"path": func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return c.VM().NewString(self.Data().(*url.URL).EscapedPath())
		},
		"port": func(_ *luau.Call, self *luau.Userdata) (luau.Value, error) {
			port, err := strconv.Atoi(self.Data().(*url.URL).Port())
			if err != nil {
				return luau.Nil, nil
			}
			return luau.Number(float64(port)), nil
		},
	},
}

// newURL makes a Url of a text that is one.
func newURL(vm *luau.VM, text string) (luau.Value, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" {
		return luau.Nil, unfitf("%.80q is no URL", text)
	}
	return newHostValue(vm, urlType, u, int64(3*len(text)+256))
}

var headersType = &luau.UserType{
	Name:     "Headers",
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "Headers", nil },
}

func newHeaders(vm *luau.VM, h httpHeaders) (luau.Value, error) {
	return newHostValue(vm, headersType, maps.Clone(h), h.size())
}

var requestType = &luau.UserType{
	Name:     "Request",
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "Request", nil },
	SetIndex: setRequestField,
	Fields: map[string]field{
		"method": func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return c.VM().NewString(self.Data().(*httpRequest).method)
		},
		"url": func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return newURL(c.VM(), self.Data().(*httpRequest).url)
		},
		"headers": func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return newHeaders(c.VM(), self.Data().(*httpRequest).headers)
		},
		"body_bytes": func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
			r := self.Data().(*httpRequest)
			if !r.hasBody {
				return luau.Nil, nil
			}
			buffer, err := c.VM().NewBuffer(len(r.body))
			if err != nil {
				return luau.Nil, err
			}
			copy(buffer.Bytes(), r.body)
			return buffer.Value(), c.Charge(int64(len(r.body)) / 64)
		},
		"timeout": func(_ *luau.Call, self *luau.Userdata) (luau.Value, error) {
			return self.Data().(*httpRequest).timeout, nil
		},
		"version": func(c *luau.Call, _ *luau.Userdata) (luau.Value, error) { return c.VM().NewString(httpVersion) },
	},
}

const httpVersion = "HTTP/1.1"

// setRequestField is `request.name = v`. What the request holds is charged first.
func setRequestField(vm *luau.VM, self *luau.Userdata, name string, v luau.Value) error {
	r := self.Data().(*httpRequest)
	next := *r
	switch name {
	case "method":
		if v.Kind() != luau.KindString {
			return unfitf("Request.method must be a string")
		}
		next.method = v.AsString().Str()
	case "url":
		text, ok := urlText(v)
		if !ok {
			return unfitf("Request.url must be a string or a Url")
		}
		if err := fitURL(envOfVM(vm), text); err != nil {
			return err
		}
		next.url = text
	case "headers":
		h, ok := hostData[httpHeaders](v)
		if !ok {
			return unfitf("Request.headers must be a Headers")
		}
		next.headers = h // copied below, once its room is charged
	case "timeout":
		if _, ok := hostData[khronos.Interval](v); !ok && !v.IsNil() {
			return unfitf("Request.timeout must be a TimeDelta")
		}
		next.timeout = v
	case "body_bytes":
		var err error
		if next.body, err = bodyOf(vm, v); err != nil {
			return err
		}
		next.hasBody = !v.IsNil()
	case "version":
		if v.Kind() != luau.KindString || v.AsString().Str() != httpVersion {
			return unfitf("Request.version can only be %q", httpVersion)
		}
	default:
		return unfitf("%.40q is no field of Request", name)
	}
	if err := vm.Resize(self, next.size()); err != nil {
		return err
	}
	if name == "headers" {
		next.headers = maps.Clone(next.headers)
	}
	if name == "body_bytes" && v.Kind() != luau.KindTable && next.body != nil {
		next.body = append(make([]byte, 0, len(next.body)), next.body...)
	}
	*r = next
	return nil
}

func envOfVM(vm *luau.VM) Env { return vm.Host().(Env) }

func urlText(v luau.Value) (string, bool) {
	if u, ok := hostData[*url.URL](v); ok {
		return u.String(), true
	}
	if v.Kind() != luau.KindString {
		return "", false
	}
	return v.AsString().Str(), true
}

// fitURL wants a URL that is not over the limit.
func fitURL(env Env, text string) error {
	if limit := env.Limits().HTTPURLBytes; int64(len(text)) > limit {
		return unfitf("url has %d bytes: the limit is %d (http_url_bytes)", len(text), limit)
	}
	if u, err := url.Parse(text); err != nil || u.Scheme == "" {
		return unfitf("%.80q is no URL", text)
	}
	return nil
}

// bodyOf gives the bytes of a body: those of v itself, or a table as JSON.
func bodyOf(vm *luau.VM, v luau.Value) ([]byte, error) {
	limit := envOfVM(vm).Limits().HTTPRequestBytes
	var body []byte
	switch {
	case v.IsNil():
		return nil, nil
	case v.Kind() == luau.KindTable:
		o := outward{vm: vm, root: "Request.body_bytes", limit: limit, limitName: "http_request_bytes", charge: func(int64) error { return nil }}
		value, err := o.value(v)
		if err != nil {
			return nil, err
		}
		if body, err = value.PlainJSON(); err != nil {
			return nil, unfitf("Request.body_bytes: %v", err)
		}
	case v.Kind() == luau.KindString, v.Kind() == luau.KindBuffer, asBlob(v) != nil:
		body = bytesOf(v)
	default:
		return nil, unfitf("Request.body_bytes must be nil, a string, a buffer, a Blob or a table")
	}
	if int64(len(body)) > limit {
		return nil, unfitf("Request.body_bytes has %d bytes: the limit is %d (http_request_bytes)", len(body), limit)
	}
	return body, nil
}

func responseField(get func(vm *luau.VM, r *httpResponse) (luau.Value, error)) field {
	return func(c *luau.Call, self *luau.Userdata) (luau.Value, error) {
		return get(c.VM(), self.Data().(*httpResponse))
	}
}

var responseType = &luau.UserType{
	Name:     "Response",
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "Response", nil },
	Fields: map[string]field{
		"url":            responseField(func(vm *luau.VM, r *httpResponse) (luau.Value, error) { return newURL(vm, r.url) }),
		"status":         responseField(func(_ *luau.VM, r *httpResponse) (luau.Value, error) { return luau.Number(r.status), nil }),
		"headers":        responseField(func(vm *luau.VM, r *httpResponse) (luau.Value, error) { return newHeaders(vm, r.headers) }),
		"content_length": responseField(func(_ *luau.VM, r *httpResponse) (luau.Value, error) { return luau.Number(float64(r.length)), nil }),
	},
}

// httpNewRequest is ctx.HTTPClient.new_request(method, url) -> Request.
func httpNewRequest(c *luau.Call) error {
	text, ok := urlText(c.Arg(1))
	if !ok {
		return unfitf("url must be a string or a Url")
	}
	if err := fitURL(envOf(c), text); err != nil {
		return err
	}
	r := &httpRequest{scope: c.State().(*scopeState), method: c.Arg(0).AsString().Str(), url: text, headers: httpHeaders{}}
	v, err := newHostValue(c.VM(), requestType, r, r.size())
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// httpNewHeaders is ctx.HTTPClient.new_headers() -> Headers.
func httpNewHeaders(c *luau.Call) error {
	v, err := newHeaders(c.VM(), httpHeaders{})
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// httpNewURL is ctx.HTTPClient.new_url(text) -> Url.
func httpNewURL(c *luau.Call) error {
	v, err := newURL(c.VM(), c.Arg(0).AsString().Str())
	if err != nil {
		return err
	}
	return c.Return1(v)
}

func headersOf(c *luau.Call) httpHeaders { return c.Arg(0).AsUserdata().Data().(httpHeaders) }

// headersGet is headers:get(name) -> string?.
func headersGet(c *luau.Call) error {
	value, ok := headersOf(c)[strings.ToLower(c.Arg(1).AsString().Str())]
	if !ok {
		return c.Return1(luau.Nil)
	}
	v, err := c.VM().NewString(value)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// headersSet is headers:set(name, value). What may be sent is the master's to say.
func headersSet(c *luau.Call) error {
	h, self := headersOf(c), c.Arg(0).AsUserdata()
	name, value := strings.ToLower(c.Arg(1).AsString().Str()), c.Arg(2).AsString().Str()
	size := h.size() + int64(len(name)+len(value)) + headerRoom
	if old, ok := h[name]; ok {
		size -= int64(len(name)+len(old)) + headerRoom
	}
	if limit := envOf(c).Limits().HTTPHeaderBytes; size-int64(headerRoom*(len(h)+2)) > limit || len(h) > int(limit/4) {
		return unfitf("the headers have more than %d bytes (http_header_bytes)", limit)
	}
	if err := c.VM().Resize(self, size); err != nil {
		return err
	}
	h[name] = value
	return c.Return0()
}

// headersRemove is headers:remove(name).
func headersRemove(c *luau.Call) error {
	h := headersOf(c)
	delete(h, strings.ToLower(c.Arg(1).AsString().Str()))
	if err := c.VM().Resize(c.Arg(0).AsUserdata(), h.size()); err != nil {
		return err
	}
	return c.Return0()
}

// headersStr is headers:headers_str() -> {[name]: string}.
func headersStr(c *luau.Call) error {
	return headersTable(c, func(vm *luau.VM, value string) (luau.Value, error) { return vm.NewString(value) })
}

// headersBytes is headers:headers_bytes() -> {[name]: buffer}.
func headersBytes(c *luau.Call) error {
	return headersTable(c, func(vm *luau.VM, value string) (luau.Value, error) {
		b, err := vm.NewBuffer(len(value))
		if err != nil {
			return luau.Nil, err
		}
		copy(b.Bytes(), value)
		return b.Value(), nil
	})
}

func headersTable(c *luau.Call, form func(vm *luau.VM, value string) (luau.Value, error)) error {
	vm, h := c.VM(), headersOf(c)
	if err := c.Charge(h.size() / 16); err != nil {
		return err
	}
	t, err := vm.NewTable(0, len(h))
	if err != nil {
		return err
	}
	c.Hold(t.Value())
	for _, name := range slices.Sorted(maps.Keys(h)) {
		value, err := form(vm, h[name])
		if err != nil {
			return err
		}
		c.Hold(value)
		key, err := vm.NewString(name)
		if err != nil {
			return err
		}
		if err := t.Set(vm, key, value); err != nil {
			return err
		}
	}
	return c.Return1(t.Value())
}

// requestSend is request:send() -> Response: the operation http.request.
func requestSend(c *luau.Call) error {
	const op = "http.request"
	f, _ := registry.Operation(op)
	r := c.Arg(0).AsUserdata().Data().(*httpRequest)
	headers := make([]khronos.Pair, 0, len(r.headers))
	for _, name := range slices.Sorted(maps.Keys(r.headers)) {
		headers = append(headers, khronos.Pair{Key: khronos.Text(name), Value: khronos.Text(r.headers[name])})
	}
	pair := func(name string, v khronos.Value) khronos.Pair {
		return khronos.Pair{Key: khronos.Text(name), Value: v}
	}
	pairs := []khronos.Pair{pair("method", khronos.Text(r.method)), pair("url", khronos.Text(r.url)), pair("headers", khronos.Map(headers...))}
	if r.hasBody {
		pairs = append(pairs, pair("body", khronos.Buffer(r.body)))
	}
	if d, ok := hostData[khronos.Interval](r.timeout); ok {
		pairs = append(pairs, pair("timeout", khronos.IntervalValue(d)))
	}
	args := []khronos.Value{khronos.Map(pairs...)}
	if missing := f.Missing(r.scope.Held, args); missing != "" {
		return c.Errorf("%s", f.Lacks(missing).Text)
	}
	if err := c.Charge(r.size() / 16); err != nil {
		return err
	}
	r.body, r.hasBody = nil, false
	if err := c.VM().Resize(c.Arg(0).AsUserdata(), r.size()); err != nil {
		return err
	}
	return envOf(c).Exec(c, op, args, giveResponse)
}

// giveResponse returns the Response of an answer.
func giveResponse(c *luau.Call, answer khronos.Value) error {
	get := func(name string) khronos.Value { v, _ := answer.Get(name); return v }
	r := &httpResponse{headers: httpHeaders{}}
	r.url, _ = get("url").AsText()
	status, _ := get("status").AsInteger()
	r.status = float64(status)
	for _, pair := range get("headers").Pairs() {
		name, _ := pair.Key.AsText()
		r.headers[name], _ = pair.Value.AsText()
	}
	r.body, _ = get("body").AsBuffer()
	r.length = len(r.body)
	if err := hold(c, int64(r.length)); err != nil {
		return scriptFault(c, "Request:send", err)
	}
	c.Free(int64(r.length))
	v, err := newHostValue(c.VM(), responseType, r, 256+int64(len(r.url)+r.length)+r.headers.size())
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// takeBody gives the body of the Response that a method is called on, once.
func takeBody(c *luau.Call) ([]byte, error) {
	self := c.Arg(0).AsUserdata()
	r := self.Data().(*httpResponse)
	if r.taken {
		return nil, unfitf("the body has been taken")
	}
	if err := c.Charge(int64(r.length) / 64); err != nil {
		return nil, err
	}
	body := r.body
	r.body, r.taken = nil, true
	return body, c.VM().Resize(self, 256+int64(len(r.url))+r.headers.size())
}

// responseText is response:text() -> string.
func responseText(c *luau.Call) error {
	body, err := takeBody(c)
	if err != nil {
		return err
	}
	n := int64(len(body))
	if err := hold(c, 2*n); err != nil { // until the string is made there are two
		return err
	}
	c.Free(n)
	v, err := c.VM().NewStringBytes(body)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// responseJSON is response:json() -> any.
func responseJSON(c *luau.Call) error {
	body, err := takeBody(c)
	if err != nil {
		return err
	}
	if err := hold(c, int64(len(body))); err != nil {
		return err
	}
	if err := c.Charge(int64(len(body)) / 2); err != nil {
		return err
	}
	in := inward{vm: c.VM(), plain: true}
	defer in.release()
	if err := khronos.WalkJSON(body, jsonDepth, &in); err != nil {
		return jsonFault(err)
	}
	return c.Return1(in.root)
}

// responseBlob is response:blob() -> Blob.
func responseBlob(c *luau.Call) error {
	body, err := takeBody(c)
	if err != nil {
		return err
	}
	return giveBlob(c, body, 0)
}
