package vm

// objectError is an error that an object raises: a script error whose text has no
// position yet. Whoever runs script code adds the position of the line that did
// it; natives raise it as it is.
type objectError string

func (e objectError) Error() string { return string(e) }

const (
	errIndexNil      objectError = "table index is nil"
	errIndexNaN      objectError = "table index is NaN"
	errIndexHasNaN   objectError = "table index contains NaN"
	errTableOverflow objectError = "table overflow"
	errInvalidNext   objectError = "invalid key to 'next'"
)
