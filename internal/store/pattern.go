package store

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Pattern is a compiled KVFind pattern, with the meaning of SQL's LIKE: `%`
// stands for any text, also none, `_` for exactly one character, and a
// backslash takes the character after it literally. Case matters. The whole
// key must match.
//
// All implementations match with it, so they cannot differ in the corners
// (case, characters above ASCII, escapes) in which databases do.
type Pattern struct {
	tokens []token
	prefix string
}

// token is one step of a pattern: a literal rune, any one rune, or any text.
type token rune

const (
	anyOne  token = -1
	anyText token = -2
)

// CompilePattern reads a pattern. It is ErrInvalid when the pattern is not UTF-8,
// holds a NUL, or ends in the middle of an escape.
func CompilePattern(text string) (Pattern, error) {
	if err := CheckText("pattern", text); err != nil {
		return Pattern{}, err
	}
	var p Pattern
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			p.tokens = append(p.tokens, token(r))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '_':
			p.tokens = append(p.tokens, anyOne)
		case r != '%':
			p.tokens = append(p.tokens, token(r))
		case len(p.tokens) == 0 || p.tokens[len(p.tokens)-1] != anyText: // %% is %
			p.tokens = append(p.tokens, anyText)
		}
	}
	if escaped {
		return Pattern{}, fmt.Errorf("%w: pattern %q ends with the escape character: write `\\\\` for a backslash", ErrInvalid, text)
	}
	p.prefix = literalPrefix(p.tokens)
	return p, nil
}

// Prefix returns the text with which every matching key begins, so that a
// sorted index need not be read elsewhere.
func (p Pattern) Prefix() string { return p.prefix }

// Match tells whether the whole of key matches.
//
// It remembers only the last `%`: an earlier one never needs to take more once a
// later one was reached. The work is at most len(pattern) * len(key).
func (p Pattern) Match(key string) bool {
	if !strings.HasPrefix(key, p.prefix) {
		return false
	}
	t, k := 0, 0                  // the next token, the next byte of key
	retryToken, retryKey := -1, 0 // after the last %, and how far it has eaten
	for k < len(key) {
		r, width := utf8.DecodeRuneInString(key[k:])
		switch {
		case t < len(p.tokens) && p.tokens[t] == anyText:
			t++
			retryToken, retryKey = t, k
		case t < len(p.tokens) && (p.tokens[t] == anyOne || p.tokens[t] == token(r)):
			t++
			k += width
		case retryToken >= 0:
			_, eaten := utf8.DecodeRuneInString(key[retryKey:])
			retryKey += eaten
			t, k = retryToken, retryKey
		default:
			return false
		}
	}
	if t < len(p.tokens) && p.tokens[t] == anyText {
		t++
	}
	return t == len(p.tokens)
}

func literalPrefix(tokens []token) string {
	var b strings.Builder
	for _, t := range tokens {
		if t == anyOne || t == anyText {
			break
		}
		b.WriteRune(rune(t))
	}
	return b.String()
}
