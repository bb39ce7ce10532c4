package strpack

import (
	"bytes"
	"testing"
)

func TestReader(t *testing.T) {
	total, r := 0, NewReader("<!4 b i4 >h !2 Xd d z s2 c3")
	want := []Option{
		{Int, 1, 0, true}, {Int, 4, 3, true}, {Int, 2, 0, false}, {Align, 0, 0, false},
		{Float, 8, 0, false}, {Zero, 0, 0, false}, {String, 2, 0, false}, {Char, 3, 0, false},
	}
	for r.More() {
		o, err := r.Next(total)
		if err != nil {
			t.Fatal(err)
		}
		total += o.Before + o.Size
		if o.Kind == Nothing {
			continue
		}
		if len(want) == 0 || o != want[0] {
			t.Fatalf("got %+v, want the first of %+v", o, want)
		}
		want = want[1:]
	}
	if len(want) > 0 || total != 1+3+4+2+8+2+3 {
		t.Fatalf("%d bytes, options not seen: %+v", total, want)
	}
}

func TestReader_Errors(t *testing.T) {
	for f, want := range map[string]string{
		"i0": "integral size (0) out of limits [1,16]", "I17": "integral size (17) out of limits [1,16]",
		"c": "missing size for format option 'c'", "c99999999999": "size specifier is too large",
		"y": "invalid format option 'y'", "X": "invalid next option for option 'X'", "Xc1": "invalid next option for option 'X'",
		"!4i3": "format asks for alignment not power of 2",
	} {
		var err error
		for r := NewReader(f); err == nil && r.More(); {
			_, err = r.Next(0)
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", f, err, want)
		}
	}
}

func TestInt_RoundTrip(t *testing.T) {
	for size := 1; size <= 16; size++ {
		for _, little := range []bool{true, false} {
			for _, v := range []int64{0, 1, -1, 127, -128} {
				fill := byte(0)
				if v < 0 {
					fill = 0xff
				}
				b := AppendInt(nil, uint64(v), size, little, fill)
				if got, err := ReadInt(string(b), little, true); got != v || err != nil {
					t.Errorf("%d in %d bytes: got %d, %v from % x", v, size, got, err, b)
				}
			}
		}
	}
	if got := AppendInt(nil, 0x0102, 3, false, 0); !bytes.Equal(got, []byte{0, 1, 2}) {
		t.Errorf("big endian: % x", got)
	}
	if _, err := ReadInt("\x00\x00\x00\x00\x00\x00\x00\x00\x01", true, false); err == nil {
		t.Error("an integer of nine bytes fits into eight")
	}
}

// FuzzReader checks that formats of any kind end or fail.
func FuzzReader(f *testing.F) {
	f.Add("<!4 b i4 Xd z s2 c3")
	f.Fuzz(func(t *testing.T, format string) {
		total := 0
		for r := NewReader(format); r.More(); {
			o, err := r.Next(total)
			if err != nil {
				return
			}
			if o.Before < 0 || o.Before > 16 || o.Size < 0 || o.Size > maxSize {
				t.Fatalf("%q: %+v", format, o)
			}
			total = min(total+o.Before+o.Size, maxSize)
		}
	})
}
