// Package ast is the tree that the parser builds and the compiler reads.
//
// It owns node types and positions. It has no behaviour beyond walking, does no
// I/O and starts no goroutine. Type annotations are parsed, checked for syntax
// and dropped: they have no effect at run time, so no node keeps them.
//
// A tree is built once and never changed afterwards.
package ast

// Pos is a place in the source. Line and Column count from 1; Column counts bytes.
type Pos struct {
	Line, Column int32
}

// Span is the part of the source that a node covers; End is after its last byte.
type Span struct {
	Start, End Pos
}

// Local is one declared local variable, parameter or loop variable.
// Every [LocalRef] that resolves to it holds the same pointer.
type Local struct {
	Name     string
	Pos      Pos
	Const    bool // declared with const: the parser has refused assignments to it
	Captured bool // an inner function reads or writes it
	Written  bool // assigned anywhere after its declaration, in any function
	Depth    int  // number of functions around the declaration; the main chunk is 0
}

// Expr is an expression node.
type Expr interface {
	Span() Span
	expr()
}

// Stat is a statement node.
type Stat interface {
	Span() Span
	stat()
}

// Node carries the span of a node; every node embeds it.
type Node struct{ At Span }

// Span says what part of the source the node covers.
func (n Node) Span() Span { return n.At }

// Expressions.
type (
	// Nil, True, False and Vararg stand for their keywords and `...`.
	Nil    struct{ Node }
	True   struct{ Node }
	False  struct{ Node }
	Vararg struct{ Node }

	// Number is a numeric literal as a double.
	Number struct {
		Node
		Value float64
	}
	// Integer is a 64-bit integer literal, written with the suffix i.
	Integer struct {
		Node
		Value int64
	}
	// String is a string literal with its escapes resolved. Value holds raw bytes.
	String struct {
		Node
		Value string
	}
	// Interp is an interpolated string: len(Parts) == len(Exprs)+1.
	Interp struct {
		Node
		Parts []string
		Exprs []Expr
	}
	// LocalRef reads a local of this function or of one around it.
	LocalRef struct {
		Node
		Local *Local
		Depth int // number of functions around the reference; above Local.Depth means an upvalue
	}
	// Global reads a global by name.
	Global struct {
		Node
		Name string
	}
	// Paren is a parenthesised expression: it cuts several results to one.
	Paren struct {
		Node
		X Expr
	}
	// Field is X.Name; Index is X[Key].
	Field struct {
		Node
		X       Expr
		Name    string
		NamePos Pos
	}
	Index struct {
		Node
		X, Key Expr
	}
	// Call is Func(Args...). With Method set it is Func:Method(Args...).
	Call struct {
		Node
		Func      Expr
		Method    string
		MethodPos Pos
		Args      []Expr
		ArgsPos   Pos // where the argument list starts; run-time errors of the call are on the line of Func's end
	}
	// Function is a function expression, or the body of a function statement.
	Function struct {
		Node
		Name    string // debug name: last name of the statement, field or local it is given to; "" when it has none
		Self    bool   // declared with ':'; Params[0] is then self
		Params  []*Local
		Vararg  bool
		Body    *Block
		Depth   int // number of functions around it; the main chunk is 0
		Native  bool
		EndLine int32
	}
	// Table is a constructor. An Item with neither Name nor Key is positional.
	Table struct {
		Node
		Items []Item
	}
	// Item is one field of a constructor.
	Item struct {
		Name   string // name = Value
		NameAt Pos    // where Name stands
		Key    Expr   // [Key] = Value
		Value  Expr
	}
	// Unary is Op X; Binary is X Op Y.
	Unary struct {
		Node
		Op UnaryOp
		X  Expr
	}
	Binary struct {
		Node
		Op    BinaryOp
		X, Y  Expr
		OpPos Pos
	}
	// IfExpr is `if Cond then Then else Else`; elseif nests in Else.
	IfExpr struct {
		Node
		Cond, Then, Else Expr
	}
)

