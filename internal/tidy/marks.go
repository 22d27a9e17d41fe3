package tidy

import (
	"go/ast"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// markRoom is the registry of marks; its constants that end in markEnd only join
// one room's marks to the next.
const (
	markRoom = "internal/mark"
	markEnd  = "End"
)

var markName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$`)

// markEntry is one line of the registry.
type markEntry struct {
	name, room string
	at         *source
	node       ast.Node
	hits       int
}

// checkMarks holds the registry of marks and the calls against each other: each
// mark has one entry and one name, and exactly one call, in its room. A second
// call would hide that the first is never reached.
func checkMarks(sources []*source) (found []finding) {
	entries, found := markEntries(sources)
	for _, s := range sources {
		if s.test() || s.dir() == markRoom {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fn := markSelector(call.Fun)
			if fn != "Hit" && fn != "If" && fn != "Code" {
				return true
			}
			if problem := markCall(entries, s, fn, call.Args); problem != "" {
				found = append(found, s.at(call.Pos(), "%s", problem))
			}
			return true
		})
	}
	for _, name := range sortedNames(entries) {
		if e := entries[name]; e.hits != 1 {
			found = append(found, e.at.at(e.node.Pos(), "mark %s is hit by %d calls: each has exactly one", name, e.hits))
		}
	}
	return found
}

// markCall judges one call and counts it.
func markCall(entries map[string]*markEntry, s *source, fn string, args []ast.Expr) string {
	at := map[string]int{"Hit": 0, "If": 1, "Code": 0}[fn]
	if at >= len(args) {
		return "mark." + fn + " without a mark"
	}
	name := markSelector(args[at])
	e := entries[name]
	switch {
	case e == nil:
		return "mark." + fn + " takes a mark of the registry by its name"
	case !within(s.dir(), e.room):
		return "mark " + name + " belongs to " + e.room
	case fn == "If" && hasCall(args[0]):
		return "the condition of mark.If has a call, which stays in production: write an if around mark.Hit"
	}
	e.hits++
	return ""
}

// hasCall finds calls that are neither len nor a conversion to a number.
func hasCall(cond ast.Expr) (has bool) {
	ast.Inspect(cond, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			id, ok := call.Fun.(*ast.Ident)
			has = has || !ok || !slices.Contains([]string{"len", "int", "uint32", "uint64"}, id.Name)
		}
		return true
	})
	return has
}

// markSelector gives X of mark.X, or nothing.
func markSelector(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		if id, ok := sel.X.(*ast.Ident); ok && id.Name == "mark" {
			return sel.Sel.Name
		}
	}
	return ""
}

// markEntries reads the registry: composite literals of Info and FamilyInfo by
// constant, and the constants.
func markEntries(sources []*source) (entries map[string]*markEntry, found []finding) {
	entries = map[string]*markEntry{}
	names := map[string]bool{}
	for _, s := range sources {
		if s.dir() != markRoom || s.test() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			kv, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			key, isName := kv.Key.(*ast.Ident)
			value, isRow := kv.Value.(*ast.CompositeLit)
			if !isName || !isRow || len(value.Elts) != 3 {
				return true
			}
			e := &markEntry{at: s, node: kv, name: stringOf(value.Elts[0]), room: stringOf(value.Elts[1])}
			what, plain := value.Elts[2].(*ast.BasicLit)
			switch {
			case names[e.name]:
				found = append(found, s.at(kv.Pos(), "two marks are called %s", e.name))
			case plain && !markName.MatchString(e.name):
				found = append(found, s.at(kv.Pos(), "mark %q: names are small words joined by points", e.name))
			case plain && (len(what.Value) < 10 || strings.HasSuffix(what.Value, `."`)):
				found = append(found, s.at(kv.Pos(), "mark %s: one line, without a full stop, says what happened", e.name))
			}
			names[e.name], entries[key.Name] = true, e
			return true
		})
	}
	return entries, append(found, markConstants(sources, entries)...)
}

// markConstants finds marks without an entry.
func markConstants(sources []*source, entries map[string]*markEntry) (found []finding) {
	for _, s := range sources {
		if s.dir() != markRoom || s.test() {
			continue
		}
		for _, decl := range s.file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || len(gen.Specs) == 0 {
				continue
			}
			first, ok := gen.Specs[0].(*ast.ValueSpec)
			if id, isName := typeName(first, ok); !isName || id != "Mark" {
				continue
			}
			for _, spec := range gen.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if entries[name.Name] == nil && !strings.HasSuffix(name.Name, markEnd) {
						found = append(found, s.at(name.Pos(), "mark %s has no entry in the registry", name.Name))
					}
				}
			}
		}
	}
	return found
}

// typeName gives the name of a declaration's type.
func typeName(spec *ast.ValueSpec, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	id, ok := spec.Type.(*ast.Ident)
	if !ok {
		return "", false
	}
	return id.Name, true
}

func stringOf(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value)
	return s
}

func sortedNames(m map[string]*markEntry) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
