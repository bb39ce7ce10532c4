package mesophyll

import (
	"errors"
	"fmt"
)

var (
	// ErrConnLost is in the chain of every error that a call gets because its
	// connection ended. Whether the work had begun is in [LostError].
	ErrConnLost = errors.New("connection lost")
	// ErrPendingFull refuses a message because the other end does not read as
	// fast as this end writes. Nothing of the message was queued.
	ErrPendingFull = errors.New("too many bytes wait to be sent")
	// ErrTooLarge refuses a message that no frame may hold. The link goes on.
	ErrTooLarge = errors.New("message larger than a frame may be")
	// ErrHeartbeat is the cause of an end when the worker missed too many beats.
	ErrHeartbeat = errors.New("heartbeats missed")
	// ErrTicketClosed is what [Ticket.Wait] returns after [Ticket.Close].
	ErrTicketClosed = errors.New("ticket closed")
	// ErrClosed is the cause of an end by Close(nil).
	ErrClosed = errors.New("closed by this end")
)

// LostError is how a call or a send learns that its connection ended. It wraps
// [ErrConnLost] and the cause of the end.
type LostError struct {
	// Started is true when a Started message had arrived for this call: the
	// work may have run, wholly or in part, and must not be repeated silently.
	Started bool
	Cause   error
}

func (e *LostError) Error() string {
	if e.Started {
		return fmt.Sprintf("connection lost after the work had started: %v", e.Cause)
	}
	return fmt.Sprintf("connection lost: %v", e.Cause)
}

// Unwrap lets errors.Is find both ErrConnLost and the cause.
func (e *LostError) Unwrap() []error { return []error{ErrConnLost, e.Cause} }

// PeerClosedError is the cause of an end that the other side asked for with a
// close frame.
type PeerClosedError struct {
	Code   CloseCode
	Reason string
}

func (e *PeerClosedError) Error() string {
	if e.Code == closeNoStatus {
		return "closed by the other end without a reason"
	}
	return fmt.Sprintf("closed by the other end with code %d: %s", e.Code, e.Reason)
}

// protocolError is something the other end must not send. It ends the link.
type protocolError struct {
	code CloseCode
	text string
}

func (e *protocolError) Error() string { return "protocol violation: " + e.text }

// closeCodeOf is the code that tells the other end of cause.
func closeCodeOf(cause error) CloseCode {
	var violation *protocolError
	if errors.As(cause, &violation) {
		return violation.code
	}
	if errors.Is(cause, ErrHeartbeat) {
		return CloseHeartbeat
	}
	if errors.Is(cause, ErrClosed) {
		return CloseNormal
	}
	return CloseGoingAway
}
