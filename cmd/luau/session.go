package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"

	"github.com/template-worker/template-worker/luau"
)

// session reads chunks and runs each on one machine, which lasts until it is out
// of memory: globals stay, locals are their chunk's.
type session struct {
	limits limits
	in     *bufio.Scanner
	out    *bufio.Writer
	errs   io.Writer
	prompt bool // somebody looks
	vm     *luau.VM

	// mu guards the fields below.
	mu      sync.Mutex
	running *luau.VM
	pressed bool // an interrupt has been handed to it
}

func newSession(l limits, stdin io.Reader, stdout, stderr io.Writer) *session {
	s := &session{limits: l, in: bufio.NewScanner(stdin), out: bufio.NewWriter(stdout), errs: stderr, prompt: isTerminal(stdin)}
	s.in.Buffer(nil, maxInput)
	return s
}

// maxInput bounds a line of input in bytes.
const maxInput = 1 << 20

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// serve runs until the input ends.
func (s *session) serve() int {
	presses := make(chan os.Signal, 1)
	signal.Notify(presses, os.Interrupt)
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-presses:
				s.interrupt()
			case <-done:
				return
			}
		}
	})
	defer watch.Wait()
	defer close(done)
	defer signal.Stop(presses)

	s.renew()
	defer func() { s.vm.Close() }()
	failed := false
	for text := ""; ; {
		s.ask(text)
		if !s.in.Scan() {
			if text != "" {
				failed = s.report(s.run(text)) || failed // as far as it got: the error says what is missing
			}
			break
		}
		text += s.in.Text() + "\n"
		if incomplete(text) {
			continue
		}
		failed = s.report(s.run(text)) || failed
		text = ""
	}
	err := errors.Join(s.in.Err(), s.out.Flush())
	s.report(err)
	if err != nil || failed && !s.prompt {
		return exitFailed
	}
	return exitDone
}

// interrupt ends the chunk that runs, if one does.
func (s *session) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil && !s.pressed {
		s.pressed = true
		s.running.Kill(luau.LimitCancelled, "interrupted")
	}
}

// ask shows that input is waited for, behind what there is of it.
func (s *session) ask(before string) {
	switch {
	case !s.prompt:
	case before == "":
		fmt.Fprint(s.out, "> ")
	default:
		fmt.Fprint(s.out, ">> ")
	}
	_ = s.out.Flush() // the last one reports what failed
}

// renew makes the machine.
func (s *session) renew() {
	s.vm = luau.NewVM(base(), luau.Config{
		Account: luau.NewAccount(s.limits.memory),
		Host:    &modules{dir: ".", loaded: map[string]luau.Ref{}},
		OnPrint: func(line string) { _, _ = s.out.WriteString(line + "\n") },
	})
}

// incomplete tells whether more lines could make a chunk of the text.
func incomplete(text string) bool {
	if _, err := luau.Compile("=stdin", []byte("return "+text)); err == nil {
		return false
	}
	msg := firstError(text)
	if strings.Contains(msg, "<eof>") {
		return true
	}
	for level := range maxLevel { // a long string or comment that is open
		if end := "]" + strings.Repeat("=", level) + "]"; msg != "" && msg != firstError(text+end) {
			return true
		}
	}
	return false
}

// maxLevel bounds the signs of equality in long brackets that go over several lines of a session.
const maxLevel = 5

// firstError gives the first error of a text without its place, "" if there is none.
func firstError(text string) string {
	_, err := luau.Compile("=stdin", []byte(text))
	var syntax *luau.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Msg
	}
	return ""
}

// run runs a text, as an expression if it is one, and prints what it gives.
func (s *session) run(text string) error {
	code, err := luau.Compile("=stdin", []byte("return "+text))
	if err != nil {
		if code, err = luau.Compile("=stdin", []byte(text)); err != nil {
			return err
		}
	}
	fn, err := s.vm.NewFunction(luau.Load(s.vm.Base(), code), nil)
	if err != nil {
		return err
	}
	s.vm.SetFuel(unlimited(s.limits.fuel))
	values, err := s.call(fn)
	if err != nil || len(values) == 0 {
		return err
	}
	_, err = s.call(s.vm.Base().Globals().GetStr(luau.Const("print").AsString()), values...)
	return err
}

// unlimited makes a limit of fuel what the machine takes for none.
func unlimited(fuel int64) int64 {
	if fuel <= 0 {
		return -1
	}
	return fuel
}

// call runs a function to its end; an interrupt ends it.
func (s *session) call(fn luau.Value, args ...luau.Value) ([]luau.Value, error) {
	co, err := s.vm.NewThread(fn, args...)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.running, s.pressed = s.vm, false
	s.mu.Unlock()
	err = finish(s.vm, co)
	s.mu.Lock()
	late := s.pressed && err == nil
	s.running = nil
	s.mu.Unlock()
	if late { // the order came when all was done, and would meet the next chunk
		err = s.absorb()
	}
	return co.Results(), err
}

// absorb lets an order to stop strike that nothing is left for.
func (s *session) absorb() error {
	code, err := luau.Compile("=stdin", []byte("while true do end"))
	if err != nil {
		return err
	}
	fn, err := s.vm.NewFunction(luau.Load(s.vm.Base(), code), nil)
	if err != nil {
		return err
	}
	co, err := s.vm.NewThread(fn)
	if err != nil {
		return err
	}
	return finish(s.vm, co)
}

// report writes an error, if there is one, and tells so. A machine without memory is replaced.
func (s *session) report(err error) bool {
	if err == nil {
		return false
	}
	_ = s.out.Flush()
	writeError(s.errs, err)
	var limit *luau.LimitError
	if errors.As(err, &limit) && limit.Kind == luau.LimitMemory {
		fmt.Fprintln(s.errs, "luau: all globals are gone with the memory")
		s.vm.Close()
		s.renew()
	}
	return true
}