// Statements.
type (
	// Block is a scope of its own. It is also a statement: do ... end.
	Block struct {
		Node
		Stats []Stat
	}
	// LocalStat declares locals. More names than values: the rest take the last call's results, or nil.
	LocalStat struct {
		Node
		Names  []*Local
		Values []Expr
		Export bool
	}
	// LocalFunction is `local function f`: f is in scope inside its own body.
	LocalFunction struct {
		Node
		Name   *Local
		Func   *Function
		Export bool
	}
	// FunctionStat is `function a.b:c()`; Target is a Global, LocalRef or Field.
	FunctionStat struct {
		Node
		Target Expr
		Func   *Function
	}
	// Assign is Targets = Values; each target is a LocalRef, Global, Field or Index.
	Assign struct {
		Node
		Targets []Expr
		Values  []Expr
	}
	// Compound is Target Op= Value; the target's parts are evaluated once.
	Compound struct {
		Node
		Op     BinaryOp
		Target Expr
		Value  Expr
	}
	// CallStat is a call whose results are dropped.
	CallStat struct {
		Node
		Call *Call
	}
	// If runs Then or Else; Else is nil, a *Block, or an *If for elseif.
	If struct {
		Node
		Cond Expr
		Then *Block
		Else Stat
	}
	While struct {
		Node
		Cond Expr
		Body *Block
	}
	// Repeat evaluates Cond inside Body's scope.
	Repeat struct {
		Node
		Body *Block
		Cond Expr
	}
	// NumericFor counts from From to To; Step is nil for 1.
	NumericFor struct {
		Node
		Var            *Local
		From, To, Step Expr
		Body           *Block
	}
	GenericFor struct {
		Node
		Vars   []*Local
		Values []Expr
		Body   *Block
	}
	Return struct {
		Node
		Values []Expr
	}
	Break    struct{ Node }
	Continue struct{ Node }
)

// Chunk is one parsed source file.
type Chunk struct {
	Main     *Function // vararg, Depth 0
	Exports  []*Local  // in order of declaration; the chunk returns them in a frozen table
	Optimize int       // from a `--!optimize N` header comment, or -1
	// OnlyTypes tells that the chunk exports types and neither returns nor exports a value; it returns a frozen empty table.
	OnlyTypes bool
	// WrittenGlobals are the global names that the chunk assigns; imports and builtins of these names are not resolved early.
	WrittenGlobals map[string]bool
	// UsesFenv tells that the chunk mentions getfenv or setfenv.
	UsesFenv bool
}

// UnaryOp is a prefix operator.
type UnaryOp uint8

// The prefix operators.
const (
	Not UnaryOp = iota
	Minus
	Length
)

// BinaryOp is an infix operator.
type BinaryOp uint8

// The infix operators.
const (
	Add BinaryOp = iota
	Sub
	Mul
	Div
	IDiv
	Mod
	Pow
	Concat
	Eq
	Ne
	Lt
	Le
	Gt
	Ge
	And
	Or
)

func (*Nil) expr()      {}
func (*True) expr()     {}
func (*False) expr()    {}
func (*Vararg) expr()   {}
func (*Number) expr()   {}
func (*Integer) expr()  {}
func (*String) expr()   {}
func (*Interp) expr()   {}
func (*LocalRef) expr() {}
func (*Global) expr()   {}
func (*Paren) expr()    {}
func (*Field) expr()    {}
func (*Index) expr()    {}
func (*Call) expr()     {}
func (*Function) expr() {}
func (*Table) expr()    {}
func (*Unary) expr()    {}
func (*Binary) expr()   {}
func (*IfExpr) expr()   {}

func (*Block) stat()         {}
func (*LocalStat) stat()     {}
func (*LocalFunction) stat() {}
func (*FunctionStat) stat()  {}
func (*Assign) stat()        {}
func (*Compound) stat()      {}
func (*CallStat) stat()      {}
func (*If) stat()            {}
func (*While) stat()         {}
func (*Repeat) stat()        {}
func (*NumericFor) stat()    {}
func (*GenericFor) stat()    {}
func (*Return) stat()        {}
func (*Break) stat()         {}
func (*Continue) stat()      {}
