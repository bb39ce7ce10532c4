package khronos

import "unicode/utf8"

// MaxEventNameBytes is the length of the longest event name.
const MaxEventNameBytes = 100

// Event is something that happened to a tenant, to be handled by its
// templates. Author is the id of the acting user, empty when nobody acted.
//
// Depth says how many custom events led to this one, each raised by a handler of
// the one before; 0 when it came from outside. Only the master keeps it: it does
// not travel to a worker.
type Event struct {
	Name   string
	Author string
	Data   Payload
	Depth  int

	// Template is the one template that gets it; empty for all that handle it.
	Template string

	// Repeatable is the sender's word that running it twice does no harm. It is
	// the master's matter and does not travel to workers.
	Repeatable bool
}

// Validate checks name and author, not the data: its bytes were checked when
// the [Payload] was made. The error is an *Error of kind bad_request.
func (e Event) Validate() error {
	if e.Name == "" {
		return Errorf(ErrKindBadRequest, "event name: empty")
	}
	if len(e.Name) > MaxEventNameBytes {
		return Errorf(ErrKindBadRequest, "event name %s: %d bytes, want at most %d", clip(e.Name), len(e.Name), MaxEventNameBytes)
	}
	if !plainText(e.Name) {
		return Errorf(ErrKindBadRequest, "event name %s: has a control character or is not UTF-8", clip(e.Name))
	}
	if e.Author == "" {
		return nil
	}
	if _, err := ParseSnowflake(e.Author); err != nil {
		return Errorf(ErrKindBadRequest, "event author: %v", err)
	}
	return nil
}

// plainText reports whether s is UTF-8 without control characters.
func plainText(s string) bool {
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return false
		}
	}
	return utf8.ValidString(s)
}
