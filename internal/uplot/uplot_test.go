package uplot

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// Aim: U1, the files are the published ones, and what pages rely on when they
// inline them.
// Method: sums of the release, and a search for what would end a script or a
// style early or reach out of the page.

func TestFilesAreTheRelease(t *testing.T) {
	for name, f := range map[string]struct{ text, sum string }{
		"dist/uPlot.iife.min.js": {JS, "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"},
		"dist/uPlot.min.css":     {CSS, "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"},
		"dist/LICENSE":           {License, "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd"},
	} {
		sum := sha256.Sum256([]byte(f.text))
		if got := hex.EncodeToString(sum[:]); got != f.sum {
			t.Errorf("%s of uPlot %s: sha256 %s, want %s; take the file of the release as it is: npm pack uplot@%s", name, Version, got, f.sum, Version)
		}
	}
	if !strings.Contains(JS[:200], "uPlot (v"+Version+")") {
		t.Errorf("the head of the script does not name version %s: %.120q", Version, JS)
	}
	if !strings.Contains(License, "MIT License") {
		t.Errorf("license: %.60q", License)
	}
}

func TestFilesMayBeInlined(t *testing.T) {
	for name, c := range map[string]struct{ text, never string }{
		"the script ends its element":  {JS, "</script"},
		"the script opens a comment":   {JS, "<!--"},
		"the style ends its element":   {CSS, "</style"},
		"the style loads from outside": {CSS, "url("},
		"the style imports another":    {CSS, "@import"},
	} {
		if strings.Contains(strings.ToLower(c.text), c.never) {
			t.Errorf("%s: it holds %q", name, c.never)
		}
	}
}
