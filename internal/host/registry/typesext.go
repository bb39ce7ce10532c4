package registry

var i64Area = Area{
	Name: "I64", Kind: Object, Type: "I64",
	Doc:       "A signed integer of 64 bits. Integers that a number cannot hold arrive as one.",
	Operators: wideOperators, Functions: wideFunctions("I64"),
}

var u64Area = Area{
	Name: "U64", Kind: Object, Type: "U64",
	Doc:       "An unsigned integer of 64 bits.",
	Operators: wideOperators, Functions: wideFunctions("U64"),
}

const wideOperators = "`+ - * / // % ^` wrap around, `/` and `//` cut off toward zero; the other side may be a whole number, a decimal string, an I64 or a U64; two of them compare"

func wideFunctions(name string) []Function {
	const module = "local typesext = require(\"@antiraid/typesext\")\n"
	example := func(method, want string) string {
		return module + "local n = typesext." + name + "(\"4611686018427387904\")\nprint(n:" + method + ") --> " + want
	}
	to := func(target, words string) Function {
		return Function{
			Name: "to_" + target, Results: []Param{{Name: "n", Type: ObjectOf(words)}}, Cost: 10,
			Doc: "Gives the same number as " + words + ", an error when that cannot hold it.", Example: example("to_"+target+"()", "4611686018427387904"),
		}
	}
	bytes := func(order, words, want string) Function {
		return Function{
			Name: "to_" + order + "_bytes", Results: []Param{{Name: "bytes", Type: ListOf(Integer)}}, Cost: 10,
			Doc: "Gives its eight bytes, " + words + ".", Example: example("to_"+order+"_bytes()["+want+"]", "64"),
		}
	}
	from := func(order, words, list string) Function {
		return Function{
			Name: "from_" + order + "_bytes", Static: true, Args: []Param{{Name: "bytes", Type: ListOf(Integer.Between(0, 255)), Doc: "eight"}},
			Results: []Param{{Name: "n", Type: ObjectOf(name)}}, Cost: 20,
			Doc:     "Makes one of eight bytes, " + words + ". It is reached through any other one.",
			Example: module + "print(typesext." + name + "().from_" + order + "_bytes(" + list + ")) --> 258",
		}
	}
	return []Function{
		to("i64", "I64"), to("u64", "U64"),
		bytes("ne", "the least first, as on our machines", "8"), bytes("le", "the least first", "8"), bytes("be", "the greatest first", "1"),
		from("ne", "the least first, as on our machines", "{ 2, 1, 0, 0, 0, 0, 0, 0 }"), from("le", "the least first", "{ 2, 1, 0, 0, 0, 0, 0, 0 }"),
		from("be", "the greatest first", "{ 0, 0, 0, 0, 0, 0, 1, 2 }"),
	}
}

var lazyArea = Area{
	Name: "Lazy", Kind: Object, Type: "Lazy",
	Doc:    "Strings by name that become a table when they are looked at.",
	Fields: []Param{{Name: "data", Type: MapOf(Text), Doc: "a new table each time"}},
}

