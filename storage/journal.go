package storage

import (
	"quorate/wire"
)

// LSN numbers the records of a journal without gaps, from 1. LSN 0 is "before
// any record".
type LSN uint64

// Options says where a journal lives and how large its pieces are.
type Options struct {
	FS      FS             // nil: the operating system's files
	Dir     string         // a directory of its own; made if missing
	Cluster wire.Digest    // cluster id; in each segment header
	Replica wire.ReplicaID // whose votes these are; in each segment header

	// Create allows an empty directory to become a journal. Only `init` or a
	// first start sets it: without it a missing journal is amnesia. It does
	// nothing where a journal is found.
	Create bool

	SegmentBytes     int // size of a segment file; 0: 64 MiB; a multiple of 4 KiB
	SegmentsMin      int // segments made in advance at open; 0: 4
	SegmentsMax      int // bound on segment files; 0: 64
	SuperblockBytes  int // a superblock is written at least every so many bytes; 0: 16 MiB
	SuperblockGroups int // …and at least every so many groups; 0: 1,024

	// Nonce is 16 bytes that clients cannot guess, drawn once per incarnation.
	// Nil: from the operating system's random source. The simulator gives its own.
	Nonce func() [16]byte
}

// Recovery says what OpenJournal found.
type Recovery struct {
	Created     bool        // an empty directory was made a journal (Options.Create)
	Clean       bool        // the last user called Close
	Amnesia     bool        // this journal cannot prove that it holds every vote
	Reason      string      // why Amnesia, one line; else empty
	DiskApplied wire.SeqNum // what MarkApplied last said (0 if never, or with fresh amnesia)
	Incarnation uint64      // 1 and one more after every amnesia
	Records     uint64      // records that Replay will give
	Bytes       int64       // bytes of segment blocks that hold them
	Segments    int         // live segments
	LastLSN     LSN         // of the newest record; 0 if none
	TornBytes   int64       // bytes of an unsynced group that were cut
	Aside       string      // where the files of the lost journal were put; "" if none
}

// Record is one journal entry as Replay gives it.
type Record struct {
	LSN  LSN
	Kind uint8
	Seq  wire.SeqNum
	Body []byte // valid until fn returns
}

// RecordBytesMax bounds the body of one record: a batch of wire.BatchBytesMax
// with the vote that goes with it.
const RecordBytesMax = wire.FrameBytesMax

// JournalStats counts what a journal did since it was opened.
type JournalStats struct {
	Groups, Records, Superblocks, Rolls uint64
	Bytes                               uint64 // written to segments, padding included
	SegmentFiles, SegmentsFree          int
}
