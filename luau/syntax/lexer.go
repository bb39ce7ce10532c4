package syntax

import (
	"bytes"
	"unicode/utf8"

	"github.com/template-worker/template-worker/luau/ast"
)

// Byte classes.
const (
	isSpace  = 1 << iota // space, tab, CR, LF, VT, FF
	isDigit              // 0-9
	isLetter             // A-Z, a-z, _
	isHex                // 0-9, A-F, a-f
)

// classes is the class of every byte.
var classes = func() (c [256]uint8) {
	for _, b := range []byte(" \t\r\n\v\f") {
		c[b] |= isSpace
	}
	for b := '0'; b <= '9'; b++ {
		c[b] |= isDigit | isHex
	}
	for b := 'a'; b <= 'z'; b++ {
		c[b] |= isLetter
		c[b-'a'+'A'] |= isLetter
	}
	for b := 'a'; b <= 'f'; b++ {
		c[b] |= isHex
		c[b-'a'+'A'] |= isHex
	}
	c['_'] |= isLetter
	return c
}()

// lexer cuts the source into tokens.
//
// src ends with a NUL byte and holds no other, so looking one byte past a byte
// that is not NUL is always in range.
type lexer struct {
	src       []byte
	off       int
	line      int32
	lineStart int
	names     names
	// braces holds one entry per open brace while inside an interpolated string:
	// true when closing it resumes the string.
	braces []bool
	// onHot is told the text after "--!" of comments before the first token.
	onHot  func(text []byte)
	header bool
}

func newLexer(src []byte) lexer {
	n := bytes.IndexByte(src, 0)
	if n < 0 {
		n = len(src)
	}
	buf := make([]byte, n+1)
	copy(buf, src[:n])
	return lexer{src: buf, line: 1, names: names{}, header: true}
}

// pos is the place of the next byte.
func (l *lexer) pos() ast.Pos {
	return ast.Pos{Line: l.line, Column: int32(l.off-l.lineStart) + 1}
}

// newline takes the line feed at off.
func (l *lexer) newline() {
	l.off++
	l.line++
	l.lineStart = l.off
}

// skipSpaces takes white space.
func (l *lexer) skipSpaces() {
	for {
		c := l.src[l.off]
		switch {
		case c == '\n':
			l.newline()
		case classes[c]&isSpace != 0:
			l.off++
		default:
			return
		}
	}
}

// scan reads the next token into t. At the end of the source it gives tokEOF, again and again.
func (l *lexer) scan(t *token) {
	for {
		l.skipSpaces()
		t.at.Start = l.pos()
		t.from = int32(l.off)
		if l.src[l.off] != '-' || l.src[l.off+1] != '-' {
			break
		}
		if !l.comment() {
			l.finish(t, tokBrokenComment)
			return
		}
	}
	l.header = false
	c := l.src[l.off]
	switch {
	case classes[c]&isLetter != 0:
		l.name(t)
	case classes[c]&isDigit != 0:
		l.number(t)
	case c == '"' || c == '\'':
		l.quoted(t, c)
	case c == '[' && (l.src[l.off+1] == '[' || l.src[l.off+1] == '='):
		l.rawString(t)
	default:
		l.symbol(t, c)
	}
}

// finish ends the token at the current place with its whole text as payload.
func (l *lexer) finish(t *token, k kind) {
	t.kind = k
	t.to = int32(l.off)
	t.at.End = l.pos()
}

// take ends a token of n bytes.
func (l *lexer) take(t *token, k kind, n int) {
	l.off += n
	l.finish(t, k)
}

// choose takes a two-byte token when the next byte is second, else the one-byte token.
func (l *lexer) choose(t *token, one kind, second byte, two kind) {
	if l.src[l.off+1] == second {
		l.take(t, two, 2)
		return
	}
	l.take(t, one, 1)
}