var typesextArea = Area{
	Name: "@antiraid/typesext", Kind: Module,
	Doc: "Integers of 64 bits, random text, and code of several files that a script brings itself.",
	Functions: []Function{
		{
			Name: "U64", Args: []Param{opt(Param{Name: "n", Type: Wide})}, Results: []Param{{Name: "n", Type: ObjectOf("U64")}}, Cost: 20,
			Doc: "Makes an unsigned integer of 64 bits; of nothing, 0.",
			Example: `local U64 = require("@antiraid/typesext").U64
print(U64("18446744073709551615") + 2, U64(7) / 2, U64(3) < U64(4)) --> 1	3	true
print(pcall(U64, 1.5)) --> false	@antiraid/typesext.U64: the number 1.5 is no unsigned 64-bit integer`,
		},
		{
			Name: "I64", Args: []Param{opt(Param{Name: "n", Type: Wide})}, Results: []Param{{Name: "n", Type: ObjectOf("I64")}}, Cost: 20,
			Doc: "Makes a signed integer of 64 bits; of nothing, 0.",
			Example: `local I64 = require("@antiraid/typesext").I64
print(I64("-9223372036854775808") - 1, I64(-7) // 2, typeof(I64())) --> 9223372036854775807	-3	I64`,
		},
		{
			Name: "randstring", Args: []Param{{Name: "length", Type: Integer.Between(1, 255)}}, Results: []Param{{Name: "text", Type: Text}}, Cost: 100,
			Doc: "Makes a text of letters and digits that nobody can foresee, 5.95 bits of chance in each.",
			Example: `local text = require("@antiraid/typesext").randstring(24)
print(#text, string.match(text, "^%w+$") == text) --> 24	true`,
		},
		{
			Name: "newlazystringmap", Args: []Param{{Name: "strings", Type: MapOf(Text)}}, Results: []Param{{Name: "lazy", Type: ObjectOf("Lazy")}}, Cost: 50,
			Doc: "Makes a Lazy of a table, such as the files of a template.",
			Example: `local lazy = require("@antiraid/typesext").newlazystringmap({ ["init.luau"] = "return 1" })
print(lazy.data["init.luau"]) --> return 1`,
		},
		{
			Name: "createglobalproxy", Results: []Param{{Name: "globals", Type: Table}}, Cost: 50,
			Doc: "Makes a table of globals: what is written to it stays in it, what it lacks is read from the globals of the platform.",
			Example: `local globals = require("@antiraid/typesext").createglobalproxy()
globals.x = 1
print(globals.x, globals.math == math, x) --> 1	true	nil`,
		},
	},
}

var bitu64Area = Area{
	Name: "@antiraid/typesext.bitu64", Kind: Part,
	Doc: "What `bit32` does, for 64 bits. Amounts of shifts and rotations count modulo 64.",
	Functions: []Function{
		foldBits("band", "and", "12, 10", "8"), foldBits("bor", "or", "12, 10", "14"), foldBits("bxor", "exclusive or", "12, 10", "6"),
		{
			Name: "btest", Args: []Param{wideArg("a")}, Rest: true, Results: []Param{{Name: "any", Type: Boolean}}, Cost: 20,
			Doc: "Tells whether all the numbers have a bit in common.", Example: bitExample("btest(12, 10)", "true"),
		},
		mapBits("bnot", "Turns all bits around.", "0", "18446744073709551615"), mapBits("byteswap", "Turns the order of the bytes around.", "1", "72057594037927936"),
		{
			Name: "countlz", Args: []Param{wideArg("n")}, Results: []Param{{Name: "count", Type: Integer}}, Cost: 20,
			Doc: "Counts the zero bits before the highest that is set.", Example: bitExample("countlz(1)", "63"),
		},
		{
			Name: "countrz", Args: []Param{wideArg("n")}, Results: []Param{{Name: "count", Type: Integer}}, Cost: 20,
			Doc: "Counts the zero bits after the lowest that is set.", Example: bitExample("countrz(8)", "3"),
		},
		shiftBits("lshift", "Moves the bits up; zeros follow.", "1, 63", "9223372036854775808"), shiftBits("rshift", "Moves the bits down; zeros follow.", "256, 4", "16"),
		shiftBits("lrotate", "Moves the bits up, and those that leave come in below.", `"9223372036854775808", 1`, "1"),
		shiftBits("rrotate", "Moves the bits down, and those that leave come in above.", "1, 1", "9223372036854775808"),
		{
			Name: "extract", Args: []Param{wideArg("n"), fieldArg, widthArg}, Results: []Param{{Name: "bits", Type: ObjectOf("U64")}}, Cost: 20,
			Doc: "Gives `width` bits, 1 if nothing is said, from bit `field` on.", Example: bitExample("extract(0xF0, 4, 4)", "15"),
		},
		{
			Name: "replace", Args: []Param{wideArg("n"), wideArg("bits"), fieldArg, widthArg}, Results: []Param{{Name: "n", Type: ObjectOf("U64")}}, Cost: 20,
			Doc: "Gives n with `width` bits, 1 if nothing is said, from bit `field` on replaced by the lowest of `bits`.", Example: bitExample("replace(0, 5, 4, 3)", "80"),
		},
	},
}

