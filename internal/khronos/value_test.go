package khronos

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// genText draws UTF-8, and now and then what JSON has to escape.
func genText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringN(0, 12, -1),
		rapid.StringOfN(rapid.RuneFrom([]rune("\"\\/\b\f\n\r\t\x00\x1f\x7f\u2028é😀\ufffd")), 0, 6, -1),
	).Filter(func(s string) bool { return validUTF8(s) == s })
}

func finiteFloat() *rapid.Generator[float64] { return rapid.Float64().Filter(finite) }

// genScalar draws a value that may be encoded and holds no other.
func genScalar() *rapid.Generator[Value] {
	f32 := rapid.Float32().Filter(func(f float32) bool { return finite(float64(f)) })
	return rapid.OneOf(
		rapid.Just(Null()),
		rapid.Map(genText(), Text),
		rapid.Map(rapid.Int64(), Integer),
		rapid.Map(rapid.Uint64(), Unsigned),
		rapid.Map(finiteFloat(), Float),
		rapid.Map(rapid.Bool(), Boolean),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 20), Buffer),
		rapid.Custom(func(t *rapid.T) Value { return Vector(f32.Draw(t, "x"), f32.Draw(t, "y"), f32.Draw(t, "z")) }),
		rapid.Custom(func(t *rapid.T) Value {
			sec := rapid.Int64Range(minTimestamp, maxTimestamp).Draw(t, "sec")
			unit := rapid.SampledFrom([]int64{1, 1e3, 1e6, 1e9}).Draw(t, "unit")
			return Timestamp(time.Unix(sec, rapid.Int64Range(0, 1e9/unit-1).Draw(t, "n")*unit))
		}),
		rapid.Custom(func(t *rapid.T) Value {
			return IntervalValue(Interval{rapid.Int64().Draw(t, "sec"), rapid.Uint32Max(1e9-1).Draw(t, "nanos")})
		}),
		rapid.Map(rapid.StringMatching(`[A-Za-z0-9/_+-]{1,64}`), TimeZone),
		rapid.Map(rapid.MapOfN(genText(), genText(), 0, 4), LazyStringMap),
	)
}

// genValue draws a value of at most the given depth.
func genValue(depth int) *rapid.Generator[Value] {
	if depth == 0 {
		return genScalar()
	}
	return rapid.Custom(func(t *rapid.T) Value {
		inner := genValue(depth - 1)
		switch rapid.IntRange(0, 3).Draw(t, "shape") {
		case 0:
			return List(rapid.SliceOfN(inner, 0, 4).Draw(t, "items")...)
		case 1:
			pair := rapid.Custom(func(t *rapid.T) Pair { return Pair{inner.Draw(t, "key"), inner.Draw(t, "value")} })
			return Map(rapid.SliceOfN(pair, 0, 3).Draw(t, "pairs")...)
		}
		return genScalar().Draw(t, "scalar")
	})
}

// nested returns a scalar inside n lists.
func nested(n int) Value {
	v := Text("deep")
	for range n {
		v = List(v)
	}
	return v
}

func TestValue_roundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := genValue(4).Draw(t, "v")

		tagged, err := v.AppendJSON([]byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseJSON(tagged[1:], MaxDepth)
		if err != nil || !got.Equal(v) {
			t.Fatalf("JSON %s: read %v, %v", tagged, got, err)
		}

		msg, err := v.AppendMsg([]byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := ReadMsg(append(msg[1:], "rest"...), MaxDepth)
		if err != nil || !got.Equal(v) || string(rest) != "rest" {
			t.Fatalf("MessagePack %x: read %v, %v", msg, got, err)
		}

		p, err := ValuePayload(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Value(); err != nil || !got.Equal(v) {
			t.Fatalf("payload: read %v, %v", got, err)
		}
	})
}

func TestValue_Equal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genValue(3).Draw(t, "a"), genValue(3).Draw(t, "b")
		if !a.Equal(a) || a.Equal(b) != b.Equal(a) {
			t.Fatal("not an equivalence")
		}
		// The MessagePack form is canonical: equal values, equal bytes.
		am, errA := a.AppendMsg(nil)
		bm, errB := b.AppendMsg(nil)
		if errA != nil || errB != nil || a.Equal(b) != (string(am) == string(bm)) {
			t.Fatalf("Equal is %v, bytes %x and %x", a.Equal(b), am, bm)
		}
	})
	unequal := []Value{
		Null(), Text(""), Text("a"), TimeZone("a"), Integer(0), Integer(1), Unsigned(1), Float(1), Float(0), Float(math.Copysign(0, -1)),
		Boolean(false), Boolean(true), Buffer(nil), Buffer([]byte{1}), Vector(0, 0, 0), Vector(1, 0, 0), Vector(0, 1, 0), Vector(0, 0, 1),
		Map(), Map(Pair{Text("a"), Null()}), Map(Pair{Text("a"), Text("a")}), List(), List(Null()), List(Null(), Null()), List(Text("a")),
		Timestamp(time.Unix(0, 0)), Timestamp(time.Unix(0, 1)), Timestamp(time.Unix(1, 0)), IntervalValue(Interval{0, 0}), IntervalValue(Interval{0, 1}),
		LazyStringMap(nil), LazyStringMap(map[string]string{"a": ""}), LazyStringMap(map[string]string{"a": "b"}), Float(math.NaN()),
	}
	for i := range unequal {
		for j := range unequal {
			if got := unequal[i].Equal(unequal[j]); got != (i == j) {
				t.Errorf("%v.Equal(%v): got %v", unequal[i], unequal[j], got)
			}
		}
	}
}