// symbol reads operators, punctuation and whatever else no other rule takes. It is one flat list.
func (l *lexer) symbol(t *token, c byte) {
	switch c {
	case 0:
		l.finish(t, tokEOF)
	case '=':
		l.choose(t, '=', '=', tokEqual)
	case '<':
		l.choose(t, '<', '=', tokLessEqual)
	case '>':
		l.choose(t, '>', '=', tokGreaterEqual)
	case '~':
		l.choose(t, '~', '=', tokNotEqual)
	case '+':
		l.choose(t, '+', '=', tokAddAssign)
	case '*':
		l.choose(t, '*', '=', tokMulAssign)
	case '%':
		l.choose(t, '%', '=', tokModAssign)
	case '^':
		l.choose(t, '^', '=', tokPowAssign)
	case ':':
		l.choose(t, ':', ':', tokDoubleColon)
	case '-':
		if l.src[l.off+1] == '>' {
			l.take(t, tokArrow, 2)
			return
		}
		l.choose(t, '-', '=', tokSubAssign)
	case '/':
		l.slash(t)
	case '.':
		l.dot(t)
	case '@':
		l.attribute(t)
	case '`':
		l.off++
		l.interp(t, tokInterpBegin, tokInterpSimple)
	case '{':
		if len(l.braces) > 0 {
			l.braces = append(l.braces, false)
		}
		l.take(t, '{', 1)
	case '}':
		l.closeBrace(t)
	default:
		if c >= utf8.RuneSelf {
			l.unicode(t)
			return
		}
		l.take(t, kind(c), 1)
	}
}

func (l *lexer) slash(t *token) {
	if l.src[l.off+1] != '/' {
		l.choose(t, '/', '=', tokDivAssign)
		return
	}
	if l.src[l.off+2] == '=' {
		l.take(t, tokFloorDivAssign, 3)
		return
	}
	l.take(t, tokFloorDiv, 2)
}

func (l *lexer) dot(t *token) {
	next := l.src[l.off+1]
	switch {
	case classes[next]&isDigit != 0:
		l.number(t)
	case next != '.':
		l.take(t, '.', 1)
	case l.src[l.off+2] == '.':
		l.take(t, tokDot3, 3)
	case l.src[l.off+2] == '=':
		l.take(t, tokConcatAssign, 3)
	default:
		l.take(t, tokDot2, 2)
	}
}

// attribute reads "@[" or "@name"; the payload is the name, which may be empty.
func (l *lexer) attribute(t *token) {
	l.off++
	if l.src[l.off] == '[' {
		l.take(t, tokAttributeOpen, 1)
		return
	}
	t.from++
	if classes[l.src[l.off]]&isLetter != 0 {
		l.skipName()
	}
	l.finish(t, tokAttribute)
}

func (l *lexer) closeBrace(t *token) {
	l.off++
	n := len(l.braces)
	if n == 0 {
		l.finish(t, '}')
		return
	}
	resumes := l.braces[n-1]
	l.braces = l.braces[:n-1]
	if !resumes {
		l.finish(t, '}')
		return
	}
	l.interp(t, tokInterpMid, tokInterpEnd)
}

// unicode takes one character that is not ASCII, or one byte that is no UTF-8.
func (l *lexer) unicode(t *token) {
	_, n := utf8.DecodeRune(l.src[l.off:])
	l.take(t, tokBrokenUnicode, n)
}

func (l *lexer) skipName() {
	for classes[l.src[l.off]]&(isLetter|isDigit) != 0 {
		l.off++
	}
}

func (l *lexer) name(t *token) {
	l.off++
	l.skipName()
	text := l.src[t.from:l.off]
	if k := reserved(text); k != 0 {
		l.finish(t, k)
		return
	}
	t.sym = l.names.get(text)
	l.finish(t, tokName)
}

// reserved returns the kind of a reserved word, or 0.
func reserved(text []byte) kind {
	if len(text) < 2 || len(text) > 8 || text[0] < 'a' || text[0] > 'w' {
		return 0
	}
	switch string(text) {
	case "and":
		return tokAnd
	case "break":
		return tokBreak
	case "do":
		return tokDo
	case "else":
		return tokElse
	case "elseif":
		return tokElseif
	case "end":
		return tokEnd
	case "false":
		return tokFalse
	case "for":
		return tokFor
	case "function":
		return tokFunction
	case "if":
		return tokIf
	case "in":
		return tokIn
	case "local":
		return tokLocal
	case "nil":
		return tokNil
	case "not":
		return tokNot
	case "or":
		return tokOr
	case "repeat":
		return tokRepeat
	case "return":
		return tokReturn
	case "then":
		return tokThen
	case "true":
		return tokTrue
	case "until":
		return tokUntil
	case "while":
		return tokWhile
	default:
		return 0
	}
}