var (
	fieldArg = Param{Name: "field", Type: Integer.Between(0, 63)}
	widthArg = opt(Param{Name: "width", Type: Integer.Between(1, 64), Doc: "field and width together are at most 64"})
)

func wideArg(name string) Param { return Param{Name: name, Type: Wide} }

func bitExample(call, want string) string {
	return "local bitu64 = require(\"@antiraid/typesext\").bitu64\nprint(bitu64." + call + ") --> " + want
}

func foldBits(name, words, args, want string) Function {
	return Function{
		Name: name, Args: []Param{wideArg("a")}, Rest: true, Results: []Param{{Name: "n", Type: ObjectOf("U64")}}, Cost: 20,
		Doc: "Combines any number of numbers bit by bit: " + words + ".", Example: bitExample(name+"("+args+")", want),
	}
}

func mapBits(name, doc, arg, want string) Function {
	return Function{
		Name: name, Args: []Param{wideArg("n")}, Results: []Param{{Name: "n", Type: ObjectOf("U64")}}, Cost: 20,
		Doc: doc, Example: bitExample(name+"("+arg+")", want),
	}
}

func shiftBits(name, doc, args, want string) Function {
	return Function{
		Name: name, Args: []Param{wideArg("n"), wideArg("amount")}, Results: []Param{{Name: "n", Type: ObjectOf("U64")}}, Cost: 20,
		Doc: doc, Example: bitExample(name+"("+args+")", want),
	}
}

var vfsPart = Area{
	Name: "@antiraid/typesext.Vfs", Kind: Part,
	Doc: "Files that a script brings itself.",
	Functions: []Function{{
		Name: "newoverlay", Args: []Param{{Name: "layers", Type: ListOf(Any), Doc: "each a Vfs, a Lazy, or a table of strings"}},
		Results: []Param{{Name: "vfs", Type: ObjectOf("Vfs")}}, Cost: 100,
		Doc:     "Lays files over each other, by paths such as `init.luau` or `a/b.luau`; of equal paths the first wins.",
		Example: vfsExample + `print(vfs:createrequirefunction("demo", typesext.createglobalproxy())("./init")) --> from b`,
	}},
}

const vfsExample = `local typesext = require("@antiraid/typesext")
local vfs = typesext.Vfs.newoverlay({
	{ ["init.luau"] = "return 'from ' .. require('./b')" },
	{ ["b.luau"] = "return 'b'", ["init.luau"] = "return 'hidden'" },
})
`

var vfsArea = Area{
	Name: "Vfs", Kind: Object, Type: "Vfs",
	Doc: "Files of Luau in memory.",
	Functions: []Function{{
		Name: "createrequirefunction", Args: []Param{{Name: "id", Type: Text, Doc: "how messages call it"}, {Name: "globals", Type: Table}},
		Results: []Param{{Name: "require", Type: Func}}, Cost: 100,
		Doc: "Makes a require for these files. A module sees the given globals; if they have no `require` of their own, they get this one. Paths count from the " +
			"module that asks, from elsewhere from the top. Modules are kept as long as the function.",
		Example: vfsExample + `local globals = typesext.createglobalproxy()
local load = vfs:createrequirefunction("demo", globals)
print(load("./init"), globals.require == load) --> from b	true
print(pcall(function() load("./c") end)) --> false	example:9: require "./c": the template has no module "c"`,
	}},
}
