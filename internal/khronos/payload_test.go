package khronos

import (
	"errors"
	"strings"
	"testing"
)

func TestParsePayload(t *testing.T) {
	tagged := func(v Value) string {
		p, err := ValuePayload(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(p.Bytes)
	}
	for _, c := range []struct {
		raw, format string
		want        Format
		bytes       string
	}{
		{``, "", FormatNone, ""},
		{``, "khronos", FormatNone, ""},
		{``, "json", FormatNone, ""},
		{`"Null"`, "", FormatValue, tagged(Null())},
		{` { "Null" : null } `, "", FormatValue, tagged(Null())},
		{`{"Integer":9007199254740993}`, "", FormatValue, tagged(Integer(9007199254740993))},
		{`{"List":[{"Text":"a"}]}`, "", FormatValue, tagged(List(Text("a")))},
		{`{"List":[{"Text":"a"}]}`, "khronos", FormatValue, tagged(List(Text("a")))},
		{`{"List":[{"Text":"a"}]}`, "json", FormatJSON, `{"List":[{"Text":"a"}]}`},
		{`null`, "", FormatJSON, `null`},
		{`"Text"`, "", FormatJSON, `"Text"`},
		{`"null"`, "", FormatJSON, `"null"`},
		{`"Null"`, "json", FormatJSON, `"Null"`},
		{`{}`, "", FormatJSON, `{}`},
		{`{"Text":5}`, "", FormatJSON, `{"Text":5}`},
		{`{"Text":"a","Integer":1}`, "", FormatJSON, `{"Text":"a","Integer":1}`},
		{`{"List":["a"]}`, "", FormatJSON, `{"List":["a"]}`},
		{`{"text":"a"}`, "", FormatJSON, `{"text":"a"}`},
		{` [1, 2] `, "", FormatJSON, ` [1, 2] `},
	} {
		p, err := ParsePayload([]byte(c.raw), c.format)
		if err != nil || p.Format != c.want || string(p.Bytes) != c.bytes {
			t.Errorf("%s as %q: got %d %q, %v", c.raw, c.format, p.Format, p.Bytes, err)
		}
	}
	for _, c := range []struct{ raw, format, want string }{
		{`{}`, "yaml", `data format "yaml"`},
		{`{}`, "khronos", "data: malformed"},
		{`null`, "khronos", "data: malformed"},
		{`{"Text":5}`, "khronos", "data: Text: malformed"},
		{`{"Float":1e999}`, "khronos", "data: Float: number is not finite"},
		{`{"Float":1e999}`, "", `data: ["Float"]: number is not finite`},
		{`{"a":`, "", "data: "},
		{`{"a":`, "json", "data: "},
		{strings.Repeat("[", 130) + strings.Repeat("]", 130), "", "nested too deeply"},
	} {
		p, err := ParsePayload([]byte(c.raw), c.format)
		if !errors.Is(err, &Error{Kind: ErrKindBadRequest}) || !strings.Contains(err.Error(), c.want) || p.Bytes != nil {
			t.Errorf("%s as %q: got %v, %v, want %s", c.raw, c.format, p, err, c.want)
		}
	}
}

func TestPayload_Value(t *testing.T) {
	jsonPayload, err := JSONPayload([]byte(`[1]`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		p    Payload
		want Value
	}{{Payload{}, Null()}, {jsonPayload, List(Integer(1))}, {Payload{FormatValue, []byte{0x91, 0x01}}, List(Integer(1))}} {
		if got, err := c.p.Value(); err != nil || !got.Equal(c.want) {
			t.Errorf("%v: got %v, %v", c.p, got, err)
		}
	}
	for _, p := range []Payload{{Format: 9}, {Format: FormatJSON}, {Format: FormatValue}, {FormatValue, []byte{0xc0, 0xc0}}} {
		if got, err := p.Value(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v: got %v, %v", p, got, err)
		}
	}
	if FormatNone != 0 || FormatJSON != 1 || FormatValue != 2 {
		t.Error("the numbers of formats have changed")
	}
}

// 128 arrays in each other pass; what is let in can be walked.
func TestJSONPayload_depth(t *testing.T) {
	deep := strings.Repeat("[", 128) + "1" + strings.Repeat("]", 128)
	p, err := JSONPayload([]byte(deep))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Value(); err != nil {
		t.Error(err)
	}
	if _, err := JSONPayload([]byte("[" + deep + "]")); !errors.Is(err, ErrDepth) {
		t.Errorf("got %v", err)
	}
}

func TestEvent_Validate(t *testing.T) {
	for _, e := range []Event{{Name: "MESSAGE"}, {Name: strings.Repeat("a", 100), Author: "1"}, {Name: "é @keym"}} {
		if err := e.Validate(); err != nil {
			t.Errorf("%v: %v", e, err)
		}
	}
	for _, e := range []Event{
		{}, {Name: strings.Repeat("a", 101)}, {Name: strings.Repeat("é", 51)}, {Name: "a\n"}, {Name: "\x00"}, {Name: "a\x7f"}, {Name: "a\u0085"}, {Name: "a\xff"},
		{Name: "a", Author: "0"}, {Name: "a", Author: "bob"}, {Name: "a", Author: " 1"},
	} {
		if err := e.Validate(); !errors.Is(err, &Error{Kind: ErrKindBadRequest}) {
			t.Errorf("%q by %q: got %v", e.Name, e.Author, err)
		}
	}
}

func FuzzParsePayload(f *testing.F) {
	for _, c := range jsonForms {
		f.Add([]byte(c.json))
	}
	f.Add([]byte(`{"Text":5}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePayload(b, "")
		if err != nil {
			return
		}
		if err := p.Walk(discard{}); err != nil {
			t.Fatalf("%q: let in as format %d, cannot be walked: %v", b, p.Format, err)
		}
		if _, err := ParseJSON(b, MaxDepth); (err == nil) != (p.Format == FormatValue) {
			t.Fatalf("%q: format %d, tagged form says %v", b, p.Format, err)
		}
	})
}
