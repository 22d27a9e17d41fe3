package mark

// The marks of the core: agreement, views, catching up, restarts.
const (
	ReplicaBanned Mark = iota
	ShareReplacesOlder
	ShareOfFutureView
	ShareLittleLate
	ShareAnsweredFast
	ShareAnsweredSlow

	BodyHeldElsewhere
	BodyHeldByCatchup

	CollectSplit
	CollectFallback
	CollectWaitsItsTurn
	CollectWithoutProposal

	PrePrepareSecondValue
	PrePrepareStale
	PrePrepareBadBatch
	PrePrepareContradicts
	PrePrepareBodyBack

	EvidenceNoted
	EvidenceAgain
	EvidenceByHeads
	EvidenceOfOldView
	HeadShown
	EvidenceByPrepare

	NVNullSlot
	PendingNewViewDropped
	NewViewMade
	NewViewSignedStale
	NewViewForwarded
	NewViewPassed
	NewViewChangeCame
	NewViewWaits
	NewViewAsksAround
	ChangeServedEntered
	ChangeServedSeen
	NewViewShown
	NewViewMovesWindow
	DecidesBehindWindow
	DecidesCommitted
	TwoNewViews
	NewViewFetchesBody
	ProposalDeferred
	DeferredTaken
	FastWins
	FastAlone
	TieToLock
	TieOfTwoValues
	LockWins
	LockAlone
	SafeNull
	SafeHole
	MixedViews

	VoteMoved
	VoteChanged

	LockBeforeProposalUsed
	LockBeforeProposal
	LateProofBeforeProposal

	SlowTauAtOnce
	SlowWaitsForSigma
	SlowStarts
	SlowTauOnDemand

	SignStale
	SigmaWaitsForTau

	FastRecovers
	FastGivenUp
	FastWaitCapped

	CombineStale
	CombineMeanwhile
	CombineBadSigma
	CombineBadTau
	CombineBadTauTau

	ProofLate
	ProofWindowMoved
	ProofForged
	ProofUnchecked

	PrepareAlreadyLocked
	PrepareStale

	LockInAmnesia
	LeaveInAmnesia
	AmnesiaRecalled
	AmnesiaChangeShown
	AmnesiaBound
	AmnesiaLeft
	AmnesiaReminds
	AmnesiaRelapse

	LockReplacesOlder

	CommitMeanwhile
	CommitOfLowerView
	CommitOfHigherView
	CommitWhileLeaving
	CommitNull

	ComplainFirst
	ComplainAgain
	ComplaintOfHigherView
	ComplaintExpired

	ViewLeftByComplaints
	ComplaintByChange
	ViewSkipped
	TimeoutCapped
	ChangeSignedStale
	ChangeWanted
	ChangeMovesWindow
	JoinedHigher
	JoinedFar
	SecondChange
	StrandedPatience
	NextPrimaryDown
	ChangeResent
	NextPrimaryTimeout

	StatusHelpPaced
	StableShown
	ProposalResent
	ShareResent
	ShareToAll
	CommitShareResent
	PrepareResent
	PiShareResent
	BodyFetchWaits
	BodyFromProver
	BodyInTurn
	BodyServed
	BodyUnknown
	BodyUseless
	BlocksOvertaken
	CatchupBelowWindow
	CatchupKnown
	CatchupNull
	CaughtUp
	FetchTimedOut
	FetchVerifying
	LeftBehind
	FetchStarts
	KeptUnexecuted
	KeptBeforeCatchup

	RecoverVote
	RecoverLock
	RecoverAnchor
	RecoverLeaving
	RecoverAnchorView
	RecoverEntered
	RecoverBelowStable
	RecoveredOvertaken
	RecoveredUsed
	RecoverSpareBody
	ResumeDecides
	ResumeSigns
	ResumeSignsTwo
	ResumeProposes
	ResumeCheckpoint
	ResumeChangeUnsigned
	ResumeChange

	LateCertifiedNow
	LateStarts
	LateTooSoon
	LateKept
	LateAnswerPaced
	LateServed
	LateShare
	LateCombines
	LateProofSent
	LateBadShare
	LateProofTaken

	TimeoutHalved
	WaitsForExecution
	WaitsForBody
	ComplainsOfProven
	ComplainsOfTimeout
	ComplainsOfLink

	CheckpointResent
	CheckpointOvertaken
	CheckpointBeforeReached
	CheckpointBadShare
	CheckpointCertificate
	CheckpointJumps
	CheckpointBeyondWindow
	CheckpointBeyondExecuted
	CheckpointWhileLeaving

	ExecuteKept
	EarlyPiUsed
	EarlyPiDiffers
	PiAnswered
	PiFallback
	PiBadShare

	consensusEnd
)

