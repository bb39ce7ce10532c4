package mesophyll

import (
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/template-worker/template-worker/internal/khronos"
)

// A message is a MessagePack array: its kind, then its fields in the order of
// the struct. A tenant is two elements, an event four, a time one (milliseconds
// since the Unix epoch, 0 for none). docs/PROTOCOL.md has the list.

// begin appends the array header of a message with n fields, and its kind.
func begin(b []byte, kind Kind, n uint32) []byte {
	return append(msgp.AppendArrayHeader(b, n+1), byte(kind))
}

func appendTenant(b []byte, t khronos.TenantID) []byte {
	return msgp.AppendUint64(msgp.AppendUint64(b, uint64(t.Kind)), uint64(t.ID))
}

func appendEvent(b []byte, e *khronos.Event) []byte {
	b = msgp.AppendString(b, e.Name)
	b = msgp.AppendString(b, e.Author)
	b = msgp.AppendUint64(b, uint64(e.Data.Format))
	b = msgp.AppendBytes(b, e.Data.Bytes)
	return msgp.AppendString(b, e.Template)
}

// appendDuration writes whole milliseconds, rounded up.
func appendDuration(b []byte, d time.Duration) []byte {
	return msgp.AppendUint64(b, uint64((d+time.Millisecond-1)/time.Millisecond))
}

func appendStrings(b []byte, list []string) []byte {
	b = msgp.AppendArrayHeader(b, uint32(len(list)))
	for _, s := range list {
		b = msgp.AppendString(b, s)
	}
	return b
}

func appendFiles(b []byte, files map[string]string) []byte {
	b = msgp.AppendMapHeader(b, uint32(len(files)))
	for path, source := range files {
		b = msgp.AppendString(b, path)
		b = msgp.AppendString(b, source)
	}
	return b
}

// appendResult appends one element for a value and four for an error; the
// number of elements tells them apart.
func (r *Result) fields() uint32 {
	if r.Err == nil {
		return 1
	}
	return 4
}

func (r *Result) append(b []byte) []byte {
	if r.Err == nil {
		return msgp.AppendBytes(b, r.Value)
	}
	return appendError(b, r.Err)
}

func (r *Result) leastBytes() int {
	if r.Err == nil {
		return len(r.Value)
	}
	return len(r.Err.Text) + len(r.Err.Trace)
}

func appendError(b []byte, e *khronos.Error) []byte {
	b = msgp.AppendUint64(b, uint64(e.Kind))
	b = msgp.AppendString(b, e.Text)
	b = msgp.AppendString(b, e.Trace)
	return msgp.AppendString(b, e.ID)
}

func appendTemplate(b []byte, t *khronos.Template) []byte {
	b = msgp.AppendArrayHeader(b, 7)
	b = msgp.AppendString(b, t.Name)
	b = msgp.AppendInt64(b, t.Version)
	b = appendFiles(b, t.Files)
	b = msgp.AppendBool(b, t.Paused)
	b = appendStrings(b, t.Capabilities)
	b = appendStrings(b, t.Subscriptions)
	b = msgp.AppendArrayHeader(b, uint32(len(t.Quarantined)))
	for _, q := range t.Quarantined {
		b = msgp.AppendString(msgp.AppendArrayHeader(b, 3), q.Event)
		b = msgp.AppendString(msgp.AppendInt64(b, q.Until.UnixMilli()), q.Reason)
	}
	return b
}

func (m *Hello) appendTo(b []byte) []byte {
	b = begin(b, KindHello, 4)
	b = msgp.AppendUint64(b, m.Protocol)
	b = msgp.AppendUint64(b, uint64(m.Generation))
	b = appendDuration(b, m.Heartbeat)
	return msgp.AppendBytes(b, m.Settings)
}

func (m *DispatchEvent) appendTo(b []byte) []byte {
	b = begin(b, KindDispatchEvent, 9)
	b = msgp.AppendUint64(b, m.ReqID)
	b = appendTenant(b, m.Tenant)
	b = appendEvent(b, &m.Event)
	return appendDuration(b, m.Timeout)
}

func (m *RunScript) appendTo(b []byte) []byte {
	b = begin(b, KindRunScript, 11)
	b = msgp.AppendUint64(b, m.ReqID)
	b = appendTenant(b, m.Tenant)
	b = msgp.AppendString(b, m.Name)
	b = msgp.AppendString(b, m.Code)
	b = appendEvent(b, &m.Event)
	return appendDuration(b, m.Timeout)
}

func (m *InspectTemplate) appendTo(b []byte) []byte {
	b = begin(b, KindInspectTemplate, 5)
	b = msgp.AppendUint64(b, m.ReqID)
	b = appendTenant(b, m.Tenant)
	b = appendFiles(b, m.Files)
	return appendDuration(b, m.Timeout)
}

func (m *DropTenant) appendTo(b []byte) []byte {
	b = begin(b, KindDropTenant, 3)
	b = msgp.AppendUint64(b, m.ReqID)
	return appendTenant(b, m.Tenant)
}

func (m *Cancel) appendTo(b []byte) []byte {
	return msgp.AppendUint64(begin(b, KindCancel, 1), m.ReqID)
}

func (m *TenantStateChanged) appendTo(b []byte) []byte {
	b = begin(b, KindTenantStateChanged, 5)
	b = appendTenant(b, m.Tenant)
	b = appendStrings(b, m.State.Events)
	b = msgp.AppendBool(b, m.State.Banned)
	return msgp.AppendBytes(b, m.State.Data)
}

