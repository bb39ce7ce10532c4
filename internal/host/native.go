package host

import (
	"encoding/binary"
	"math/bits"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// bodies are the Go functions of those declarations that run inside the worker;
// operations of the broker have none. Their arguments have been checked.
var bodies = map[string]luau.Func{
	"print":   printLine,
	"require": require,

	"ctx:event":       contextEvent,
	"ctx:has_cap":     contextHasCap,
	"ctx:has_any_cap": contextHasAnyCap,
	"ctx:with":        contextWith,

	"ctx.Runtime:limits":    runtimeLimits,
	"ctx.Runtime:usage":     runtimeUsage,
	"ctx.Runtime:eventlist": runtimeEventList,

	"task.wait":          taskWait,
	"task.spawn":         taskSpawn,
	"task.defer":         taskDefer,
	"task.delay":         taskDelay,
	"task.cancel":        taskCancel,
	"task.synchronize":   taskNothing,
	"task.desynchronize": taskNothing,

	"DateTime:duration_since": durationSince,
	"DateTime:with_timezone":  withTimezone,
	"DateTime:format":         formatDate,
	"TimeDelta:offset_string": offsetString,
	"Timezone:now":            zoneNow,
	"Timezone:fromString":     zoneFromString,
	"Timezone:fromTime":       zoneFrom(1),
	"Timezone:fromTimeMillis": zoneFrom(1e3),
	"Timezone:fromTimeMicros": zoneFrom(1e6),
	"Timezone:fromTimeNanos":  zoneFrom(1e9),
	"Timezone:utcToTz":        utcToTz,
	"Timezone:tzToUtc":        tzToUtc,
	"Timezone:timeUtcToTz":    timeUtcToTz,
	"Timezone:timeTzToUtc":    timeTzToUtc,

	"OneshotChannel:send":        oneshotSend,
	"OneshotChannel:recv":        oneshotRecv,
	"OneshotChannel:recvtimeout": oneshotRecvTimeout,
	"DelayChannel:add":           delayAdd,
	"DelayChannel:next":          delayNext,
	"DelayChannel:clear":         delayClear,
	"KeyHandle:cancel":           keyHandleCancel,

	"@antiraid/channel.OneshotChannel": newOneshot,
	"@antiraid/channel.DelayChannel":   newDelay,
	"@antiraid/channel.selectoneshots": selectOneshots,

	"@antiraid/datetime.new":               newTimezone,
	"@antiraid/datetime.timedelta_weeks":   timedelta(7*86400, 1),
	"@antiraid/datetime.timedelta_days":    timedelta(86400, 1),
	"@antiraid/datetime.timedelta_hours":   timedelta(3600, 1),
	"@antiraid/datetime.timedelta_minutes": timedelta(60, 1),
	"@antiraid/datetime.timedelta_seconds": timedelta(1, 1),
	"@antiraid/datetime.timedelta_millis":  timedelta(1, 1e3),
	"@antiraid/datetime.timedelta_micros":  timedelta(1, 1e6),
	"@antiraid/datetime.timedelta_nanos":   timedelta(1, 1e9),

	"I64:to_i64":      makeI64,
	"I64:to_u64":      makeU64,
	"I64:to_ne_bytes": wideToLittle,
	"I64:to_le_bytes": wideToLittle,
	"I64:to_be_bytes": wideToBig,
	"U64:to_i64":      makeI64,
	"U64:to_u64":      makeU64,
	"U64:to_ne_bytes": wideToLittle,
	"U64:to_le_bytes": wideToLittle,
	"U64:to_be_bytes": wideToBig,

	"I64.from_ne_bytes": wideFrom(binary.LittleEndian, giveI64),
	"I64.from_le_bytes": wideFrom(binary.LittleEndian, giveI64),
	"I64.from_be_bytes": wideFrom(binary.BigEndian, giveI64),
	"U64.from_ne_bytes": wideFrom(binary.LittleEndian, giveU64),
	"U64.from_le_bytes": wideFrom(binary.LittleEndian, giveU64),
	"U64.from_be_bytes": wideFrom(binary.BigEndian, giveU64),

	"@antiraid/json.tojsonstring":   toJSONString,
	"@antiraid/json.fromjsonstring": fromJSONString,

	"@antiraid/luau.load":   loadChunk,
	"@antiraid/luau.format": formatValues,
	"Chunk:call":            callChunk,
	"Chunk:call_async":      callChunk,

	"@antiraid/typesext.Vfs.newoverlay": newOverlay,
	"Vfs:createrequirefunction":         createRequire,

	"@antiraid/typesext.U64":               makeU64,
	"@antiraid/typesext.I64":               makeI64,
	"@antiraid/typesext.randstring":        randString,
	"@antiraid/typesext.newlazystringmap":  newLazyStringMap,
	"@antiraid/typesext.createglobalproxy": createGlobalProxy,

	"@antiraid/typesext.bitu64.band":     bitFold(^uint64(0), bitAnd),
	"@antiraid/typesext.bitu64.bor":      bitFold(0, bitOr),
	"@antiraid/typesext.bitu64.bxor":     bitFold(0, bitXor),
	"@antiraid/typesext.bitu64.btest":    bitTest,
	"@antiraid/typesext.bitu64.bnot":     bitMap(func(x uint64) uint64 { return ^x }),
	"@antiraid/typesext.bitu64.byteswap": bitMap(bits.ReverseBytes64),
	"@antiraid/typesext.bitu64.countlz":  bitCount(bits.LeadingZeros64),
	"@antiraid/typesext.bitu64.countrz":  bitCount(bits.TrailingZeros64),
	"@antiraid/typesext.bitu64.lshift":   bitShift(shiftLeft),
	"@antiraid/typesext.bitu64.rshift":   bitShift(shiftRight),
	"@antiraid/typesext.bitu64.lrotate":  bitShift(bits.RotateLeft64),
	"@antiraid/typesext.bitu64.rrotate":  bitShift(rotateRight),
	"@antiraid/typesext.bitu64.extract":  bitExtract,
	"@antiraid/typesext.bitu64.replace":  bitReplace,

	"ctx.HTTPClient.new_request": httpNewRequest,
	"ctx.HTTPClient.new_headers": httpNewHeaders,
	"ctx.HTTPClient.new_url":     httpNewURL,

	"Headers:get":           headersGet,
	"Headers:set":           headersSet,
	"Headers:remove":        headersRemove,
	"Headers:headers_str":   headersStr,
	"Headers:headers_bytes": headersBytes,

	"Request:send": requestSend,

	"Response:text": responseText,
	"Response:json": responseJSON,
	"Response:blob": responseBlob,

	"Blob:tobuffer": blobToBuffer,
	"Blob:drain":    blobDrain,
	"Blob:zeroize":  blobZeroize,

	"TarArchive:takefile": archiveTake,
	"TarArchive:addfile":  archiveAdd,
	"TarArchive:entries":  archiveEntries,
	"TarArchive:toblob":   archiveToBlob,

	"@antiraid/datamgmt.newblob":             newBlobOf,
	"@antiraid/datamgmt.base64encode":        base64Encode,
	"@antiraid/datamgmt.base64decode":        base64Decode,
	"@antiraid/datamgmt.hexencode":           hexEncode,
	"@antiraid/datamgmt.hash":                hashBytes,
	"@antiraid/datamgmt.hmac":                hmacBytes,
	"@antiraid/datamgmt.equal":               equalBytes,
	"@antiraid/datamgmt.argon2id":            deriveKey,
	"@antiraid/datamgmt.aes256encrypt":       aesEncrypt,
	"@antiraid/datamgmt.aes256decrypt":       aesDecrypt,
	"@antiraid/datamgmt.aes256decryptcustom": aesDecryptCustom,
	"@antiraid/datamgmt.compress":            compressBytes,
	"@antiraid/datamgmt.decompress":          decompressBytes,
	"@antiraid/datamgmt.TarArchive":          openArchive,

	"@antiraid/interop.memusage":     memoryUsed,
	"@antiraid/interop.memory_limit": memoryLimit,
}

// getters are the fields of objects whose type does not bring them.
var getters = map[string]field{
	"ctx.store":        contextStore,
	"ctx.allowed_caps": allowedCaps,
	"ctx.memory_limit": contextMemoryLimit,
	"ctx.current_user": contextCurrentUser,
}

// constants are the fields of libraries and modules.
var constants = map[string]luau.Value{
	"@antiraid/datetime.UTC":            luau.SharedUserdata(times.zone, timezone("UTC")).Value(),
	"@antiraid/interop.null":            null,
	"@antiraid/interop.array_metatable": arrayMeta.Value(),
}

// objectTypes are the types of objects that are more than a ctx's plugin.
var objectTypes = map[string]*luau.UserType{
	"TemplateContext": contextType,
	"DateTime":        times.dateTime, "TimeDelta": times.timeDelta, "Timezone": times.zone,
	"I64": wide.i64, "U64": wide.u64,
	"Lazy": lazyType, "Blob": blobType, "TarArchive": archiveType,
	"Chunk":          chunkType,
	"Vfs":            vfsType,
	"OneshotChannel": oneshotType, "DelayChannel": delayType, "KeyHandle": keyHandleType,
	"Url": urlType, "Headers": headersType, "Request": requestType, "Response": responseType,
}

// newNative makes the function of a declaration.
func newNative(f *registry.Function) *luau.Native {
	n := &luau.Native{Name: f.Name, Cost: f.Cost, Yieldable: f.Yields}
	if f.Op != "" {
		finish := finishOf(f)
		n.Fn = func(c *luau.Call) error { return operate(c, f, finish) }
		return n
	}
	body := bodies[f.FullName()]
	if body == nil {
		panic("BUG: " + f.FullName() + " is declared and has no body")
	}
	n.Fn = func(c *luau.Call) error {
		if err := checkArgs(c, f); err != nil {
			return err
		}
		return scriptFault(c, f.Label(), body(c))
	}
	return n
}

func newNatives(a *registry.Area) []*luau.Native {
	list := make([]*luau.Native, len(a.Functions))
	for i := range a.Functions {
		list[i] = newNative(&a.Functions[i])
	}
	return list
}

// operate checks the arguments of an operation and makes the host call. The
// broker checks them again by the same declaration; that it is done here saves
// the way, and holds calls to the capabilities of a ctx that was narrowed.
func operate(c *luau.Call, f *registry.Function, finish Finish) error {
	held, err := checkSelf(c, f)
	if err != nil {
		return err
	}
	args := make([]khronos.Value, len(f.Args))
	for i, p := range f.Args {
		if args[i], err = readArg(c, p, c.Arg(i+1)); err != nil {
			return scriptFault(c, f.Label(), err)
		}
	}
	if missing := f.Missing(held, args); missing != "" {
		return c.Errorf("%s", f.Lacks(missing).Text)
	}
	if err := f.CheckSizes(args, envOf(c).Limits()); err != nil {
		return c.Errorf("%s", err.Text)
	}
	return envOf(c).Exec(c, f.Op, args, finish)
}

// checkArgs holds a call against the declaration of its function.
func checkArgs(c *luau.Call, f *registry.Function) error {
	first := 0
	if f.Area().Kind == registry.Object && !f.Static {
		held, err := checkSelf(c, f)
		if err != nil {
			return err
		}
		if missing := f.Missing(held, nil); missing != "" {
			return c.Errorf("%s", f.Lacks(missing).Text)
		}
		first = 1
	}
	if s, ok := c.State().(*scopeState); ok { // a function with a dot, of the ctx whose state this is
		if missing := f.Missing(s.Held, nil); missing != "" {
			return c.Errorf("%s", f.Lacks(missing).Text)
		}
	}
	for i, p := range f.Args {
		v, err := lookAtArg(c, p, c.Arg(first+i))
		if err != nil {
			return scriptFault(c, f.Label(), err)
		}
		if p.Type.Crosses() {
			if err := p.CheckSize(v, envOf(c).Limits()); err != nil {
				return scriptFault(c, f.Label(), &unfit{err.Error()})
			}
		}
	}
	return nil
}

// checkSelf wants the object that a method belongs to before the colon, and gives
// the capabilities of the ctx that it is or comes from.
func checkSelf(c *luau.Call, f *registry.Function) (registry.Grants, error) {
	self := c.Arg(0)
	if self.Kind() != luau.KindUserdata || self.AsUserdata().Type() == nil || self.AsUserdata().Type().Name != f.Area().Type {
		return registry.Grants{}, c.Errorf("%s: call it with a colon: %s(...)", f.Label(), f.FullName())
	}
	if s, ok := self.AsUserdata().Data().(*scopeState); ok {
		return s.Held, nil
	}
	return registry.Grants{}, nil
}

// finishOf gives what turns an operation's answer into the declared results: one
// is the answer, several are the items of a list.
func finishOf(f *registry.Function) Finish {
	switch len(f.Results) {
	case 0:
		return func(c *luau.Call, _ khronos.Value) error { return c.Return0() }
	case 1:
		typ := f.Results[0].Type
		return func(c *luau.Call, answer khronos.Value) error {
			v, err := ToLuau(c.VM(), answer)
			if err != nil {
				return err
			}
			freeze(typ, v)
			return c.Return1(v)
		}
	}
	return func(c *luau.Call, answer khronos.Value) error {
		results := make([]luau.Value, len(f.Results))
		for i := range results {
			v, err := ToLuau(c.VM(), answer.Index(i))
			if err != nil {
				return err
			}
			freeze(f.Results[i].Type, v)
			c.Hold(v)
			results[i] = v
		}
		return c.Return(results...)
	}
}

// freeze makes a result one that scripts cannot change, as far as its type says.
func freeze(typ registry.Type, v luau.Value) {
	if v.Kind() != luau.KindTable {
		return
	}
	t := v.AsTable()
	if typ.Kind == registry.KindList && typ.Item.Frozen {
		for i := 1; i <= t.Len(); i++ {
			freeze(*typ.Item, t.GetInt(i))
		}
	}
	if typ.Frozen {
		t.Freeze()
	}
}
