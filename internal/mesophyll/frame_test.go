package mesophyll

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// sealed is one frame as the given side sends it.
func sealed(from Side, op byte, payload []byte) []byte {
	b := append(make([]byte, maxHeaderBytes), payload...)
	mask := uint32(0)
	if from == ClientSide {
		mask = 0x9a3c11f7
		applyMask(b[maxHeaderBytes:], mask)
	}
	return b[putHeader(b, op, len(payload), from == ClientSide, mask):]
}

func TestFrame_RoundTrip(t *testing.T) {
	for _, side := range []Side{ServerSide, ClientSide} {
		for _, n := range []int{1, 7, 33, 125, 126, 127, 65535, 65536, 200_000} {
			payload := bytes.Repeat([]byte{0xA5, 1, 2}, n)[:n]
			stream := sealed(side, opBinary, payload)
			f := newFrameReader(bytes.NewReader(stream), side == ClientSide, 1<<20)
			op, got, err := nextFrame(f)
			if err != nil || op != opBinary || !bytes.Equal(got, payload) {
				t.Fatalf("side %d, %d bytes: got op %d, %d bytes, err %v", side, n, op, len(got), err)
			}
			if _, _, err := nextFrame(f); err != io.EOF {
				t.Fatalf("after the frame: got %v, want EOF", err)
			}
		}
	}
}

// nextFrame reads on until a frame is whole.
func nextFrame(f *frameReader) (op byte, payload []byte, err error) {
	for {
		op, payload, ok, err := f.poll()
		if ok || err != nil {
			return op, payload, err
		}
		if err := f.fill(); err != nil {
			return 0, nil, err
		}
	}
}

func TestFrame_Refused(t *testing.T) {
	masked := sealed(ClientSide, opBinary, []byte("hello"))
	with := func(at int, b byte) []byte {
		out := bytes.Clone(masked)
		out[at] = b
		return out
	}
	cases := []struct {
		name   string
		stream []byte
		code   CloseCode
		text   string
	}{
		{"reserved bit 1", with(0, 0xC2), CloseProtocol, "reserved bits 0x40"},
		{"reserved bit 3", with(0, 0x92), CloseProtocol, "reserved bits 0x10"},
		{"text", with(0, 0x81), CloseUnsupported, "text frame"},
		{"continuation", with(0, 0x80), CloseProtocol, "continuation"},
		{"not final", with(0, 0x02), CloseProtocol, "fragmented"},
		{"fragmented ping", with(0, 0x09), CloseProtocol, "fragmented"},
		{"unknown data opcode", with(0, 0x83), CloseProtocol, "unknown opcode 0x3"},
		{"unknown control opcode", with(0, 0x8B), CloseProtocol, "unknown opcode 0xb"},
		{"not masked", with(1, 5), CloseProtocol, "not masked"},
		{"long ping", []byte{0x89, 0xFE, 0, 200, 0, 0, 0, 0}, CloseProtocol, "control frame longer"},
		{"16 bits for 125", []byte{0x82, 0xFE, 0, 125, 0, 0, 0, 0}, CloseProtocol, "long form"},
		{"64 bits for 65535", []byte{0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0}, CloseProtocol, "longest form"},
		{"64 bits with the top bit", []byte{0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, CloseProtocol, "longest form"},
		{"over the limit", []byte{0x82, 0xFE, 0x10, 0x01, 0, 0, 0, 0}, CloseTooLarge, "frame of 4097 bytes, limit 4096"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := nextFrame(newFrameReader(bytes.NewReader(c.stream), true, 4096))
			var violation *protocolError
			if !errors.As(err, &violation) {
				t.Fatalf("got %v, want a violation", err)
			}
			if violation.code != c.code || !strings.Contains(violation.text, c.text) {
				t.Errorf("got code %d %q, want %d with %q", violation.code, violation.text, c.code, c.text)
			}
		})
	}
	t.Run("masked by the server", func(t *testing.T) {
		_, _, err := nextFrame(newFrameReader(bytes.NewReader(masked), false, 4096))
		if err == nil || !strings.Contains(err.Error(), "from the server is masked") {
			t.Errorf("got %v", err)
		}
	})
}

