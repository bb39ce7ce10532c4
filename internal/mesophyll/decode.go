package mesophyll

import (
	"errors"
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/tinylib/msgp/msgp"

	"github.com/template-worker/template-worker/internal/khronos"
)

// firstWorkerKind is the first of the kinds that workers send.
const firstWorkerKind = KindReady

// Decode reads one message that the side from has sent. A kind that only the
// other side may send is unknown. The message keeps nothing of b. An error is a
// violation of the protocol.
func Decode(b []byte, from Side) (Message, error) {
	d := decoder{b: b}
	n := d.count() - 1
	kind := Kind(d.small())
	if d.err != nil {
		return nil, &protocolError{CloseBadMessage, "message without a kind: " + d.err.Error()}
	}
	m := Message(nil)
	if (kind >= firstWorkerKind) == (from == ClientSide) {
		m = d.message(kind, n)
	}
	if m == nil {
		return nil, &protocolError{CloseUnknownKind, fmt.Sprintf("message of unknown kind %d", kind)}
	}
	if d.err == nil && len(d.b) > 0 {
		d.err = fmt.Errorf("%d stray bytes", len(d.b))
	}
	if d.err != nil {
		return nil, &protocolError{CloseBadMessage, fmt.Sprintf("message of kind %d: %v", kind, d.err)}
	}
	return m, nil
}

// message reads the n fields of a message; nil for an unknown kind. Calls in a
// composite literal happen in the order in which they are written.
func (d *decoder) message(kind Kind, n int) Message {
	switch kind {
	case KindHello:
		d.begin(n, 4)
		return &Hello{
			Protocol: d.uint(), Generation: khronos.Generation(d.uint()),
			Heartbeat: d.duration(), Settings: d.bytes(),
		}
	case KindDispatchEvent:
		d.begin(n, 9)
		return &DispatchEvent{ReqID: d.uint(), Tenant: d.tenant(), Event: d.event(), Timeout: d.duration()}
	case KindRunScript:
		d.begin(n, 11)
		return &RunScript{
			ReqID: d.uint(), Tenant: d.tenant(), Name: d.string(), Code: d.string(),
			Event: d.event(), Timeout: d.duration(),
		}
	case KindInspectTemplate:
		d.begin(n, 5)
		return &InspectTemplate{ReqID: d.uint(), Tenant: d.tenant(), Files: d.files(), Timeout: d.duration()}
	case KindDropTenant:
		d.want(n, 3)
		return &DropTenant{ReqID: d.uint(), Tenant: d.tenant()}
	case KindCancel:
		d.want(n, 1)
		return &Cancel{ReqID: d.uint()}
	case KindTenantStateChanged:
		d.begin(n, 5)
		return &TenantStateChanged{
			Tenant: d.tenant(),
			State:  khronos.TenantState{Events: d.strings(), Banned: d.bool(), Data: d.bytes()},
		}
	case KindDump:
		d.want(n, 1)
		return &Dump{ReqID: d.uint()}
	case KindDrain:
		d.want(n, 3)
		return &Drain{ReqID: d.uint(), Timeout: d.duration(), GiveBack: d.bool()}
	case KindShutdown:
		d.want(n, 0)
		return &Shutdown{}
	case KindHostReply:
		d.own()
		return &HostReply{CallID: d.uint(), Result: d.result(n - 1)}
	case KindTemplatesReply:
		d.own()
		return d.templatesReply(n)
	case KindTemplatesChanged:
		d.want(n, 2)
		return &TemplatesChanged{Tenant: d.tenant()}
	case KindReady:
		d.begin(n, 2)
		return &Ready{Generation: khronos.Generation(d.uint()), Posture: d.bytes()}
	case KindStarted:
		d.want(n, 1)
		return &Started{ReqID: d.uint()}
	case KindDispatchResponse:
		d.own()
		return &DispatchResponse{ReqID: d.uint(), Usage: d.usage(), Result: d.result(n - 3)}
	case KindHostCall:
		d.begin(n, 8)
		return &HostCall{
			CallID: d.uint(), ReqID: d.uint(), Tenant: d.tenant(),
			Template: d.string(), Call: d.string(), Op: d.string(), Args: d.bytes(),
		}
	case KindTemplatesRequest:
		d.begin(n, 4)
		return &TemplatesRequest{CallID: d.uint(), Tenant: d.tenant(), After: d.string()}
	case KindLog:
		d.begin(n, 4)
		return &Log{Tenant: d.tenant(), Template: d.string(), Lines: d.strings()}
	case KindHeartbeat:
		d.want(n, 11)
		return &Heartbeat{
			Started: d.uint(), Ended: d.uint(), Tenants: d.uint(), Queued: d.uint(),
			Running: d.uint(), VMs: d.uint(), HeapBytes: d.uint(),
			Busy: d.uint(), Slices: d.uint(), Oldest: d.uint(), Evicted: d.uint(),
		}
	}
	return nil
}

func (d *decoder) templatesReply(n int) *TemplatesReply {
	m := &TemplatesReply{CallID: d.uint()}
	if n == 5 {
		m.Err = d.error()
		return m
	}
	d.want(n, 3)
	m.More = d.bool()
	for range d.count() {
		if d.err != nil {
			break
		}
		m.Templates = append(m.Templates, d.template())
	}
	return m
}

func (d *decoder) template() khronos.Template {
	d.want(d.count(), 7)
	return khronos.Template{
		Name: d.string(), Version: d.int(), Files: d.files(), Paused: d.bool(),
		Capabilities: d.strings(), Subscriptions: d.strings(), Quarantined: d.quarantined(),
	}
}

