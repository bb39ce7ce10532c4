package api

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/templates"
)

const zipType = "application/zip"

// putRoute registers the upload, whose body may also be an archive.
func (s *Server) putRoute(op huma.Operation) {
	op.Middlewares = huma.Middlewares{s.unzip}
	huma.Register(s.api, op, s.putTemplate)
	body := s.api.OpenAPI().Paths[op.Path].Put.RequestBody
	body.Content[zipType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary",
		Description: "a zip archive of the template's folder; only its .luau, .lua, .luaurc and template.toml are read"}}
}

// unzip turns an archive into the JSON body that it stands for.
func (s *Server) unzip(c huma.Context, next func(huma.Context)) {
	kind, _, err := mime.ParseMediaType(c.Header("Content-Type"))
	if err != nil || kind != zipType {
		next(c)
		return
	}
	body, err := s.zipBody(c)
	if err != nil {
		s.writeFailure(c, err)
		return
	}
	next(&jsonBody{humaContext: c, body: body})
}

// writeFailure answers from a middleware.
func (s *Server) writeFailure(c huma.Context, err error) {
	p := s.fail(c.Context(), err).(*problem)
	for name, values := range p.GetHeaders() {
		c.SetHeader(name, values[0])
	}
	c.SetHeader("Content-Type", "application/json")
	c.SetStatus(p.status)
	json.NewEncoder(c.BodyWriter()).Encode(p)
}

// zipBody reads the archive and gives the JSON form of a templateBody.
func (s *Server) zipBody(c huma.Context) ([]byte, error) {
	limit := c.Operation().MaxBodyBytes
	archive, err := io.ReadAll(io.LimitReader(c.BodyReader(), limit+1))
	if err != nil {
		return nil, khronos.Errorf(khronos.ErrKindBadRequest, "read the archive: %v", err)
	}
	if int64(len(archive)) > limit {
		return nil, khronos.Errorf(khronos.ErrKindTooLarge, "the archive has more than %d bytes", limit)
	}
	files, err := templates.ReadZip(archive, s.cfg.Limits.TemplateBytes)
	if err != nil {
		return nil, err
	}
	return json.Marshal(templateBody{Files: files})
}

// humaContext is huma's context under a name that is not one of its methods.
type humaContext = huma.Context

// jsonBody is a request whose body was replaced.
type jsonBody struct {
	humaContext
	body []byte
}

func (c *jsonBody) BodyReader() io.Reader { return bytes.NewReader(c.body) }

func (c *jsonBody) Header(name string) string {
	if http.CanonicalHeaderKey(name) == "Content-Type" {
		return "application/json"
	}
	return c.humaContext.Header(name)
}
