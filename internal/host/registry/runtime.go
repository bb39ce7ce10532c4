package registry

var runtimeArea = Area{
	Name: "ctx.Runtime", Kind: Object, Type: "Runtime",
	Doc: "What a template may know of the installation and of its tenant. `runtime:*` allows all of it.",
	Functions: []Function{
		{
			Name: "links", Op: "runtime.links", Results: []Param{{Name: "links", Type: RecordOf("Links", "Where people find the installation.",
				Param{Name: "support_server", Type: Text}, Param{Name: "api_url", Type: Text},
				Param{Name: "frontend_url", Type: Text}, Param{Name: "docs_url", Type: Text}).Freeze()}},
			Needs: runtimeCapability("links"), Bucket: BucketRuntime, Cost: 100,
			Doc:     "Gives addresses of the installation; empty where the operator has set none.",
			Example: `print(ctx.Runtime:links().docs_url) --> https://docs.example`,
		},
		{
			Name: "stats", Op: "runtime.stats", Results: []Param{{Name: "stats", Type: RecordOf("Stats", "Counts of the installation.",
				Param{Name: "total_guilds", Type: Integer, Doc: "guilds with a template, a record or a state"},
				Param{Name: "total_cached_guilds", Type: Integer, Doc: "guilds with a template"},
				Param{Name: "total_users", Type: Integer, Doc: "users with a template, a record or a state"},
				Param{Name: "last_started_at", Type: ObjectOf("DateTime")}).Freeze()}},
			Needs: runtimeCapability("stats"), Bucket: BucketRuntime, Cost: 100,
			Doc: "Counts what the installation serves.",
			Example: `ctx.KV:set("k", "v", {"s"})
print(ctx.Runtime:stats().total_guilds) --> 1`,
		},
		{
			Name: "gettenantstate", Op: "runtime.gettenantstate", Results: []Param{{Name: "state", Type: tenantState}},
			Needs: runtimeCapability("gettenantstate"), Bucket: BucketRuntime, Cost: 100,
			Doc: "Gives a copy of the tenant's state.",
			Example: `local state = ctx.Runtime:gettenantstate()
print(state.banned, #state.events, next(state.data)) --> false	0	nil`,
		},
		{
			Name: "settenantstate", Op: "runtime.settenantstate",
			Args: []Param{{Name: "state", Type: RecordOf("TenantStateChange", "A tenant's state, as `settenantstate` takes it.",
				opt(Param{Name: "events", Type: ListOf(Text.AtMost("event_name_bytes")),
					Doc: "changes nothing: events follow from the handlers of the templates; one that no template handles is an error"}),
				opt(Param{Name: "banned", Type: Boolean, Doc: "changes nothing"}),
				Param{Name: "data", Type: MapOf(Value), Doc: "what JSON can hold: no buffers, times or other objects"})}},
			Needs: runtimeCapability("settenantstate"), Bucket: BucketRuntime, Cost: 200, Limits: []string{"state_bytes"},
			Doc: "Replaces the data of the tenant's state, as a whole.",
			Example: `local state = ctx.Runtime:gettenantstate()
state.data.greeting = "hello"
ctx.Runtime:settenantstate(state)
print(ctx.Runtime:gettenantstate().data.greeting) --> hello`,
		},
		{
			Name: "dispatchevent", Op: "runtime.dispatchevent",
			Args: []Param{{Name: "name", Type: Text.AtMost("event_name_bytes"), Doc: "none that the platform raises, as `eventlist` and those that begin with `Web`"},
				opt(Param{Name: "data", Type: Value.AtMost("event_data_bytes")})},
			Needs: runtimeCapability("dispatchevent"), Bucket: BucketEvents, Cost: 200, Limits: []string{"event_depth", "queue_events"},
			Doc: "Raises a custom event for the templates of the tenant that handle it, this one too. The call returns when the event is " +
				"accepted and does not wait for its handlers. It stands behind the events that the tenant has waiting, and those that a " +
				"handler raises start in the order of its calls. Its author is that of the event that is being handled.",
			Example: `ctx.Runtime:dispatchevent("LevelUp", { user = "42", level = 3 })
print(pcall(function() ctx.Runtime:dispatchevent("MESSAGE") end)) --> false	example:2: runtime.dispatchevent: only the platform raises MESSAGE: take another name`,
		},
		{
			Name: "usage", Results: []Param{{Name: "usage", Type: RecordOf("Usage", "What the tenant uses of its limits now.",
				Param{Name: "memory_bytes", Type: Integer, Doc: "of heap_bytes, all its templates together"},
				Param{Name: "cpu_seconds", Type: Number, Doc: "of cpu_window_budget, in the current cpu_window"},
				Param{Name: "dispatch_cpu_seconds", Type: Number, Doc: "of cpu_hard, by this dispatch"},
				Param{Name: "events_waiting", Type: Integer, Doc: "of queue_events"},
				Param{Name: "handlers", Type: Integer, Doc: "of handlers_per_tenant"},
				Param{Name: "host_calls", Type: Integer, Doc: "of host_calls_per_tenant"},
				Param{Name: "threads", Type: Integer, Doc: "of threads_per_template, of this template"},
			).Freeze()}},
			Needs: runtimeCapability("usage"), Cost: 100,
			Doc: "Tells what the tenant uses of its limits now. CPU time is counted to the last pause of the script.",
			Example: `local usage = ctx.Runtime:usage()
print(usage.memory_bytes > 0, usage.handlers, usage.host_calls, usage.events_waiting) --> true	1	0	0`,
		},
		{
			Name: "limits", Results: []Param{{Name: "limits", Type: MapOf(Number).Freeze()}},
			Needs: runtimeCapability("limits"), Cost: 200,
			Doc: "Gives the limits that hold for templates, by name, as docs/LIMITS.md lists them: counts, bytes, and seconds for times.",
			Example: `local limits = ctx.Runtime:limits()
print(limits.kv_key_bytes, limits.cpu_hard) --> 512	1`,
		},
		{
			Name: "eventlist", Results: []Param{{Name: "events", Type: ListOf(Text).Freeze()}},
			Needs: runtimeCapability("eventlist"), Cost: 20,
			Doc: "Lists the names of the events that the platform raises, sorted. Names that begin with `Web` come from the web interface; any other name is a custom event.",
			Example: `local events = ctx.Runtime:eventlist()
print(table.find(events, "MESSAGE") ~= nil, table.find(events, "OnStartup") ~= nil) --> true	true`,
		},
	},
}

var tenantState = RecordOf("TenantState", "What a tenant is and wants.",
	Param{Name: "events", Type: ListOf(Text), Doc: "the events that its templates handle, sorted"},
	Param{Name: "banned", Type: Boolean},
	Param{Name: "data", Type: MapOf(Value)},
)

func runtimeCapability(method string) Capability { return exactly("runtime:"+method, "runtime:*") }