func (d *decoder) quarantined() []khronos.QuarantinedEvent {
	var list []khronos.QuarantinedEvent
	for range d.count() {
		d.want(d.count(), 3)
		list = append(list, khronos.QuarantinedEvent{Event: d.string(), Until: time.UnixMilli(d.int()), Reason: d.string()})
	}
	return list
}

// decoder reads MessagePack from the front of b. After the first error every
// method returns zero. Strings and bytes lie in b, which therefore is made the
// message's own with own before the first of them is read.
type decoder struct {
	b   []byte
	err error
}

// begin is want and own.
func (d *decoder) begin(n, want int) {
	d.want(n, want)
	d.own()
}

func (d *decoder) want(n, want int) {
	if n != want && d.err == nil {
		d.fail(fmt.Errorf("%d fields, want %d", n, want))
	}
}

// own copies what is left to read: one allocation for all strings and bytes of
// a message, and nothing that keeps the reader's buffer.
func (d *decoder) own() {
	if d.err == nil {
		d.b = append([]byte(nil), d.b...)
	}
}

// fail keeps the first error and leaves nothing to read.
func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.b = nil
}

func (d *decoder) uint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 { // a positive fixint, most often
		n := d.b[0]
		d.b = d.b[1:]
		return uint64(n)
	}
	n, rest, err := msgp.ReadUint64Bytes(d.b)
	if err != nil {
		d.fail(err)
		return 0
	}
	d.b = rest
	return n
}

// small is a uint that fits into a byte.
func (d *decoder) small() uint8 {
	n := d.uint()
	if n > math.MaxUint8 {
		d.fail(fmt.Errorf("number %d where at most 255 is possible", n))
		return 0
	}
	return uint8(n)
}

func (d *decoder) int() int64 {
	n, rest, err := msgp.ReadInt64Bytes(d.b)
	if err != nil {
		d.fail(err)
		return 0
	}
	d.b = rest
	return n
}

func (d *decoder) bool() bool {
	v, rest, err := msgp.ReadBoolBytes(d.b)
	if err != nil {
		d.fail(err)
		return false
	}
	d.b = rest
	return v
}

// count is the length of an array, never more than there are bytes left.
func (d *decoder) count() int {
	n, rest, err := msgp.ReadArrayHeaderBytes(d.b)
	return d.counted(n, rest, err)
}

func (d *decoder) counted(n uint32, rest []byte, err error) int {
	if err == nil && uint64(n) > uint64(len(rest)) {
		err = fmt.Errorf("%d elements in %d bytes", n, len(rest))
	}
	if err != nil {
		d.fail(err)
		return 0
	}
	d.b = rest
	return int(n)
}

// bytes is nil when empty. Appending to it never reaches what lies behind it.
func (d *decoder) bytes() []byte {
	v, rest, err := msgp.ReadBytesZC(d.b)
	if err != nil {
		d.fail(err)
		return nil
	}
	d.b = rest
	if len(v) == 0 {
		return nil
	}
	return v[:len(v):len(v)]
}

// string lies in the copy that own has made and that nobody writes to: the
// slices handed out of it end where they end.
func (d *decoder) string() string {
	v, rest, err := msgp.ReadStringZC(d.b)
	if err != nil {
		d.fail(err)
		return ""
	}
	d.b = rest
	return unsafe.String(unsafe.SliceData(v), len(v))
}

func (d *decoder) strings() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	list := make([]string, 0, n)
	for range n {
		list = append(list, d.string())
	}
	return list
}

func (d *decoder) files() map[string]string {
	n, rest, err := msgp.ReadMapHeaderBytes(d.b)
	count := d.counted(n, rest, err)
	if count == 0 {
		return nil
	}
	files := make(map[string]string, min(count, 64))
	for range count {
		if d.err != nil {
			return nil
		}
		path := d.string()
		if _, twice := files[path]; twice {
			d.fail(errors.New("file named twice"))
			return nil
		}
		files[path] = d.string()
	}
	return files
}

func (d *decoder) tenant() khronos.TenantID {
	return khronos.TenantID{Kind: khronos.TenantKind(d.small()), ID: khronos.Snowflake(d.uint())}
}

func (d *decoder) event() khronos.Event {
	return khronos.Event{
		Name:     d.string(),
		Author:   d.string(),
		Data:     khronos.Payload{Format: khronos.Format(d.small()), Bytes: d.bytes()},
		Template: d.string(),
	}
}

// duration is in whole milliseconds, not negative, at most a day.
func (d *decoder) duration() time.Duration {
	ms := d.uint()
	if ms > uint64((24 * time.Hour).Milliseconds()) {
		d.fail(fmt.Errorf("duration of %d ms", ms))
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// result reads a value or, when n is 4, an error.
func (d *decoder) usage() khronos.Usage {
	return khronos.Usage{Fuel: d.amount(), HeapBytes: d.amount()}
}

// amount is a uint that fits into an int64.
func (d *decoder) amount() int64 {
	n := d.uint()
	if n > math.MaxInt64 {
		d.fail(fmt.Errorf("number %d where at most %d is possible", n, math.MaxInt64))
		return 0
	}
	return int64(n)
}

func (d *decoder) result(n int) Result {
	if n == 4 {
		return Result{Err: d.error()}
	}
	d.want(n, 1)
	return Result{Value: d.bytes()}
}

func (d *decoder) error() *khronos.Error {
	e := &khronos.Error{Kind: khronos.ErrorKindFromWire(d.uint()), Text: d.string(), Trace: d.string(), ID: d.string()}
	if e.Kind == khronos.ErrKindOK {
		e.Kind = khronos.ErrKindInternal // an error is never fine
	}
	return e
}
