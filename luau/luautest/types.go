package luautest

import (
	"strings"

	"github.com/template-worker/template-worker/luau"
)

// builtin is one table of built-in names as the documentation lists it: its
// functions, and its constants of one type.
type builtin struct {
	name      string // "globals" for the globals
	functions string
	constants string
	constType string
}

// builtins is what scripts find, written down apart from the libraries that provide it.
var builtins = []builtin{
	{
		name: "globals",
		functions: "assert collectgarbage error gcinfo getfenv getmetatable ipairs newproxy next pairs pcall print rawequal rawget rawlen rawset " +
			"select setfenv setmetatable tonumber tostring type typeof unpack xpcall",
		constants: "_VERSION", constType: "string",
	},
	{name: "string", functions: "byte char find format gmatch gsub len lower match pack packsize rep reverse split sub unpack upper"},
	{name: "table", functions: "clear clone concat create find foreach foreachi freeze getn insert isfrozen maxn move pack remove sort unpack"},
	{
		name: "math",
		functions: "abs acos asin atan atan2 ceil clamp cos cosh deg exp floor fmod frexp isfinite isinf isnan ldexp lerp log log10 map max min " +
			"modf noise pow rad random randomseed round sign sin sinh sqrt tan tanh",
		constants: "pi huge nan e phi sqrt2 tau", constType: "number",
	},
	{name: "bit32", functions: "arshift band bnot bor btest bxor byteswap countlz countrz extract lrotate lshift replace rrotate rshift"},
	{
		name: "buffer",
		functions: "copy create fill fromstring len readbits readf32 readf64 readi8 readi16 readi32 readinteger readstring readu8 readu16 readu32 " +
			"tostring writebits writef32 writef64 writei8 writei16 writei32 writeinteger writestring writeu8 writeu16 writeu32",
	},
	{
		name:      "vector",
		functions: "abs angle ceil clamp create cross dot floor lerp magnitude max min normalize sign",
		constants: "zero one", constType: "vector",
	},
	{name: "utf8", functions: "char codepoint codes len offset", constants: "charpattern", constType: "string"},
	{name: "os", functions: "clock date difftime time"},
	{name: "coroutine", functions: "close create isyieldable resume running status wrap yield"},
	{name: "debug", functions: "info traceback"},
	{
		name: "integer",
		functions: "add arshift band bnot bor bswap btest bxor clamp countlz countrz create div extract fromstring ge gt idiv le lrotate lshift lt " +
			"max min mod mul neg rem replace rrotate rshift sub tonumber udiv uge ugt ule ult urem",
		constants: "minsigned maxsigned", constType: "integer",
	},
}

// typeInfo is what types.luau expects of its host: the type of each built-in
// name, tables within tables, and for comparison the built-ins themselves.
var typeInfo = []luau.Field{
	{Name: "RTTI", Value: builtinTypes()},
	{Name: "BUILTINS", Value: luau.Standard().Globals().Value()},
}

func builtinTypes() luau.Value {
	var globals []luau.Field
	for _, b := range builtins {
		fields := append(typed(b.functions, "function"), typed(b.constants, b.constType)...)
		if b.name == "globals" {
			globals = append(globals, fields...)
		} else {
			globals = append(globals, luau.Field{Name: b.name, Value: luau.SharedTable(fields...).Value()})
		}
	}
	return luau.SharedTable(globals...).Value()
}

func typed(names, typ string) (fields []luau.Field) {
	for name := range strings.FieldsSeq(names) {
		fields = append(fields, luau.Field{Name: name, Value: luau.Const(typ)})
	}
	return fields
}
