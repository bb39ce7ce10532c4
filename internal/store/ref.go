package store

import (
	"cmp"
	"fmt"
	"strings"
)

// maxRefPart bounds each part of a TemplateRef.
const maxRefPart = 64

// ParseTemplateRef reads @scope/name@version. It is ErrInvalid for anything else.
func ParseTemplateRef(text string) (TemplateRef, error) {
	rest, ok := strings.CutPrefix(text, "@")
	if !ok {
		return TemplateRef{}, badRef(text)
	}
	scope, rest, ok := strings.Cut(rest, "/")
	if !ok {
		return TemplateRef{}, badRef(text)
	}
	name, version, ok := strings.Cut(rest, "@")
	if !ok {
		return TemplateRef{}, badRef(text)
	}
	ref := TemplateRef{Scope: scope, Name: name, Version: version}
	return ref, ref.Check()
}

// String returns @scope/name@version, and nothing for the zero ref.
func (r TemplateRef) String() string {
	if r == (TemplateRef{}) {
		return ""
	}
	return "@" + r.Scope + "/" + r.Name + "@" + r.Version
}

// Check is ErrInvalid unless each part has 1 to 64 characters out of
// A-Z a-z 0-9 . _ - and begins with a letter or a digit.
func (r TemplateRef) Check() error {
	for _, part := range []string{r.Scope, r.Name, r.Version} {
		if part == "" || len(part) > maxRefPart || !isAlnum(part[0]) {
			return badRef(r.String())
		}
		for i := range len(part) {
			if c := part[i]; !isAlnum(c) && c != '.' && c != '_' && c != '-' {
				return badRef(r.String())
			}
		}
	}
	return nil
}

// Compare orders refs by scope, name and version, each by bytes.
func (r TemplateRef) Compare(o TemplateRef) int {
	return cmp.Or(strings.Compare(r.Scope, o.Scope), strings.Compare(r.Name, o.Name), strings.Compare(r.Version, o.Version))
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func badRef(text string) error {
	return fmt.Errorf("%w: %q is not @scope/name@version with 1 to %d of A-Z a-z 0-9 . _ - each", ErrInvalid, text, maxRefPart)
}
