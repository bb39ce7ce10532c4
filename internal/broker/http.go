package broker

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/template-worker/template-worker/internal/httpclient"
	"github.com/template-worker/template-worker/internal/khronos"
)

// Web makes the HTTP requests of templates. Its errors are *khronos.Error.
type Web interface {
	Do(ctx context.Context, tenant khronos.TenantID, r httpclient.Request) (httpclient.Response, error)
}

// httpRequest answers Map{url, status, headers, body}.
func httpRequest(ctx context.Context, b *Broker, r request) (khronos.Value, error) {
	asked := httpclient.Request{Method: "GET", Headers: map[string]string{}}
	if method, ok := r.args[0].Get("method"); ok && !method.IsNull() {
		asked.Method, _ = method.AsText()
	}
	url, _ := r.args[0].Get("url")
	asked.URL, _ = url.AsText()
	headers, _ := r.args[0].Get("headers")
	for _, pair := range headers.Pairs() {
		name, _ := pair.Key.AsText()
		asked.Headers[name], _ = pair.Value.AsText()
	}
	switch body, _ := r.args[0].Get("body"); body.Kind() {
	case khronos.KindText:
		text, _ := body.AsText()
		asked.Body = []byte(text)
	case khronos.KindBuffer:
		asked.Body, _ = body.AsBuffer()
	}
	if timeout, _ := r.args[0].Get("timeout"); !timeout.IsNull() {
		d, _ := timeout.AsInterval()
		if asked.Timeout = b.limits.HTTPTimeout; d.Seconds < int64(b.limits.HTTPTimeout/time.Second)+1 {
			asked.Timeout = time.Duration(d.Seconds)*time.Second + time.Duration(d.Nanos)
		}
		if d.Seconds < 0 || asked.Timeout == 0 {
			return khronos.Value{}, khronos.Errorf(khronos.ErrKindBadRequest, "http.request: request.timeout must be longer than nothing")
		}
	}
	answer, err := b.web.Do(ctx, r.tenant, asked)
	if err != nil {
		return khronos.Value{}, named("http.request", err)
	}
	pairs := make([]khronos.Pair, 0, len(answer.Headers))
	for _, name := range slices.Sorted(maps.Keys(answer.Headers)) {
		pairs = append(pairs, field(name, khronos.Text(answer.Headers[name])))
	}
	return b.fitting("http.request", khronos.Map(
		field("url", khronos.Text(answer.URL)),
		field("status", khronos.Integer(int64(answer.Status))),
		field("headers", khronos.Map(pairs...)),
		field("body", khronos.Buffer(answer.Body)),
	), "ask for less")
}

// named puts the operation before the text of an error.
func named(op string, err error) error {
	e := *khronos.AsError(err)
	e.Text = op + ": " + e.Text
	return &e
}
