package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is the path of this module; what follows it in an import is a room.
const module = "quorate"

// source is one parsed Go file.
type source struct {
	path string // from the root, with slashes
	text string
	file *ast.File
	fset *token.FileSet
}

// test reports whether the file is part of tests only.
func (s *source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// dir is the folder of the file from the root; "." for the root.
func (s *source) dir() string { return path.Dir(s.path) }

// finding is one breach of a rule.
type finding struct {
	path string
	line int
	text string
}

// String gives the finding as compilers do, so that editors can jump to it.
func (f finding) String() string { return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.text) }

// at makes a finding at a place of s.
func (s *source) at(pos token.Pos, format string, args ...any) finding {
	return finding{s.path, s.fset.Position(pos).Line, fmt.Sprintf(format, args...)}
}

// tree is all source of the repository.
type tree struct {
	root    string
	folders []string // from the root, with slashes
	sources []*source
	texts   map[string]string // other text files by path: Makefile, scripts, pages
}

// readTree reads the repository at root, without hidden folders (but .ci), run
// directories and build results.
func readTree(root string) (*tree, error) {
	t := &tree{root: root, texts: map[string]string{}}
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case d.IsDir() && name != "." && name != ".ci" && (strings.HasPrefix(d.Name(), ".") || name == "run" || name == "bin" || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir():
			t.folders = append(t.folders, name)
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		return t.add(fset, full, name)
	})
	return t, err
}

// add reads one file when it is text that people write.
func (t *tree) add(fset *token.FileSet, full, name string) error {
	goFile := strings.HasSuffix(name, ".go")
	prose := slices.Contains([]string{".md", ".yaml", ".yml", ".sh", ".json"}, path.Ext(name)) ||
		path.Base(name) == "Makefile" || strings.HasPrefix(name, ".ci/")
	if !goFile && !prose {
		return nil
	}
	text, err := os.ReadFile(full)
	if err != nil {
		return err
	}
	if !goFile {
		t.texts[name] = string(text)
		return nil
	}
	s, err := parseSource(fset, name, string(text))
	if err != nil {
		return err
	}
	t.sources = append(t.sources, s)
	return nil
}

func parseSource(fset *token.FileSet, name, text string) (*source, error) {
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &source{path: name, text: text, file: file, fset: fset}, nil
}

// in gives the files of one folder, tests too if wanted.
func (t *tree) in(folder string, tests bool) (files []*source) {
	for _, s := range t.sources {
		if s.dir() == folder && (tests || !s.test()) {
			files = append(files, s)
		}
	}
	return files
}
