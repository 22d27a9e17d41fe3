package main

// Aim: the dashboards in the repository are those of the tables. Method: each is
// made again and compared, byte for byte.

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestWritten(t *testing.T) {
	files, err := os.ReadDir("dashboards")
	if err != nil || len(files) != len(boards) {
		t.Errorf("%d files for %d dashboards: %v", len(files), len(boards), err)
	}
	for _, b := range boards {
		have, err := os.ReadFile(filepath.Join("dashboards", b.uid+".json"))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(have, b.render()) {
			t.Errorf("%s.json is not what the table gives: run go run ./deploy/grafana in the root", b.uid)
		}
	}
}
