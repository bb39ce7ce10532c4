package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSession(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		args     []string
		code     int
		out, err string // all that is printed, and a part of the errors
	}{
		{"expressions", "1 + 1\n'a', nil, {} ~= nil\n", nil, 0, "2\na\tnil\ttrue\n", ""},
		{"statements", "x = 4\nlocal y = 5\nx\ny\nprint(x)\n", nil, 0, "4\nnil\n4\n", ""},
		{"metamethods", "setmetatable({}, {__tostring = function() return 'text' end})\n", nil, 0, "text\n", ""},
		{"more lines", "function f(a)\n  return a * 2\nend\nf(\n4)\n", nil, 0, "8\n", ""},
		{"a long string", "s = [[a\nb]]\n#s\n", nil, 0, "3\n", ""},
		{"an error", "local x\nfunction f()\n error('no')\nend\nf()\n1\n", nil, 1, "1\n", "stdin:2: no\nstacktrace:\nstdin:2"},
		{"bad source", "x = = 2\n3\n", nil, 1, "3\n", "stdin:1:"},
		{"an end too soon", "function f(\n", nil, 1, "", "<eof>"},
		{"no line end", "7", nil, 0, "7\n", ""},
		{"a yield", "coroutine.yield()\n", nil, 1, "", "yielded"},
		{"fuel for each input", "while true do end\nfor i = 1, 500 do end\n6\n", []string{"--fuel", "3000"}, 1, "6\n", "cpu limit"},
		{"memory", "x = 1\nt = {} while true do t[#t + 1] = {} end\nx\n", []string{"--memory", "50000"}, 1, "nil\n", "gone with the memory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, err bytes.Buffer
			if code := run(tt.args, strings.NewReader(tt.in), &out, &err); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if out.String() != tt.out || !strings.Contains(err.String(), tt.err) || tt.err == "" && err.Len() > 0 {
				t.Errorf("got output %q and errors %q, want %q and %q", out.String(), err.String(), tt.out, tt.err)
			}
		})
	}
}

// An interrupt ends the chunk that runs, and the session goes on.
func TestSession_Interrupt(t *testing.T) {
	in, typed := io.Pipe()
	var out, errs bytes.Buffer
	done := make(chan int)
	started := &waiting{Writer: &out, text: "go", seen: make(chan struct{})}
	s := newSession(limits{}, in, started, &errs)
	go func() { done <- s.serve() }()
	if _, err := io.WriteString(typed, "print('go') while true do print('go') end\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-started.seen:
	case <-time.After(time.Minute):
		t.Fatal("nothing runs")
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(typed, "'on'\n"); err != nil {
		t.Fatal(err)
	}
	if err := typed.Close(); err != nil {
		t.Fatal(err)
	}
	if code := <-done; code != exitFailed || !strings.HasSuffix(out.String(), "\non\n") || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("exit code %d, errors %q", code, errs.String())
	}
}

// waiting tells when a text is written.
type waiting struct {
	io.Writer
	text string
	seen chan struct{}
	told bool
}

func (w *waiting) Write(b []byte) (int, error) {
	if !w.told && bytes.Contains(b, []byte(w.text)) {
		w.told = true
		close(w.seen)
	}
	return w.Writer.Write(b)
}
