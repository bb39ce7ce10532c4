package api

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"sort"

	"github.com/danielgtaylor/huma/v2"
)

// readingPage renders the OpenAPI document as one page that needs neither
// scripts nor the internet. It is rendered once: the routes do not change.
func (s *Server) readingPage() http.HandlerFunc {
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, pageOf(s.api.OpenAPI())); err != nil {
		panic("BUG: the reading page does not render: " + err.Error())
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		w.Write(page.Bytes())
	}
}

// page is what the template shows.
type page struct {
	Title, Version, Description string
	Operations                  []pageOperation
	Schemas                     []pageSchema
}

type pageOperation struct {
	Method, Path, Summary, Tag string
	Internal                   bool
	Params                     []*huma.Param
	Body                       string
}

type pageSchema struct{ Name, Text string }

// pageOf flattens the document, routes in the order of their paths.
func pageOf(doc *huma.OpenAPI) page {
	p := page{Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description}
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op != nil {
				p.Operations = append(p.Operations, pageOperation{
					Method: op.Method, Path: path, Summary: op.Summary, Tag: op.Tags[0],
					Internal: len(op.Security) > 0, Params: op.Parameters, Body: bodySchema(op),
				})
			}
		}
	}
	sort.Slice(p.Operations, func(i, j int) bool {
		a, b := p.Operations[i], p.Operations[j]
		return a.Path < b.Path || a.Path == b.Path && a.Method < b.Method
	})
	for name, schema := range doc.Components.Schemas.Map() {
		p.Schemas = append(p.Schemas, pageSchema{name, indented(schema)})
	}
	sort.Slice(p.Schemas, func(i, j int) bool { return p.Schemas[i].Name < p.Schemas[j].Name })
	return p
}

func bodySchema(op *huma.Operation) string {
	if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
		return ""
	}
	return indented(op.RequestBody.Content["application/json"].Schema)
}

func indented(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("BUG: a schema does not marshal: " + err.Error())
	}
	return string(text)
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} API</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 56rem; padding: 0 1rem; color: #1d2430; background: #fbfbfa }
code, pre { font: 14px/1.45 ui-monospace, monospace } pre { background: #f0f1ee; padding: .75rem; overflow-x: auto; border-radius: 6px }
section { border-top: 1px solid #d9dbd5; padding: .5rem 0 1rem } h2 { font-size: 1.1rem; margin: .5rem 0 } b { display: inline-block; min-width: 4.2rem }
td { padding: .1rem 1rem .1rem 0; vertical-align: top } small { color: #667 }
@media (prefers-color-scheme: dark) { body { background: #14171c; color: #dfe3ea } pre { background: #1d2229 } section { border-color: #303642 } small { color: #9aa } }
</style>
<h1>{{.Title}} <small>{{.Version}}</small></h1>
<p>{{.Description}}</p>
<p>As a file: <a href="/openapi.json">openapi.json</a>, <a href="/openapi.yaml">openapi.yaml</a>.</p>
{{range .Operations}}<section><h2><b>{{.Method}}</b> <code>{{.Path}}</code></h2>
<p>{{.Summary}}{{if .Internal}} <small>internal</small>{{end}}</p>
{{if .Params}}<table>{{range .Params}}<tr><td><code>{{.Name}}</code></td><td><small>{{.In}}</small></td><td>{{.Description}}</td></tr>{{end}}</table>{{end}}
{{if .Body}}<details><summary>body</summary><pre>{{.Body}}</pre></details>{{end}}</section>
{{end}}<h1>Schemas</h1>
{{range .Schemas}}<section><h2 id="{{.Name}}">{{.Name}}</h2><pre>{{.Text}}</pre></section>
{{end}}</html>
`))
