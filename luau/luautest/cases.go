package luautest

import "github.com/template-worker/template-worker/luau"

// Cases gives the files of the conformance suite in order. Each that is skipped says why.
func Cases() []Case {
	return []Case{
		{File: "apicalls.luau", MaxBytes: smallObjects, Then: hostCalls},
		{File: "assert.luau"},
		{File: "attrib.luau"},
		{File: "basic.luau"},
		{File: "bitwise.luau"},
		{File: "buffers.luau", Natives: nativeProbes},
		{File: "calls.luau"},
		{File: "classes.luau", Skip: "user-defined classes are off by default in the reference and not supported"},
		{File: "clear.luau"},
		{File: "closure.luau"},
		{File: "constructs.luau"},
		{File: "coroutine.luau", Edits: []Edit{{
			Old: "assert(main == nil)",
			Why: "every thread of the host is a coroutine here, the main script's too",
		}}},
		{File: "coverage.luau", Cover: true, Natives: []*luau.Native{{Name: "getcoverage", Fn: getCoverage}}},
		{File: "cyield.luau", Natives: yieldNatives},
		{File: "datetime.luau"},
		{File: "debug.luau"},
		{File: "debugger.luau", Skip: "needs breakpoints, which are not offered"},
		{File: "errors.luau"},
		{File: "events.luau"},
		{File: "exceptions.luau", MaxBytes: smallObjects, Then: hostErrors},
		{File: "explicit_type_instantiations.luau"},
		{File: "gc.luau", Natives: []*luau.Native{{Name: "setblockallocations", Fn: nothing}}, Edits: []Edit{{
			Old: "assert(dosteps(0) > 10)\nassert(dosteps(6) < dosteps(2))\n",
			Why: "a collection is one step here",
		}}},
		{File: "ifelseexpr.luau"},
		{File: "integers.luau", Natives: nativeProbes},
		{File: "integers_regspill.luau", Natives: nativeClaims},
		{File: "interrupt.luau", Then: interrupts},
		{File: "iter.luau", Natives: append(nativeProbes, yieldingIterator)},
		{File: "iter_fenv.luau"},
		{File: "jit_inliner.luau"},
		{File: "literals.luau"},
		{File: "locals.luau"},
		{File: "math.luau"},
		{File: "move.luau"},
		{File: "native.luau", Natives: nativeClaims},
		{File: "native_integer_spills.luau"},
		{File: "native_types.luau", Skip: "tests that native code checks type annotations, which nothing else does"},
		{File: "native_userdata.luau", Natives: userdataNatives, Vectors: vectorMeta},
		{File: "ndebug_upvalues.luau", AsWritten: true, Yields: capturedFive},
		{File: "pcall.luau", MaxBytes: smallObjects, Natives: pcallNatives, Edits: []Edit{{
			Old: "resumeerror(co, \"fail\")\n\tcheckresults({ true, false, \"fail\" }, coroutine.resume(co))",
			Why: "a native can not raise an error in another coroutine; the host can, with ResumeError",
		}}},
		{File: "pm.luau"},
		{File: "safeenv.luau"},
		{File: "sort.luau"},
		{File: "strconv.luau"},
		{File: "stringinterp.luau"},
		{File: "strings.luau"},
		{File: "tables.luau", Natives: []*luau.Native{{Name: "makelud", Fn: makeLight}}},
		{File: "tmerror.luau"},
		{File: "tpack.luau"},
		{File: "types.luau", Values: typeInfo, Edits: []Edit{{
			Old: "getmetatable(_G).__index", New: "BUILTINS",
			Why: "the metatable of a table of globals is locked here",
		}}},
		{File: "udata_direct.luau", Natives: userdataNatives, Vectors: vectorMeta},
		{File: "userdata.luau", Natives: []*luau.Native{{Name: "int64", Fn: newInt64}}},
		{File: "utf8.luau"},
		{File: "vararg.luau"},
		{File: "vector.luau", Natives: nativeProbes, Vectors: vectorMeta},
		{File: "vector_library.luau", Natives: nativeProbes},
	}
}

// smallObjects is the object size at which the suite's allocator refuses.
const smallObjects = 8 << 20
