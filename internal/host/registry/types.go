package registry

import (
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Type is the type of an argument, a result or a field.
type Type struct {
	Kind    TypeKind
	Name    string // of a Record or an Object, as definition files call it
	Luau    string // of a Function or anything: its type, if that says more
	Item    *Type  // of a List or a Map
	Fields  []Param
	Frozen  bool     // of a result: the script cannot change it
	Choices []string // of a Text: what it may be; empty for anything
	AtLeast int      // of a List: items
	Range   *[2]float64
	Limit   string // that bounds a Text's or Bytes' length, a List's items, a Value's JSON form
	Doc     string // of a Record
}

// TypeKind is the kind of a Type.
type TypeKind uint8

const (
	KindAny      TypeKind = iota // anything, nil too
	KindValue                    // anything that can leave the script, nil too
	KindText                     // a string in UTF-8; numbers are taken as strings
	KindBytes                    // a string, a buffer or a Blob, of any bytes
	KindBuffer                   // a buffer
	KindBoolean                  //
	KindNumber                   // not NaN
	KindInteger                  // a number without fraction
	KindWide                     // what an I64 or a U64 can be made of
	KindTable                    // any table
	KindList                     // of items of one type
	KindMap                      // from strings to items of one type
	KindRecord                   // a table with known fields
	KindFunction                 // a function
	KindThread                   // a coroutine
	KindRunnable                 // a function or a coroutine
	KindObject                   // a userdata of the type with that name
)

// The plain types.
var (
	Any      = Type{Kind: KindAny}
	Value    = Type{Kind: KindValue}
	Text     = Type{Kind: KindText}
	Bytes    = Type{Kind: KindBytes}
	Buffer   = Type{Kind: KindBuffer}
	Boolean  = Type{Kind: KindBoolean}
	Number   = Type{Kind: KindNumber}
	Integer  = Type{Kind: KindInteger}
	Wide     = Type{Kind: KindWide}
	Table    = Type{Kind: KindTable}
	Func     = Type{Kind: KindFunction}
	Thread   = Type{Kind: KindThread}
	Runnable = Type{Kind: KindRunnable}
)

// ListOf is a list of items of one type.
func ListOf(item Type) Type { return Type{Kind: KindList, Item: &item} }

// MapOf is a table from strings to items of one type.
func MapOf(item Type) Type { return Type{Kind: KindMap, Item: &item} }

// RecordOf is a table with those fields and no others.
func RecordOf(name, doc string, fields ...Param) Type {
	return Type{Kind: KindRecord, Name: name, Doc: doc, Fields: fields}
}

// ObjectOf is a userdata of the type with that name.
func ObjectOf(name string) Type { return Type{Kind: KindObject, Name: name} }

// OneOf is one of those strings.
func OneOf(choices ...string) Type { return Type{Kind: KindText, Choices: choices} }

// AtMost bounds a length by the limit of that name.
func (t Type) AtMost(limit string) Type {
	t.Limit = limit
	return t
}

// NotEmpty asks for at least one item.
func (t Type) NotEmpty() Type {
	t.AtLeast = 1
	return t
}

// Between bounds a number.
func (t Type) Between(low, high float64) Type {
	t.Range = &[2]float64{low, high}
	return t
}

// Freeze makes a result one that scripts cannot change.
func (t Type) Freeze() Type {
	t.Frozen = true
	return t
}

// String is the type in Luau.
func (t Type) String() string {
	switch t.Kind {
	case KindText:
		if len(t.Choices) > 0 {
			return `"` + strings.Join(t.Choices, `" | "`) + `"`
		}
		return "string"
	case KindBytes:
		return "string | buffer | Blob"
	case KindBuffer:
		return "buffer"
	case KindBoolean:
		return "boolean"
	case KindNumber, KindInteger:
		return "number"
	case KindWide:
		return "number | string | I64 | U64"
	case KindTable:
		return "{ [any]: any }"
	case KindList:
		return "{" + t.Item.String() + "}"
	case KindMap:
		return "{ [string]: " + t.Item.String() + " }"
	case KindRecord, KindObject:
		return t.Name
	case KindFunction:
		if t.Luau != "" {
			return t.Luau
		}
		return "(...any) -> ...any"
	case KindThread:
		return "thread"
	case KindRunnable:
		return "thread | ((...any) -> ...any)"
	}
	if t.Luau != "" {
		return t.Luau
	}
	return "any"
}

// Words is what errors call the type: "a string", "a list of strings".
func (t Type) Words() string {
	switch t.Kind {
	case KindText:
		if len(t.Choices) > 0 {
			return `"` + strings.Join(t.Choices, `" or "`) + `"`
		}
		return "a string"
	case KindBytes:
		return "a string, a buffer or a Blob"
	case KindBuffer:
		return "a buffer"
	case KindBoolean:
		return "a boolean"
	case KindNumber:
		return "a number"
	case KindInteger:
		return "a whole number"
	case KindWide:
		return "a whole number, a decimal string, an I64 or a U64"
	case KindTable, KindMap, KindRecord:
		return "a table"
	case KindList:
		return "a list of " + t.Item.plural()
	case KindFunction:
		return "a function"
	case KindThread:
		return "a thread"
	case KindRunnable:
		return "a function or a thread"
	case KindObject:
		return "a " + t.Name
	}
	return "a value"
}

func (t Type) plural() string {
	switch t.Kind {
	case KindText:
		return "strings"
	case KindNumber, KindInteger, KindWide:
		return "numbers"
	case KindRecord, KindMap, KindTable:
		return "tables"
	}
	return "values"
}

// Crosses tells whether values of the type can leave the script, and so be
// arguments of operations.
func (t Type) Crosses() bool {
	switch t.Kind {
	case KindAny, KindWide, KindTable, KindFunction, KindThread, KindRunnable:
		return false
	case KindObject:
		_, ok := crossing[t.Name]
		return ok
	}
	return true
}

// crossing says what the objects that can leave a script become.
var crossing = map[string]khronos.Kind{
	"DateTime": khronos.KindTimestamptz, "TimeDelta": khronos.KindInterval, "Timezone": khronos.KindTimeZone,
	"I64": khronos.KindInteger, "U64": khronos.KindUnsigned, "Lazy": khronos.KindLazyStringMap, "Blob": khronos.KindBuffer,
}

func (t Type) limitNames(add func(string)) {
	add(t.Limit)
	if t.Item != nil {
		t.Item.limitNames(add)
	}
	for _, f := range t.Fields {
		f.Type.limitNames(add)
	}
}
