package registry

var anyResults = []Param{{Name: "results", Type: Type{Kind: KindAny, Luau: "...any"}}}

var luauArea = Area{
	Name: "@antiraid/luau", Kind: Module,
	Doc: "Code as text.",
	Functions: []Function{
		{
			Name: "load", Args: []Param{{Name: "code", Type: Text.AtMost("template_bytes")}}, Results: []Param{{Name: "chunk", Type: ObjectOf("Chunk")}}, Cost: 50,
			Doc: "Makes a Chunk of source text. It runs with the limits of the dispatch that calls it, and its code counts as memory of the template.",
			Example: `local luau = require("@antiraid/luau")
local chunk = luau.load("local a, b = ... x = a + b return x, math.max(a, b)")
print(chunk:call(3, 4)) --> 7	4
print(x) --> nil
print(pcall(function() luau.load("x = = 1"):call() end)) --> false	example:5: chunk:1:5: Expected identifier when parsing expression, got '='`,
		},
		{
			Name: "format", Rest: true, Results: []Param{{Name: "text", Type: Text}}, Cost: 50,
			Doc:     "Shows values for people who look for an error, with tabs between: strings in quotes, tables with what is in them, at most ten deep. Metatables are not asked.",
			Example: `print(require("@antiraid/luau").format({ 1, "two", n = { true } }, nil)) --> {1, "two", n = {true}}	nil`,
		},
	},
}

var chunkArea = Area{
	Name: "Chunk", Kind: Object, Type: "Chunk",
	Doc: "Source text that can be called. It is compiled at the first call, and again when one of its fields, which scripts may set, has changed.",
	Fields: []Param{
		{Name: "code", Type: Text},
		opt(Param{Name: "chunk_name", Type: Text, Doc: "how messages call it, `chunk` unless it is set; the name of a file of the template lets its require find what is beside that file"}),
		opt(Param{Name: "environment", Type: Table, Doc: "its globals; unless it is set the chunk has globals of its own, which fall through to those of the platform"}),
		opt(Param{Name: "optimization_level", Type: Integer, Doc: "0, 1 or 2"}),
	},
	Functions: []Function{
		{
			Name: "call", Rest: true, Results: anyResults, Yields: true, Cost: 100,
			Doc: "Runs it with those arguments and gives all it returns. It may wait.",
			Example: `local chunk = require("@antiraid/luau").load("return greeting, ...")
chunk.environment = { greeting = "hello" }
print(chunk:call("you")) --> hello	you`,
		},
		{
			Name: "call_async", Rest: true, Results: anyResults, Yields: true, Cost: 100,
			Doc:     "Is call.",
			Example: `print(require("@antiraid/luau").load("return task.wait(0.05) >= 0.05"):call_async()) --> true`,
		},
	},
}
