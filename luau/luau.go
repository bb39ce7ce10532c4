// Package luau runs Luau scripts inside a Go program: compile a source once, run
// it in any number of isolated machines, each with limits on memory and work
// that a script can not get around.
//
// It is the one package an embedder needs. The words in it are:
//
//   - [Base]: the frozen built-in globals and libraries; [Standard] has all of
//     them, [NewBase] makes another choice. Made once per process.
//   - [Code]: what [Compile] makes of a source text; [Program]: code that [Load]
//     has tied to a base. Both are immutable and shared by machines.
//   - [VM]: one isolated machine with its own globals and memory, made by [NewVM]
//     with a [Config]. It belongs to the goroutine that uses it at the time.
//   - [Coroutine]: a thread of execution in a machine. The host makes one with
//     [VM.NewThread] and drives it with [VM.Resume].
//   - [Value]: any script value. [Native]: a function written in Go, which sees
//     its arguments through a [Call].
//   - [Account]: a memory limit that the machines of one tenant share.
//
// Errors are a [*ScriptError] (the script's fault), a [*LimitError] (it ran into
// a limit; scripts can not catch it) or a [*SyntaxError] (the source is no Luau).
//
// Nothing here starts a goroutine, reads a file or looks at the network. Sizes
// are bytes; work is counted in fuel, about one unit per instruction.
package luau

import (
	"github.com/template-worker/template-worker/luau/internal/bytecode"
	"github.com/template-worker/template-worker/luau/internal/vm"
	"github.com/template-worker/template-worker/luau/syntax"
)

// The machine and what belongs to it.
type (
	VM        = vm.VM
	Config    = vm.Config
	Account   = vm.Account
	Base      = vm.Base
	Coroutine = vm.Coroutine
	Ref       = vm.Ref
	Status    = vm.Status

	ProfileLine = vm.ProfileLine
)

// Values.
type (
	Value    = vm.Value
	Kind     = vm.Kind
	String   = vm.String
	Table    = vm.Table
	Closure  = vm.Closure
	Buffer   = vm.Buffer
	Vector   = vm.Vector
	Userdata = vm.Userdata
	UserType = vm.UserType
	ArithOp  = vm.ArithOp
)

// Natives.
type (
	Native   = vm.Native
	Func     = vm.Func
	FastFunc = vm.FastFunc
	Call     = vm.Call
	Args     = vm.Args
	Cont     = vm.Cont
	Tracer   = vm.Tracer
)

// SharedUserdata makes a userdata that belongs to no machine: all may use it, on
// any goroutine, and it counts as nobody's memory. data must not change.
func SharedUserdata(typ *UserType, data any) *Userdata { return vm.SharedUserdata(typ, data) }

// A base under construction.
type (
	BaseBuilder = vm.BaseBuilder
	Field       = vm.Field
)

// Errors and programs.
type (
	ScriptError = vm.ScriptError
	LimitError  = vm.LimitError
	LimitKind   = vm.LimitKind
	SyntaxError = syntax.Error
	Code        = bytecode.Program
	Program     = vm.Program
	Coverage    = vm.Coverage
	LineVisits  = vm.LineVisits
)

// The kinds of values. A class or object never reaches a script yet.
const (
	KindNil       = vm.KindNil
	KindBoolean   = vm.KindBoolean
	KindNumber    = vm.KindNumber
	KindInteger   = vm.KindInteger
	KindLight     = vm.KindLight
	KindString    = vm.KindString
	KindVector    = vm.KindVector
	KindTable     = vm.KindTable
	KindClosure   = vm.KindClosure
	KindNative    = vm.KindNative
	KindCoroutine = vm.KindCoroutine
	KindBuffer    = vm.KindBuffer
	KindUserdata  = vm.KindUserdata
)

// How a [VM.Resume] ended without an error.
const (
	StatusDone      = vm.StatusDone
	StatusYielded   = vm.StatusYielded
	StatusSuspended = vm.StatusSuspended
	StatusSliced    = vm.StatusSliced
)

// The limits a script can run into.
const (
	LimitFuel      = vm.LimitFuel
	LimitMemory    = vm.LimitMemory
	LimitDeadline  = vm.LimitDeadline
	LimitCancelled = vm.LimitCancelled
)

// The operations a [UserType] may define.
const (
	ArithAdd    = vm.ArithAdd
	ArithSub    = vm.ArithSub
	ArithMul    = vm.ArithMul
	ArithDiv    = vm.ArithDiv
	ArithIDiv   = vm.ArithIDiv
	ArithMod    = vm.ArithMod
	ArithPow    = vm.ArithPow
	ArithUnm    = vm.ArithUnm
	ArithConcat = vm.ArithConcat
)

// Nil, True and False are values every machine knows.
var (
	Nil   = vm.Nil
	True  = vm.True
	False = vm.False
)

// What [VM] methods return when the machine itself can not go on.
var (
	ErrClosed       = vm.ErrClosed
	ErrDead         = vm.ErrDead
	ErrBusy         = vm.ErrBusy
	ErrNotResumable = vm.ErrNotResumable
)

// NewVM makes a machine. It allocates little: the libraries belong to the base.
func NewVM(b *Base, cfg Config) *VM { return vm.NewVM(b, cfg) }

// NewAccount makes an account of limit bytes; zero or less means no limit.
func NewAccount(limit int64) *Account { return vm.NewAccount(limit) }

// Number makes a number, Bool a boolean, Integer a value of the 64-bit integer
// type, which is not a number to scripts.
func Number(f float64) Value { return vm.Number(f) }

// Bool makes a boolean.
func Bool(b bool) Value { return vm.Bool(b) }

// Integer makes a value of the 64-bit integer type.
func Integer(i int64) Value { return vm.Integer(i) }

// Const gives the string value with this content that all machines share. It is
// charged to none, so it is for texts of the program, not of scripts. Strings of
// a machine are made by [VM.NewString]. It is safe for concurrent use.
func Const(s string) Value { return vm.Const(s).Value() }

// SharedTable makes a frozen table of constants that all machines may use: its values
// must belong to no machine, as natives, numbers and what [Const] makes do.
func SharedTable(fields ...Field) *Table {
	t := vm.SharedTable(0, len(fields))
	for _, f := range fields {
		if err := t.SetStr(nil, vm.Const(f.Name), f.Value); err != nil {
			panic("BUG: shared table: " + err.Error())
		}
	}
	t.Freeze()
	return t
}

// RawEqual tells whether two values are the same without metamethods.
func RawEqual(a, b Value) bool { return vm.RawEqual(a, b) }

// NumberString gives the text tostring makes of a number: the shortest digits
// that read back as the same number.
func NumberString(f float64) string { return vm.NumberString(f) }
