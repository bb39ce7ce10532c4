package mesophyll

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// Opcodes of RFC 6455 that this link uses.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

const (
	finBit          = 0x80
	reservedBits    = 0x70
	opcodeBits      = 0x0F
	maskBit         = 0x80
	lengthBits      = 0x7F
	maxControlBytes = 125
	// maxHeaderBytes is the longest frame header: 2 + 8 for the length + 4 for the mask.
	maxHeaderBytes = 14
)

// CloseCode says in a close frame why a link ended.
type CloseCode uint16

// The codes below 4000 are those of RFC 6455; the others are ours and are only
// ever appended.
const (
	CloseNormal       CloseCode = 1000
	CloseGoingAway    CloseCode = 1001
	CloseProtocol     CloseCode = 1002 // the frame is not RFC 6455 as this link speaks it
	CloseUnsupported  CloseCode = 1003 // text frame
	closeNoStatus     CloseCode = 1005 // never sent: a close frame without a code
	CloseTooLarge     CloseCode = 1009
	CloseInternal     CloseCode = 1011
	CloseBadMessage   CloseCode = 4000 // a message that does not decode
	CloseUnknownKind  CloseCode = 4001 // a message kind this end does not accept
	CloseHeartbeat    CloseCode = 4002 // beats missed
	CloseWrongVersion CloseCode = 4003 // Hello names another protocol version
)

// header is a decoded frame header.
//
//	 0               1               2 ..
//	+-+---+---------+-+-------------+----------------+-----------+---------+
//	|F|RSV| opcode  |M| length 0-125| 16 or 64 bits, | 4 bytes   | payload |
//	|1|000| 2 8 9 A | | 126 127     | if 126 or 127  | mask, if M| ...     |
//	+-+---+---------+-+-------------+----------------+-----------+---------+
type header struct {
	op      byte
	masked  bool
	mask    uint32 // little-endian, so that it can be applied eight bytes at a time
	size    int    // of the header itself
	payload int    // bytes that follow the header
}

// parseHeader decodes the frame header at the start of b. ok is false while b
// is too short to hold it. maxPayload bounds binary frames.
func parseHeader(b []byte, fromClient bool, maxPayload int) (h header, ok bool, err error) {
	if len(b) < 2 {
		return header{}, false, nil
	}
	h = header{op: b[0] & opcodeBits, masked: b[1]&maskBit != 0, size: 2}
	if err := h.checkFirstBytes(b[0], b[1], fromClient); err != nil {
		return header{}, false, err
	}
	length := uint64(b[1] & lengthBits)
	switch length {
	case 126:
		h.size = 4
	case 127:
		h.size = 10
	}
	if h.masked {
		h.size += 4
	}
	if len(b) < h.size {
		return header{}, false, nil
	}
	length, err = extendedLength(b, length)
	if err != nil {
		return header{}, false, err
	}
	if length > uint64(maxPayload) {
		return header{}, false, &protocolError{CloseTooLarge, fmt.Sprintf("frame of %d bytes, limit %d", length, maxPayload)}
	}
	h.payload = int(length)
	if h.masked {
		h.mask = binary.LittleEndian.Uint32(b[h.size-4:])
	}
	return h, true, nil
}

// checkFirstBytes refuses what can be refused before the length is known.
func (h header) checkFirstBytes(b0, b1 byte, fromClient bool) error {
	if b0&reservedBits != 0 {
		return &protocolError{CloseProtocol, fmt.Sprintf("reserved bits %#x set in frame header", b0&reservedBits)}
	}
	switch h.op {
	case opBinary, opClose, opPing, opPong:
	case opText:
		return &protocolError{CloseUnsupported, "text frame"}
	case opContinuation:
		return &protocolError{CloseProtocol, "continuation frame: fragments are not accepted"}
	default:
		return &protocolError{CloseProtocol, fmt.Sprintf("unknown opcode %#x", h.op)}
	}
	if b0&finBit == 0 {
		return &protocolError{CloseProtocol, "fragmented message: fragments are not accepted"}
	}
	if h.masked != fromClient {
		if fromClient {
			return &protocolError{CloseProtocol, "frame from the client is not masked"}
		}
		return &protocolError{CloseProtocol, "frame from the server is masked"}
	}
	if h.op >= opClose && b1&lengthBits > maxControlBytes {
		return &protocolError{CloseProtocol, "control frame longer than 125 bytes"}
	}
	return nil
}

