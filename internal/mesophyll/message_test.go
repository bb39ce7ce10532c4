package mesophyll

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/template-worker/template-worker/internal/khronos"
)

var (
	testTenant = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1129384756102938475}
	testEvent  = khronos.Event{
		Name: "MESSAGE_CREATE", Author: "728871946456137770",
		Data: khronos.Payload{Format: khronos.FormatJSON, Bytes: []byte(`{"content":"hi"}`)},
	}
	testError = &khronos.Error{Kind: khronos.ErrKindScriptError, Text: "boom", Trace: "init.luau:3", ID: "a1b2"}
)

// everyMessage has every kind, and every form a kind has, by sender.
var everyMessage = map[Side][]Message{
	ServerSide: {
		&Hello{Protocol: 1, Generation: 7, Heartbeat: 250 * time.Millisecond, Settings: []byte(`{"a":1}`)},
		&DispatchEvent{ReqID: 300, Tenant: testTenant, Event: testEvent, Timeout: 1500 * time.Millisecond},
		&DispatchEvent{Tenant: testTenant, Event: khronos.Event{Name: "E", Template: "greeter"}},
		&RunScript{ReqID: 1 << 40, Tenant: testTenant, Name: "eval", Code: "return 1", Event: testEvent, Timeout: 1500 * time.Millisecond},
		&InspectTemplate{ReqID: 2, Tenant: testTenant, Files: map[string]string{"init.luau": "return {}", "a/b.luau": ""}, Timeout: 1500 * time.Millisecond},
		&InspectTemplate{ReqID: 2, Tenant: testTenant, Files: map[string]string{"init.luau": "return {}"}},
		&DropTenant{ReqID: 3, Tenant: khronos.TenantID{Kind: khronos.TenantUser, ID: 1}},
		&Cancel{ReqID: 4},
		&TenantStateChanged{Tenant: testTenant, State: khronos.TenantState{Events: []string{"A", "B"}, Banned: true, Data: json.RawMessage(`{}`)}},
		&Dump{ReqID: 5},
		&Drain{ReqID: 6, Timeout: 1500 * time.Millisecond, GiveBack: true},
		&Shutdown{},
		&HostReply{CallID: 7, Result: Result{Value: []byte{0xc0}}},
		&HostReply{CallID: 7, Result: Result{Err: testError}},
		&TemplatesReply{CallID: 8, More: true, Templates: []khronos.Template{
			{Name: "a", Version: 1, Files: map[string]string{"init.luau": "x"}, Capabilities: []string{"kv:*"}, Subscriptions: []string{"E"},
				Quarantined: []khronos.QuarantinedEvent{{Event: "E", Until: time.UnixMilli(1800000000000), Reason: "killer"}, {Until: time.UnixMilli(1)}}},
			{Name: "b", Version: 1 << 40, Files: map[string]string{"init.luau": "y"}, Paused: true},
		}},
		&TemplatesReply{CallID: 8},
		&TemplatesReply{CallID: 8, Err: testError},
		&TemplatesChanged{Tenant: testTenant},
	},
	ClientSide: {
		&Ready{Generation: 7, Posture: []byte(`{"seccomp":true}`)},
		&Started{ReqID: 70000},
		&DispatchResponse{ReqID: 9, Usage: khronos.Usage{Fuel: 1 << 33, HeapBytes: 5}, Result: Result{Value: []byte{0xa1, 'x'}}},
		&DispatchResponse{ReqID: 9, Result: Result{Err: testError}},
		&HostCall{CallID: 10, ReqID: 9, Tenant: testTenant, Template: "greeter", Call: "life-1", Op: "kv.get", Args: []byte{0x90}},
		&TemplatesRequest{CallID: 11, Tenant: testTenant, After: "greeter"},
		&Log{Tenant: testTenant, Template: "greeter", Lines: []string{"one", "two"}},
		&Heartbeat{Started: 1, Ended: 2, Tenants: 3, Queued: 4, Running: 5, VMs: 6, HeapBytes: 1 << 33, Busy: 7, Slices: 8, Oldest: 9, Evicted: 10},
	},
}

