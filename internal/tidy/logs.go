package tidy

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// logNames are what a logger is called here; logMethods what is called on it.
var (
	logNames   = []string{"log", "Logger", "logger", "to"}
	logMethods = map[string]int{"Debug": 0, "Info": 0, "Warn": 0, "Error": 0, "With": -1}
)

var attrName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// operationsPage is where every attribute of a log line has a row.
const operationsPage = "docs/OPERATIONS.md"

// checkLogs looks at every line that is logged: its message is a constant, so
// that lines can be searched for and have a budget by it; its attributes have
// constant names, and each has a row in the operations page.
func checkLogs(sources []*source, page string) (found []finding) {
	for _, s := range sources {
		if s.test() || within(s.dir(), "bench") || within(s.dir(), "sim") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				found = append(found, checkLog(s, call, page)...)
			}
			return true
		})
	}
	return found
}

// checkLog looks at one call; one that logs nothing is passed over.
func checkLog(s *source, call *ast.CallExpr, page string) (found []finding) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	message, known := logMethods[sel.Sel.Name]
	if !known || !isLogger(sel.X) {
		return nil
	}
	if message >= 0 {
		if len(call.Args) == 0 {
			return nil
		}
		if text := literal(call.Args[message]); text == "" || text != strings.TrimSpace(text) {
			found = append(found, s.at(call.Pos(), "the message of a log line is no constant: put what differs into attributes"))
		}
	}
	for i := message + 1; i < len(call.Args); i++ {
		name := literal(call.Args[i])
		if attr, ok := call.Args[i].(*ast.CallExpr); ok && len(attr.Args) == 2 { // slog.Uint64("seq", n)
			name = literal(attr.Args[0])
		} else {
			i++ // its value
		}
		switch {
		case name == "" && isKey(call.Args[i-1]):
		case !attrName.MatchString(name):
			found = append(found, s.at(call.Pos(), "attribute %d of a log line has no constant name in snake_case", i))
		case !strings.Contains(page, "\n| `"+name+"` |"):
			found = append(found, s.at(call.Pos(), "log attribute %q has no row in %s: add one, or use a name that is there", name, operationsPage))
		}
	}
	return found
}

// isLogger reports whether an expression is a logger by its name.
func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return slices.Contains(logNames, x.Name)
	case *ast.SelectorExpr:
		return slices.Contains(logNames, x.Sel.Name)
	case *ast.CallExpr:
		sel, ok := x.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "New" && isIdent(sel.X, "slog")
	}
	return false
}

// isKey reports whether an expression is a constant of internal/oplog, which its
// own page rows cover.
func isKey(x ast.Expr) bool {
	sel, ok := x.(*ast.SelectorExpr)
	return ok && isIdent(sel.X, "oplog")
}

func isIdent(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// literal gives the text of a string literal, or nothing.
func literal(x ast.Expr) string {
	lit, ok := x.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}
