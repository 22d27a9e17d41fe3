package plant

// Entry says what a bug is and what has to find it.
type Entry struct {
	Bug    Bug
	Name   string // for QUORATE_MUTANT and reports
	Room   string // the package in which it is planted
	Breaks string // invariant of the room's doc.go, row of the threats, or a word
	Kill   Kill
}

// Kill names the suites that are expected to find a bug, and what they may cost.
// The simulator comes first; the tests are run when Seeds is 0 or nothing was
// found.
type Kill struct {
	Seeds int    // budget of ./sim TestSeeds, from seed 1; 0: not tried
	Want  string // faults that those seeds must have, joined by +
	In    string // package of Tests
	Tests string // pattern of -test.run
}

// Find gives the entry of a name, or nil.
func Find(name string) *Entry {
	for i := range Table {
		if Table[i].Name == name {
			return &Table[i]
		}
	}
	return nil
}

// Table has one entry per bug, in the order of bugs.go.
var Table = [...]Entry{
	{Bug: VoteBeforeSync, Name: "vote-before-sync", Room: "consensus", Breaks: "I2"},
	{Bug: ProposalBeforeSync, Name: "proposal-before-sync", Room: "consensus", Breaks: "I2"},
	{Bug: CommitShareBeforeLock, Name: "commit-share-before-lock", Room: "consensus", Breaks: "I2"},
	{Bug: ViewChangeBeforeSync, Name: "view-change-before-sync", Room: "consensus", Breaks: "I2"},
	{Bug: ViewChangeNotRecorded, Name: "view-change-not-recorded", Room: "consensus", Breaks: "I2"},
	{Bug: NewViewBeforeSync, Name: "new-view-before-sync", Room: "consensus", Breaks: "I2"},
	{Bug: CheckpointBeforeSync, Name: "checkpoint-before-sync", Room: "consensus", Breaks: "I13"},
	{Bug: FetchedBlockNotJournaled, Name: "fetched-block-not-journaled", Room: "consensus", Breaks: "I13"},
	{Bug: VoteForgottenInNewView, Name: "vote-forgotten-in-new-view", Room: "consensus", Breaks: "I3"},
	{Bug: LockForgottenInNewView, Name: "lock-forgotten-in-new-view", Room: "consensus", Breaks: "I3"},
	{Bug: SecondProposalAccepted, Name: "second-proposal-accepted", Room: "consensus", Breaks: "I1"},
	{Bug: StaleProposalAccepted, Name: "stale-proposal-accepted", Room: "consensus", Breaks: "I4"},
	{Bug: NewViewNotRecomputed, Name: "new-view-not-recomputed", Room: "consensus", Breaks: "I4"},
	{Bug: WindowOneWider, Name: "window-one-wider", Room: "consensus", Breaks: "I10"},
	{Bug: NewViewSetSmall, Name: "new-view-set-small", Room: "consensus", Breaks: "I4"},
	{Bug: LowestLockWins, Name: "lowest-lock-wins", Room: "consensus", Breaks: "I4"},
	{Bug: TieToFast, Name: "tie-to-fast", Room: "consensus", Breaks: "I4"},
	{Bug: FastAlwaysWins, Name: "fast-always-wins", Room: "consensus", Breaks: "I4"},
	{Bug: LockAlwaysWins, Name: "lock-always-wins", Room: "consensus", Breaks: "I4"},
	{Bug: SameViewVotesOnly, Name: "same-view-votes-only", Room: "consensus", Breaks: "I4"},
	{Bug: FastClaimHigh, Name: "fast-claim-high", Room: "consensus", Breaks: "I4"},
	{Bug: FastClaimLow, Name: "fast-claim-low", Room: "consensus", Breaks: "I4"},
	{Bug: ForgedProofCommits, Name: "forged-proof-commits", Room: "consensus", Breaks: "I5"},
	{Bug: ForgedPrepareLocks, Name: "forged-prepare-locks", Room: "consensus", Breaks: "I5"},
	{Bug: PrepareCommits, Name: "prepare-commits", Room: "consensus", Breaks: "I5"},
	{Bug: TimerNeverDoubles, Name: "timer-never-doubles", Room: "consensus", Breaks: "liveness"},
	{Bug: NextViewTimerNeverStarts, Name: "next-view-timer-never-starts", Room: "consensus", Breaks: "liveness"},
	{Bug: ComplaintJoinAtF, Name: "complaint-join-at-f", Room: "consensus", Breaks: "liveness"},
	{Bug: ComplaintCountedTwice, Name: "complaint-counted-twice", Room: "consensus", Breaks: "liveness"},
	{Bug: HigherViewNotJoined, Name: "higher-view-not-joined", Room: "consensus", Breaks: "liveness"},
	{Bug: AnyCommitIsProgress, Name: "any-commit-is-progress", Room: "consensus", Breaks: "liveness"},
	{Bug: LoneLeaverIgnored, Name: "lone-leaver-ignored", Room: "consensus", Breaks: "liveness"},
	{Bug: EarlyProofDropped, Name: "early-proof-dropped", Room: "consensus", Breaks: "liveness"},
	{Bug: BadShareKept, Name: "bad-share-kept", Room: "consensus", Breaks: "liveness"},
	{Bug: ViewChangeNotResumed, Name: "view-change-not-resumed", Room: "consensus", Breaks: "liveness"},
	{Bug: OutcomesNotSignedAgain, Name: "outcomes-not-signed-again", Room: "consensus", Breaks: "liveness"},
	{Bug: CommittedBelowStableLost, Name: "committed-below-stable-lost", Room: "consensus", Breaks: "liveness"},
	{Bug: StatusStops, Name: "status-stops", Room: "consensus", Breaks: "liveness"},
	{Bug: ResendStops, Name: "resend-stops", Room: "consensus", Breaks: "liveness"},
	{Bug: LateSharesUnanswered, Name: "late-shares-unanswered", Room: "consensus", Breaks: "liveness"},
	{Bug: UncertifiedDropped, Name: "uncertified-dropped", Room: "consensus", Breaks: "liveness"},
	{Bug: ForeignPiHalts, Name: "foreign-pi-halts", Room: "consensus", Breaks: "liveness"},
	{Bug: StableOnPi, Name: "stable-on-pi", Room: "consensus", Breaks: "I7"},
	{Bug: AmnesiaIgnored, Name: "amnesia-ignored", Room: "consensus", Breaks: "I8"},
	{Bug: AmnesiaEndsEarly, Name: "amnesia-ends-early", Room: "consensus", Breaks: "I8"},
	{Bug: EquivocationExcused, Name: "equivocation-excused", Room: "consensus", Breaks: "evidence"},
	{Bug: ClockBlamed, Name: "clock-blamed", Room: "consensus", Breaks: "evidence"},
	{Bug: BodyForgottenEarly, Name: "body-forgotten-early", Room: "consensus", Breaks: "I12"},
	{Bug: RetryExecuted, Name: "retry-executed", Room: "payments", Breaks: "P4"},
	{Bug: ReusedSeqAnswered, Name: "reused-seq-answered", Room: "payments", Breaks: "P4"},
	{Bug: SessionNotInImage, Name: "session-not-in-image", Room: "payments", Breaks: "P4"},
	{Bug: ResultRingShort, Name: "result-ring-short", Room: "payments", Breaks: "P4"},
	{Bug: LinkedHalfApplied, Name: "linked-half-applied", Room: "payments", Breaks: "P3"},
	{Bug: RolledBackIDKept, Name: "rolled-back-id-kept", Room: "payments", Breaks: "P3"},
	{Bug: PostReleasesPart, Name: "post-releases-part", Room: "payments", Breaks: "P2"},
	{Bug: VoidKeepsReserve, Name: "void-keeps-reserve", Room: "payments", Breaks: "P2"},
	{Bug: LedgerTotalDrifts, Name: "ledger-total-drifts", Room: "payments", Breaks: "P2"},
	{Bug: OverflowUnchecked, Name: "overflow-unchecked", Room: "payments", Breaks: "P2"},
	{Bug: LimitIgnoresPending, Name: "limit-ignores-pending", Room: "payments", Breaks: "P2"},
	{Bug: BalancingIgnoresPending, Name: "balancing-ignores-pending", Room: "payments", Breaks: "P2"},
	{Bug: TimeGoesBack, Name: "time-goes-back", Room: "payments", Breaks: "P5"},
	{Bug: ExpiredStillOpen, Name: "expired-still-open", Room: "payments", Breaks: "P5"},
	{Bug: ExpiryInMapOrder, Name: "expiry-in-map-order", Room: "payments", Breaks: "P1"},
	{Bug: PageNotMarked, Name: "page-not-marked", Room: "payments", Breaks: "P7"},
	{Bug: DeltaBlindToPending, Name: "delta-blind-to-pending", Room: "payments", Breaks: "P1"},
	{Bug: FailedIDForgotten, Name: "failed-id-forgotten", Room: "payments", Breaks: "P4"},
	{Bug: SendBeforeSync, Name: "send-before-sync", Room: "pipeline", Breaks: "L1"},
	{Bug: JournalTruncatedEarly, Name: "journal-truncated-early", Room: "pipeline", Breaks: "L5"},
	{Bug: CheckpointNotSynced, Name: "checkpoint-not-synced", Room: "pipeline", Breaks: "L5"},
	{Bug: ReplyBeforePi, Name: "reply-before-pi", Room: "pipeline", Breaks: "L3"},
	{Bug: LocalClockExecuted, Name: "local-clock-executed", Room: "pipeline", Breaks: "L2"},
	{Bug: FirstSignatureOnly, Name: "first-signature-only", Room: "pipeline", Breaks: "CLI-02"},
	{Bug: FetchedSignaturesTrusted, Name: "fetched-signatures-trusted", Room: "pipeline", Breaks: "CLI-02"},
	{Bug: FetchedCertificatesTrusted, Name: "fetched-certificates-trusted", Room: "pipeline", Breaks: "ST-01"},
	{Bug: TimeBoundUnchecked, Name: "time-bound-unchecked", Room: "pipeline", Breaks: "TIM-01"},
	{Bug: LockCertificatesTrusted, Name: "lock-certificates-trusted", Room: "pipeline", Breaks: "VC-03"},
	{Bug: ProposalDigestTrusted, Name: "proposal-digest-trusted", Room: "pipeline", Breaks: "BYZ-01"},
	{Bug: OldForwardsOrdered, Name: "old-forwards-ordered", Room: "pipeline", Breaks: "CLI-03"},
	{Bug: FirstOfBlockAnswered, Name: "first-of-block-answered", Room: "pipeline", Breaks: "CLI-03"},
	{Bug: TailLossSilent, Name: "tail-loss-silent", Room: "storage", Breaks: "J4"},
	{Bug: OneSuperblockCopy, Name: "one-superblock-copy", Room: "storage", Breaks: "DSK-02"},
	{Bug: SyncErrorRetried, Name: "sync-error-retried", Room: "storage", Breaks: "J3"},
	{Bug: LastRecordSkipped, Name: "last-record-skipped", Room: "storage", Breaks: "J1"},
	{Bug: MissingJournalFresh, Name: "missing-journal-fresh", Room: "storage", Breaks: "DSK-03"},
	{Bug: SegmentsFreedFirst, Name: "segments-freed-first", Room: "storage", Breaks: "J5"},
	{Bug: ValueSumUnchecked, Name: "value-sum-unchecked", Room: "storage", Breaks: "DSK-02"},
	{Bug: PagesSwitchFirst, Name: "pages-switch-first", Room: "storage", Breaks: "L2"},
	{Bug: CombinedUnverified, Name: "combined-unverified", Room: "sigagg", Breaks: "BYZ-03"},
	{Bug: SubgroupUnchecked, Name: "subgroup-unchecked", Room: "sigagg", Breaks: "BYZ-06"},
	{Bug: DuplicateShares, Name: "duplicate-shares", Room: "sigagg", Breaks: "FRM-02"},
	{Bug: InfinityAccepted, Name: "infinity-accepted", Room: "sigagg", Breaks: "BYZ-06"},
	{Bug: PiUnchecked, Name: "pi-unchecked", Room: "client", Breaks: "C1"},
	{Bug: ReplyPathUnchecked, Name: "reply-path-unchecked", Room: "client", Breaks: "C1"},
	{Bug: OneRefusalEnds, Name: "one-refusal-ends", Room: "client", Breaks: "C4"},
	{Bug: ReceiptFormFree, Name: "receipt-form-free", Room: "client", Breaks: "C6"},
	{Bug: ReceiptCodeOfNeighbour, Name: "receipt-code-of-neighbour", Room: "client", Breaks: "C6"},
	{Bug: SeqNotSigned, Name: "seq-not-signed", Room: "wire", Breaks: "CLI-03"},
	{Bug: EpochNotSigned, Name: "epoch-not-signed", Room: "wire", Breaks: "NET-03"},
	{Bug: TrailingBytes, Name: "trailing-bytes", Room: "wire", Breaks: "FRM-03"},
	{Bug: MerkleIndexFree, Name: "merkle-index-free", Room: "wire", Breaks: "FRM-02"},
	{Bug: LeavesAsNodes, Name: "leaves-as-nodes", Room: "wire", Breaks: "FRM-03"},
	{Bug: TauOneLow, Name: "tau-one-low", Room: "cluster", Breaks: "quorums"},
	{Bug: SigmaOneLow, Name: "sigma-one-low", Room: "cluster", Breaks: "quorums"},
	{Bug: SmallOrderKeys, Name: "small-order-keys", Room: "cluster", Breaks: "BYZ-06"},
}