func (m *Dump) appendTo(b []byte) []byte {
	return msgp.AppendUint64(begin(b, KindDump, 1), m.ReqID)
}

func (m *Drain) appendTo(b []byte) []byte {
	b = msgp.AppendUint64(begin(b, KindDrain, 3), m.ReqID)
	return msgp.AppendBool(appendDuration(b, m.Timeout), m.GiveBack)
}

func (*Shutdown) appendTo(b []byte) []byte { return begin(b, KindShutdown, 0) }

func (m *HostReply) appendTo(b []byte) []byte {
	b = begin(b, KindHostReply, 1+m.fields())
	return m.append(msgp.AppendUint64(b, m.CallID))
}

func (m *TemplatesReply) appendTo(b []byte) []byte {
	if m.Err != nil {
		b = begin(b, KindTemplatesReply, 5)
		return appendError(msgp.AppendUint64(b, m.CallID), m.Err)
	}
	b = begin(b, KindTemplatesReply, 3)
	b = msgp.AppendUint64(b, m.CallID)
	b = msgp.AppendBool(b, m.More)
	b = msgp.AppendArrayHeader(b, uint32(len(m.Templates)))
	for i := range m.Templates {
		b = appendTemplate(b, &m.Templates[i])
	}
	return b
}

func (m *TemplatesChanged) appendTo(b []byte) []byte {
	return appendTenant(begin(b, KindTemplatesChanged, 2), m.Tenant)
}

func (m *Ready) appendTo(b []byte) []byte {
	b = msgp.AppendUint64(begin(b, KindReady, 2), uint64(m.Generation))
	return msgp.AppendBytes(b, m.Posture)
}

func (m *Started) appendTo(b []byte) []byte {
	return msgp.AppendUint64(begin(b, KindStarted, 1), m.ReqID)
}

func (m *DispatchResponse) appendTo(b []byte) []byte {
	b = begin(b, KindDispatchResponse, 3+m.fields())
	b = msgp.AppendUint64(b, m.ReqID)
	b = msgp.AppendUint64(b, uint64(max(m.Usage.Fuel, 0)))
	b = msgp.AppendUint64(b, uint64(max(m.Usage.HeapBytes, 0)))
	return m.append(b)
}

func (m *HostCall) appendTo(b []byte) []byte {
	b = begin(b, KindHostCall, 8)
	b = msgp.AppendUint64(b, m.CallID)
	b = msgp.AppendUint64(b, m.ReqID)
	b = appendTenant(b, m.Tenant)
	b = msgp.AppendString(b, m.Template)
	b = msgp.AppendString(b, m.Call)
	b = msgp.AppendString(b, m.Op)
	return msgp.AppendBytes(b, m.Args)
}

func (m *TemplatesRequest) appendTo(b []byte) []byte {
	b = msgp.AppendUint64(begin(b, KindTemplatesRequest, 4), m.CallID)
	return msgp.AppendString(appendTenant(b, m.Tenant), m.After)
}

func (m *Log) appendTo(b []byte) []byte {
	b = appendTenant(begin(b, KindLog, 4), m.Tenant)
	return appendStrings(msgp.AppendString(b, m.Template), m.Lines)
}

func (m *Heartbeat) appendTo(b []byte) []byte {
	b = begin(b, KindHeartbeat, 11)
	for _, n := range [...]uint64{m.Started, m.Ended, m.Tenants, m.Queued, m.Running, m.VMs, m.HeapBytes, m.Busy, m.Slices, m.Oldest, m.Evicted} {
		b = msgp.AppendUint64(b, n)
	}
	return b
}

func (m *Hello) leastBytes() int           { return len(m.Settings) }
func (m *DispatchEvent) leastBytes() int   { return len(m.Event.Data.Bytes) }
func (m *RunScript) leastBytes() int       { return len(m.Code) + len(m.Event.Data.Bytes) }
func (m *InspectTemplate) leastBytes() int { return filesBytes(m.Files) }
func (*DropTenant) leastBytes() int        { return 0 }
func (*Cancel) leastBytes() int            { return 0 }
func (m *TenantStateChanged) leastBytes() int {
	return len(m.State.Data)
}
func (*Dump) leastBytes() int        { return 0 }
func (*Drain) leastBytes() int       { return 0 }
func (*Shutdown) leastBytes() int    { return 0 }
func (m *HostReply) leastBytes() int { return m.Result.leastBytes() }
func (m *TemplatesReply) leastBytes() int {
	n := 0
	for i := range m.Templates {
		n += filesBytes(m.Templates[i].Files)
	}
	return n
}
func (*TemplatesChanged) leastBytes() int   { return 0 }
func (m *Ready) leastBytes() int            { return len(m.Posture) }
func (*Started) leastBytes() int            { return 0 }
func (m *DispatchResponse) leastBytes() int { return m.Result.leastBytes() }
func (m *HostCall) leastBytes() int         { return len(m.Args) }
func (*TemplatesRequest) leastBytes() int   { return 0 }
func (*Log) leastBytes() int                { return 0 }
func (*Heartbeat) leastBytes() int          { return 0 }

func filesBytes(files map[string]string) int {
	n := 0
	for path, source := range files {
		n += len(path) + len(source)
	}
	return n
}