// number takes whatever looks like a number; [parseNumber] says whether it is one.
func (l *lexer) number(t *token) {
	for c := l.src[l.off]; classes[c]&isDigit != 0 || c == '.' || c == '_'; c = l.src[l.off] {
		l.off++
	}
	if c := l.src[l.off]; c == 'e' || c == 'E' {
		l.off++
		if s := l.src[l.off]; s == '+' || s == '-' {
			l.off++
		}
	}
	l.skipName()
	l.finish(t, tokNumber)
}

// comment takes a comment of either form. It returns false for a long one that does not end.
func (l *lexer) comment() bool {
	l.off += 2
	if l.src[l.off] == '[' {
		if level := l.longOpen(); level >= 0 {
			_, ok := l.longBody(level)
			return ok
		}
	}
	start := l.off
	for c := l.src[l.off]; c != 0 && c != '\n' && c != '\r'; c = l.src[l.off] {
		l.off++
	}
	if l.header && l.onHot != nil && l.src[start] == '!' {
		l.onHot(l.src[start+1 : l.off])
	}
	return true
}

// longOpen returns the number of equals signs of the "[==[" at off, or -1 when there is no such
// bracket. It does not move.
func (l *lexer) longOpen() int {
	i := l.off + 1
	for l.src[i] == '=' {
		i++
	}
	if l.src[i] != '[' {
		return -1
	}
	return i - l.off - 1
}

// longBody takes "[==[" up to and with the matching "]==]" and returns where the text between ends.
func (l *lexer) longBody(level int) (end int, ok bool) {
	l.off += level + 2
	for {
		switch l.src[l.off] {
		case 0:
			return l.off, false
		case '\n':
			l.newline()
		case ']':
			end := l.off
			l.off++
			for l.src[l.off] == '=' {
				l.off++
			}
			if l.src[l.off] == ']' && l.off-end-1 == level {
				l.off++
				return end, true
			}
		default:
			l.off++
		}
	}
}

func (l *lexer) rawString(t *token) {
	level := l.longOpen()
	if level < 0 { // "[=" without a second bracket
		l.off++
		for l.src[l.off] == '=' {
			l.off++
		}
		l.finish(t, tokBrokenString)
		return
	}
	from := l.off + level + 2
	end, ok := l.longBody(level)
	if !ok {
		l.finish(t, tokBrokenString)
		return
	}
	l.finish(t, tokRaw)
	t.from, t.to = int32(from), int32(end)
}

// quoted reads a string up to the quote q. The payload still has its escapes.
func (l *lexer) quoted(t *token, q byte) {
	l.off++
	t.from++
	for {
		switch c := l.src[l.off]; c {
		case q:
			l.off++
			l.finish(t, tokQuoted)
			t.to--
			return
		case 0, '\n', '\r':
			l.finish(t, tokBrokenString)
			return
		case '\\':
			l.escape()
		default:
			l.off++
		}
	}
}

// escape takes a backslash and what it makes part of the string, line ends included.
func (l *lexer) escape() {
	l.off++
	switch l.src[l.off] {
	case 0:
	case '\n':
		l.newline()
	case '\r':
		l.off++
		if l.src[l.off] == '\n' {
			l.newline()
		}
	case 'z':
		l.off++
		l.skipSpaces()
	default:
		l.off++
	}
}

// interp reads one text part of an interpolated string, from behind its opening character.
func (l *lexer) interp(t *token, part, last kind) {
	t.from = int32(l.off)
	for {
		switch l.src[l.off] {
		case '`':
			l.off++
			l.finish(t, last)
			t.to--
			return
		case 0, '\n', '\r':
			l.finish(t, tokBrokenString)
			return
		case '{':
			l.openInterp(t, part)
			return
		case '\\':
			if l.src[l.off+1] == 'u' && l.src[l.off+2] == '{' {
				l.off += 3
				continue
			}
			l.escape()
		default:
			l.off++
		}
	}
}

// openInterp takes the brace that starts an expression inside an interpolated string.
func (l *lexer) openInterp(t *token, part kind) {
	l.braces = append(l.braces, true)
	l.off++
	if l.src[l.off] == '{' {
		l.take(t, tokBrokenBrace, 1)
		return
	}
	l.finish(t, part)
	t.to--
}
