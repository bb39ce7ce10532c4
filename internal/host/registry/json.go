package registry

var jsonArea = Area{
	Name: "@antiraid/json", Kind: Module,
	Doc: "JSON as text.",
	Functions: []Function{
		{
			Name: "tojsonstring", Args: []Param{{Name: "value", Type: Any}, opt(Param{Name: "pretty", Type: Boolean, Doc: "in lines, indented by two spaces"})},
			Results: []Param{{Name: "text", Type: Text}}, Cost: 50,
			Doc: "Writes a value as JSON. A table that carries the array metatable, that is empty, or that has only whole numbers from 1 on as keys, fewer than ten " +
				"entries or at least half of them up to the largest, is an array with null for what is missing. Any other is an object; its keys are sorted. `interop.null` and numbers " +
				"that are not finite are null, an I64 or a U64 is a number. A table inside itself is left out, null in an array. Anything else is an error that names the place.",
			Example: `local json = require("@antiraid/json")
print(json.tojsonstring({ b = { 1, 2.5, "x" }, a = {} })) --> {"a":[],"b":[1,2.5,"x"]}
print(pcall(json.tojsonstring, { f = print })) --> false	@antiraid/json.tojsonstring: value.f: a function has no JSON form`,
		},
		{
			Name: "fromjsonstring", Args: []Param{{Name: "text", Type: Bytes}}, Results: []Param{{Name: "value", Type: Any}}, Cost: 50,
			Doc: "Reads JSON, at most 128 deep. null becomes `interop.null`, an array a table with the array metatable, every number a number.",
			Example: `local json, interop = require("@antiraid/json"), require("@antiraid/interop")
local t = json.fromjsonstring('{"list":[1,null,3]}')
print(#t.list, t.list[2] == interop.null, getmetatable(t.list) == interop.array_metatable) --> 3	true	true
print(pcall(json.fromjsonstring, "[1,")) --> false	@antiraid/json.fromjsonstring: [1]: malformed JSON at byte 3: end of input, want a value`,
		},
	},
}
