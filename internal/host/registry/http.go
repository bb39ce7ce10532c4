package registry

var httpArea = Area{
	Name: "ctx.HTTPClient", Kind: Object, Type: "HTTPClient",
	Doc: "Requests to the outside: https alone, to hosts that the operator allows (`http_hosts`; what Discord serves files from, unless he says otherwise), by name and " +
		"without a port, and never to an address of a private network. Redirects are followed, each under the same rules; cookies are not kept. " +
		"A server's failure is an error of kind dependency.\n\n" +
		"`request` does all at once. `new_request`, `new_url` and `new_headers`, called with a dot, are the way of the original.",
	Functions: []Function{
		{
			Name: "request", Op: "http.request", Args: []Param{{Name: "request", Type: httpRequest}}, Results: []Param{{Name: "answer", Type: httpAnswer}},
			Needs: httpCapability, Bucket: BucketHTTP, Cost: 500,
			Limits: []string{"http_timeout", "http_redirects", "http_header_bytes", "http_response_bytes", "http_per_tenant", "http_at_once", "frame_bytes"},
			Doc:    "Makes a request and gives the answer, whatever its status is.",
			Example: `local answer = ctx.HTTPClient:request({ url = "https://cdn.discordapp.com/hello" })
print(answer.status, answer.headers["content-type"], buffer.tostring(answer.body)) --> 200	text/plain	hello
print(pcall(function() ctx.HTTPClient:request({ url = "https://127.0.0.1/" }) end)) --> false	example:3: http.request: the host "127.0.0.1": addresses are not allowed, only names`,
		},
		{
			Name: "new_request", Static: true, Args: []Param{{Name: "method", Type: Text}, {Name: "url", Type: Any, Doc: "a string or a Url"}},
			Results: []Param{{Name: "request", Type: ObjectOf("Request")}}, Needs: httpCapability, Cost: 50, Limits: []string{"http_url_bytes"},
			Doc: "Makes a request that is not sent yet.",
			Example: `local request = ctx.HTTPClient.new_request("GET", "https://cdn.discordapp.com/hello")
print(request.method, request.url.host) --> GET	cdn.discordapp.com`,
		},
		{
			Name: "new_headers", Static: true, Results: []Param{{Name: "headers", Type: ObjectOf("Headers")}}, Needs: httpCapability, Cost: 50,
			Doc: "Makes empty headers.",
			Example: `local headers = ctx.HTTPClient.new_headers()
headers:set("Accept", "text/plain")
print(headers:get("accept")) --> text/plain`,
		},
		{
			Name: "new_url", Static: true, Args: []Param{{Name: "text", Type: Text.AtMost("http_url_bytes")}}, Results: []Param{{Name: "url", Type: ObjectOf("Url")}}, Needs: httpCapability, Cost: 50,
			Doc:     "Reads a URL.",
			Example: `print(ctx.HTTPClient.new_url("https://cdn.discordapp.com/a?b=c").query) --> b=c`,
		},
	},
}

var urlArea = Area{
	Name: "Url", Kind: Object, Type: "Url", Doc: "A URL.", Operators: "tostring gives it as text",
	Fields: []Param{
		{Name: "scheme", Type: Text}, opt(Param{Name: "host", Type: Text}), opt(Param{Name: "port", Type: Integer}),
		{Name: "path", Type: Text}, opt(Param{Name: "query", Type: Text}), opt(Param{Name: "fragment", Type: Text}),
	},
}

var headersArea = Area{
	Name: "Headers", Kind: Object, Type: "Headers", Doc: "Headers of HTTP. Capitals in names do not matter. Headers that belong to the connection cannot be set.",
	Functions: []Function{
		{
			Name: "get", Args: []Param{nameArg}, Results: []Param{opt(Param{Name: "value", Type: Text})}, Cost: 20,
			Doc:     "Gives a header, several of one name joined by commas; nil when there is none.",
			Example: `print(ctx.HTTPClient.new_headers():get("accept")) --> nil`,
		},
		{
			Name: "set", Args: []Param{nameArg, {Name: "value", Type: Text}}, Cost: 30, Limits: []string{"http_header_bytes"},
			Doc: "Sets a header, in place of the one of that name.",
			Example: `local headers = ctx.HTTPClient.new_headers()
headers:set("X-Key", "1")
headers:set("x-key", "2")
print(headers:get("X-Key")) --> 2`,
		},
		{
			Name: "remove", Args: []Param{nameArg}, Cost: 20, Doc: "Removes a header, if it is there.",
			Example: `local headers = ctx.HTTPClient.new_headers()
headers:set("X-Key", "1")
headers:remove("x-key")
print(headers:get("x-key")) --> nil`,
		},
		{
			Name: "headers_str", Results: []Param{{Name: "headers", Type: MapOf(Text)}}, Cost: 50, Doc: "Gives all, by their names in lower case.",
			Example: `local headers = ctx.HTTPClient.new_headers()
headers:set("X-Key", "1")
print(headers:headers_str()["x-key"]) --> 1`,
		},
		{
			Name: "headers_bytes", Results: []Param{{Name: "headers", Type: MapOf(Buffer)}}, Cost: 50, Doc: "Gives all as headers_str does, the values as buffers.",
			Example: `local headers = ctx.HTTPClient.new_headers()
headers:set("X-Key", "1")
print(buffer.len(headers:headers_bytes()["x-key"])) --> 1`,
		},
	},
}