func TestFrame_CutAtEveryByte(t *testing.T) {
	stream := append(sealed(ClientSide, opBinary, bytes.Repeat([]byte("x"), 300)), sealed(ClientSide, opPing, []byte("p"))...)
	first := 300 + 8
	for cut := range len(stream) {
		f := newFrameReader(bytes.NewReader(stream[:cut]), true, 4096)
		frames := 0
		var err error
		for err == nil {
			if _, _, err = nextFrame(f); err == nil {
				frames++
			}
		}
		if err != io.EOF {
			t.Fatalf("cut at %d: got %v, want EOF", cut, err)
		}
		if want := cut / first; frames != want {
			t.Fatalf("cut at %d: got %d frames, want %d", cut, frames, want)
		}
		if whole := cut == 0 || cut == first; whole != (f.cut() == nil) {
			t.Fatalf("cut at %d: got %v", cut, f.cut())
		}
	}
}

func TestCloseBody(t *testing.T) {
	long := strings.Repeat("ä", 100)
	code, reason, err := parseCloseBody(closeBody(CloseHeartbeat, long))
	if err != nil || code != CloseHeartbeat || reason != long[:122] {
		t.Errorf("got %d, %d bytes, %v", code, len(reason), err)
	}
	if _, reason, err := parseCloseBody(closeBody(CloseNormal, "bad \xff text")); err != nil || reason != "bad " {
		t.Errorf("invalid text: got %q, %v", reason, err)
	}
	if code, _, err := parseCloseBody(nil); err != nil || code != closeNoStatus {
		t.Errorf("empty: got %d, %v", code, err)
	}
	for _, body := range []string{"\x03", "\x03\xe7", "\x03\xed", "\x03\xee", "\x03\xf7", "\x0b\x00", "\x13\x88", "\x03\xe8\xff"} {
		if _, _, err := parseCloseBody([]byte(body)); err == nil {
			t.Errorf("% x: accepted", body)
		}
	}
}

// FuzzFrames feeds a stream in pieces of every size: the frames that come out
// must not depend on where the stream was cut.
func FuzzFrames(f *testing.F) {
	two := append(sealed(ClientSide, opBinary, []byte("hello")), sealed(ClientSide, opClose, closeBody(CloseNormal, "bye"))...)
	f.Add(two, byte(1))
	f.Add(two[:9], byte(3))
	f.Add(sealed(ServerSide, opBinary, bytes.Repeat([]byte("y"), 130)), byte(7))
	f.Add([]byte{0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4}, byte(2))
	f.Fuzz(func(t *testing.T, stream []byte, piece byte) {
		whole, wholeErr := framesOf(newFrameReader(bytes.NewReader(stream), true, 1<<17))
		cut, cutErr := framesOf(newFrameReader(&piecewise{stream, int(piece)%64 + 1}, true, 1<<17))
		if wholeErr.Error() != cutErr.Error() || len(whole) != len(cut) {
			t.Fatalf("whole: %d frames, %v; in pieces of %d: %d frames, %v", len(whole), wholeErr, piece%64+1, len(cut), cutErr)
		}
		for i := range whole {
			if !bytes.Equal(whole[i], cut[i]) {
				t.Fatalf("frame %d differs", i)
			}
		}
	})
}

func framesOf(f *frameReader) (frames [][]byte, err error) {
	for {
		op, payload, err := nextFrame(f)
		if err != nil {
			return frames, err
		}
		frames = append(frames, append([]byte{op}, payload...))
	}
}

// piecewise is a reader that returns at most n bytes at a time.
type piecewise struct {
	b []byte
	n int
}

func (p *piecewise) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.n)], p.b)
	p.b = p.b[n:]
	return n, nil
}