func TestMessage_RoundTrip(t *testing.T) {
	for from, messages := range everyMessage {
		for _, m := range messages {
			wire := m.appendTo(nil)
			if least := m.leastBytes(); least > len(wire) {
				t.Errorf("%T: leastBytes is %d, encoded it has %d", m, least, len(wire))
			}
			got, err := Decode(wire, from)
			if err != nil {
				t.Errorf("%T: %v", m, err)
				continue
			}
			if diff := cmp.Diff(m, got); diff != "" {
				t.Errorf("%T: sent - received +\n%s", m, diff)
			}
			if got.Kind() != m.Kind() {
				t.Errorf("%T: kind %d became %d", m, m.Kind(), got.Kind())
			}
		}
	}
}

func TestMessage_KeepsNothingOfTheBuffer(t *testing.T) {
	for from, messages := range everyMessage {
		for _, m := range messages {
			wire := m.appendTo(nil)
			got, err := Decode(wire, from)
			if err != nil {
				t.Fatal(err)
			}
			for i := range wire {
				wire[i] = 0xEE
			}
			if diff := cmp.Diff(m, got); diff != "" {
				t.Errorf("%T changed with the buffer:\n%s", m, diff)
			}
		}
	}
}

func TestMessage_AppendingToBytesHarmsNothing(t *testing.T) {
	got, err := Decode((&RunScript{Name: "n", Code: "c", Event: testEvent, Timeout: 1500 * time.Millisecond}).appendTo(nil), ServerSide)
	if err != nil {
		t.Fatal(err)
	}
	data := got.(*RunScript).Event.Data.Bytes
	if grown := append(data, "overwrite"...); &grown[0] == &data[0] {
		t.Error("bytes of a message have room behind them")
	}
}

func TestMessage_Refused(t *testing.T) {
	event := (&DispatchEvent{ReqID: 1, Tenant: testTenant, Event: testEvent}).appendTo(nil)
	cases := []struct {
		name string
		from Side
		wire []byte
		code CloseCode
	}{
		{"empty", ServerSide, nil, CloseBadMessage},
		{"no array", ServerSide, []byte{0x01}, CloseBadMessage},
		{"empty array", ServerSide, []byte{0x90}, CloseBadMessage},
		{"unknown kind", ServerSide, []byte{0x92, 60, 1}, CloseUnknownKind},
		{"kind 0", ServerSide, []byte{0x92, 0, 1}, CloseUnknownKind},
		{"kind over 255", ServerSide, []byte{0x91, 0xcd, 1, 1}, CloseBadMessage},
		{"worker sends a master's message", ClientSide, event, CloseUnknownKind},
		{"master sends a worker's message", ServerSide, (&Started{ReqID: 1}).appendTo(nil), CloseUnknownKind},
		{"a field too few", ServerSide, []byte{0x91, byte(KindCancel)}, CloseBadMessage},
		{"a field too many", ServerSide, []byte{0x93, byte(KindCancel), 1, 1}, CloseBadMessage},
		{"stray bytes", ServerSide, append(bytes.Clone(event), 0), CloseBadMessage},
		{"text for a number", ServerSide, []byte{0x92, byte(KindCancel), 0xa1, 'x'}, CloseBadMessage},
		{"count beyond the bytes", ClientSide, []byte{0x95, byte(KindLog), 1, 1, 0xa0, 0xdd, 0xff, 0xff, 0xff, 0xff}, CloseBadMessage},
		{"file named twice", ServerSide, []byte{0x96, byte(KindInspectTemplate), 1, 1, 1, 0x82, 0xa1, 'a', 0xa0, 0xa1, 'a', 0xa0, 0}, CloseBadMessage},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, err := Decode(c.wire, c.from)
			var violation *protocolError
			if !errors.As(err, &violation) || violation.code != c.code {
				t.Errorf("got %v, %v; want code %d", m, err, c.code)
			}
		})
	}
	t.Run("cut at every byte", func(t *testing.T) {
		for from, messages := range everyMessage {
			for _, m := range messages {
				wire := m.appendTo(nil)
				for cut := range len(wire) {
					if got, err := Decode(wire[:cut], from); err == nil {
						t.Errorf("%T cut at %d of %d: got %v", m, cut, len(wire), got)
					}
				}
			}
		}
	})
}

func TestMessage_ErrorIsNeverOK(t *testing.T) {
	wire := (&DispatchResponse{ReqID: 1, Result: Result{Err: &khronos.Error{Kind: khronos.ErrKindOK, Text: "x"}}}).appendTo(nil)
	m, err := Decode(wire, ClientSide)
	if err != nil {
		t.Fatal(err)
	}
	if kind := m.(*DispatchResponse).Outcome().Kind(); kind != khronos.ErrKindInternal {
		t.Errorf("got %v, want internal", kind)
	}
}

