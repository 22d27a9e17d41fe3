package plant

// Aim: every bug is planted where the table says (M2), and production has no trace
// of any. Method: the sources are parsed; the replica is built with and without
// the tag, and the binary's own line table is asked for code of planted lines.

import (
	"debug/elf"
	"debug/gosym"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var rooms = []string{"consensus", "payments", "pipeline", "storage", "sigagg", "client", "wire", "cluster"}

// site is one use of plant.On; body is the first line that runs only with the
// bug, 0 if it has none of its own.
type site struct {
	bug, room, file string
	body            int
}

// sites finds all uses of plant.On in production code.
func sites(t *testing.T) (list []site) {
	t.Helper()
	for _, room := range rooms {
		files, err := filepath.Glob(filepath.Join("..", "..", room, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no sources of %s: %v", room, err)
		}
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				list = append(list, sitesOf(t, room, name)...)
			}
		}
	}
	return list
}

func sitesOf(t *testing.T, room, name string) (list []site) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	body := map[*ast.CallExpr]int{}
	ast.Inspect(file, func(n ast.Node) bool {
		if stmt, ok := n.(*ast.IfStmt); ok {
			// Only "if plant.On(x) {" guards its body with nothing else.
			if call, ok := stmt.Cond.(*ast.CallExpr); ok && len(stmt.Body.List) > 0 {
				body[call] = fset.Position(stmt.Body.List[0].Pos()).Line
			}
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "On" && identIs(sel.X, "plant") {
			bug, ok := call.Args[0].(*ast.SelectorExpr)
			if !ok {
				t.Errorf("%s: plant.On of something else than a constant", fset.Position(call.Pos()))
				return true
			}
			list = append(list, site{bug.Sel.Name, room, filepath.Base(name), body[call]})
		}
		return true
	})
	return list
}

func identIs(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// constants lists the names of bugs.go in their order.
func constants(t *testing.T) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "bugs.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			names = append(names, spec.Names[0].Name)
		}
		return true
	})
	return names
}

func TestEveryBugIsPlantedWhereTheTableSays(t *testing.T) {
	names := constants(t)
	if len(names) != len(Table) {
		t.Fatalf("%d constants, %d entries", len(names), len(Table))
	}
	planted := map[string][]string{}
	for _, s := range sites(t) {
		planted[s.bug] = append(planted[s.bug], s.room)
	}
	seen := map[string]bool{}
	for i := range Table {
		e := &Table[i]
		if int(e.Bug) != i+1 {
			t.Errorf("%s has number %d in place %d", e.Name, e.Bug, i+1)
		}
		// The name is the constant's, in small words.
		if strings.ReplaceAll(e.Name, "-", "") != strings.ToLower(names[i]) {
			t.Errorf("%s is called %s", names[i], e.Name)
		}
		if at := planted[names[i]]; len(at) == 0 || slices.ContainsFunc(at, func(room string) bool { return room != e.Room }) {
			t.Errorf("%s should be in %s, is in %v", e.Name, e.Room, at)
		}
		if e.Breaks == "" || e.Kill.Seeds == 0 && e.Kill.In == "" || (e.Kill.In == "") != (e.Kill.Tests == "") {
			t.Errorf("%s: nothing is said of what it breaks or what kills it: %+v", e.Name, e)
		}
		if seen[e.Name] || Find(e.Name) != e {
			t.Errorf("%s is not found by its name", e.Name)
		}
		seen[e.Name] = true
	}
}

// TestNoTraceInProduction builds the replica as `make build` does and looks for
// code of planted lines, for symbols of this package, and for a bug's name. The
// build with the tag shows that the method finds them when they are there.
func TestNoTraceInProduction(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("links two replicas, and reads ELF: left out with -short and off Linux")
	}
	code, bug, symbols := trace(t)
	if code != 0 || bug || symbols != 0 {
		t.Errorf("without the tag: code for %d planted lines, a bug's name %v, %d symbols", code, bug, symbols)
	}
	guarded := 0
	for _, s := range sites(t) {
		if s.body != 0 && s.room != "client" { // the replica links only some of it
			guarded++
		}
	}
	code, bug, _ = trace(t, "-tags", "mutants")
	// A planted "continue" or "return" may have no instruction of its own.
	if code < guarded/2 || guarded < 30 || !bug {
		t.Errorf("with the tag: code for %d of %d planted lines, a bug's name %v: the method sees nothing", code, guarded, bug)
	}
}

// trace counts what a build of the replica has of planted bugs.
func trace(t *testing.T, args ...string) (code int, bug bool, symbols int) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "replica")
	cmd := exec.Command("go", append(append([]string{"build", "-o", binary}, args...), "../../cmd/replica")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	raw, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	bug = strings.Contains(string(raw), Table[0].Name)
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if strings.HasPrefix(s.Name, "quorate/internal/plant.") {
			symbols++
		}
	}
	lines := lineTable(t, f)
	for _, s := range sites(t) {
		if s.body == 0 {
			continue
		}
		for name := range lines.Files {
			if strings.HasSuffix(name, "/"+s.room+"/"+s.file) {
				if pc, _, err := lines.LineToPC(name, s.body); err == nil && pc != 0 {
					code++
				}
			}
		}
	}
	return code, bug, symbols
}

// lineTable reads which lines of which files have code.
func lineTable(t *testing.T, f *elf.File) *gosym.Table {
	t.Helper()
	section := f.Section(".gopclntab")
	if section == nil {
		t.Fatal("no line table in the binary")
	}
	data, err := section.Data()
	if err != nil {
		t.Fatal(err)
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(data, f.Section(".text").Addr))
	if err != nil {
		t.Fatal(err)
	}
	return table
}
