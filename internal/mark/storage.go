package mark

// The marks of the vote journal.
const (
	JournalCreated Mark = pipelineEnd + iota
	JournalMissing
	JournalTornTail
	JournalTornRoll
	JournalStillAmnesia
	JournalTailRewritten
	JournalStaleSegment
	JournalGroupFull
	JournalCreationCut

	SuperCopyBroken
	SuperTwoAges
	SuperOlderWins

	SegmentReused
	SegmentMade
	SegmentsFreed

	storageEnd
)

var storageMarks = [...]Info{
	JournalCreated:       {"journal.created", "storage", "an empty directory becomes a journal"},
	JournalMissing:       {"journal.missing", "storage", "a journal is lost: amnesia"},
	JournalTornTail:      {"journal.torn_tail", "storage", "a group that was never synced whole is cut"},
	JournalTornRoll:      {"journal.torn_roll", "storage", "a new segment has its first group and not its header"},
	JournalStillAmnesia:  {"journal.still_amnesia", "storage", "a restart before amnesia ended"},
	JournalTailRewritten: {"journal.tail_rewritten", "storage", "the newest group is written again after an unclean stop"},
	JournalStaleSegment:  {"journal.stale_segment", "storage", "a segment that was freed is still there"},
	JournalGroupFull:     {"journal.group_full", "storage", "more is appended than one group holds"},
	JournalCreationCut:   {"journal.creation_cut", "storage", "the creation of a journal was cut short"},
	SuperCopyBroken:      {"superblock.copy_broken", "storage", "a copy of the superblock does not read"},
	SuperTwoAges:         {"superblock.two_ages", "storage", "copies of the superblock are of two ages"},
	SuperOlderWins:       {"superblock.older_wins", "storage", "the newest copy stands alone: the superblock before it counts"},
	SegmentReused:        {"segment.reused", "storage", "a segment is written over"},
	SegmentMade:          {"segment.made", "storage", "no segment is free: one is made"},
	SegmentsFreed:        {"segment.freed", "storage", "segments behind a checkpoint are freed"},
}
