package mesophyll

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/gobwas/ws"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Dial connects a worker to its master: network and addr as in [net.Dial], token
// that of the worker's ticket. It ends with ctx and with the handshake timeout.
// The caller serves or closes the Conn, whose identity is what the master says.
func Dial(ctx context.Context, network, addr, token string, cfg Config) (*Conn, error) {
	cfg = cfg.withDefaults()
	var (
		id      Identity
		named   int // headers that name the identity
		refusal string
	)
	d := ws.Dialer{
		Timeout:   cfg.HandshakeTimeout,
		Protocols: []string{subprotocol},
		Header:    ws.HandshakeHeaderHTTP{"Authorization": {"Bearer " + token}},
		NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
		OnHeader: func(key, value []byte) error {
			known, err := id.set(string(key), string(value))
			if known {
				named++
			}
			return err
		},
		OnStatusError: func(_ int, _ []byte, answer io.Reader) {
			refusal = reasonOf(answer)
		},
	}
	nc, early, hs, err := d.Dial(ctx, "ws://mesophyll"+linkPath)
	if err != nil {
		if refusal != "" {
			err = fmt.Errorf("%w: %s", err, refusal)
		}
		return nil, fmt.Errorf("dial master at %s: %w", addr, err)
	}
	if hs.Protocol != subprotocol || named != 2 {
		nc.Close()
		return nil, fmt.Errorf("dial master at %s: it does not speak %s", addr, subprotocol)
	}
	var first []byte
	if early != nil {
		if first, err = early.Peek(early.Buffered()); err != nil {
			nc.Close()
			return nil, fmt.Errorf("dial master at %s: %w", addr, err)
		}
	}
	pipe := NewPipe(nc, ClientSide, first, cfg)
	if early != nil {
		ws.PutReader(early)
	}
	return newConn(pipe, id), nil
}

// set takes one header of the master's answer and says whether it is known.
func (id *Identity) set(key, value string) (known bool, err error) {
	n, err := strconv.ParseUint(value, 10, 63)
	switch http.CanonicalHeaderKey(key) {
	case headerWorker:
		id.Worker = khronos.WorkerID(n)
		return true, err
	case headerGeneration:
		id.Generation = khronos.Generation(n)
		return true, err
	}
	return false, nil
}

// reasonOf returns the first line of the body with which the master refuses.
func reasonOf(answer io.Reader) string {
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(answer, maxHandshakeBytes)), nil)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 256)) // half a reason is still one
	return string(body)
}
