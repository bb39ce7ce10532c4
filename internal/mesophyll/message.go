package mesophyll

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// ProtocolVersion is in Hello and in the name of the subprotocol. Both ends must
// agree exactly: master and worker are the same program.
const ProtocolVersion = 1

// Kind is the number of a message on the wire: 1 to 63 go from the master to
// the worker, 64 to 127 the other way. Numbers are only ever appended;
// testdata/kinds.golden holds them.
type Kind uint8

const (
	KindHello              Kind = 1
	KindDispatchEvent      Kind = 2
	KindRunScript          Kind = 3
	KindInspectTemplate    Kind = 4
	KindDropTenant         Kind = 5
	KindCancel             Kind = 6
	KindTenantStateChanged Kind = 7
	KindDump               Kind = 8
	KindDrain              Kind = 9
	KindShutdown           Kind = 10
	KindHostReply          Kind = 11
	KindTemplatesReply     Kind = 12
	KindTemplatesChanged   Kind = 13

	KindReady            Kind = 64
	KindStarted          Kind = 65
	KindDispatchResponse Kind = 66
	KindHostCall         Kind = 67
	KindTemplatesRequest Kind = 68
	KindLog              Kind = 69
	KindHeartbeat        Kind = 70
)

// kindNames are for people and metrics.
var kindNames = map[Kind]string{
	KindHello: "hello", KindDispatchEvent: "dispatch_event", KindRunScript: "run_script", KindInspectTemplate: "inspect_template",
	KindDropTenant: "drop_tenant", KindCancel: "cancel", KindTenantStateChanged: "tenant_state_changed", KindDump: "dump",
	KindDrain: "drain", KindShutdown: "shutdown", KindHostReply: "host_reply", KindTemplatesReply: "templates_reply",
	KindTemplatesChanged: "templates_changed",
	KindReady:            "ready", KindStarted: "started", KindDispatchResponse: "dispatch_response", KindHostCall: "host_call",
	KindTemplatesRequest: "templates_request", KindLog: "log", KindHeartbeat: "heartbeat",
}

// Kinds returns all kinds, in no order.
func Kinds() []Kind { return slices.Collect(maps.Keys(kindNames)) }

// FromWorker says whether messages of the kind go from the worker to the master.
func (k Kind) FromWorker() bool { return k >= KindReady }

// String returns the kind's name.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Message is one of the structs of this file, by pointer. Send encodes it before
// it returns and keeps nothing of it. What a Handler gets is the Handler's own.
type Message interface {
	Kind() Kind
	appender
}

// Request is a message that gets a reply: [Conn.Reserve] fills its number.
type Request interface {
	Message
	setNumber(uint64)
	replyKind() Kind
}

// Reply is a message that answers a Request by number.
type Reply interface {
	Message
	repliesTo() uint64
}

// Hello is the first message of the master. All that a worker knows arrives
// here: Settings is JSON that this package does not look into.
type Hello struct {
	Protocol   uint64
	Generation khronos.Generation
	Heartbeat  time.Duration // whole milliseconds
	Settings   []byte
}

// DispatchEvent asks the worker to run an event. With ReqID 0 no reply is
// wanted. Timeout is the time that is left when the message is sent, in whole
// milliseconds rounded up, 0 for no deadline, as in all messages that have one:
// a point in time would mean something else wherever a clock is set meanwhile.
type DispatchEvent struct {
	ReqID   uint64
	Tenant  khronos.TenantID
	Event   khronos.Event
	Timeout time.Duration
}

// RunScript asks the worker to run Code as a chunk with the given name.
type RunScript struct {
	ReqID   uint64
	Tenant  khronos.TenantID
	Name    string
	Code    string
	Event   khronos.Event
	Timeout time.Duration
}

// InspectTemplate asks for the subscriptions of a template that is not stored
// yet. The reply's value is a List of Text.
type InspectTemplate struct {
	ReqID   uint64
	Tenant  khronos.TenantID
	Files   map[string]string
	Timeout time.Duration
}

// DropTenant asks the worker to end and forget a tenant.
type DropTenant struct {
	ReqID  uint64
	Tenant khronos.TenantID
}

// Cancel says that nobody waits for ReqID any more. It never overtakes the
// request. [Pending.Wait] sends it by itself.
type Cancel struct{ ReqID uint64 }

// TenantStateChanged tells the worker what the platform knows of a tenant.
type TenantStateChanged struct {
	Tenant khronos.TenantID
	State  khronos.TenantState
}

// Dump asks what the scripts are at. The reply's value is a Text: the JSON list
// of khronos.ScriptStack.
type Dump struct{ ReqID uint64 }

// Drain asks the worker to take no new work and to reply when what it has is
// done. With GiveBack it ends with draining what it has not started.
type Drain struct {
	ReqID    uint64
	Timeout  time.Duration
	GiveBack bool
}

// Shutdown asks the worker to stop now.
type Shutdown struct{}

// HostReply answers a HostCall.
type HostReply struct {
	CallID uint64
	Result
}

