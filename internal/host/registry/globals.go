package registry

var globalsArea = Area{
	Name: "", Kind: Globals,
	Doc: "The names of the platform beside those of the language (docs/LUAU.md). `getfenv`, `setfenv` and `loadstring` are not there.",
	Functions: []Function{
		{
			Name: "print", Rest: true, Cost: 50, Limits: []string{"log_line_bytes", "log_lines_per_tenant"},
			Doc:     "Writes one line to the tenant's log, the arguments as tostring shows them with tabs between.",
			Example: `print("joined", 3) --> joined	3`,
		},
		{
			Name: "require", Args: []Param{{Name: "path", Type: Text}}, Results: []Param{{Name: "module", Type: Any}}, Yields: true, Cost: 50,
			Doc: "Gives what a module returned. A module runs once, when it is first asked for, and may wait meanwhile; nil becomes true. A path is\n\n" +
				"- `./x`, beside the calling module; `../x`, one folder up\n" +
				"- `@self/x`, inside the calling module: in its folder, if it is an init file\n" +
				"- `@alias/x`, where an alias of the nearest `.luaurc` leads, `{\"aliases\": {\"alias\": \"./folder\"}}`; it may be Luau as well, there or in " +
				"`.config.luau`: `return { luau = { aliases = { alias = \"./folder\" } } }`\n" +
				"- `@antiraid/x`, a module of the platform\n\n" +
				"`x` is `x.luau`, `x.lua`, `x/init.luau` or `x/init.lua`; two of them are an error, and so is a cycle.",
			Example: `local interop = require("@antiraid/interop")
print(interop == require("@AntiRaid/Interop"), table.isfrozen(interop)) --> true	true`,
		},
	},
}

var taskArea = Area{
	Name: "task", Kind: Library,
	Doc: "Threads and time. A thread that a script has started goes on when its handler has ended, but cannot make host calls then. " +
		"An error in one is a line in the tenant's log. Threads and timers count until they end, together with the handlers that run.",
	Functions: []Function{
		{
			Name: "wait", Args: []Param{opt(secondsArg)}, Results: []Param{{Name: "passed", Type: Number}}, Yields: true, Cost: 100, Limits: threadLimits,
			Doc:     "Waits, at least 0.05 s, and gives the seconds that passed.",
			Example: `print(task.wait(0.1) >= 0.1) --> true`,
		},
		{
			Name: "spawn", Args: []Param{targetArg}, Rest: true, Results: threadResult, Yields: true, Cost: 100, Limits: threadLimits,
			Doc: "Runs the function or thread at once, until it ends, yields or waits.",
			Example: `task.spawn(function(name)
	print("hello", name)
end, "you")
print("after") --> hello	you
--> after`,
		},
		{
			Name: "defer", Args: []Param{targetArg}, Rest: true, Results: threadResult, Cost: 100, Limits: threadLimits,
			Doc: "Runs the function or thread after what runs now.",
			Example: `task.defer(print, "second")
print("first") --> first
task.wait() --> second`,
		},
		{
			Name: "delay", Args: []Param{secondsArg, targetArg}, Rest: true, Results: threadResult, Cost: 100, Limits: threadLimits,
			Doc: "Runs the function or thread after that time, at least 0.05 s.",
			Example: `task.delay(0.05, print, "later")
print("now") --> now
task.wait(0.2) --> later`,
		},
		{
			Name: "cancel", Args: []Param{{Name: "thread", Type: Thread}}, Cost: 100,
			Doc: "Ends a thread that waits or is scheduled, where it is. Any other thread stays as it is.",
			Example: `local thread = task.delay(0.05, print, "never")
task.cancel(thread)
print(coroutine.status(thread)) --> dead`,
		},
		{Name: "synchronize", Cost: 5, Doc: "Does nothing: a template has one thread at a time.", Example: `print(select("#", task.synchronize())) --> 0`},
		{Name: "desynchronize", Cost: 5, Doc: "Does nothing: a template has one thread at a time.", Example: `print(select("#", task.desynchronize())) --> 0`},
	},
}

var (
	secondsArg   = Param{Name: "seconds", Type: Number, Doc: "at most ten years"}
	targetArg    = Param{Name: "target", Type: Runnable}
	threadResult = []Param{{Name: "thread", Type: Thread}}
	threadLimits = []string{"threads_per_template"}
)
