package registry

const channelExample = "local channel, datetime = require(\"@antiraid/channel\"), require(\"@antiraid/datetime\")\n"

var channelArea = Area{
	Name: "@antiraid/channel", Kind: Module,
	Doc: "Values from one thread of a template to another. A thread that waits in one counts as a thread; it ends with its dispatch if it is the handler's own.",
	Functions: []Function{
		{
			Name: "OneshotChannel", Results: []Param{{Name: "channel", Type: ObjectOf("OneshotChannel")}}, Cost: 50,
			Doc: "Makes a channel for one value.",
			Example: channelExample + `local answer = channel.OneshotChannel()
task.delay(0.05, function() answer:send("done") end)
print(answer:recv()) --> done`,
		},
		{
			Name: "DelayChannel", Results: []Param{{Name: "channel", Type: ObjectOf("DelayChannel")}}, Cost: 50,
			Doc: "Makes a queue whose values come out when their time has come.",
			Example: channelExample + `local queue = channel.DelayChannel()
queue:add("second", datetime.timedelta_millis(60))
queue:add("first", datetime.timedelta_millis(20))
print(#queue, queue:next(), queue:next(), #queue) --> 2	first	second	0`,
		},
		{
			Name:    "selectoneshots",
			Args:    []Param{{Name: "channels", Type: ListOf(ObjectOf("OneshotChannel"))}, {Name: "timeout", Type: ObjectOf("TimeDelta")}},
			Results: []Param{{Name: "values", Type: ListOf(Any)}, {Name: "timedout", Type: Boolean}}, Yields: true, Cost: 100,
			Limits: []string{"channel_wait", "threads_per_template"},
			Doc: "Takes the receivers of all the channels and waits until each has its value, or the time is over: one time for all of them. " +
				"Gives the values in the order in which they came, and whether some are missing.",
			Example: channelExample + `local a, b, c = channel.OneshotChannel(), channel.OneshotChannel(), channel.OneshotChannel()
task.defer(function() b:send("b") a:send("a") end)
local values, timedout = channel.selectoneshots({ a, b, c }, datetime.timedelta_millis(300))
print(values[1], values[2], #values, timedout) --> b	a	2	true`,
		},
	},
}

var oneshotArea = Area{
	Name: "OneshotChannel", Kind: Object, Type: "OneshotChannel",
	Doc: "A channel for one value: one sender, one receiver.",
	Functions: []Function{
		{
			Name: "send", Args: []Param{opt(Param{Name: "value", Type: Any})}, Cost: 30,
			Doc: "Gives the receiver the value, whether it waits already or not. An error when a value was sent before, or when the receiver has given up.",
			Example: channelExample + `local c = channel.OneshotChannel()
c:send(1)
print(pcall(function() c:send(2) end)) --> false	example:4: OneshotChannel:send: a value was sent already`,
		},
		{
			Name: "recv", Results: []Param{{Name: "value", Type: Any}}, Yields: true, Cost: 100, Limits: []string{"dispatch_deadline_max", "threads_per_template"},
			Doc: "Waits for the value. Only one thread can, once.",
			Example: channelExample + `local c = channel.OneshotChannel()
c:send({ n = 1 })
print(c:recv().n) --> 1
print(pcall(function() c:recv() end)) --> false	example:5: OneshotChannel:recv: the receiver is used already`,
		},
		{
			Name: "recvtimeout", Args: []Param{{Name: "timeout", Type: ObjectOf("TimeDelta")}}, Results: []Param{{Name: "value", Type: Any}}, Yields: true, Cost: 100,
			Limits: []string{"channel_wait", "threads_per_template"},
			Doc:    "Is recv with an error when no value comes in that time. The receiver is used then, too.",
			Example: channelExample + `local c = channel.OneshotChannel()
print(pcall(function() c:recvtimeout(datetime.timedelta_millis(50)) end)) --> false	example:3: OneshotChannel:recvtimeout: no value came in time
print(pcall(function() c:send(1) end)) --> false	example:4: OneshotChannel:send: the receiver is gone`,
		},
	},
}

var delayArea = Area{
	Name: "DelayChannel", Kind: Object, Type: "DelayChannel",
	Doc:       "A queue whose values come out when their time has come, those of one time in the order in which they were added. It is lost with the template's machine.",
	Operators: "`#` gives the number of values in it",
	Functions: []Function{
		{
			Name: "add", Args: []Param{{Name: "value", Type: Any}, {Name: "delay", Type: ObjectOf("TimeDelta")}},
			Results: []Param{{Name: "handle", Type: ObjectOf("KeyHandle")}}, Cost: 50,
			Doc: "Puts a value into the queue for that long.",
			Example: channelExample + `local queue = channel.DelayChannel()
queue:add("x", datetime.timedelta_millis(10))
print(queue:next()) --> x`,
		},
		{
			Name: "next", Results: []Param{{Name: "value", Type: Any}}, Yields: true, Cost: 100, Limits: []string{"threads_per_template"},
			Doc: "Waits until the time of a value has come, however long, and takes it out. One thread at a time can.",
			Example: channelExample + `local queue = channel.DelayChannel()
task.spawn(function() print(queue:next()) end)
print(pcall(function() queue:next() end)) --> false	example:4: DelayChannel:next: another thread waits already
queue:add("x", datetime.timedelta_millis(0))
task.wait() --> x`,
		},
		{
			Name: "clear", Cost: 50,
			Doc: "Drops all values.",
			Example: channelExample + `local queue = channel.DelayChannel()
queue:add("x", datetime.timedelta_hours(1))
queue:clear()
print(#queue) --> 0`,
		},
	},
}

var keyHandleArea = Area{
	Name: "KeyHandle", Kind: Object, Type: "KeyHandle",
	Doc: "Stands for a value in a DelayChannel.", Operators: "`==` tells whether it is the same",
	Functions: []Function{{
		Name: "cancel", Results: []Param{{Name: "removed", Type: Boolean}, opt(Param{Name: "value", Type: Any})}, Cost: 50,
		Doc: "Takes the value out of the queue, if it is still there, and gives it.",
		Example: channelExample + `local handle = channel.DelayChannel():add("x", datetime.timedelta_hours(1))
print(handle:cancel()) --> true	x
print(handle:cancel()) --> false`,
	}},
}