// TemplatesReply answers a TemplatesRequest with the templates that follow
// After by name, as many as a frame holds. More says that there are others.
type TemplatesReply struct {
	CallID    uint64
	Templates []khronos.Template
	More      bool
	Err       *khronos.Error
}

// TemplatesChanged tells the worker to ask for the templates of a tenant, of all for the zero id, again
// before its next event. What runs goes on.
type TemplatesChanged struct{ Tenant khronos.TenantID }

// Ready is the first message of a worker that is able to work. Posture is JSON
// on how the worker is confined; this package does not look into it.
type Ready struct {
	Generation khronos.Generation
	Posture    []byte
}

// Started says that the dispatch ReqID has begun: from now on it must not be
// repeated silently.
type Started struct{ ReqID uint64 }

// DispatchResponse answers DispatchEvent, RunScript, InspectTemplate,
// DropTenant, Dump and Drain.
type DispatchResponse struct {
	ReqID uint64
	Usage khronos.Usage
	Result
}

// HostCall asks the master for something outside the worker, on behalf of the
// live dispatch ReqID. Template is empty for RunScript. Args is made by
// [EncodeArgs].
type HostCall struct {
	CallID   uint64
	ReqID    uint64
	Tenant   khronos.TenantID
	Template string
	Call     string // names the call within its tenant, to be done once
	Op       string
	Args     []byte
}

// TemplatesRequest asks for the templates of a tenant that follow After by
// name, all of them when After is empty.
type TemplatesRequest struct {
	CallID uint64
	Tenant khronos.TenantID
	After  string
}

// Log carries lines that a template has printed.
type Log struct {
	Tenant   khronos.TenantID
	Template string
	Lines    []string
}

// Heartbeat shows that the worker lives and whether it gets on: Started, Ended
// and Slices only grow. The worker stands still when it is busy and they do not,
// or when one and the same slice is the oldest for long.
type Heartbeat struct {
	Started   uint64 // dispatches begun
	Ended     uint64 // dispatches ended
	Tenants   uint64
	Queued    uint64
	Running   uint64
	VMs       uint64
	HeapBytes uint64
	Busy      uint64 // tenants that have something to do and wait for nobody
	Slices    uint64 // turns of scripts begun
	Oldest    uint64 // number of the turn that has been running for longest; 0 when none runs
	Evicted   uint64 // VMs closed because nobody used them; only grows
}

func (*Hello) Kind() Kind              { return KindHello }
func (*DispatchEvent) Kind() Kind      { return KindDispatchEvent }
func (*RunScript) Kind() Kind          { return KindRunScript }
func (*InspectTemplate) Kind() Kind    { return KindInspectTemplate }
func (*DropTenant) Kind() Kind         { return KindDropTenant }
func (*Cancel) Kind() Kind             { return KindCancel }
func (*TenantStateChanged) Kind() Kind { return KindTenantStateChanged }
func (*Dump) Kind() Kind               { return KindDump }
func (*Drain) Kind() Kind              { return KindDrain }
func (*Shutdown) Kind() Kind           { return KindShutdown }
func (*HostReply) Kind() Kind          { return KindHostReply }
func (*TemplatesReply) Kind() Kind     { return KindTemplatesReply }
func (*TemplatesChanged) Kind() Kind   { return KindTemplatesChanged }
func (*Ready) Kind() Kind              { return KindReady }
func (*Started) Kind() Kind            { return KindStarted }
func (*DispatchResponse) Kind() Kind   { return KindDispatchResponse }
func (*HostCall) Kind() Kind           { return KindHostCall }
func (*TemplatesRequest) Kind() Kind   { return KindTemplatesRequest }
func (*Log) Kind() Kind                { return KindLog }
func (*Heartbeat) Kind() Kind          { return KindHeartbeat }

func (m *DispatchEvent) setNumber(n uint64)    { m.ReqID = n }
func (m *RunScript) setNumber(n uint64)        { m.ReqID = n }
func (m *InspectTemplate) setNumber(n uint64)  { m.ReqID = n }
func (m *DropTenant) setNumber(n uint64)       { m.ReqID = n }
func (m *Dump) setNumber(n uint64)             { m.ReqID = n }
func (m *Drain) setNumber(n uint64)            { m.ReqID = n }
func (m *HostCall) setNumber(n uint64)         { m.CallID = n }
func (m *TemplatesRequest) setNumber(n uint64) { m.CallID = n }

func (*DispatchEvent) replyKind() Kind    { return KindDispatchResponse }
func (*RunScript) replyKind() Kind        { return KindDispatchResponse }
func (*InspectTemplate) replyKind() Kind  { return KindDispatchResponse }
func (*DropTenant) replyKind() Kind       { return KindDispatchResponse }
func (*Dump) replyKind() Kind             { return KindDispatchResponse }
func (*Drain) replyKind() Kind            { return KindDispatchResponse }
func (*HostCall) replyKind() Kind         { return KindHostReply }
func (*TemplatesRequest) replyKind() Kind { return KindTemplatesReply }

func (m *DispatchResponse) repliesTo() uint64 { return m.ReqID }
func (m *HostReply) repliesTo() uint64        { return m.CallID }
func (m *TemplatesReply) repliesTo() uint64   { return m.CallID }
