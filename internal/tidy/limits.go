package tidy

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/types"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"quorate/internal/limits"
)

// A limit is a package's constant whose name ends in Max, Min or Seqs. Those of
// types of our own are codes and states; those of time.Duration bound our own
// timers.
var limitName = regexp.MustCompile(`[a-z](Max|Min|Seqs)$`)

// withoutLimits are rooms whose bounds meet no input: tests, checks and the
// simulated world.
var withoutLimits = []string{"sim", "bench", "internal", "client/clienttest"}

// findLimits gives every limit of the production code by name, as
// wire.EventsMax, and its value.
func findLimits(t *tree, export map[string]string) (map[string]uint64, error) {
	all := map[string]uint64{}
	for _, folder := range t.folders {
		files := t.in(folder, false)
		if len(files) == 0 || slices.ContainsFunc(withoutLimits, func(r string) bool { return within(folder, r) }) {
			continue
		}
		pkg, err := checked(folder, files, export)
		if err != nil {
			return nil, fmt.Errorf("tidy: %s: %w", folder, err)
		}
		room := folder[strings.LastIndexByte(folder, '/')+1:]
		for _, name := range pkg.Scope().Names() {
			c, ok := pkg.Scope().Lookup(name).(*types.Const)
			if !ok || !limitName.MatchString(name) {
				continue
			}
			if _, named := c.Type().(*types.Named); named {
				continue
			}
			v, exact := constant.Uint64Val(constant.ToInt(c.Val()))
			if !exact {
				return nil, fmt.Errorf("tidy: %s.%s is no number of 64 bits", room, name)
			}
			all[room+"."+name] = v
		}
	}
	return all, nil
}

// checked type-checks the files of one package and gives the package.
func checked(folder string, files []*source, export map[string]string) (*types.Package, error) {
	lookup := func(name string) (io.ReadCloser, error) {
		file, ok := export[name]
		if !ok {
			return nil, fmt.Errorf("no export data of %s", name)
		}
		return os.Open(file)
	}
	var parsed []*ast.File
	for _, s := range files {
		if built(s) {
			parsed = append(parsed, s.file)
		}
	}
	conf := types.Config{Importer: importer.ForCompiler(files[0].fset, "gc", lookup)}
	return conf.Check(module+"/"+folder, files[0].fset, parsed, nil)
}

// checkLimits compares the one list with the source, and asks for the test of
// every row.
func checkLimits(t *tree, found map[string]uint64, list []limits.Limit) (out []finding) {
	const page = "internal/limits/list.go"
	say := func(format string, args ...any) { out = append(out, finding{page, 1, fmt.Sprintf(format, args...)}) }
	listed := map[string]bool{}
	for _, l := range list {
		if listed[l.Name] {
			say("%s stands twice", l.Name)
		}
		listed[l.Name] = true
		v, there := found[l.Name]
		field := strings.Count(l.Name, ".") == 2 // of a struct: its room's test compares it
		switch {
		case !there && !field:
			say("%s is no constant of the source any more", l.Name)
		case !field && v != l.Value:
			say("%s is %d, the list says %d", l.Name, v, l.Value)
		}
		room, test, named := strings.Cut(l.Test, " Test")
		switch {
		case named && !strings.Contains(test, " ") && !hasTest(t, room, "Test"+test):
			say("%s: there is no test Test%s in %s", l.Name, test, room)
		case l.Test == "":
			say("%s: say the test that meets it, or why none is due", l.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !listed[name] {
			say("%s = %d is not listed: add a row, with the test that says limit−1, limit and limit+1", name, found[name])
		}
	}
	return out
}

// hasTest reports whether a room, by the end of its path, has this test.
func hasTest(t *tree, room, test string) bool {
	for _, s := range t.sources {
		if !s.test() || s.dir() != room && !strings.HasSuffix(s.dir(), "/"+room) {
			continue
		}
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == test {
				return true
			}
		}
	}
	return false
}

// built reports whether a file belongs to the ordinary build: the few that do
// not say so in a //go:build line, or end in _other.
func built(s *source) bool {
	if strings.HasSuffix(s.path, "_other.go") {
		return false
	}
	return !strings.Contains(s.text, "\n//go:build invariants\n") && !strings.HasPrefix(s.text, "//go:build invariants\n")
}
