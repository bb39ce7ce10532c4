package khronos

import (
	"encoding/json"
)

// Format says how the bytes of a [Payload] are to be read. The numbers travel
// on the wire.
type Format uint8

const (
	FormatNone  Format = 0 // no data: a script sees nil
	FormatJSON  Format = 1 // plain JSON
	FormatValue Format = 2 // the MessagePack form of a Value
)

// Payload is the data of an event as it travels: checked where it came in, then
// carried as bytes, and decoded only inside the VM.
type Payload struct {
	Format Format
	Bytes  []byte
}

// JSONPayload returns raw, plain JSON, as a Payload that keeps it. Whatever it
// accepts, [WalkJSON] walks: it refuses what is not JSON, is deeper than
// [MaxJSONDepth] or has a number too large for a float.
func JSONPayload(raw []byte) (Payload, error) {
	if err := WalkJSON(raw, MaxJSONDepth, discard{}); err != nil {
		return Payload{}, err
	}
	return Payload{Format: FormatJSON, Bytes: raw}, nil
}

// ValuePayload returns v as a Payload. It refuses what [Value.AppendMsg]
// refuses, and a v deeper than [MaxDepth].
func ValuePayload(v Value) (Payload, error) {
	if v.Depth() > MaxDepth {
		return Payload{}, tooDeep(MaxDepth)
	}
	b, err := v.AppendMsg(nil)
	if err != nil {
		return Payload{}, err
	}
	return Payload{Format: FormatValue, Bytes: b}, nil
}

// ParsePayload reads the `data` member of an HTTP request.
//
// With format "json" raw is plain JSON; with "khronos" it is the tagged form of
// a Value. With "" it is the tagged form when it is exactly one tagged value,
// that is the string "Null" or an object whose only key is the name of a
// variant and whose content is right for it, and otherwise plain JSON. Empty
// raw is no data. The error is an *Error of kind bad_request.
func ParsePayload(raw json.RawMessage, format string) (Payload, error) {
	if format != "" && format != "json" && format != "khronos" {
		return Payload{}, Errorf(ErrKindBadRequest, "data format %s: want khronos or json", clip(format))
	}
	if len(raw) == 0 {
		return Payload{}, nil
	}
	if format == "khronos" || format == "" && looksTagged(raw) {
		v, err := ParseJSON(raw, MaxDepth)
		if err == nil {
			return asRequest(ValuePayload(v))
		}
		if format == "khronos" {
			return Payload{}, Errorf(ErrKindBadRequest, "data: %v", err)
		}
	}
	return asRequest(JSONPayload(raw))
}

func asRequest(p Payload, err error) (Payload, error) {
	if err != nil {
		return Payload{}, Errorf(ErrKindBadRequest, "data: %v", err)
	}
	return p, nil
}

// looksTagged reports whether raw begins like a tagged value, so that ordinary
// JSON is not parsed twice.
func looksTagged(raw []byte) bool {
	s := scanner{b: raw}
	c := s.next()
	if c == '{' {
		s.i++
		c = s.next()
	}
	if c != '"' {
		return false
	}
	name, err := s.text()
	if err != nil {
		return false
	}
	_, known := kindByName(name)
	return known
}

// Walk decodes p into to. No data is a Null. It takes values that are deeper than
// [ValuePayload] does: an event of the platform wraps a stored value.
func (p Payload) Walk(to Visitor) error {
	switch p.Format {
	case FormatNone:
		return to.Null()
	case FormatJSON:
		return WalkJSON(p.Bytes, MaxJSONDepth, to)
	case FormatValue:
		rest, err := WalkMsg(p.Bytes, MaxResultDepth, to)
		return nothingLeft(rest, err)
	}
	return malformedMsg("unknown payload format %d", p.Format)
}

// Value decodes p. Plain JSON becomes a Value by the rules of [FromPlainJSON].
func (p Payload) Value() (Value, error) {
	if p.Format == FormatValue {
		v, rest, err := ReadMsg(p.Bytes, MaxResultDepth)
		if err = nothingLeft(rest, err); err != nil {
			return Value{}, err
		}
		return v, nil
	}
	var build builder
	if err := p.Walk(&build); err != nil {
		return Value{}, err
	}
	return build.root, nil
}

// nothingLeft is err, or an error about the bytes behind the only value.
func nothingLeft(rest []byte, err error) error {
	if err == nil && len(rest) > 0 {
		return malformedMsg("%d bytes after the value", len(rest))
	}
	return err
}