var consensusMarks = [...]Info{
	ReplicaBanned:            {"share.replica_banned", "consensus", "a replica sent a bad share or proof and is ignored from now on"},
	ShareReplacesOlder:       {"share.replaces_older", "consensus", "a share of a higher view takes the place of one that was kept"},
	ShareOfFutureView:        {"share.future_view", "consensus", "a share of a view that starts later is kept"},
	ShareLittleLate:          {"share.little_late", "consensus", "a share comes a little after its slot was final and is not answered"},
	ShareAnsweredFast:        {"share.answered_fast", "consensus", "a late share is answered with the fast proof"},
	ShareAnsweredSlow:        {"share.answered_slow", "consensus", "a late share is answered with the slow proof"},
	BodyHeldElsewhere:        {"body.held_elsewhere", "consensus", "a slot lets go of a body that another slot needs"},
	BodyHeldByCatchup:        {"body.held_by_catchup", "consensus", "a slot lets go of a body that a fetched block needs"},
	CollectSplit:             {"collect.split", "consensus", "shares for two values of one slot reach a collector without the proposal"},
	CollectFallback:          {"collect.fallback", "consensus", "a slot is so old that a replica collects that is no collector of it"},
	CollectWaitsItsTurn:      {"collect.waits_its_turn", "consensus", "a later collector leaves the slot to an earlier one"},
	CollectWithoutProposal:   {"collect.without_proposal", "consensus", "a collector has a quorum of shares and no proposal"},
	PrePrepareSecondValue:    {"preprepare.second_value", "consensus", "a second value for an accepted slot is verified, as evidence"},
	PrePrepareStale:          {"preprepare.stale", "consensus", "view or window moved while a proposal was verified"},
	PrePrepareBadBatch:       {"preprepare.bad_batch", "consensus", "the primary signed a batch that is invalid"},
	PrePrepareContradicts:    {"preprepare.contradicts", "consensus", "the primary signed two values for one slot"},
	PrePrepareBodyBack:       {"preprepare.body_back", "consensus", "a verified body is given back: its proposal is of no use"},
	EvidenceNoted:            {"evidence.noted", "consensus", "proof that the primary is faulty"},
	EvidenceAgain:            {"evidence.again", "consensus", "more proof of a fault that is known"},
	EvidenceByHeads:          {"evidence.by_heads", "consensus", "two heads of proposals prove that their primary signed two values"},
	EvidenceOfOldView:        {"evidence.of_old_view", "consensus", "they are of another view than this replica is in"},
	HeadShown:                {"evidence.head_shown", "consensus", "someone speaks of another value: the head of the proposal is shown to all"},
	EvidenceByPrepare:        {"evidence.by_prepare", "consensus", "2f+c+1 prepared another value than this replica was shown"},
	NVNullSlot:               {"nv.null_slot", "consensus", "a vote for the null value that a new view decided"},
	PendingNewViewDropped:    {"nv.pending_dropped", "consensus", "a new view whose view changes did not all come is overtaken"},
	NewViewMade:              {"nv.made", "consensus", "a primary chose its set"},
	NewViewSignedStale:       {"nv.signed_stale", "consensus", "the signature of a new view comes when its view has passed"},
	NewViewForwarded:         {"nv.forwarded", "consensus", "a new view comes from another than its primary"},
	NewViewPassed:            {"nv.passed", "consensus", "the view moved on while a new view was verified"},
	NewViewChangeCame:        {"nv.missing_change_came", "consensus", "a view change comes that a new view waits for"},
	NewViewWaits:             {"nv.waits_for_changes", "consensus", "a new view names view changes that are not here"},
	NewViewAsksAround:        {"nv.asks_around", "consensus", "others than the sender of a new view are asked for view changes"},
	ChangeServedEntered:      {"nv.change_served_entered", "consensus", "a view change of the entered view is shown to a replica that asks"},
	ChangeServedSeen:         {"nv.change_served_seen", "consensus", "a view change of a view that is not entered is shown to a replica that asks"},
	NewViewShown:             {"nv.shown", "consensus", "a replica outside the view is shown how it began"},
	NewViewMovesWindow:       {"nv.moves_window", "consensus", "a new view brings a newer stable checkpoint"},
	DecidesBehindWindow:      {"nv.decides_behind_window", "consensus", "a new view decides slots that the window has left"},
	DecidesCommitted:         {"nv.decides_committed", "consensus", "a new view decides a slot that is final here"},
	TwoNewViews:              {"nv.two_sets", "consensus", "the primary signed two new views, which decide a slot differently"},
	NewViewFetchesBody:       {"nv.fetches_body", "consensus", "the body of a decided slot is asked for"},
	ProposalDeferred:         {"nv.proposal_deferred", "consensus", "a proposal overtook its new view and is kept"},
	DeferredTaken:            {"nv.deferred_taken", "consensus", "a proposal that overtook its new view is taken up"},
	FastWins:                 {"nv.fast_wins", "consensus", "a fast claim of a higher view than the lock"},
	FastAlone:                {"nv.fast_alone", "consensus", "a fast claim, and no lock"},
	TieToLock:                {"nv.tie_to_lock", "consensus", "a fast claim and a lock of one view"},
	TieOfTwoValues:           {"nv.tie_of_two_values", "consensus", "a fast claim and a lock of one view, for different values"},
	LockWins:                 {"nv.lock_wins", "consensus", "a lock of a higher view than the fast claim"},
	LockAlone:                {"nv.lock_alone", "consensus", "a lock, and no fast claim"},
	SafeNull:                 {"nv.null_value", "consensus", "votes for a slot that can be no claim: it stays empty"},
	SafeHole:                 {"nv.hole", "consensus", "nobody in the set knows of a slot below the highest"},
	MixedViews:               {"nv.mixed_views", "consensus", "votes of different views support one fast claim"},
	VoteMoved:                {"vote.moved", "consensus", "a vote for the same value as in an earlier view"},
	VoteChanged:              {"vote.changed", "consensus", "a vote for another value than in an earlier view"},
	LockBeforeProposalUsed:   {"slot.lock_before_proposal_used", "consensus", "a certificate came before its proposal, and now the proposal does"},
	LockBeforeProposal:       {"slot.lock_before_proposal", "consensus", "a certificate comes before its proposal"},
	LateProofBeforeProposal:  {"slot.proof_before_proposal", "consensus", "a slot is final before its proposal comes"},
	SlowTauAtOnce:            {"slow.tau_at_once", "consensus", "τ is signed with σ: the fast path has been failing"},
	SlowWaitsForSigma:        {"slow.waits_for_sigma", "consensus", "τ is there and the collector waits δ for σ"},
	SlowStarts:               {"slow.starts", "consensus", "a collector goes the slow path"},
	SlowTauOnDemand:          {"slow.tau_on_demand", "consensus", "a slot is late: τ is signed for it"},
	SignStale:                {"sign.stale", "consensus", "a signature comes back after its view or window ended"},
	SigmaWaitsForTau:         {"sign.sigma_waits_for_tau", "consensus", "σ is signed first and waits for τ"},
	FastRecovers:             {"fast.recovers", "consensus", "the fast path works again after it had been given up"},
	FastGivenUp:              {"fast.given_up", "consensus", "so many slots missed the fast path that the slow one starts at once"},
	FastWaitCapped:           {"fast.wait_capped", "consensus", "δ has grown to its cap"},
	CombineStale:             {"combine.stale", "consensus", "a combination comes back after its view or window ended"},
	CombineMeanwhile:         {"combine.meanwhile", "consensus", "a combination comes back after another proof made the slot final"},
	CombineBadSigma:          {"combine.bad_sigma", "consensus", "a bad share among σ"},
	CombineBadTau:            {"combine.bad_tau", "consensus", "a bad share among τ"},
	CombineBadTauTau:         {"combine.bad_tautau", "consensus", "a bad share among the shares over τ(h)"},
	ProofLate:                {"proof.late", "consensus", "a proof of a slot that is final"},
	ProofWindowMoved:         {"proof.window_moved", "consensus", "the window left a slot while its proof was verified"},
	ProofForged:              {"proof.forged", "consensus", "a proof does not verify"},
	ProofUnchecked:           {"proof.unchecked", "consensus", "a proof was not checked: the queue of checks is full"},
	PrepareAlreadyLocked:     {"prepare.already_locked", "consensus", "a second prepare certificate of a view"},
	PrepareStale:             {"prepare.stale", "consensus", "a prepare certificate comes when its view has ended or its slot is final"},
	LockInAmnesia:            {"amnesia.lock_refused", "consensus", "a replica in amnesia takes no lock"},
	LeaveInAmnesia:           {"amnesia.leave_refused", "consensus", "a replica in amnesia leaves no view"},
	AmnesiaRecalled:          {"amnesia.recalled", "consensus", "a replica that forgot is shown the view change that it had signed"},
	AmnesiaChangeShown:       {"amnesia.change_shown", "consensus", "a replica in amnesia is shown the view change that it signed"},
	AmnesiaBound:             {"amnesia.bound", "consensus", "n−f replicas said where they stand: the end of amnesia is known"},
	AmnesiaLeft:              {"amnesia.left", "consensus", "a replica that forgot votes again"},
	AmnesiaReminds:           {"amnesia.reminds", "consensus", "a peer is shown its own vote, which its status does not know"},
	AmnesiaRelapse:           {"amnesia.relapse", "consensus", "a vote that this replica forgot is proven: it is in amnesia from now on"},
	LockReplacesOlder:        {"lock.replaces_older", "consensus", "a lock takes the place of one of a lower view"},
	CommitMeanwhile:          {"commit.meanwhile", "consensus", "a slot is final when a second proof of it was verified"},
	CommitOfLowerView:        {"commit.of_lower_view", "consensus", "a proof of a lower view makes a slot final"},
	CommitOfHigherView:       {"commit.of_higher_view", "consensus", "a proof of a view that this replica has not reached makes a slot final"},
	CommitWhileLeaving:       {"commit.while_leaving", "consensus", "a slot becomes final between two views"},
	CommitNull:               {"commit.null", "consensus", "a null slot is final"},
	ComplainFirst:            {"complain.first", "consensus", "a first complaint about a primary"},
	ComplainAgain:            {"complain.again", "consensus", "a complaint is repeated, since its reason lasts"},
	ComplaintOfHigherView:    {"complain.higher_view", "consensus", "a complaint about a view that this replica has not reached"},
	ComplaintExpired:         {"complain.expired", "consensus", "a complaint that was not repeated does not count any more"},
	ViewLeftByComplaints:     {"vc.left_by_complaints", "consensus", "f+1 replicas complain: the view is left"},
	ComplaintByChange:        {"vc.counts_as_complaint", "consensus", "a view change of a replica that does not complain any more counts as a complaint"},
	ViewSkipped:              {"vc.skipped", "consensus", "a view is left that was never entered"},
	TimeoutCapped:            {"vc.timeout_capped", "consensus", "the timeout of views has doubled up to its cap"},
	ChangeSignedStale:        {"vc.signed_stale", "consensus", "the signature of a view change comes when its view has passed"},
	ChangeWanted:             {"vc.wanted", "consensus", "a view change that a pending new view names"},
	ChangeMovesWindow:        {"vc.moves_window", "consensus", "a view change brings a newer stable checkpoint"},
	JoinedHigher:             {"vc.joined", "consensus", "f+1 replicas are on the way to higher views: this one follows"},
	JoinedFar:                {"vc.joined_far", "consensus", "it follows over more than one view"},
	SecondChange:             {"vc.second_change", "consensus", "a complaint for the sake of a replica that left the view alone"},
	StrandedPatience:         {"vc.patience_doubled", "consensus", "the patience with a replica that leaves alone doubles"},
	NextPrimaryDown:          {"vc.next_primary_down", "consensus", "the link to the next primary is down: the wait for it is short"},
	ChangeResent:             {"vc.resent", "consensus", "a view change is repeated"},
	NextPrimaryTimeout:       {"vc.next_primary_timeout", "consensus", "the next primary does not start its view in time"},
	StatusHelpPaced:          {"sync.help_paced", "consensus", "a replica that is behind is helped once per interval"},
	StableShown:              {"sync.stable_shown", "consensus", "a replica that is behind is shown the stable checkpoint"},
	ProposalResent:           {"sync.proposal_resent", "consensus", "a backup that has not accepted a proposal gets it again"},
	ShareResent:              {"sync.share_resent", "consensus", "a share is sent again"},
	ShareToAll:               {"sync.share_to_all", "consensus", "a share of an old slot is sent to everyone"},
	CommitShareResent:        {"sync.commit_share_resent", "consensus", "a share over τ(h) is sent again"},
	PrepareResent:            {"sync.prepare_resent", "consensus", "a prepare certificate is sent again"},
	PiShareResent:            {"sync.pi_share_resent", "consensus", "a share of π is sent again"},
	BodyFetchWaits:           {"sync.body_fetch_waits", "consensus", "a final slot waits for its proposal, which is being verified"},
	BodyFromProver:           {"sync.body_from_prover", "consensus", "a body is asked of whoever sent the proof"},
	BodyInTurn:               {"sync.body_in_turn", "consensus", "a body is asked of the others in turn"},
	BodyServed:               {"sync.body_served", "consensus", "a body is served"},
	BodyUnknown:              {"sync.body_unknown", "consensus", "a body is asked for that is not here"},
	BodyUseless:              {"sync.body_useless", "consensus", "no slot waits any more for a body that was verified"},
	BlocksOvertaken:          {"sync.block_overtaken", "consensus", "a fetched block is at hand already when it was verified"},
	CatchupBelowWindow:       {"sync.catchup_below_window", "consensus", "a fetched block is executed that the window has left behind"},
	CatchupKnown:             {"sync.catchup_known", "consensus", "a fetched block is final here already"},
	CatchupNull:              {"sync.catchup_null", "consensus", "a null slot is fetched"},
	CaughtUp:                 {"sync.caught_up", "consensus", "a catch-up reached what others had"},
	FetchTimedOut:            {"sync.fetch_timed_out", "consensus", "a request for blocks was not answered in time"},
	FetchVerifying:           {"sync.fetch_verifying", "consensus", "fetched blocks are being verified: nobody else is asked"},
	LeftBehind:               {"sync.left_behind", "consensus", "the window has left this replica behind"},
	FetchStarts:              {"sync.starts", "consensus", "others are ahead and nothing moves: a catch-up starts"},
	KeptUnexecuted:           {"sync.kept_unexecuted", "consensus", "final slots are kept that the window leaves before they were executed"},
	KeptBeforeCatchup:        {"sync.kept_before_catchup", "consensus", "they go before fetched blocks"},
	RecoverVote:              {"recover.vote", "consensus", "a vote is read back"},
	RecoverLock:              {"recover.lock", "consensus", "a lock is read back"},
	RecoverAnchor:            {"recover.anchor", "consensus", "a stable checkpoint is read back"},
	RecoverLeaving:           {"recover.leaving", "consensus", "a restart between two views"},
	RecoverAnchorView:        {"recover.anchor_view", "consensus", "a restart takes its view from an anchor"},
	RecoverEntered:           {"recover.entered", "consensus", "a restart finds the view that it had entered"},
	RecoverBelowStable:       {"recover.below_stable", "consensus", "a final slot is read back that the ledger lost and the stable checkpoint passed"},
	RecoveredOvertaken:       {"recover.overtaken", "consensus", "such a slot was fetched first"},
	RecoveredUsed:            {"recover.used", "consensus", "such a slot is executed"},
	RecoverSpareBody:         {"recover.spare_body", "consensus", "a body is read back that no slot needs"},
	ResumeDecides:            {"recover.decides", "consensus", "a restart computes again what its new view decided"},
	ResumeSigns:              {"recover.signs", "consensus", "a restart signs its vote again"},
	ResumeSignsTwo:           {"recover.signs_two", "consensus", "a restart signs τ(h) of its lock again"},
	ResumeProposes:           {"recover.proposes", "consensus", "a restarted primary signs its proposal again"},
	ResumeCheckpoint:         {"recover.checkpoint", "consensus", "a restart signs a checkpoint again"},
	ResumeChangeUnsigned:     {"recover.change_unsigned", "consensus", "a restart signs the view change that it had not signed"},
	ResumeChange:             {"recover.change", "consensus", "a restart sends its view change again"},
	LateCertifiedNow:         {"late.certified_now", "consensus", "a client asks for a block that was certified meanwhile"},
	LateStarts:               {"late.starts", "consensus", "a client asks for a block without π that the window has left"},
	LateTooSoon:              {"late.too_soon", "consensus", "it asks again before others can have answered"},
	LateKept:                 {"late.kept", "consensus", "the window leaves a slot whose π is on the way"},
	LateAnswerPaced:          {"late.answer_paced", "consensus", "a replica that asks for π again is not answered again so soon"},
	LateServed:               {"late.served", "consensus", "a replica that asks for an old π is served from the ledger"},
	LateShare:                {"late.share", "consensus", "a share for an old slot comes"},
	LateCombines:             {"late.combines", "consensus", "π of an old slot is combined"},
	LateProofSent:            {"late.proof_sent", "consensus", "π of a slot that the window left is sent to all"},
	LateBadShare:             {"late.bad_share", "consensus", "a bad share among those for an old slot"},
	LateProofTaken:           {"late.proof_taken", "consensus", "π of an old slot comes from another"},
	TimeoutHalved:            {"timer.timeout_halved", "consensus", "calm: a doubled timeout is halved again"},
	WaitsForExecution:        {"timer.own_execution", "consensus", "what waits does so for this replica's own execution"},
	WaitsForBody:             {"timer.waits_for_body", "consensus", "the next slot is final and its body is not here"},
	ComplainsOfProven:        {"timer.proven", "consensus", "a complaint because the primary is proven faulty"},
	ComplainsOfTimeout:       {"timer.timeout", "consensus", "a complaint because nothing is executed"},
	ComplainsOfLink:          {"timer.link_down", "consensus", "a complaint because the link to the primary is down"},
	CheckpointResent:         {"checkpoint.resent", "consensus", "a share of a checkpoint is sent again"},
	CheckpointOvertaken:      {"checkpoint.overtaken", "consensus", "a checkpoint is reached when it is stable already"},
	CheckpointBeforeReached:  {"checkpoint.before_reached", "consensus", "a checkpoint is certified by others before it is reached here"},
	CheckpointBadShare:       {"checkpoint.bad_share", "consensus", "a bad share among those of a checkpoint"},
	CheckpointCertificate:    {"checkpoint.certificate", "consensus", "a certificate of a checkpoint comes from another"},
	CheckpointJumps:          {"checkpoint.jumps", "consensus", "the window moves by more than one checkpoint"},
	CheckpointBeyondWindow:   {"checkpoint.beyond_window", "consensus", "the window moves to where it had not even reached"},
	CheckpointBeyondExecuted: {"checkpoint.beyond_executed", "consensus", "a checkpoint is stable that this replica has not executed"},
	CheckpointWhileLeaving:   {"checkpoint.while_leaving", "consensus", "a checkpoint becomes stable between two views"},
	ExecuteKept:              {"execute.kept", "consensus", "a slot that was fetched or voted otherwise is journaled before it is executed"},
	EarlyPiUsed:              {"execute.early_pi_used", "consensus", "a block was certified before it was executed here"},
	EarlyPiDiffers:           {"execute.early_pi_differs", "consensus", "a π that came early is of another block: a liar sent it under this number"},
	PiAnswered:               {"execute.pi_answered", "consensus", "a late share of π is answered with π"},
	PiFallback:               {"execute.pi_fallback", "consensus", "a replica collects π of an old slot of which it is no collector"},
	PiBadShare:               {"execute.bad_share", "consensus", "a bad share among those of π"},
}
