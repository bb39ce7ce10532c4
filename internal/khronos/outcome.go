package khronos

import "encoding/json"

// Outcome is how a dispatch ended: with Value when Err is nil.
type Outcome struct {
	Value Value
	Err   *Error
	Usage Usage
}

// Usage is what a dispatch has cost its tenant. It is zero for a dispatch that
// never ran, and for one whose worker was lost with the numbers.
type Usage struct {
	Fuel      int64 // of all its threads; see limits.FuelPerSecond
	HeapBytes int64 // the tenant's memory account when the dispatch ended
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