var requestArea = Area{
	Name: "Request", Kind: Object, Type: "Request",
	Doc: "A request that is not sent yet. All its fields can be set. What `headers` gives is a copy: set the field to change them.",
	Fields: []Param{
		{Name: "method", Type: Text}, {Name: "url", Type: ObjectOf("Url"), Doc: "a string, too, can be set"}, {Name: "headers", Type: ObjectOf("Headers")},
		opt(Param{Name: "body_bytes", Type: Buffer, Doc: "nil, a string, a buffer, a Blob, which keeps its bytes, or a table, which becomes JSON, can be set"}),
		opt(Param{Name: "timeout", Type: ObjectOf("TimeDelta"), Doc: "`http_timeout` at most"}),
		{Name: "version", Type: Text, Doc: "always HTTP/1.1"},
	},
	Functions: []Function{{
		Name: "send", Results: []Param{{Name: "response", Type: ObjectOf("Response")}}, Yields: true, Cost: 500,
		Limits: []string{"http_burst", "http_refill", "http_timeout", "http_request_bytes", "http_response_bytes"},
		Doc:    "Sends the request, under the rules of `ctx.HTTPClient:request` and with the capabilities of the ctx that it was made with. Its body is gone then.",
		Example: `local request = ctx.HTTPClient.new_request("POST", "https://cdn.discordapp.com/echo")
request.body_bytes = { x = 1 }
local response = request:send()
print(response.status, response:json().x) --> 200	1`,
	}},
}

var responseArea = Area{
	Name: "Response", Kind: Object, Type: "Response",
	Doc: "The answer to a request. Its body can be had once, in one form. It counts as the tenant's memory until then.",
	Fields: []Param{
		{Name: "url", Type: ObjectOf("Url"), Doc: "where it came from, after redirects"}, {Name: "status", Type: Integer},
		{Name: "headers", Type: ObjectOf("Headers")}, {Name: "content_length", Type: Integer, Doc: "of the body that is here"},
	},
	Functions: []Function{
		{
			Name: "text", Results: []Param{{Name: "body", Type: Text}}, Cost: 50, Doc: "Takes the body as a string.",
			Example: helloResponse + `print(response:text()) --> hello
print(pcall(function() return response:text() end)) --> false	example:3: Response:text: the body has been taken`,
		},
		{
			Name: "json", Results: []Param{{Name: "body", Type: Any}}, Cost: 50, Doc: "Takes the body and reads it as JSON: null becomes nil, an array carries the array metatable.",
			Example: helloResponse + `print(pcall(function() return response:json() end)) --> false	example:2: Response:json: malformed JSON at byte 0: 'h', want a value`,
		},
		{
			Name: "blob", Results: blobResult, Cost: 50, Doc: "Takes the body as a Blob.",
			Example: helloResponse + `print(#response:blob()) --> 5`,
		},
	},
}

const helloResponse = `local response = ctx.HTTPClient.new_request("GET", "https://cdn.discordapp.com/hello"):send()
`

var httpCapability = exactly("httpclient:request", "httpclient:*")

var httpRequest = RecordOf("HTTPRequest", "A request of `ctx.HTTPClient:request`.",
	opt(Param{Name: "method", Type: Text, Doc: "GET unless given; HEAD, POST, PUT, PATCH, DELETE or OPTIONS"}),
	Param{Name: "url", Type: Text.AtMost("http_url_bytes")},
	opt(Param{Name: "headers", Type: MapOf(Text)}),
	opt(Param{Name: "body", Type: Bytes.AtMost("http_request_bytes")}),
	opt(Param{Name: "timeout", Type: ObjectOf("TimeDelta"), Doc: "`http_timeout` at most, and unless given"}),
)

var httpAnswer = RecordOf("HTTPAnswer", "The answer to a request.",
	Param{Name: "url", Type: Text, Doc: "where it came from, after redirects"},
	Param{Name: "status", Type: Integer},
	Param{Name: "headers", Type: MapOf(Text), Doc: "by their names in lower case, several of one name joined by commas"},
	Param{Name: "body", Type: Buffer},
).Freeze()
