package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pureRooms decide and touch nothing (design rule 1): the same inputs give the
// same outputs on every replica and in every run.
var pureRooms = []string{"consensus", "payments"}

// sortedMark, in a comment at a range over a map or right above it, says that
// the order cannot show, and why.
const sortedMark = "//tidy:sorted "

// checkPurity looks at one typed package for what makes two runs differ.
func checkPurity(files []*source, info *types.Info) (found []finding) {
	for _, s := range files {
		v := purity{s: s, info: info, sorted: map[ast.Node]bool{}, marks: markedLines(s)}
		for _, decl := range s.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			v.sortedKeys = ok && fn.Name.Name == "sortedKeys"
			ast.Inspect(decl, v.visit)
		}
		found = append(found, v.found...)
	}
	return found
}

// markedLines gives the lines for which a sortedMark with a reason speaks.
func markedLines(s *source) map[int]bool {
	marks := map[int]bool{}
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			if reason, ok := strings.CutPrefix(c.Text, sortedMark); ok && strings.TrimSpace(reason) != "" {
				line := s.fset.Position(c.Pos()).Line
				marks[line], marks[line+1] = true, true
			}
		}
	}
	return marks
}

// purity walks one file.
type purity struct {
	s          *source
	info       *types.Info
	sortedKeys bool              // inside the one function that may range over a map
	sorted     map[ast.Node]bool // calls whose result is sorted at once
	marks      map[int]bool
	found      []finding
}

func (v *purity) report(n ast.Node, format string, args ...any) {
	v.found = append(v.found, v.s.at(n.Pos(), format, args...))
}

func (v *purity) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		v.report(n, "a go statement in a pure room: the caller owns the thread")
	case *ast.SelectStmt:
		v.report(n, "a select in a pure room: events come in as arguments")
	case *ast.ChanType, *ast.SendStmt:
		v.report(n, "a channel in a pure room: effects go out as values")
	case *ast.RangeStmt:
		v.rangeOver(n)
	case *ast.CallExpr:
		v.call(n)
	case *ast.BasicLit:
		if n.Kind == token.FLOAT || n.Kind == token.IMAG {
			v.report(n, "a float in a pure room: processors and compilers round differently; use integers")
		}
	case *ast.Ident:
		if obj := v.info.Uses[n]; obj == types.Universe.Lookup("float64") || obj == types.Universe.Lookup("float32") {
			v.report(n, "a float in a pure room: processors and compilers round differently; use integers")
		}
	}
	return true
}

func (v *purity) rangeOver(n *ast.RangeStmt) {
	t := v.info.TypeOf(n.X)
	if t == nil {
		return
	}
	switch t.Underlying().(type) {
	case *types.Chan:
		v.report(n, "a channel in a pure room: events come in as arguments")
	case *types.Map:
		if !v.sortedKeys && !v.marks[v.s.fset.Position(n.Pos()).Line] {
			v.report(n, "a range over a map in a pure room: its order is random; range over sorted keys, or write %sand why the order cannot show", sortedMark)
		}
	}
}

// call finds iterators of package maps that are not sorted at once.
func (v *purity) call(n *ast.CallExpr) {
	switch pkg, name := v.callee(n); {
	case pkg == "slices" && strings.HasPrefix(name, "Sorted"):
		for _, arg := range n.Args {
			v.sorted[arg] = true
		}
	case pkg == "maps" && (name == "Keys" || name == "Values" || name == "All"):
		if !v.sorted[n] && !v.marks[v.s.fset.Position(n.Pos()).Line] {
			v.report(n, "maps.%s in a pure room: its order is random; wrap it in slices.Sorted", name)
		}
	}
}

// callee gives the package path and the name of a called function of a package.
func (v *purity) callee(n *ast.CallExpr) (pkg, name string) {
	sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	fn, ok := v.info.Uses[sel.Sel].(*types.Func)
	if !ok || fn.Pkg() == nil {
		return "", ""
	}
	return fn.Pkg().Path(), fn.Name()
}

// checkSteps looks at the simulator: one thread and no clock of this world.
func checkSteps(sources []*source) (found []finding) {
	clock := []string{"Now", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Since", "Until"}
	for _, s := range sources {
		if !within(s.dir(), "sim") || s.test() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				found = append(found, s.at(n.Pos(), "a go statement in the simulator: the seed decides who steps next"))
			case *ast.SelectorExpr:
				pkg, ok := n.X.(*ast.Ident)
				for _, name := range clock {
					if ok && pkg.Name == "time" && n.Sel.Name == name {
						found = append(found, s.at(n.Pos(), "time.%s in the simulator: it has a clock of its own", name))
					}
				}
			}
			return true
		})
	}
	return found
}

// exports gives, for packages and all that they import, the compiler's export
// data. Asking the go command is exact and takes a second; importing from
// source takes half a minute.
func exports(root string, packages ...string) (map[string]string, error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, packages...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("tidy: go list: %w\n%s", err, stderr.String())
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, file, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			files[name] = filepath.FromSlash(file)
		}
	}
	return files, nil
}

// typed type-checks the files of one package against export data.
func typed(folder string, files []*source, export map[string]string) (*types.Info, error) {
	lookup := func(name string) (io.ReadCloser, error) {
		file, ok := export[name]
		if !ok {
			return nil, fmt.Errorf("no export data of %s", name)
		}
		return os.Open(file)
	}
	fset := files[0].fset
	var parsed []*ast.File
	for _, s := range files {
		parsed = append(parsed, s.file)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	_, err := conf.Check(module+"/"+folder, fset, parsed, info)
	return info, err
}
