package main

// Aim: what the demo makes is a cluster that a replica takes. Method: its files
// alone, without its processes.

import (
	"io"
	"path/filepath"
	"testing"

	"quorate/tuning"
)

func TestDemoFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d := &demo{fl: &demoFlags{dir: dir, profile: tuning.Balanced}, out: io.Discard}
	if err := d.makeFiles(); err != nil {
		t.Fatal(err)
	}
	replica(t, nil, "check", "--dir", nodeDir(dir, 0)).want(t, exitOK)
	if err := d.makeFiles(); err != nil {
		t.Errorf("a second demo in the same place: %v", err)
	}
}
