package syntax

import (
	"fmt"
	"unicode/utf8"

	"github.com/template-worker/template-worker/luau/ast"
)

// kind says what a token is. Kinds 1 to 127 are the single character with that
// code; 0 is the end of the source.
type kind uint8

const tokEOF kind = 0

const (
	tokEqual kind = iota + 128
	tokNotEqual
	tokLessEqual
	tokGreaterEqual
	tokDot2
	tokDot3
	tokArrow
	tokDoubleColon
	tokFloorDiv

	tokAddAssign
	tokSubAssign
	tokMulAssign
	tokDivAssign
	tokFloorDivAssign
	tokModAssign
	tokPowAssign
	tokConcatAssign

	tokName
	tokNumber
	tokQuoted       // '...' or "..."
	tokRaw          // [[...]]
	tokInterpSimple // `...`
	tokInterpBegin  // `...{
	tokInterpMid    // }...{
	tokInterpEnd    // }...`
	tokAttribute    // @name
	tokAttributeOpen

	tokBrokenString
	tokBrokenComment
	tokBrokenUnicode
	tokBrokenBrace // {{ inside an interpolated string

	tokAnd
	tokBreak
	tokDo
	tokElse
	tokElseif
	tokEnd
	tokFalse
	tokFor
	tokFunction
	tokIf
	tokIn
	tokLocal
	tokNil
	tokNot
	tokOr
	tokRepeat
	tokReturn
	tokThen
	tokTrue
	tokUntil
	tokWhile
)

// fixedText holds the text of every kind that has only one.
var fixedText = [256]string{
	tokEqual: "==", tokNotEqual: "~=", tokLessEqual: "<=", tokGreaterEqual: ">=",
	tokDot2: "..", tokDot3: "...", tokArrow: "->", tokDoubleColon: "::", tokFloorDiv: "//",
	tokAddAssign: "+=", tokSubAssign: "-=", tokMulAssign: "*=", tokDivAssign: "/=",
	tokFloorDivAssign: "//=", tokModAssign: "%=", tokPowAssign: "^=", tokConcatAssign: "..=",
	tokAttributeOpen: "@[",
	tokAnd:           "and", tokBreak: "break", tokDo: "do", tokElse: "else", tokElseif: "elseif",
	tokEnd: "end", tokFalse: "false", tokFor: "for", tokFunction: "function", tokIf: "if", tokIn: "in",
	tokLocal: "local", tokNil: "nil", tokNot: "not", tokOr: "or", tokRepeat: "repeat",
	tokReturn: "return", tokThen: "then", tokTrue: "true", tokUntil: "until", tokWhile: "while",
}

// isReserved tells whether k is a reserved word.
func (k kind) isReserved() bool { return k >= tokAnd }

// String gives the kind as error messages show it when there is no token to show.
func (k kind) String() string {
	switch {
	case k == tokEOF:
		return "<eof>"
	case k < 128:
		return "'" + string(rune(k)) + "'"
	case fixedText[k] != "":
		return "'" + fixedText[k] + "'"
	}
	switch k {
	case tokName:
		return "identifier"
	case tokNumber:
		return "number"
	case tokQuoted, tokRaw:
		return "string"
	case tokInterpBegin:
		return "the beginning of an interpolated string"
	case tokInterpMid:
		return "the middle of an interpolated string"
	case tokInterpEnd:
		return "the end of an interpolated string"
	case tokInterpSimple:
		return "interpolated string"
	case tokAttribute:
		return "attribute"
	case tokBrokenString:
		return "malformed string"
	case tokBrokenComment:
		return "unfinished comment"
	case tokBrokenUnicode:
		return "invalid UTF-8 sequence"
	default:
		return "'{{', which is invalid (did you mean '\\{'?)"
	}
}

// token is one word of the source. from and to cut its payload out of the
// source: the name, the digits, or the raw text between the quotes.
type token struct {
	kind     kind
	from, to int32
	sym      *symbol // of tokName
	at       ast.Span
}

// maxShown bounds how much of a literal an error message repeats.
const maxShown = 256

// show gives the token as error messages show it.
func (t *token) show(src []byte) string {
	text := src[t.from:t.to]
	if len(text) > maxShown {
		text = text[:maxShown]
	}
	switch t.kind {
	case tokName, tokNumber, tokAttribute:
		return fmt.Sprintf("'%s'", text)
	case tokQuoted, tokRaw:
		return fmt.Sprintf("\"%s\"", text)
	case tokInterpBegin:
		return fmt.Sprintf("`%s{", text)
	case tokInterpMid:
		return fmt.Sprintf("}%s{", text)
	case tokInterpEnd:
		return fmt.Sprintf("}%s`", text)
	case tokInterpSimple:
		return fmt.Sprintf("`%s`", text)
	case tokBrokenUnicode:
		return showRune(text)
	default:
		return t.kind.String()
	}
}

// showRune names a character that is not ASCII, and the ASCII one it may be mistaken for.
func showRune(text []byte) string {
	r, n := utf8.DecodeRune(text)
	if r == utf8.RuneError && n <= 1 {
		return tokBrokenUnicode.String()
	}
	if meant := lookalike(r); meant != "" {
		return fmt.Sprintf("Unicode character U+%x (did you mean '%s'?)", r, meant)
	}
	return fmt.Sprintf("Unicode character U+%x", r)
}

// lookalike returns the ASCII text that editors and chat programs turn into r, or "".
func lookalike(r rune) string {
	switch {
	case r >= 0xff01 && r <= 0xff5e: // full-width forms stand in ASCII order
		return string(r - 0xff01 + '!')
	case r >= 0x2010 && r <= 0x2015, r == 0x2212, r == 0xfe63:
		return "-"
	case r == 0xa0, r >= 0x2000 && r <= 0x200a, r == 0x202f, r == 0x205f, r == 0x3000:
		return " "
	}
	switch r {
	case 0x2018, 0x2019, 0x201a, 0x201b, 0x2032, 0xb4:
		return "'"
	case 0x201c, 0x201d, 0x201e, 0x201f, 0x2033:
		return "\""
	case 0x2024:
		return "."
	case 0x2026:
		return "..."
	case 0x37e:
		return ";"
	case 0x2236, 0xa789, 0x589:
		return ":"
	case 0x2044, 0x2215:
		return "/"
	case 0x2217:
		return "*"
	case 0x2223:
		return "|"
	case 0x223c:
		return "~"
	case 0x2039:
		return "<"
	case 0x203a:
		return ">"
	default:
		return ""
	}
}