func TestMessage_WireGolden(t *testing.T) {
	var b strings.Builder
	for _, from := range []Side{ServerSide, ClientSide} {
		for _, m := range everyMessage[from] {
			if i, ok := m.(*InspectTemplate); ok && len(i.Files) > 1 {
				continue // the order of files is not fixed
			}
			fmt.Fprintf(&b, "%d %T %x\n", m.Kind(), m, m.appendTo(nil))
		}
	}
	want, err := os.ReadFile("testdata/kinds.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the wire has changed; numbers are only ever appended (golden - now +):\n%s", diff)
	}
}

func TestResult(t *testing.T) {
	value := khronos.List(khronos.Text("x"), khronos.Integer(-5))
	if got := ResultOf(khronos.Outcome{Value: value}).Outcome(); got.Err != nil || !got.Value.Equal(value) {
		t.Errorf("value: got %+v", got)
	}
	if got := ResultOf(khronos.Outcome{Err: testError}).Outcome(); got.Err != testError {
		t.Errorf("error: got %+v", got)
	}
	for _, bad := range [][]byte{nil, {0xc1}, {0xc0, 0xc0}} {
		if got := (Result{Value: bad}).Outcome(); got.Kind() != khronos.ErrKindInternal {
			t.Errorf("% x: got %+v, want internal", bad, got)
		}
	}
}

func TestHostCall_Values(t *testing.T) {
	want := []khronos.Value{khronos.Text("key"), khronos.Null(), khronos.List(khronos.Boolean(true))}
	args, err := EncodeArgs(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&HostCall{Op: "kv.set", Args: args}).Values()
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %v, %v", got, err)
	}
	for i := range want {
		if !got[i].Equal(want[i]) {
			t.Errorf("argument %d: got %v, want %v", i+1, got[i], want[i])
		}
	}
	for _, bad := range [][]byte{nil, {0x91}, {0x90, 0x90}, {0xdd, 0xff, 0xff, 0xff, 0xff}, {0x91, 0xc1}} {
		if got, err := (&HostCall{Op: "kv.set", Args: bad}).Values(); err == nil {
			t.Errorf("% x: got %v", bad, got)
		}
	}
}

func TestPageTemplates(t *testing.T) {
	var all []khronos.Template
	for i := range 20 {
		all = append(all, khronos.Template{Name: fmt.Sprintf("t%02d", 19-i), Files: map[string]string{"init.luau": strings.Repeat("x", 900)}})
	}
	const frameBytes = 4096
	var names []string
	for after, more := "", true; more; {
		page, err := PageTemplates(all, after, frameBytes)
		if err != nil {
			t.Fatal(err)
		}
		page.CallID = 1 << 62
		if n := len(page.appendTo(nil)) + lengthBytes; n > frameBytes {
			t.Fatalf("page of %d bytes, limit %d", n, frameBytes)
		}
		for _, tpl := range page.Templates {
			names = append(names, tpl.Name)
			after = tpl.Name
		}
		more = page.More
	}
	if len(names) != 20 || names[0] != "t00" || names[19] != "t19" {
		t.Errorf("got %v", names)
	}
	if _, err := PageTemplates(all, "", 500); !errors.Is(err, ErrTooLarge) {
		t.Errorf("template larger than a frame: got %v", err)
	}
}

// FuzzDecode checks that no bytes harm the decoder, and that what it accepts
// means the same after another trip.
func FuzzDecode(f *testing.F) {
	for from, messages := range everyMessage {
		for _, m := range messages {
			f.Add(m.appendTo(nil), from == ClientSide)
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte, fromClient bool) {
		from := ServerSide
		if fromClient {
			from = ClientSide
		}
		m, err := Decode(wire, from)
		if err != nil {
			return
		}
		again, err := Decode(m.appendTo(nil), from)
		if err != nil {
			t.Fatalf("%T does not come back: %v", m, err)
		}
		if diff := cmp.Diff(m, again); diff != "" {
			t.Fatalf("%T changed:\n%s", m, diff)
		}
	})
}

func TestKind_HasItsName(t *testing.T) {
	for _, side := range everyMessage {
		for _, m := range side {
			if name := m.Kind().String(); strings.HasPrefix(name, "kind ") {
				t.Errorf("%T has no name", m)
			}
			if !slices.Contains(Kinds(), m.Kind()) {
				t.Errorf("Kinds lacks %s", m.Kind())
			}
		}
	}
}
