package plant

// Bug is one planted bug.
type Bug uint8

// The bugs. Each says what its line does wrong; table.go has more.
const (
	// Of consensus.
	VoteBeforeSync           Bug = iota + 1 // a share leaves before the vote's record is durable
	ProposalBeforeSync                      // a pre-prepare leaves before the vote's record is durable
	CommitShareBeforeLock                   // a commit share waits for the vote's record and not for the lock's
	ViewChangeBeforeSync                    // a view change is sent while its record is on the way to the disk
	ViewChangeNotRecorded                   // a view change is sent and never recorded
	NewViewBeforeSync                       // a new view is sent while the record of its set is on the way to the disk
	CheckpointBeforeSync                    // a checkpoint share does not wait for what it covers
	FetchedBlockNotJournaled                // a slot that was fetched is executed and not journaled
	VoteForgottenInNewView                  // entering a view clears the votes of open slots
	LockForgottenInNewView                  // entering a view clears the locks of open slots
	SecondProposalAccepted                  // a second value of one view replaces the first
	StaleProposalAccepted                   // a proposal of an older view is accepted in this one
	NewViewNotRecomputed                    // the values that a new view decides are not computed: all slots are free
	WindowOneWider                          // the window reaches one slot further than the ring
	NewViewSetSmall                         // 2f+2c view changes open a view
	LowestLockWins                          // of several locks the one of the lowest view counts
	TieToFast                               // a tie goes to the fast value
	FastAlwaysWins                          // a fast claim beats every lock
	LockAlwaysWins                          // a lock beats every fast claim
	SameViewVotesOnly                       // votes of higher views do not count for a fast claim
	FastClaimHigh                           // a fast claim needs f+c+2 votes
	FastClaimLow                            // a fast claim needs f+1 votes, whatever c is
	ForgedProofCommits                      // a commit proof counts before its verification is over, whatever it says
	ForgedPrepareLocks                      // a prepare certificate counts whatever its verification says
	SecondCertificateBanned                 // whoever sends another certificate for the value that is locked is taken for a liar
	PrepareCommits                          // a slot commits on τ(h), without the second round
	TimerNeverDoubles                       // the timer of a view change stays as it is
	NextViewTimerNeverStarts                // nobody gives up a next primary that is silent
	ComplaintJoinAtF                        // f complaints are enough to leave a view
	ComplaintCountedTwice                   // a repeated complaint of one replica counts as two
	HigherViewNotJoined                     // f+1 replicas in a higher view are not followed
	AnyCommitIsProgress                     // slots that are final above a hole count as progress
	LoneLeaverIgnored                       // nobody complains for a replica that left the view alone
	EarlyProofDropped                       // a proof that comes before its pre-prepare is dropped
	BadShareKept                            // who sent a bad share may send the next
	ViewChangeNotResumed                    // a restart does not go on with a view change
	OutcomesNotSignedAgain                  // a restart does not sign again what was executed
	CommittedBelowStableLost                // a restart ignores commits below the stable checkpoint
	StatusStops                             // no status is reported
	ResendStops                             // nothing is sent again
	LateSharesUnanswered                    // a share for a final slot is not answered with its proof
	UncertifiedDropped                      // the window leaves slots behind without their π
	ForeignPiHalts                          // π over another slot's digest is taken for a divergence
	StableOnPi                              // a checkpoint is stable once π is there
	AmnesiaIgnored                          // a replica without its journal votes at once
	AmnesiaEndsEarly                        // amnesia ends at the first stable checkpoint that it hears of
	EquivocationExcused                     // two values under one signature are no evidence
	ClockBlamed                             // a time that this replica's clock dislikes is evidence
	BodyForgottenEarly                      // a body is given back while another slot needs it
	// Of payments.
	RetryExecuted           // a request that was executed before is executed again
	ReusedSeqAnswered       // another body under a used seq counts as a repetition
	SessionNotInImage       // the ring of a session is not in its page
	ResultRingShort         // two seqs of one window share a place of the ring
	LinkedHalfApplied       // a failed chain leaves its last account change
	RolledBackIDKept        // a failed chain leaves the ids that it used
	PostReleasesPart        // posting a part of a pending amount releases the part alone
	VoidKeepsReserve        // voiding releases the debit side alone
	LedgerTotalDrifts       // the ledger's total misses every amount's lowest bit when a pending is posted
	OverflowUnchecked       // a sum may leave 128 bits
	LimitIgnoresPending     // a balance limit looks at posted amounts alone
	BalancingIgnoresPending // a balancing transfer looks at posted amounts alone
	TimeGoesBack            // a block takes the proposed time, also one before the last block's
	ExpiredStillOpen        // an expired pending that was not swept yet can be posted
	ExpiryInMapOrder        // pendings that expire together do so in the order of a map
	PageNotMarked           // a page of pendings is not marked when a slot becomes free
	DeltaBlindToPending     // the delta digest does not cover pending amounts and flags
	FailedIDForgotten       // the id of a transfer that failed for the moment can be used again
	BadSignatureExecuted    // a payment whose signature is bad is executed all the same
	OwnerUnchecked          // any key may sign for any account
	UnsignedDebitAllowed    // an account whose debits must be signed is debited without
	AnyoneResolves          // who owns neither account may sign that a pending is posted or voided
	// Of pipeline.
	SendBeforeSync             // sends leave the journal stage before the group is synced
	JournalTruncatedEarly      // the journal goes at a stable checkpoint, whatever the ledger has
	CheckpointNotSynced        // the ledger is not synced at a checkpoint
	ReplyBeforePi              // a client is answered when the block is executed
	LocalClockExecuted         // a block is executed at the replica's own time
	FirstSignatureOnly         // of a batch the first client signature is checked
	FetchedSignaturesTrusted   // client signatures in what is fetched are not checked
	FetchedCertificatesTrusted // certificates of fetched blocks are not checked
	TimeBoundUnchecked         // a proposal may have any time
	LockCertificatesTrusted    // lock certificates in view changes are not checked
	ProposalDigestTrusted      // a proposal's bytes are not compared with its digest
	OldForwardsOrdered         // forwarded requests are not compared with their session
	PayersNotAwaited           // a block is executed with whatever verdicts are there
	FirstOfPartVerified        // of the payers' signatures verified together the first is
	FirstOfBlockAnswered       // a repeated request is answered with the first result of its block
	// Of storage.
	TailLossSilent      // a journal that ends before what its superblock says is accepted
	OneSuperblockCopy   // one copy of the superblock is believed
	SyncErrorRetried    // a failed sync is tried again
	LastRecordSkipped   // a replay leaves out the last record of each group
	MissingJournalFresh // a missing journal is made anew, without amnesia
	SegmentsFreedFirst  // segments are free before the superblock says so
	ValueSumUnchecked   // checksums of the ledger's values are not compared
	ImageCurrentEarly   // a new image is current before its pages are written
	// Of sigagg.
	CombinedUnverified  // a combined signature is not verified
	SubgroupUnchecked   // points outside the subgroup are accepted
	DuplicateShares     // two shares of one signer count as two
	InfinityAccepted    // the point at infinity is accepted
	PossessionUnchecked // a key needs no proof of possession
	BitmapUncounted     // a certificate may name any number of signers
	SumUnchecked        // a sum of signatures is not verified
	// Of client.
	PiUnchecked            // a reply's certificate is not checked
	ReplyPathUnchecked     // a reply's path is not checked
	OneRefusalEnds         // one replica's refusal ends a request
	ReceiptFormFree        // a receipt may show what is not proven
	ReceiptCodeOfNeighbour // the code's path is checked at another index
	// Of wire.
	ClusterNotSigned // a payer's signature does not cover the cluster
	SeqNotSigned     // a request's signature does not cover its seq
	EpochNotSigned   // what replicas sign does not cover the epoch
	TrailingBytes    // bytes behind a message are ignored
	MerkleIndexFree  // a path verifies at an index outside its tree
	LeavesAsNodes    // leaves and inner nodes are hashed alike
	// Of cluster.
	TauOneLow      // τ needs 2f+c
	SigmaOneLow    // σ needs 3f+c
	SmallOrderKeys // Ed25519 keys of small order are accepted
)
