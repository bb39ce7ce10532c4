package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/auth"
	"github.com/template-worker/template-worker/internal/khronos"
)

// clientOptions say which server a command talks to.
type clientOptions struct{ addr string }

func (o *clientOptions) register(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&o.addr, "addr", "", "address of the server (TW_ADDR; on the same machine found in the data folder); a remote one needs TW_TOKEN")
}

// client calls the internal API.
type client struct {
	base  string
	token string
	local bool // the token was signed here, with the key in the data folder
	http  http.Client
}

// localTokenTTL is long enough for one command and short enough to be worthless afterwards.
const localTokenTTL = 5 * time.Minute

// dial finds the server and a token: --addr and TW_TOKEN, or the data folder.
func (a *app) dial(o clientOptions) (*client, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	addr := o.addr
	if addr == "" {
		addr = a.getenv("TW_ADDR")
	}
	if addr == "" {
		addr, err = readServerAddr(cfg.DataDir)
		if err != nil {
			return nil, withTry(err, "template-worker serve, or --addr HOST:PORT with TW_TOKEN set")
		}
	}
	token := a.getenv("TW_TOKEN")
	local := token == ""
	if local {
		key, err := auth.LoadKey(cfg.DataDir)
		if err != nil {
			return nil, withTry(err, "set TW_TOKEN to a token of `template-worker token create`")
		}
		if token, err = key.Sign(cfg.RootUsers[0], localTokenTTL); err != nil {
			return nil, err
		}
	}
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	return &client{base: strings.TrimSuffix(addr, "/"), token: token, local: local, http: http.Client{Timeout: 11 * time.Minute}}, nil
}

// request makes one request with the token.
func (c *client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Authorization", "Internal "+c.token)
	return req, nil
}

// maxEventBytes bounds one server-sent event.
const maxEventBytes = 4 << 20

// events reads server-sent events until the server ends them or ctx ends, which
// is no error.
func (c *client) events(ctx context.Context, path string, handle func(event string, data []byte) error) error {
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	endless := http.Client{Transport: c.http.Transport}
	res, err := endless.Do(req)
	if err != nil {
		return withTry(fmt.Errorf("call the server: %w", err), "is it running? template-worker serve")
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		return errors.Join(apiError(res.StatusCode, text), err)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEventBytes)
	event := ""
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			event = name
		}
		if data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); ok {
			if err := handle(event, data); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read events of the server: %w", err)
	}
	return errors.New("the server has ended the stream: it stops, or did not get rid of what it had to say")
}

// maxAnswerBytes bounds an answer that is read as a whole.
const maxAnswerBytes = 64 << 20

// send sends body as JSON, unless it is nil. The caller closes the answer's body.
func (c *client) send(ctx context.Context, h *http.Client, method, path string, body any) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("%s %s: encode request: %w", method, path, err)
		}
		reader = bytes.NewReader(text)
	}
	req, err := c.request(ctx, method, path, reader)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := h.Do(req)
	if err != nil {
		return nil, withTry(fmt.Errorf("call the server: %w", err), "is it running? template-worker serve")
	}
	return res, nil
}

// stream is call for an answer that comes bit by bit, for as long as ctx allows.
// The caller closes what it gets.
func (c *client) stream(ctx context.Context, method, path string, body any) (io.ReadCloser, error) {
	res, err := c.send(ctx, &http.Client{}, method, path, body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 300 {
		return res.Body, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return nil, fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	return nil, apiError(res.StatusCode, text)
}

// call sends body as JSON and decodes the answer into out, both optional.
func (c *client) call(ctx context.Context, method, path string, body, out any) error {
	res, err := c.send(ctx, &c.http, method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	if res.StatusCode >= 300 {
		return apiError(res.StatusCode, text)
	}
	if out == nil || len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s %s: decode answer: %w", method, path, err)
	}
	return nil
}

// apiError turns an error body into an error with the right exit code.
func apiError(status int, text []byte) error {
	var body struct{ Code, Message, ID, Owner, Dispatch string }
	if json.Unmarshal(text, &body) != nil || body.Code == "" {
		return fmt.Errorf("the server answered %d: %.200s", status, text)
	}
	f := &failure{code: exitFailed, err: fmt.Errorf("%s (%s, id %s)", body.Message, body.Code, body.ID)}
	if body.Dispatch != "" {
		f.try = "template-worker explain " + body.Dispatch
	}
	if body.Owner == khronos.OwnerScript.String() || body.Owner == khronos.OwnerTenantLimit.String() {
		f.code = exitScriptError
	}
	if body.Code == string(auth.CodeInvalidToken) {
		f.try = "the token was signed by another server's key: unset TW_TOKEN or check --data-dir"
	}
	return f
}

// serverFile is where serve leaves its address for the other commands.
const serverFile = "server.json"

type serverRecord struct {
	Addr string `json:"addr"`
	PID  int    `json:"pid"`
}

// writeServerRecord leaves the address; the returned function takes it away.
func writeServerRecord(dataDir string, rec serverRecord) (func() error, error) {
	text, err := json.Marshal(rec)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dataDir, serverFile)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return nil, fmt.Errorf("write server record: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, fmt.Errorf("write server record: %w", err)
	}
	return func() error { return os.Remove(path) }, nil
}

func readServerAddr(dataDir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dataDir, serverFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no server is running on the data folder %s", dataDir)
	}
	var rec serverRecord
	if err == nil {
		err = json.Unmarshal(text, &rec)
	}
	if err != nil {
		return "", fmt.Errorf("read server record in %s: %w", dataDir, err)
	}
	return rec.Addr, nil
}
