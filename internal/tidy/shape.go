package tidy

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Sizes of style rule 10, in lines.
const (
	functionLinesGood = 70  // code lines; more is reported and allowed
	functionLinesMax  = 100 // code lines; more fails
	fileLinesMax      = 800
)

// forbiddenFolders are names that say nothing about what is inside.
var forbiddenFolders = []string{"util", "utils", "common", "types", "helpers", "helper", "misc", "shared", "lib"}

// leftBehind finds marks of unfinished work. It is put together here so that it
// does not find itself.
var leftBehind = regexp.MustCompile(`\b(` + strings.Join([]string{"TO" + "DO", "FIX" + "ME", "X" + "XX"}, "|") + `)\b`)

// checkFolders looks at folder names.
func checkFolders(folders []string) (found []finding) {
	for _, f := range folders {
		if slices.Contains(forbiddenFolders, path.Base(f)) {
			found = append(found, finding{f, 1, "the folder's name says nothing: name it after its duty"})
		}
	}
	return found
}

// checkDocs wants a package comment in each folder with production code, and
// one that starts as godoc wants it.
func checkDocs(sources []*source) (found []finding) {
	documented := map[string]bool{}
	first := map[string]*source{}
	for _, s := range sources {
		if s.test() {
			continue
		}
		if first[s.dir()] == nil {
			first[s.dir()] = s
		}
		if s.file.Doc == nil {
			continue
		}
		documented[s.dir()] = true
		want := "Package " + s.file.Name.Name + " "
		if s.file.Name.Name == "main" {
			want = "Command " + path.Base(s.dir()) + " "
		}
		if !strings.HasPrefix(s.file.Doc.Text(), want) {
			found = append(found, s.at(s.file.Doc.Pos(), "the package comment does not start with %q", want))
		}
	}
	for dir, s := range first {
		if !documented[dir] {
			found = append(found, s.at(s.file.Package, "package without a comment: say in doc.go what its duty is and what it is not"))
		}
	}
	return found
}

// checkSizes returns what is too long, and what is longer than it should be.
func checkSizes(sources []*source) (found, long []finding) {
	for _, s := range sources {
		if n := strings.Count(s.text, "\n"); n > fileLinesMax {
			found = append(found, s.at(s.file.Package, "%d lines are over %d: split the file where its story does", n, fileLinesMax))
		}
		code := codeLines(s)
		for _, decl := range s.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			n := 0
			for line := s.fset.Position(fn.Pos()).Line; line <= s.fset.Position(fn.End()).Line; line++ {
				if code[line] {
					n++
				}
			}
			switch {
			case n > functionLinesMax:
				found = append(found, s.at(fn.Pos(), "%s has %d lines of code, over %d: keep the switch, move the leaves out", fn.Name.Name, n, functionLinesMax))
			case n > functionLinesGood:
				long = append(long, s.at(fn.Pos(), "%s has %d lines of code; a screen has %d", fn.Name.Name, n, functionLinesGood))
			}
		}
	}
	return found, long
}

// codeLines tells lines with code from empty ones and comments.
func codeLines(s *source) map[int]bool {
	comment := map[int]bool{}
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			for line := s.fset.Position(c.Pos()).Line; line <= s.fset.Position(c.End()).Line; line++ {
				comment[line] = true
			}
		}
	}
	code, line := map[int]bool{}, 0
	for text := range strings.Lines(s.text) {
		line++
		text = strings.TrimSpace(text)
		// A line with code and a comment behind it starts with the code.
		whole := comment[line] && (strings.HasPrefix(text, "//") || strings.HasPrefix(text, "/*") || strings.HasPrefix(text, "*"))
		if text != "" && !whole {
			code[line] = true
		}
	}
	return code
}

// checkWords finds marks of unfinished work in any text.
func checkWords(name, text string) (found []finding) {
	line := 0
	for t := range strings.Lines(text) {
		line++
		if mark := leftBehind.FindString(t); mark != "" {
			found = append(found, finding{name, line, mark + ": do it now, or write it into the plan"})
		}
	}
	return found
}

// metricUnits are endings and parts that are no base unit, with the base unit.
var metricUnits = map[string]string{
	"ms": "seconds", "millis": "seconds", "milliseconds": "seconds", "us": "seconds", "micros": "seconds", "microseconds": "seconds",
	"ns": "seconds", "nanos": "seconds", "nanoseconds": "seconds", "minutes": "seconds", "hours": "seconds", "days": "seconds",
	"kb": "bytes", "mb": "bytes", "gb": "bytes", "kib": "bytes", "mib": "bytes", "gib": "bytes", "bits": "bytes",
	"percent": "ratio", "percentage": "ratio",
}

var metricName = regexp.MustCompile(`^quorate(_[a-z][a-z0-9]*)+$`)

// checkMetrics looks at the options of Prometheus constructors and at every
// other literal that is a metric's name.
func checkMetrics(sources []*source) (found []finding) {
	for _, s := range sources {
		if s.test() || within(s.dir(), "internal/tidy") {
			continue
		}
		kinds := map[ast.Node]string{} // name literal → kind of its constructor
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				kind, name := metricOpts(n)
				if name != nil {
					kinds[name] = kind
				}
			case *ast.BasicLit:
				text := strings.Trim(n.Value, "\"`")
				kind, constructed := kinds[n]
				if n.Kind != token.STRING || !constructed && !strings.HasPrefix(text, "quorate_") {
					return true
				}
				if problem := metricProblem(text, kind); problem != "" {
					found = append(found, s.at(n.Pos(), "metric %s: %s", text, problem))
				}
			}
			return true
		})
	}
	return found
}

// metricOpts gives kind and name of prometheus.CounterOpts{Name: "…"} and its
// like.
func metricOpts(lit *ast.CompositeLit) (kind string, name ast.Node) {
	sel, ok := lit.Type.(*ast.SelectorExpr)
	if !ok {
		return "", nil
	}
	pkg, ok := sel.X.(*ast.Ident)
	kind, opts := strings.CutSuffix(sel.Sel.Name, "Opts")
	if !ok || pkg.Name != "prometheus" || !opts {
		return "", nil
	}
	for _, elt := range lit.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Name" {
			if value, ok := kv.Value.(*ast.BasicLit); ok {
				return kind, value
			}
		}
	}
	return kind, nil
}

// metricProblem says what is wrong with a metric's name, or nothing. kind is
// Counter, Gauge, Histogram, Summary, or empty when it is not known.
func metricProblem(name, kind string) string {
	if !metricName.MatchString(name) {
		return "names are quorate_ and small words joined by underscores"
	}
	for _, word := range strings.Split(name, "_") {
		if base, ok := metricUnits[word]; ok {
			return word + " is no base unit: use " + base
		}
	}
	total := strings.HasSuffix(name, "_total")
	switch {
	case kind == "Counter" && !total:
		return "a counter's name ends in _total"
	case kind != "Counter" && kind != "" && total:
		return "only a counter's name ends in _total"
	}
	return ""
}
