package luautest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/template-worker/template-worker/luau"
)

// RunScripts runs each file that matches the pattern as a subtest, on machines of the base.
//
// A file consists of sections, each a script of its own, with lines of three
// dashes between them. Expectations are comments:
//
//	print(1 + 1)           --> =2          exactly the next line of output
//	print({})              --> ~^table: 0x the next line of output matches the expression
//	error("no")            --! no          the script ends here with an error that contains the text
//	local x =              --! Expected    so does one that can not be compiled
//
// A statement that prints more than one line has the further expectations on the
// lines below. A section whose first line is
//
//	-- limits: fuel=10000 memory=100000 object=5000
//
// runs with these limits; running into one ends it like an error, on any line.
// All output must be expected.
func RunScripts(t *testing.T, base *luau.Base, pattern string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no script tests match %s (%v)", pattern, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range CheckScript(base, filepath.Base(file), string(src)) {
				t.Error(problem)
			}
		})
	}
}

// CheckScript runs the sections of one script test and gives what went otherwise than expected.
func CheckScript(base *luau.Base, name, src string) (problems []string) {
	line := 1
	for _, text := range strings.SplitAfter(src, "\n---\n") {
		s, err := readSection(strings.TrimSuffix(text, "---\n"), line)
		if err != nil {
			return append(problems, fmt.Sprintf("%s:%v", name, err))
		}
		line += strings.Count(text, "\n")
		for _, p := range s.run(base, name) {
			problems = append(problems, name+":"+p)
		}
	}
	return problems
}

// expectation is one comment.
type expectation struct {
	line  int
	text  string
	match *regexp.Regexp // instead of text
}

func (e *expectation) accepts(got string) bool {
	if e.match != nil {
		return e.match.MatchString(got)
	}
	return got == e.text
}

// section is one script with what it must print and how it must end.
type section struct {
	first  int // its first line in the file
	src    string
	prints []expectation
	fails  *expectation // nil: it must not
	fuel   int64        // limits; 0 for none
	memory int64
	object int64
}

func readSection(src string, first int) (*section, error) {
	s := &section{first: first, src: src}
	for i, text := range strings.Split(src, "\n") {
		line := first + i
		if limits, ok := strings.CutPrefix(text, "-- limits:"); ok && i == 0 {
			if err := s.limits(limits); err != nil {
				return nil, fmt.Errorf("%d: %w", line, err)
			}
		}
		if _, want, ok := cutLast(text, "--> "); ok {
			e, err := readExpectation(line, want)
			if err != nil {
				return nil, fmt.Errorf("%d: %w", line, err)
			}
			s.prints = append(s.prints, e)
		}
		if _, want, ok := cutLast(text, "--! "); ok {
			s.fails = &expectation{line: line, text: strings.TrimSpace(want)}
		}
	}
	return s, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func readExpectation(line int, want string) (expectation, error) {
	e := expectation{line: line}
	switch {
	case strings.HasPrefix(want, "="):
		e.text = want[1:]
		return e, nil
	case strings.HasPrefix(want, "~"):
		re, err := regexp.Compile(want[1:])
		e.match, e.text = re, want
		return e, err
	}
	return e, fmt.Errorf("an expectation begins with = or ~: %q", want)
}

func (s *section) limits(text string) error {
	for _, f := range strings.Fields(text) {
		name, value, _ := strings.Cut(f, "=")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Errorf("limit %s: %w", f, err)
		}
		switch name {
		case "fuel":
			s.fuel = n
		case "memory":
			s.memory = n
		case "object":
			s.object = n
		default:
			return fmt.Errorf("unknown limit %q", name)
		}
	}
	return nil
}

// scriptTime is how long a section may take at most, by the clock.
const scriptTime = 30 * time.Second

// run runs the section and gives the problems, each beginning with a line number.
func (s *section) run(base *luau.Base, name string) (problems []string) {
	var out []string
	err := s.execute(base, name, func(line string) { out = append(out, strings.Split(line, "\n")...) })
	for i, want := range s.prints {
		switch {
		case i >= len(out):
			return append(problems, fmt.Sprintf("%d: no output, want %q (the script ended with %v)", want.line, want.text, err))
		case !want.accepts(out[i]):
			problems = append(problems, fmt.Sprintf("%d: got %q, want %q", want.line, out[i], want.text))
		}
	}
	for _, extra := range out[min(len(out), len(s.prints)):] {
		problems = append(problems, fmt.Sprintf("%d: unexpected output %q", s.first, extra))
	}
	return append(problems, s.judge(err)...)
}

// judge compares how the section ended with what was expected.
func (s *section) judge(err error) []string {
	var script *luau.ScriptError
	var syntax *luau.SyntaxError
	line, text := 0, ""
	switch {
	case errors.As(err, &script):
		line, text = script.Line, script.Msg
	case errors.As(err, &syntax):
		line, text = int(syntax.Pos.Line), syntax.Msg
	case err != nil:
		text = err.Error()
	}
	switch {
	case s.fails == nil && err == nil:
		return nil
	case s.fails == nil:
		return []string{fmt.Sprintf("%d: unexpected error: %s", line+s.first-1, text)}
	case err == nil:
		return []string{fmt.Sprintf("%d: no error, want %q", s.fails.line, s.fails.text)}
	case !strings.Contains(text, s.fails.text):
		return []string{fmt.Sprintf("%d: got error %q, want %q", s.fails.line, text, s.fails.text)}
	case line != 0 && line+s.first-1 != s.fails.line:
		return []string{fmt.Sprintf("%d: the error is on line %d: %s", s.fails.line, line+s.first-1, text)}
	}
	return nil
}

func (s *section) execute(base *luau.Base, name string, print func(string)) error {
	code, err := luau.Compile("="+name, []byte(s.src))
	if err != nil {
		return err
	}
	vm := luau.NewVM(base, luau.Config{
		Account: luau.NewAccount(s.memory), MaxObjectBytes: s.object, OnPrint: print,
	})
	defer vm.Close()
	fn, err := vm.NewFunction(luau.Load(base, code), nil)
	if err != nil {
		return err
	}
	co, err := vm.NewThread(fn)
	if err != nil {
		return err
	}
	if s.fuel > 0 {
		vm.SetFuel(s.fuel)
	}
	vm.SetSlice(sliceFuel)
	for deadline := time.Now().Add(scriptTime); ; {
		st, err := vm.Resume(co)
		switch {
		case err != nil:
			return err
		case st == luau.StatusDone:
			return nil
		case st != luau.StatusSliced:
			return fmt.Errorf("ended with status %d", st)
		case time.Now().After(deadline):
			return errors.New("takes too long")
		}
	}
}