// extendedLength reads a length that did not fit into seven bits, and refuses
// one that would have fitted into a shorter form.
func extendedLength(b []byte, short uint64) (uint64, error) {
	switch short {
	case 126:
		n := uint64(binary.BigEndian.Uint16(b[2:]))
		if n < 126 {
			return 0, &protocolError{CloseProtocol, fmt.Sprintf("frame length %d in the long form", n)}
		}
		return n, nil
	case 127:
		n := binary.BigEndian.Uint64(b[2:])
		if n <= 0xFFFF || n>>63 != 0 {
			return 0, &protocolError{CloseProtocol, fmt.Sprintf("frame length %d in the longest form", n)}
		}
		return n, nil
	}
	return short, nil
}

// putHeader writes a header for payload bytes so that it ends just before
// b[maxHeaderBytes], and returns where it starts: the payload is already in
// place behind it, and nothing has to move.
func putHeader(b []byte, op byte, payload int, masked bool, mask uint32) int {
	at := maxHeaderBytes
	second := byte(0)
	if masked {
		second = maskBit
		at -= 4
		binary.LittleEndian.PutUint32(b[at:], mask)
	}
	switch {
	case payload <= maxControlBytes:
		second |= byte(payload)
	case payload <= 0xFFFF:
		second |= 126
		at -= 2
		binary.BigEndian.PutUint16(b[at:], uint16(payload))
	default:
		second |= 127
		at -= 8
		binary.BigEndian.PutUint64(b[at:], uint64(payload))
	}
	at -= 2
	b[at], b[at+1] = finBit|op, second
	return at
}

// applyMask masks or unmasks b in place.
func applyMask(b []byte, mask uint32) {
	wide := uint64(mask)<<32 | uint64(mask)
	for len(b) >= 32 {
		w := b[:32:32]
		binary.LittleEndian.PutUint64(w[0:], binary.LittleEndian.Uint64(w[0:])^wide)
		binary.LittleEndian.PutUint64(w[8:], binary.LittleEndian.Uint64(w[8:])^wide)
		binary.LittleEndian.PutUint64(w[16:], binary.LittleEndian.Uint64(w[16:])^wide)
		binary.LittleEndian.PutUint64(w[24:], binary.LittleEndian.Uint64(w[24:])^wide)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(mask >> (8 * (i & 3)))
	}
}

// closeBody is the payload of a close frame; a reason that does not fit is cut.
func closeBody(code CloseCode, reason string) []byte {
	if code == closeNoStatus {
		return nil
	}
	for len(reason) > maxControlBytes-2 || !utf8.ValidString(reason) {
		reason = reason[:len(reason)-1]
		if len(reason) > maxControlBytes-2 {
			reason = reason[:maxControlBytes-2]
		}
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
}

// parseCloseBody reads the payload of a close frame.
func parseCloseBody(b []byte) (CloseCode, string, error) {
	if len(b) == 0 {
		return closeNoStatus, "", nil
	}
	if len(b) == 1 {
		return 0, "", &protocolError{CloseProtocol, "close frame with half a code"}
	}
	code := CloseCode(binary.BigEndian.Uint16(b))
	if code < 1000 || code >= 5000 || (code >= 1004 && code <= 1006) || (code >= 1015 && code < 3000) {
		return 0, "", &protocolError{CloseProtocol, fmt.Sprintf("close frame with code %d", code)}
	}
	if !utf8.Valid(b[2:]) {
		return 0, "", &protocolError{CloseProtocol, "close frame whose reason is not UTF-8"}
	}
	return code, string(b[2:]), nil
}
