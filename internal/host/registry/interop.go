package registry

var interopArea = Area{
	Name: "@antiraid/interop", Kind: Module,
	Doc: "The border between scripts and the platform.",
	Fields: []Param{
		{Name: "null", Type: Any, Doc: "stands for JSON's null in a table, where nil cannot; it is the same everywhere, and cannot leave the script otherwise"},
		{Name: "array_metatable", Type: Table, Doc: "marks a table as a list: without it `{}` is stored as an empty map"},
	},
	Functions: []Function{
		{
			Name: "memusage", Results: []Param{{Name: "bytes", Type: Integer}}, Cost: 10,
			Doc: "Gives the bytes that all templates of the tenant use.",
			Example: `local interop = require("@antiraid/interop")
print(interop.memusage() > 0) --> true`,
		},
		{
			Name: "memory_limit", Results: []Param{{Name: "bytes", Type: Integer}}, Cost: 10, Limits: []string{"heap_bytes"},
			Doc:     "Gives the bytes that all templates of the tenant may use together.",
			Example: `print(require("@antiraid/interop").memory_limit()) --> 20971520`,
		},
	},
}
