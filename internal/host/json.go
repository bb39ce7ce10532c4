package host

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// null is the value that stands for JSON's null. It is shared by all VMs.
var null = luau.SharedUserdata(&luau.UserType{
	Name:     "null",
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "null", nil },
}, nil).Value()

func isNull(v luau.Value) bool {
	return v.Kind() == luau.KindUserdata && v.AsUserdata() == null.AsUserdata()
}

// jsonDepth is how deep JSON text may nest, either way.
const jsonDepth = khronos.MaxJSONDepth

// fromJSONString is json.fromjsonstring(text) -> value. A byte costs half a unit of fuel.
func fromJSONString(c *luau.Call) error {
	text := bytesOf(c.Arg(0))
	if err := c.Charge(int64(len(text)) / 2); err != nil {
		return err
	}
	in := inward{vm: c.VM(), plain: true, null: null}
	defer in.release()
	err := khronos.WalkJSON(text, jsonDepth, &in)
	if err != nil {
		return jsonFault(err)
	}
	return c.Return1(in.root)
}

// jsonFault is the error of reading JSON: a limit of the machine stays one.
func jsonFault(err error) error {
	var limit *luau.LimitError
	if errors.As(err, &limit) {
		return limit
	}
	return unfitf("%v", err)
}

// toJSONString is json.tojsonstring(value, pretty?) -> string.
func toJSONString(c *luau.Call) error {
	w := jsonWriter{output: output{c: c}, pretty: c.Arg(1).Truthy()}
	if err := w.value(c.Arg(0)); err != nil {
		return err
	}
	return w.give()
}

// jsonWriter writes one value.
type jsonWriter struct {
	output
	pretty bool
	path   []luau.Value
	open   []*luau.Table
}

func (w *jsonWriter) refuse(format string, args ...any) error {
	o := outward{vm: w.c.VM(), root: "value", path: w.path}
	return unfitf("%s: %s", o.place(), fmt.Sprintf(format, args...))
}

func (w *jsonWriter) value(v luau.Value) error {
	if err := w.c.Charge(15); err != nil {
		return err
	}
	switch v.Kind() {
	case luau.KindNil:
		return w.text("null")
	case luau.KindBoolean:
		return w.text(strconv.FormatBool(v.AsBool()))
	case luau.KindNumber:
		return w.text(jsonNumber(v.AsNumber()))
	case luau.KindInteger:
		return w.text(strconv.FormatInt(v.AsInteger(), 10))
	case luau.KindString:
		return w.str(v.AsString().Str())
	case luau.KindTable:
		return w.table(v.AsTable())
	}
	switch {
	case isNull(v):
		return w.text("null")
	case isWide(v):
		return w.text(fmt.Sprint(v.AsUserdata().Data()))
	}
	return w.refuse("%s has no JSON form", withArticle(w.c.VM().TypeName(v)))
}

// jsonNumber writes whole numbers without fraction, as far as they are exact.
func jsonNumber(f float64) string {
	switch {
	case math.IsNaN(f), math.IsInf(f, 0):
		return "null"
	case f == math.Trunc(f) && math.Abs(f) < 1<<63 && !(f == 0 && math.Signbit(f)):
		return strconv.FormatInt(int64(f), 10)
	}
	layout := byte('f')
	if size := math.Abs(f); f != 0 && (size < 1e-6 || size >= 1e21) {
		layout = 'e'
	}
	return strconv.FormatFloat(f, layout, -1, 64)
}

// str writes a string; control characters, quotes and backslashes are escaped.
func (w *jsonWriter) str(s string) error {
	if !utf8.ValidString(s) {
		return w.refuse("the string is not UTF-8")
	}
	if err := w.room(len(s) + 2); err != nil {
		return err
	}
	w.out = append(w.out, '"')
	from := 0
	for i := range len(s) {
		if s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' {
			continue
		}
		w.out = append(w.out, s[from:i]...)
		if err := w.room(len(s) - i + 7); err != nil {
			return err
		}
		w.out = appendEscape(w.out, s[i])
		from = i + 1
	}
	w.out = append(append(w.out, s[from:]...), '"')
	return w.c.Charge(1 + int64(len(s))/4)
}

func appendEscape(b []byte, c byte) []byte {
	if i := strings.IndexByte("\"\\\b\f\n\r\t", c); i >= 0 {
		return append(b, '\\', `"\bfnrt`[i])
	}
	return fmt.Appendf(b, `\u%04x`, c)
}

// skips tells whether v is a table that is being written already.
func (w *jsonWriter) skips(v luau.Value) bool {
	return v.Kind() == luau.KindTable && slices.Contains(w.open, v.AsTable())
}

