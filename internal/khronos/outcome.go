package khronos

import "encoding/json"

// Outcome is how a dispatch ended: with Value when Err is nil.
type Outcome struct {
	Value Value
	Err   *Error
}

// Kind returns [ErrKindOK] or the kind of the error.
func (o Outcome) Kind() ErrorKind {
	if o.Err == nil {
		return ErrKindOK
	}
	return o.Err.Kind
}

// TenantState is what the platform knows of a tenant besides its templates.
// Events are the names it wants, Data is plain JSON that its scripts keep.
type TenantState struct {
	Events []string        `json:"events"`
	Banned bool            `json:"banned"`
	Data   json.RawMessage `json:"data"`
}
