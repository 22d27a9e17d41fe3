package mark

// The marks of the stages between network, core and disk.
const (
	PeerMalformed Mark = paymentsEnd + iota
	PeerDropped
	ForwardMalformed
	ForwardStranger
	ForwardStale
	ForwardDropped

	RepeatUnderWay
	RepeatPassedOn
	RepeatDone
	WaitersFull
	WaiterStale

	VerifyPauses
	ForwardBadSignature
	ClientBadSignature
	BatchStranger
	BodyBadSignature
	BlockForged
	BlockBodyDiffers
	BlockBadSignature

	ChangeSignatureInvalid
	ChangeCertInvalid

	AuthorInvalid
	ProposalBodyDiffers
	ProposalBadTime

	BatchKnown
	BatchOnceMore
	BatchWaits
	BatchFull

	OrderPauses
	ForwardNotPrimary
	RelayKnown
	RelayKept
	ViewTold
	Drained
	RelayMine
	RelayMoved
	RelaySent
	RelayOverdue

	BodyDone
	BodyFromLedger

	ServePi
	ServePiShare
	ServeBodyGone
	ServeNull
	ServeBlocksFull

	ChecksFull
	ProofsTogether
	ProofsApart
	ServeFull
	SendDropped

	JournalHealed
	JournalSyncFails
	AnchorWaits

	ImageLoaded
	BlockReplayed
	JournalBodyDone
	JournalBodyLost

	ReplyAwaits
	ReplyReused
	ReplyAgain
	ReplyFromLedger

	ReplyDuplicate

	PayersAwaited
	PayersRecalled
	PayersTogether

	pipelineEnd
)