func (w *jsonWriter) table(t *luau.Table) error {
	if len(w.open) >= jsonDepth {
		return w.refuse("nested more than %d deep", jsonDepth)
	}
	w.open = append(w.open, t)
	var err error
	if n, ok, broke := w.length(t); broke != nil {
		err = broke
	} else if ok {
		err = w.array(t, n)
	} else {
		err = w.object(t)
	}
	w.open = w.open[:len(w.open)-1]
	return err
}

// length tells whether t is an array, and of how many items.
func (w *jsonWriter) length(t *luau.Table) (n int, ok bool, err error) {
	if t.Meta() == arrayMeta {
		return t.Len(), true, nil
	}
	count, largest := 0, 0.0
	for next, k, _, more := t.NextIndex(0); more; next, k, _, more = t.NextIndex(next) {
		if count++; count%64 == 0 {
			if err := w.c.Charge(16); err != nil {
				return 0, false, err
			}
		}
		if !k.IsNumber() || k.AsNumber() < 1 || k.AsNumber() != math.Trunc(k.AsNumber()) || k.AsNumber() > 1<<31 {
			return 0, false, nil
		}
		largest = max(largest, k.AsNumber())
	}
	n = int(largest)
	return n, n < 10 || n <= 2*count, nil
}

func (w *jsonWriter) array(t *luau.Table, n int) error {
	if n == 0 {
		return w.text("[]")
	}
	for i := 1; i <= n; i++ {
		if err := w.separate(i == 1, "["); err != nil {
			return err
		}
		v := t.GetInt(i)
		if w.skips(v) {
			v = luau.Nil
		}
		if err := w.under(luau.Number(float64(i)), v); err != nil {
			return err
		}
	}
	return w.close("]")
}

// under writes what lies under a key of the innermost table.
func (w *jsonWriter) under(key, v luau.Value) error {
	w.path = append(w.path, key)
	err := w.value(v)
	w.path = w.path[:len(w.path)-1]
	return err
}

// entry is a key of an object as text, and the key itself.
type entry struct {
	name string
	key  luau.Value
}

const entryBytes = 32

func (w *jsonWriter) object(t *luau.Table) error {
	entries, err := w.entries(t)
	if err != nil {
		return err
	}
	defer w.c.Free(int64(cap(entries)) * entryBytes)
	if len(entries) == 0 {
		return w.text("{}")
	}
	for i, e := range entries {
		if err := w.separate(i == 0, "{"); err != nil {
			return err
		}
		if err := w.str(e.name); err != nil {
			return err
		}
		colon := ":"
		if w.pretty {
			colon = ": "
		}
		if err := w.text(colon); err != nil {
			return err
		}
		if err := w.under(e.key, t.Get(e.key)); err != nil {
			return err
		}
	}
	return w.close("}")
}

// entries gives the keys of an object, sorted. All are numbers or all are strings.
func (w *jsonWriter) entries(t *luau.Table) ([]entry, error) {
	n := 0
	strs := 0
	for next, k, _, ok := t.NextIndex(0); ok; next, k, _, ok = t.NextIndex(next) {
		n++
		if k.Kind() == luau.KindString {
			strs++
		}
	}
	if err := w.c.Charge(int64(n)); err != nil {
		return nil, err
	}
	if err := w.c.Alloc(int64(n) * entryBytes); err != nil {
		return nil, err
	}
	list := make([]entry, 0, n)
	for next, k, v, ok := t.NextIndex(0); ok; next, k, v, ok = t.NextIndex(next) {
		switch {
		case w.skips(v):
		case k.Kind() == luau.KindString:
			list = append(list, entry{k.AsString().Str(), k})
		case strs == 0 && k.IsNumber():
			list = append(list, entry{luau.NumberString(k.AsNumber()), k})
		default:
			return nil, w.refuse("it has strings and %ss as keys, or keys that JSON does not have", w.c.VM().TypeName(k))
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return list, w.c.Charge(int64(n) * 10)
}

// separate writes what stands before an item: the opening bracket or a comma.
func (w *jsonWriter) separate(first bool, open string) error {
	if !first {
		open = ","
	}
	if err := w.text(open); err != nil {
		return err
	}
	return w.line(len(w.open))
}

func (w *jsonWriter) close(bracket string) error {
	if err := w.line(len(w.open) - 1); err != nil {
		return err
	}
	return w.text(bracket)
}

// line begins a line at that depth when the text is for people.
func (w *jsonWriter) line(depth int) error {
	if !w.pretty {
		return nil
	}
	return w.text("\n" + strings.Repeat("  ", depth))
}
