package syntax

import (
	"fmt"
	"strings"

	"github.com/template-worker/template-worker/luau/ast"
)

var unaryText = map[ast.UnaryOp]string{ast.Not: "not", ast.Minus: "-", ast.Length: "#"}

var binaryText = map[ast.BinaryOp]string{
	ast.Add: "+", ast.Sub: "-", ast.Mul: "*", ast.Div: "/", ast.IDiv: "//", ast.Mod: "%", ast.Pow: "^", ast.Concat: "..",
	ast.Eq: "==", ast.Ne: "~=", ast.Lt: "<", ast.Le: "<=", ast.Gt: ">", ast.Ge: ">=", ast.And: "and", ast.Or: "or",
}

// dumpBlock writes a tree as text: lists in parentheses, globals with a leading dollar.
func dumpBlock(b *ast.Block) string {
	var out []string
	for _, s := range b.Stats {
		out = append(out, dumpStat(s))
	}
	return strings.Join(out, "; ")
}

func dumpList(xs []ast.Expr) string {
	var out []string
	for _, x := range xs {
		out = append(out, dumpExpr(x))
	}
	return strings.Join(out, ", ")
}

func dumpLocals(ls []*ast.Local) string {
	var out []string
	for _, l := range ls {
		name := l.Name
		if l.Const {
			name = "const " + name
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

func dumpStat(s ast.Stat) string {
	switch s := s.(type) {
	case *ast.Block:
		return "do {" + dumpBlock(s) + "}"
	case *ast.LocalStat:
		return exportWord(s.Export) + "local " + dumpLocals(s.Names) + " = " + dumpList(s.Values)
	case *ast.LocalFunction:
		return exportWord(s.Export) + "local " + dumpLocals([]*ast.Local{s.Name}) + " := " + dumpExpr(s.Func)
	case *ast.FunctionStat:
		return dumpExpr(s.Target) + " := " + dumpExpr(s.Func)
	case *ast.Assign:
		return dumpList(s.Targets) + " = " + dumpList(s.Values)
	case *ast.Compound:
		return dumpExpr(s.Target) + " " + binaryText[s.Op] + "= " + dumpExpr(s.Value)
	case *ast.CallStat:
		return dumpExpr(s.Call)
	case *ast.If:
		out := "if " + dumpExpr(s.Cond) + " {" + dumpBlock(s.Then) + "}"
		switch e := s.Else.(type) {
		case nil:
		case *ast.Block:
			out += " else {" + dumpBlock(e) + "}"
		default:
			out += " else " + dumpStat(e)
		}
		return out
	case *ast.While:
		return "while " + dumpExpr(s.Cond) + " {" + dumpBlock(s.Body) + "}"
	case *ast.Repeat:
		return "repeat {" + dumpBlock(s.Body) + "} until " + dumpExpr(s.Cond)
	case *ast.NumericFor:
		out := "for " + s.Var.Name + " = " + dumpExpr(s.From) + ", " + dumpExpr(s.To)
		if s.Step != nil {
			out += ", " + dumpExpr(s.Step)
		}
		return out + " {" + dumpBlock(s.Body) + "}"
	case *ast.GenericFor:
		return "for " + dumpLocals(s.Vars) + " in " + dumpList(s.Values) + " {" + dumpBlock(s.Body) + "}"
	case *ast.Return:
		return "return " + dumpList(s.Values)
	case *ast.Break:
		return "break"
	case *ast.Continue:
		return "continue"
	default:
		return fmt.Sprintf("?%T", s)
	}
}

func exportWord(export bool) string {
	if export {
		return "export "
	}
	return ""
}

func dumpExpr(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Nil:
		return "nil"
	case *ast.True:
		return "true"
	case *ast.False:
		return "false"
	case *ast.Vararg:
		return "..."
	case *ast.Number:
		return fmt.Sprint(x.Value)
	case *ast.Integer:
		return fmt.Sprintf("%di", x.Value)
	case *ast.String:
		return fmt.Sprintf("%q", x.Value)
	case *ast.Interp:
		return fmt.Sprintf("interp(%q, %s)", x.Parts, dumpList(x.Exprs))
	case *ast.LocalRef:
		if x.Depth > x.Local.Depth {
			return "^" + x.Local.Name
		}
		return x.Local.Name
	case *ast.Global:
		return "$" + x.Name
	case *ast.Paren:
		return "(" + dumpExpr(x.X) + ")"
	case *ast.Field:
		return dumpExpr(x.X) + "." + x.Name
	case *ast.Index:
		return dumpExpr(x.X) + "[" + dumpExpr(x.Key) + "]"
	case *ast.Call:
		if x.Method != "" {
			return dumpExpr(x.Func) + ":" + x.Method + "(" + dumpList(x.Args) + ")"
		}
		return dumpExpr(x.Func) + "(" + dumpList(x.Args) + ")"
	case *ast.Function:
		return dumpFunction(x)
	case *ast.Table:
		return dumpTable(x)
	case *ast.Unary:
		return "[" + unaryText[x.Op] + " " + dumpExpr(x.X) + "]"
	case *ast.Binary:
		return "[" + dumpExpr(x.X) + " " + binaryText[x.Op] + " " + dumpExpr(x.Y) + "]"
	case *ast.IfExpr:
		return "if(" + dumpExpr(x.Cond) + ", " + dumpExpr(x.Then) + ", " + dumpExpr(x.Else) + ")"
	default:
		return fmt.Sprintf("?%T", x)
	}
}

func dumpFunction(f *ast.Function) string {
	params := dumpLocals(f.Params)
	if f.Vararg {
		params += "..."
	}
	out := "fn " + f.Name
	if f.Self {
		out += " self"
	}
	if f.Native {
		out += " native"
	}
	return out + "(" + params + ") {" + dumpBlock(f.Body) + "}"
}

func dumpTable(t *ast.Table) string {
	var out []string
	for _, it := range t.Items {
		switch {
		case it.Name != "":
			out = append(out, it.Name+" = "+dumpExpr(it.Value))
		case it.Key != nil:
			out = append(out, "["+dumpExpr(it.Key)+"] = "+dumpExpr(it.Value))
		default:
			out = append(out, dumpExpr(it.Value))
		}
	}
	return "{" + strings.Join(out, ", ") + "}"
}
