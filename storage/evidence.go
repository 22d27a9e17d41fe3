package storage

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"quorate/wire"
)

// evidenceRecordsMax bounds the file: eight for each of the most replicas that
// there can be.
const evidenceRecordsMax = 8 * wire.ReplicasMax

// EvidenceLog is a file of records of wire.EvidenceBytes each, appended and
// synced one by one. It holds no sums: each record is two signatures, which say
// more. One thread owns it.
type EvidenceLog struct {
	file *os.File
	size int64
}

// OpenEvidence opens or makes the file. A record that a crash cut short is
// written over by the next one.
func OpenEvidence(path string) (*EvidenceLog, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("storage: evidence: %w", err)
	}
	info, err := file.Stat()
	if err == nil {
		err = syncDir(vfs.Default, filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("storage: evidence: %w", err), file.Close())
	}
	return &EvidenceLog{file: file, size: info.Size() / wire.EvidenceBytes * wire.EvidenceBytes}, nil
}

// Load gives every whole record to fn, in order. What fn gets is its own.
func (l *EvidenceLog) Load(fn func(record []byte)) error {
	for at := int64(0); at < min(l.size, evidenceRecordsMax*wire.EvidenceBytes); at += wire.EvidenceBytes {
		record := make([]byte, wire.EvidenceBytes)
		if _, err := l.file.ReadAt(record, at); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("storage: evidence at byte %d: %w", at, err)
		}
		fn(record)
	}
	return nil
}

// Append adds a record and makes it durable. It returns ErrOptions for one of a
// wrong size, or when the file is full.
func (l *EvidenceLog) Append(record []byte) error {
	if len(record) != wire.EvidenceBytes || l.size >= evidenceRecordsMax*wire.EvidenceBytes {
		return fmt.Errorf("storage: evidence of %d bytes at byte %d: %w", len(record), l.size, ErrOptions)
	}
	if _, err := l.file.WriteAt(record, l.size); err != nil {
		return fmt.Errorf("storage: evidence at byte %d: %w", l.size, err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("storage: evidence at byte %d: %w", l.size, err)
	}
	l.size += int64(len(record))
	return nil
}

// Close closes the file.
func (l *EvidenceLog) Close() error { return l.file.Close() }
