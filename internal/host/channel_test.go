package host_test

import (
	"strings"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/tenant"
)

func TestOneshotChannel(t *testing.T) {
	const head = `local channel, datetime = m("channel"), m("datetime") local c = channel.OneshotChannel() local function ms(n) return datetime.timedelta_millis(n) end `
	runModuleCases(t, []moduleCase{
		{head + `task.spawn(function() print("got", c:recv()) end) c:send({}) print("sent") task.wait()`, "sent|got\ttable: "},
		{head + `c:send() print(c:recv())`, "nil"},
		{head + `local function f() end c:send(f) print(c:recvtimeout(ms(0)) == f)`, "true"},
		{head + `print(pcall(c.recvtimeout, c, ms(0))) print(pcall(c.recv, c))`, "false\tOneshotChannel:recvtimeout: no value came in time|false\tOneshotChannel:recv: the receiver is used already"},
		{head + `print(pcall(c.recvtimeout, c, ms(7001)))`, "false\tOneshotChannel:recvtimeout: timeout must be at most 7s (channel_wait)"},
		{head + `print(pcall(c.send, {}, 1))`, "false\tOneshotChannel:send: call it with a colon: OneshotChannel:send(...)"},
		{head + `local th = task.spawn(function() c:recv() end) task.cancel(th) print(pcall(c.send, c, 1))`, "false\tOneshotChannel:send: the receiver is gone"},
		{head + `local co = coroutine.create(function() return c:recv() end) coroutine.resume(co) print(coroutine.close(co)) print(pcall(c.send, c, 1))`,
			"true|false\tOneshotChannel:send: the receiver is gone"},
		{head + `local th = task.spawn(function() print(pcall(c.recvtimeout, c, ms(60))) end) task.wait(0.2) print(pcall(c.send, c, 1))`,
			"false\tOneshotChannel:recvtimeout: no value came in time|false\tOneshotChannel:send: the receiver is gone"},
		{head + `setmetatable({}, { __index = function() return c:recv() end }) print(pcall(table.sort, { 1, 2 }, function() return c:recv() end))`,
			"false\tattempt to yield across metamethod/C-call boundary"},
		{head + `c:send(1) local values, late = channel.selectoneshots({ c }, ms(0)) print(#values, late) print(channel.selectoneshots({}, ms(0)))`, "1\tfalse|table: \tfalse"},
		{head + `print(pcall(channel.selectoneshots, { c, c }, ms(10))) c:send(5) print(c:recv())`,
			"false\t@antiraid/channel.selectoneshots: channels[2]: the receiver is used already|5"},
		{head + `print(pcall(channel.selectoneshots, { c, 1 }, ms(10)))`, "false\t@antiraid/channel.selectoneshots: channels[2] must be a OneshotChannel, not a number"},
		{head + `print(pcall(channel.selectoneshots, { c }, ms(8000)))`, "false\t@antiraid/channel.selectoneshots: timeout must be at most 7s (channel_wait)"},
		{head + `local values, late = channel.selectoneshots({ c }, ms(0)) print(#values, late, pcall(c.send, c, 1))`, "0\ttrue\tfalse\tOneshotChannel:send: the receiver is gone"},
		{head + `local d = channel.OneshotChannel() task.defer(function() d:send("d") c:send("c") end)
			local values, late = channel.selectoneshots({ c, d }, ms(5000)) print(values[1], values[2], late)`, "d\tc\tfalse"},
	})
}

