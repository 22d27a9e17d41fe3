package storage

// Aim: what was appended is loaded again, whole records only. Method: reopen,
// and cut the file in the middle of a record.

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"quorate/wire"
)

func TestEvidenceSurvivesAndATornOneIsWrittenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "evidence")
	record := func(b byte) []byte { return bytes.Repeat([]byte{b}, wire.EvidenceBytes) }
	appended := func(records ...[]byte) {
		t.Helper()
		l, err := OpenEvidence(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if err := l.Append(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Append(record(9)[1:]); !errors.Is(err, ErrOptions) {
			t.Errorf("a short record: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	appended(record(1), record(2))
	if err := os.Truncate(path, 2*wire.EvidenceBytes-1); err != nil {
		t.Fatal(err)
	}
	appended(record(3))
	l, err := OpenEvidence(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var got [][]byte
	if err := l.Load(func(r []byte) { got = append(got, r) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !bytes.Equal(got[0], record(1)) || !bytes.Equal(got[1], record(3)) {
		t.Errorf("loaded %x", got)
	}
}

func TestEvidenceFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "evidence")
	if err := os.WriteFile(path, make([]byte, (evidenceRecordsMax-1)*wire.EvidenceBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := OpenEvidence(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	record := make([]byte, wire.EvidenceBytes)
	if err := l.Append(record); err != nil {
		t.Errorf("the last one: %v", err)
	}
	if err := l.Append(record); !errors.Is(err, ErrOptions) {
		t.Errorf("one more: %v", err)
	}
}
