package tidy

// Aim: this repository keeps the house rules. Method: every rule over every
// file; types of the pure rooms come from the compiler's own export data.

import (
	"path/filepath"
	"sync"
	"testing"
)

// readOnce reads the repository for all tests of this file.
var readOnce = sync.OnceValues(func() (*tree, error) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return nil, err
	}
	return readTree(root)
})

func repository(t *testing.T) *tree {
	t.Helper()
	tree, err := readOnce()
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.sources) < 10 || tree.in("wire", false) == nil {
		t.Fatalf("%s is not the repository: %d files", tree.root, len(tree.sources))
	}
	return tree
}

func report(t *testing.T, found []finding) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}

func TestImports(t *testing.T) { report(t, checkImports(repository(t).sources)) }

func TestDocs(t *testing.T) { report(t, checkDocs(repository(t).sources)) }

func TestMetricNames(t *testing.T) { report(t, checkMetrics(repository(t).sources)) }

func TestFolders(t *testing.T) { report(t, checkFolders(repository(t).folders)) }

func TestSimulatorSteps(t *testing.T) { report(t, checkSteps(repository(t).sources)) }

func TestLogLines(t *testing.T) {
	tree := repository(t)
	report(t, checkLogs(tree.sources, tree.texts[operationsPage]))
	if checkLogs(tree.sources, "") == nil {
		t.Error("no log line found at all")
	}
}

func TestMarks(t *testing.T) {
	tree := repository(t)
	report(t, checkMarks(tree.sources))
	if entries, _ := markEntries(tree.sources); len(entries) < 150 {
		t.Errorf("%d marks in the registry: the rule does not find it", len(entries))
	}
}

func TestSizes(t *testing.T) {
	found, long := checkSizes(repository(t).sources)
	report(t, found)
	for _, f := range long {
		t.Log(f)
	}
}

func TestNothingLeftBehind(t *testing.T) {
	tree := repository(t)
	for _, s := range tree.sources {
		report(t, checkWords(s.path, s.text))
	}
	for name, text := range tree.texts {
		report(t, checkWords(name, text))
	}
}

func TestPureRooms(t *testing.T) {
	tree := repository(t)
	var packages, folders []string
	for _, f := range tree.folders {
		for _, r := range pureRooms {
			if within(f, r) && tree.in(f, false) != nil {
				folders = append(folders, f)
				packages = append(packages, "./"+f)
			}
		}
	}
	if folders == nil {
		t.Skip("no pure room has code yet")
	}
	export, err := exports(tree.root, packages...)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		files := tree.in(f, false)
		info, err := typed(f, files, export)
		if err != nil {
			t.Errorf("%s does not compile: %v", f, err)
			continue
		}
		report(t, checkPurity(files, info))
	}
}