func TestDelayChannel(t *testing.T) {
	const head = `local channel, datetime = m("channel"), m("datetime") local q = channel.DelayChannel() local function ms(n) return datetime.timedelta_millis(n) end `
	runModuleCases(t, []moduleCase{
		{head + `for i = 1, 5 do q:add(i, ms(0)) end local all = {} for i = 1, 5 do all[i] = q:next() end print(table.concat(all, ","))`, "1,2,3,4,5"},
		{head + `q:add("late", ms(400)) task.delay(0.05, function() q:add("early", ms(10)) end) print(q:next(), q:next())`, "early\tlate"},
		{head + `task.delay(0.05, function() q:add("x", ms(-5)) end) print(q:next(), #q)`, "x\t0"},
		{head + `local h = q:add("a", ms(50)) q:add("b", ms(60)) print(h == h, h:cancel()) print(h:cancel()) print(q:next(), h:cancel())`, "true\ttrue\ta|false|b\tfalse"},
		{head + `local h = q:add("a", datetime.timedelta_weeks("15000000000000")) print(#q) q:clear() print(#q, h:cancel())`, "1|0\tfalse"},
		{head + `q:add("a", ms(500)) task.delay(0.05, function() q:clear() q:add("b", ms(600)) end) print(q:next())`, "b"},
		{head + `local th = task.spawn(q.next, q) task.cancel(th) q:add(1, ms(0)) print(q:next())`, "1"},
		{head + `local handles = {} for i = 1, 500 do handles[i] = q:add(i, ms(i * 7 % 25 * 20)) end
			for i = 1, 500, 3 do assert(handles[i]:cancel()) end local n, last = 0, -1
			task.wait(0.5) while #q > 0 do local i = q:next() local at = i * 7 % 25 assert(at >= last and i % 3 ~= 1) last = at n += 1 end print(n)`, "333"},
	})
}

// Threads that their script has closed while they wait do not use up the limit.
func TestChannel_closedThreads(t *testing.T) {
	l := limits.Default()
	l.ThreadsPerTemplate = 20
	got := newStageWith(t, l).script(`local channel = require("@antiraid/channel")
for i = 1, 100 do
	local co = coroutine.create(function() channel.OneshotChannel():recv() end)
	assert(coroutine.resume(co))
	coroutine.close(co)
end
print("closed")
for i = 1, 100 do task.spawn(function() channel.OneshotChannel():recv() end) end`)
	if !strings.HasPrefix(got, "closed\n") || !strings.Contains(got, "more than 20 threads at once (threads_per_template)") {
		t.Errorf("got %q", got)
	}
}

// What waits in a queue counts as memory, and so does what a waiting thread alone knows.
func TestChannel_memory(t *testing.T) {
	l := limits.Default()
	l.HeapBytes = 2 << 20
	for name, code := range map[string]string{
		"values":  `local q = channel.DelayChannel() while true do q:add(buffer.create(1000), hour) end`,
		"handles": `local q = channel.DelayChannel() while true do q:add(1, hour) end`,
		"threads": `while true do task.spawn(function() local c = channel.OneshotChannel() local b = buffer.create(100000) c:recv() return b end) end`,
	} {
		out := newStageWith(t, l).run(tenant.Job{Kind: tenant.JobRunScript, Name: "x", Code: `
			local channel, hour = require("@antiraid/channel"), require("@antiraid/datetime").timedelta_hours(1) ` + code})
		if out.Err == nil || out.Err.Kind != khronos.ErrKindMemoryLimit {
			t.Errorf("%s: got %v", name, out.Err)
		}
	}
}

// A dispatch that ends takes its waiting threads along, and the channels know.
func TestChannel_dispatchEnds(t *testing.T) {
	s := newStage(t)
	s.template("a", `local channel = require("@antiraid/channel")
	local one, many = channel.OneshotChannel(), channel.DelayChannel()
	return {
		Wait = function(ctx)
			task.spawn(function() many:next() end)
			one:recv()
		end,
		Look = function(ctx)
			many:add("x", require("@antiraid/datetime").timedelta_seconds(0))
			print(pcall(one.send, one, 1))
			print(many:next(), ctx.Runtime:usage().threads)
		end,
	}`, []string{"runtime:*"}, "Wait", "Look")
	done := make(chan khronos.Outcome, 1)
	err := s.rt.Deliver(tenant.Job{
		ID: s.ids.Add(1), Tenant: guild, Kind: tenant.JobDispatchEvent, Event: message(t, "Wait"),
		Deadline: time.Now().Add(200 * time.Millisecond), Done: func(out khronos.Outcome) { done <- out },
	})
	if err != nil {
		t.Fatal(err)
	}
	if out := <-done; out.Err == nil || !strings.Contains(out.Err.Text, "was waiting for OneshotChannel:recv") {
		t.Errorf("the one that waits: %v", out.Err)
	}
	s.printed()
	if got := s.dispatch("Look"); got != "false\tOneshotChannel:send: the receiver is gone\nx\t1" {
		t.Errorf("got %q", got)
	}
}