func TestValue_accessors(t *testing.T) {
	at := time.Date(2026, 2, 24, 1, 27, 16, 5e8, time.FixedZone("x", 3600))
	pairs := []Pair{{Text("k"), Integer(1)}, {Integer(2), Null()}, {Text("k"), Integer(3)}}
	lazy := map[string]string{"a": "b"}
	for _, c := range []struct {
		v    Value
		kind Kind
		len  int
	}{
		{Null(), KindNull, 0}, {Text("é"), KindText, 2}, {Integer(-5), KindInteger, 0}, {Unsigned(5), KindUnsigned, 0},
		{Float(1.5), KindFloat, 0}, {Boolean(true), KindBoolean, 0}, {Buffer([]byte{1, 2}), KindBuffer, 2}, {Vector(1, 2, 3), KindVector, 0},
		{Map(pairs...), KindMap, 3}, {List(Null()), KindList, 1}, {Timestamp(at), KindTimestamptz, 0},
		{IntervalValue(Interval{-1, 5e8}), KindInterval, 0}, {TimeZone("UTC"), KindTimeZone, 0}, {LazyStringMap(lazy), KindLazyStringMap, 1},
	} {
		v := c.v
		if v.Kind() != c.kind || v.Len() != c.len {
			t.Errorf("%s: kind %s, len %d", c.kind, v.Kind(), v.Len())
		}
		oks := map[Kind]bool{}
		_, oks[KindText] = v.AsText()
		_, oks[KindInteger] = v.AsInteger()
		_, oks[KindUnsigned] = v.AsUnsigned()
		_, oks[KindFloat] = v.AsFloat()
		_, oks[KindBoolean] = v.AsBoolean()
		_, oks[KindBuffer] = v.AsBuffer()
		_, oks[KindVector] = v.AsVector()
		_, oks[KindMap] = v.AsMap()
		_, oks[KindList] = v.AsList()
		_, oks[KindTimestamptz] = v.AsTimestamp()
		_, oks[KindInterval] = v.AsInterval()
		_, oks[KindTimeZone] = v.AsTimeZone()
		_, oks[KindLazyStringMap] = v.AsLazyStringMap()
		oks[KindNull] = v.IsNull()
		for kind, ok := range oks {
			if ok != (kind == c.kind) {
				t.Errorf("%s: accessor of %s says %v", c.kind, kind, ok)
			}
		}
		if s, _ := v.AsText(); v.Kind() != KindText && s != "" {
			t.Errorf("%s: AsText returns %q", c.kind, s)
		}
	}
	if got, _ := Timestamp(at).AsTimestamp(); !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("timestamp: got %v", got)
	}
	if got, _ := Vector(1, -2, 3).AsVector(); got != [3]float32{1, -2, 3} {
		t.Errorf("vector: got %v", got)
	}
	if got, ok := Map(pairs...).Get("k"); !ok || !got.Equal(Integer(3)) {
		t.Errorf("Get: got %v, %v", got, ok)
	}
	if _, ok := Map(pairs...).Get("2"); ok {
		t.Error("Get finds a key that is no Text")
	}
	l := List(Integer(1), Integer(2))
	if !l.Index(1).Equal(Integer(2)) || !l.Index(2).IsNull() || !l.Index(-1).IsNull() || !Text("x").Index(0).IsNull() {
		t.Error("Index is wrong")
	}
}

func TestValue_invalidUTF8(t *testing.T) {
	if got, _ := Text("a\xff\xfeb").AsText(); got != "a\ufffd\ufffdb" {
		t.Errorf("Text: got %q", got)
	}
	if got, _ := LazyStringMap(map[string]string{"\xff": "\xff"}).AsLazyStringMap(); got["\ufffd"] != "\ufffd" || len(got) != 1 {
		t.Errorf("LazyStringMap: got %q", got)
	}
}

func TestValue_Depth(t *testing.T) {
	for want, v := range []Value{Null(), List(Null()), Map(Pair{List(), Null()}, Pair{Null(), List(Null())})} {
		if got := v.Depth(); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	if got := nested(10).Depth(); got != 10 {
		t.Errorf("got %d", got)
	}
}

func TestKind_String(t *testing.T) {
	for k := range Kind(len(kindNames)) {
		if got, ok := kindByName([]byte(k.String())); !ok || got != k {
			t.Errorf("%s: got %s, %v", k, got, ok)
		}
	}
	if KindLazyStringMap != 13 || KindTimestamptz != 10 || len(kindNames) != 14 {
		t.Error("the numbers of kinds have changed")
	}
	if got := Kind(99).String(); got != "kind 99" {
		t.Errorf("got %q", got)
	}
}