var pipelineMarks = [...]Info{
	PeerMalformed:          {"ingress.malformed", "pipeline", "a frame of a replica is no message"},
	PeerDropped:            {"ingress.order_full", "pipeline", "a frame of a replica is dropped: the order stage is behind"},
	ForwardMalformed:       {"ingress.forward_malformed", "pipeline", "a forwarded request is no request"},
	ForwardStranger:        {"ingress.forward_stranger", "pipeline", "a forwarded request is of a client that is not known here"},
	ForwardStale:           {"ingress.forward_stale", "pipeline", "a forwarded request was executed or is too old"},
	ForwardDropped:         {"ingress.forward_full", "pipeline", "a forwarded request is dropped: the queue is full"},
	RepeatUnderWay:         {"admit.under_way", "pipeline", "a request comes again while it is under way"},
	RepeatPassedOn:         {"admit.passed_on", "pipeline", "a request comes again so late that it is passed on once more"},
	RepeatDone:             {"admit.done", "pipeline", "an executed request comes again"},
	WaitersFull:            {"admit.waiters_full", "pipeline", "a client has as many requests waiting as its window has places"},
	WaiterStale:            {"admit.waiter_stale", "pipeline", "a waiter whose seq left the window makes room"},
	VerifyPauses:           {"verify.pauses", "pipeline", "signatures are not checked: the order stage is behind"},
	ForwardBadSignature:    {"verify.forward_bad_signature", "pipeline", "a forwarded request has a bad signature"},
	ClientBadSignature:     {"verify.client_bad_signature", "pipeline", "a client's request has a bad signature"},
	BatchStranger:          {"verify.stranger", "pipeline", "a batch has a request of a client that is not known here yet"},
	BodyBadSignature:       {"verify.body_bad_signature", "pipeline", "a fetched body has a bad client signature"},
	BlockForged:            {"verify.block_forged", "pipeline", "the certificate of a fetched block does not verify"},
	BlockBodyDiffers:       {"verify.block_body_differs", "pipeline", "a fetched block's batch is not the one that its certificate names"},
	BlockBadSignature:      {"verify.block_bad_signature", "pipeline", "a fetched block has a bad client signature"},
	ChangeSignatureInvalid: {"vc.signature_invalid", "pipeline", "a view change or its checkpoint certificate does not verify"},
	ChangeCertInvalid:      {"vc.cert.invalid", "pipeline", "a well-signed view change has a lock whose certificate does not verify"},
	AuthorInvalid:          {"preprepare.author_invalid", "pipeline", "a proposal is not signed by the primary"},
	ProposalBodyDiffers:    {"preprepare.body_differs", "pipeline", "a proposal's bytes are not those that the primary signed"},
	ProposalBadTime:        {"preprepare.bad_time", "pipeline", "a proposal's time is far from this replica's clock"},
	BatchKnown:             {"batch.known", "pipeline", "a request is queued or proposed already"},
	BatchOnceMore:          {"batch.once_more", "pipeline", "a request that was proposed long ago and never executed is queued again"},
	BatchWaits:             {"batch.waits", "pipeline", "requests wait for a fuller batch"},
	BatchFull:              {"batch.full", "pipeline", "a batch is full and leaves requests behind"},
	OrderPauses:            {"order.pauses", "pipeline", "the core waits: disk or signers are a window behind"},
	ForwardNotPrimary:      {"order.forward_not_primary", "pipeline", "a forwarded request reaches a replica that is not the primary"},
	RelayKnown:             {"order.relay_known", "pipeline", "a client's request waits for the primary already"},
	ViewTold:               {"order.view_told", "pipeline", "a client that asked a backup, or waited for a view, is told the view"},
	RelayKept:              {"order.relay_kept", "pipeline", "a client's request is kept for the primary"},
	Drained:                {"order.drained", "pipeline", "requests that waited for a batch follow a change of view"},
	RelayMine:              {"order.relay_mine", "pipeline", "a replica that becomes primary batches what it kept for another"},
	RelayMoved:             {"order.relay_moved", "pipeline", "a kept request goes to the new primary"},
	RelaySent:              {"order.relay_sent", "pipeline", "a kept request is passed on"},
	RelayOverdue:           {"order.overdue", "pipeline", "a kept request is not executed although others are: the primary may be a censor"},
	BodyDone:               {"bodies.done", "pipeline", "a body comes that was executed"},
	BodyFromLedger:         {"bodies.from_ledger", "pipeline", "a body is read back from the ledger"},
	ServePi:                {"serve.pi", "pipeline", "a laggard is served an old π"},
	ServePiShare:           {"serve.pi_share", "pipeline", "a laggard is served a share of an old π"},
	ServeBodyGone:          {"serve.body_gone", "pipeline", "a body was forgotten between request and answer"},
	ServeNull:              {"serve.null", "pipeline", "a null slot is served"},
	ServeBlocksFull:        {"serve.blocks_full", "pipeline", "an answer with blocks is full before the range that was asked for ends"},
	ProofsTogether:         {"proofs.together", "pipeline", "proofs of several slots are checked as one"},
	ProofsApart:            {"proofs.apart", "pipeline", "one of several proofs is bad: each is checked by itself"},
	ChecksFull:             {"proofs.checks_full", "pipeline", "a message is not verified: the queue of checks is full"},
	ServeFull:              {"effects.serve_full", "pipeline", "a laggard is not served: the queue is full"},
	SendDropped:            {"effects.send_dropped", "pipeline", "the journal is so far behind that a send is dropped: the core repeats it"},
	JournalHealed:          {"journal.healed", "pipeline", "the end of amnesia is noted in the journal"},
	JournalSyncFails:       {"journal.sync_fails", "pipeline", "a sync fails: the replica stops"},
	AnchorWaits:            {"journal.anchor_waits", "pipeline", "a stable checkpoint waits for the ledger before the journal lets go"},
	ImageLoaded:            {"restart.image", "pipeline", "a restart loads a state image"},
	BlockReplayed:          {"restart.block", "pipeline", "a restart executes a block of the ledger again"},
	JournalBodyDone:        {"restart.body_done", "pipeline", "a body of the journal was executed"},
	JournalBodyLost:        {"restart.body_lost", "pipeline", "another value than that of a journal's body was committed"},
	ReplyAwaits:            {"reply.awaits", "pipeline", "an old block waits for its certificate, since a client asked for its reply"},
	ReplyReused:            {"reply.reused", "pipeline", "a seq comes again with another request"},
	ReplyAgain:             {"reply.again", "pipeline", "an executed request is answered again"},
	ReplyFromLedger:        {"reply.from_ledger", "pipeline", "a reply is read back from the ledger"},
	ReplyDuplicate:         {"session.duplicate_reply", "pipeline", "a request that was ordered twice is answered with its first result"},
	PayersAwaited:          {"payers.awaited", "pipeline", "a committed block waits for the verdicts on its payers' signatures"},
	PayersRecalled:         {"payers.recalled", "pipeline", "a restart takes a bad signature's verdict from the result that it led to"},
	PayersTogether:         {"payers.together", "pipeline", "signatures of several batches are verified together"},
}
