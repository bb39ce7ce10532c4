package registry

import "strings"

// Original is a part of the API of the system that this one re-creates, as it was
// in February 2026: what templates written for it may use.
type Original struct {
	Area    string   // where the members are found, as [Area].Name
	Members []string // full names, as [Function.FullName]
}

// Originals returns that API, Discord operations apart.
func Originals() []Original { return originals }

// Absent returns why a member of [Originals] is not here: the reason of its own
// or of its area, "" when there is none. Whether it is here is for [Has] to say.
func Absent(area, member string) string {
	if reason, ok := absent[member]; ok {
		return reason
	}
	return absent[area]
}

// AbsentNames returns the members and areas that have a reason.
func AbsentNames() []string {
	var names []string
	for name := range absent {
		names = append(names, name)
	}
	return names
}

// Reasons that several members share.
const (
	laterModule = "missing: the module is still to be built"
	laterPlugin = "missing: still to be built"
	language    = "makes code or reaches into other functions at run time, which a check at upload could not see"
)

// absent says why members are not here.
var absent = map[string]string{
	"ctx.ObjectStorage":           laterPlugin,
	"ctx.Discord":                 "missing: Discord operations are the next step",
	"ctx.HTTPServer":              "the original has none either: reading the field was an error",
	"ctx.ImageCaptcha":            "not taken over: unused by the original's own code and removed there in March 2026",
	"ctx.available_extra_plugins": "not taken over: it was always empty, as nothing is added from outside",
	"ctx.Runtime:getexposedvfs":   "not taken over: templates do not share files of the platform",

	"@antiraid/typesext.castlazyvaluetolazymap":    "not taken over: a Lazy is a map of strings here",
	"@antiraid/typesext.castopaquevaluetopaquemap": "not taken over: no value is opaque here",

	"@antiraid/wasm": "not taken over: it came in July 2026, after the API that this one follows",

	"loadstring": language + "; luau.load takes its place",
}

var originals = []Original{
	list("ctx", ".", "KV GlobalKV Discord ObjectStorage HTTPClient Runtime ImageCaptcha HTTPServer store allowed_caps current_user memory_limit available_extra_plugins"),
	list("ctx", ":", "event has_cap has_any_cap with"),
	list("task", ".", "wait delay spawn defer cancel synchronize desynchronize"),
	list("", "", "assert collectgarbage error gcinfo getmetatable ipairs loadstring newproxy next pairs pcall rawequal rawget rawlen rawset "+
		"require select setmetatable tonumber tostring type typeof unpack xpcall _G _VERSION bit32 buffer coroutine debug math os string table utf8 vector"),
	list("ctx.KV", ":", "get getrecord find set delete list_scopes"),
	list("ctx.GlobalKV", ":", "find get create delete"),
	list("ctx.ObjectStorage", ":", "list_files file_exists download_file get_file_url upload_file delete_file"),
	list("ctx.ObjectStorage", ".", "bucket_name"),
	list("ctx.HTTPClient", ".", "new_request new_headers new_url"),
	list("Url", ".", "host port scheme path query fragment"),
	list("Headers", ":", "get set remove headers_str headers_bytes"),
	list("Request", ".", "method url headers body_bytes timeout version"),
	list("Request", ":", "send"),
	list("Response", ".", "url status headers content_length"),
	list("Response", ":", "text json blob"),
	list("ctx.HTTPServer", ".", "url bind_addr new_router headers jsonresponse fmtresponse response"),
	list("ctx.Runtime", ":", "getexposedvfs gettenantstate settenantstate stats links eventlist"),
	list("ctx.ImageCaptcha", ":", "Create"),
	list("@antiraid/channel", ".", "OneshotChannel DelayChannel selectoneshots"),
	list("OneshotChannel", ":", "send recv recvtimeout"),
	list("DelayChannel", ":", "add next clear"),
	list("KeyHandle", ":", "cancel"),
	list("@antiraid/datamgmt", ".", "newblob base64encode base64decode TarArchive aes256encrypt aes256decrypt aes256decryptcustom compress decompress"),
	list("TarArchive", ":", "takefile addfile entries toblob"),
	list("Blob", ":", "tobuffer drain zeroize"),
	list("@antiraid/datetime", ".", "UTC new timedelta_weeks timedelta_days timedelta_hours timedelta_minutes timedelta_seconds timedelta_millis timedelta_micros timedelta_nanos"),
	list("TimeDelta", ".", "weeks days hours minutes seconds millis micros nanos as_secs"),
	list("TimeDelta", ":", "offset_string"),
	list("DateTime", ".", "year month day hour minute second timestamp_seconds timestamp_millis timestamp_micros timestamp_nanos timezone base_offset dst_offset"),
	list("DateTime", ":", "with_timezone format duration_since"),
	list("Timezone", ".", "name"),
	list("Timezone", ":", "now fromString fromTime fromTimeMillis fromTimeMicros fromTimeNanos utcToTz tzToUtc timeUtcToTz timeTzToUtc"),
	list("@antiraid/interop", ".", "null array_metatable memusage memory_limit"),
	list("@antiraid/json", ".", "tojsonstring fromjsonstring"),
	list("@antiraid/luau", ".", "load format"),
	list("@antiraid/typesext", ".", "U64 I64 bitu64 randstring newlazystringmap castlazyvaluetolazymap castopaquevaluetopaquemap Vfs createglobalproxy"),
	list("Chunk", ".", "code chunk_name environment optimization_level"),
	list("Chunk", ":", "call call_async"),
	list("@antiraid/typesext.bitu64", ".", "band bnot bor bxor btest extract lrotate lshift replace rrotate rshift countlz countrz byteswap"),
	list("@antiraid/typesext.Vfs", ".", "newoverlay"),
	list("Vfs", ":", "createrequirefunction"),
	list("U64", ":", "to_ne_bytes to_le_bytes to_be_bytes to_i64 to_u64"),
	list("U64", ".", "from_ne_bytes from_le_bytes from_be_bytes"),
	list("I64", ":", "to_ne_bytes to_le_bytes to_be_bytes to_i64 to_u64"),
	list("I64", ".", "from_ne_bytes from_le_bytes from_be_bytes"),
	list("Lazy", ".", "data"),
	list("@antiraid/wasm", ".", "newwasm"),
}

func list(area, separator, names string) Original {
	o := Original{Area: area}
	for _, name := range strings.Fields(names) {
		o.Members = append(o.Members, area+separator+name)
	}
	return o
}
