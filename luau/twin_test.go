package luau_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// twinServe makes the test binary a twin: it runs programs that come in on
// standard input and writes what came of them.
const twinServe = "LUAU_TEST_TWIN"

func TestMain(m *testing.M) {
	if os.Getenv(twinServe) != "" {
		serveTwin(os.Stdin, os.Stdout)
		return
	}
	os.Exit(m.Run())
}

// serveTwin answers until the input ends.
func serveTwin(in io.Reader, out io.Writer) {
	r := bufio.NewReader(in)
	for {
		var slice int64
		src, err := readText(r)
		if err == nil {
			err = binary.Read(r, binary.LittleEndian, &slice)
		}
		if err == nil {
			err = writeText(out, execute(src, slice).transcript())
		}
		if err != nil {
			return
		}
	}
}

func readText(r io.Reader) (string, error) {
	var n uint32
	if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
		return "", err
	}
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return string(b), err
}

func writeText(w io.Writer, s string) error {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(s)))
	_, err := w.Write(append(b, s...))
	return err
}

// twin is a process of the engine's other build.
type twin struct {
	in  io.Writer
	out *bufio.Reader
}

// startTwin builds the engine with the other form of memory access and starts it.
func startTwin(tb testing.TB) *twin {
	tb.Helper()
	bin := filepath.Join(tb.TempDir(), "twin")
	args := []string{"test", "-c", "-o", bin}
	if !checkedBuild {
		args = append(args, "-tags", "luau_checked")
	}
	if text, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		tb.Fatalf("build the twin: %v\n%s", err, text)
	}
	cmd := exec.Command(bin)
	cmd.Env = append(os.Environ(), twinServe+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close() // its sign to end
		if err := cmd.Wait(); err != nil {
			tb.Errorf("the twin: %v", err)
		}
	})
	return &twin{in, bufio.NewReader(out)}
}

// execute runs a program on the twin.
func (tw *twin) execute(t *testing.T, src string, slice int64) string {
	t.Helper()
	err := writeText(tw.in, src)
	if err == nil {
		err = binary.Write(tw.in, binary.LittleEndian, slice)
	}
	var text string
	if err == nil {
		text, err = readText(tw.out)
	}
	if err != nil {
		t.Fatal(fmt.Errorf("ask the twin: %w", err))
	}
	return text
}
