package registry

var contextArea = Area{
	Name: "ctx", Kind: Object, Type: "TemplateContext",
	Doc: "What a handler is called with: the event, the template's capabilities, and the doors to the platform. " +
		"What one gives holds the capabilities of that ctx, wherever it is used.",
	Fields: []Param{
		{Name: "KV", Type: ObjectOf("KV"), Doc: "the records of the tenant"},
		{Name: "GlobalKV", Type: ObjectOf("GlobalKV"), Doc: "what tenants publish for all others"},
		{Name: "Runtime", Type: ObjectOf("Runtime"), Doc: "the installation and the tenant"},
		{Name: "HTTPClient", Type: ObjectOf("HTTPClient")},
		{Name: "store", Type: Table, Doc: "a table of the template alone, the same for all its events; it is not kept when the template is unloaded"},
		{Name: "allowed_caps", Type: ListOf(Text).Freeze(), Doc: "the capabilities that are held"},
		opt(Param{Name: "current_user", Type: RecordOf("User", "A Discord user; it has the other fields of Discord's user object too.",
			Param{Name: "id", Type: Text}, opt(Param{Name: "username", Type: Text}), opt(Param{Name: "bot", Type: Boolean})).Freeze(),
			Doc: "the bot's own user, as the operator's setting `bot_user` says; nil when it says nothing"}),
		{Name: "memory_limit", Type: Integer, Doc: "bytes that all templates of the tenant may use together (heap_bytes)"},
	},
	Functions: []Function{
		{
			Name: "event", Results: []Param{{Name: "event", Type: eventRecord}}, Cost: 5,
			Doc: "Gives the event, the same table each time. Its data is made when it is first asked for.",
			Example: `local event = ctx:event()
print(event.name, event.author, event.data.content) --> MESSAGE	42	hello
print(event == ctx:event(), table.isfrozen(event)) --> true	true`,
		},
		{
			Name: "has_cap", Args: []Param{{Name: "capability", Type: Text}}, Results: []Param{{Name: "held", Type: Boolean}}, Cost: 5,
			Doc: "Tells whether exactly that capability, or `*`, is held.",
			Example: `print(ctx:has_cap("kv:*")) --> true
print(ctx:with({ capabilities = {"kv:*"} }):has_cap("kv:get:*")) --> false`,
		},
		{
			Name: "has_any_cap", Args: []Param{{Name: "capabilities", Type: ListOf(Text)}}, Results: []Param{{Name: "held", Type: Boolean}}, Cost: 10,
			Doc:     "Tells whether one of the capabilities, or `*`, is held.",
			Example: `print(ctx:with({ capabilities = {"a"} }):has_any_cap({"a", "b"})) --> true`,
		},
		{
			Name: "with", Args: []Param{{Name: "changes", Type: RecordOf("ContextChanges", "What a narrower ctx is made of.",
				Param{Name: "capabilities", Type: ListOf(Text), Doc: "each must be held: exactly, or by `*`"},
				opt(Param{Name: "event", Type: RecordOf("EventSpec", "An event to make.",
					Param{Name: "name", Type: Text.AtMost("event_name_bytes")},
					opt(Param{Name: "author", Type: Text, Doc: "a user id"}),
					opt(Param{Name: "data", Type: Value.AtMost("event_data_bytes")})),
					Doc: "another event; without it the ctx has the same one"}))}},
			Results: []Param{{Name: "ctx", Type: ObjectOf("TemplateContext")}}, Cost: 100,
			Doc: "Makes a narrower ctx, to hand to code that is trusted with less. All that it gives, `KV` and `Runtime` too, holds its " +
				"capabilities and no others. It has the same store.",
			Example: `local narrow = ctx:with({ capabilities = {"kv:get:*"}, event = { name = "Check", data = { n = 1 } } })
print(narrow:event().name, narrow:event().data.n) --> Check	1
print(pcall(function() narrow.KV:set("k", 1, {"s"}) end)) --> false	example:3: kv.set: capability "kv:set:*" is missing: add it to the template's capabilities`,
		},
	},
}

var eventRecord = RecordOf("Event", "What happened.",
	Param{Name: "name", Type: Text},
	opt(Param{Name: "author", Type: Text, Doc: "the id of the user who acted"}),
	Param{Name: "data", Type: Any},
).Freeze()
