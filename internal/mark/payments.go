package mark

// The marks of the state machine.
const (
	ChainRolledBack Mark = consensusEnd + iota
	ChainIDKept

	UndoAccount
	UndoLedger
	UndoBalances
	UndoDerived
	UndoResolved
	UndoOpenedFreed
	UndoOpenedNew

	PendingSlotReused
	HeapMiddle

	ResolveUnswept
	ResolveFromArchive
	ResolveInBlock
	PostPartial
	ReopenDebit
	ReopenCredit
	ResolveImported

	ExpireSwept
	ExpireBudget

	BalancedDown
	BalancedToZero
	BalancedCredit
	ClosesDebit
	ClosesCredit
	TransferImportedOK
	HistoryTwice

	AccountImportedOK
	LedgerSeen

	IndexGrows
	IndexMovesDown
	IndexFullAtHint

	LookupInBlock
	LookupDerivedInBlock

	TimelineSampled

	ExistsResolving
	ExistsBalancing

	SessionOutOfOrder
	SessionJump

	HistoryCut
	HistoryJumps
	HistoryRing
	BalanceInBlock

	ScanBlock
	QueryFull

	TimeBehind

	RestoreTimeline
	RestorePendings
	RestoreFreeSlots

	paymentsEnd
)

var paymentsMarks = [...]Info{
	ChainRolledBack:      {"chain.rolled_back", "payments", "a linked event fails and takes back what came before it in its chain"},
	ChainIDKept:          {"chain.id_kept", "payments", "a transient failure uses its id up although its chain is taken back"},
	UndoAccount:          {"undo.account", "payments", "a chain takes back an account"},
	UndoLedger:           {"undo.ledger", "payments", "a chain takes back a ledger that it was the first to use"},
	UndoBalances:         {"undo.balances", "payments", "a chain takes back steps of an account's history"},
	UndoDerived:          {"undo.derived", "payments", "a chain takes back a posting, voiding or balancing transfer"},
	UndoResolved:         {"undo.resolved", "payments", "a chain takes back that a pending transfer was resolved"},
	UndoOpenedFreed:      {"undo.opened_freed", "payments", "a chain takes back a pending transfer in a slot that had been free"},
	UndoOpenedNew:        {"undo.opened_new", "payments", "a chain takes back a pending transfer in a new slot"},
	PendingSlotReused:    {"pending.slot_reused", "payments", "a pending transfer takes the slot of one that was resolved"},
	HeapMiddle:           {"pending.heap_middle", "payments", "an expiry is taken out of the middle of the heap"},
	ResolveUnswept:       {"resolve.unswept", "payments", "a pending transfer is expired and not swept yet"},
	ResolveFromArchive:   {"resolve.from_archive", "payments", "what became of a pending transfer is read from the archive"},
	ResolveInBlock:       {"resolve.in_block", "payments", "a pending transfer is resolved in the block that made it"},
	PostPartial:          {"resolve.partial", "payments", "less than the pending amount is posted"},
	ReopenDebit:          {"resolve.reopens_debit", "payments", "a debit account is open again, since the transfer that closed it was voided or expired"},
	ReopenCredit:         {"resolve.reopens_credit", "payments", "the same for a credit account"},
	ResolveImported:      {"resolve.imported", "payments", "an imported transfer resolves a pending one"},
	ExpireSwept:          {"expire.swept", "payments", "a pending transfer expires"},
	ExpireBudget:         {"expire.budget", "payments", "more pending transfers are due than one block sweeps"},
	BalancedDown:         {"transfer.balanced_down", "payments", "a balancing transfer moves less than was asked for"},
	BalancedToZero:       {"transfer.balanced_to_zero", "payments", "a balancing transfer moves nothing"},
	BalancedCredit:       {"transfer.balanced_credit", "payments", "a transfer is balanced against its credit account"},
	ClosesDebit:          {"transfer.closes_debit", "payments", "a pending transfer closes its debit account"},
	ClosesCredit:         {"transfer.closes_credit", "payments", "a pending transfer closes its credit account"},
	TransferImportedOK:   {"transfer.imported", "payments", "a transfer with a timestamp of its own is executed"},
	HistoryTwice:         {"transfer.history_twice", "payments", "both accounts of a transfer keep their history"},
	AccountImportedOK:    {"account.imported", "payments", "an account with a timestamp of its own is made"},
	LedgerSeen:           {"account.new_ledger", "payments", "an account is the first of a ledger that genesis does not register"},
	IndexGrows:           {"index.grows", "payments", "a shard of an index that holds entries doubles"},
	IndexMovesDown:       {"index.moves_down", "payments", "entries of a run move down when one is removed"},
	IndexFullAtHint:      {"index.full_at_hint", "payments", "the place that a probe found is of no use: the shard is full"},
	LookupInBlock:        {"lookup.in_block", "payments", "a transfer of the block being executed is looked up"},
	LookupDerivedInBlock: {"lookup.derived_in_block", "payments", "one with a derived record"},
	TimelineSampled:      {"timeline.sampled", "payments", "a sample is added to the timeline"},
	ExistsResolving:      {"exists.resolving", "payments", "a transfer that resolves comes again under its id"},
	ExistsBalancing:      {"exists.balancing", "payments", "a balancing transfer comes again under its id"},
	SessionOutOfOrder:    {"session.out_of_order", "payments", "a request is executed after a later one of its client"},
	SessionJump:          {"session.jump", "payments", "a request moves its client's window by more than its width"},
	HistoryCut:           {"history.cut", "payments", "a history is cut: its walk has used up its work"},
	HistoryJumps:         {"history.jumps", "payments", "a walk leaves the chain and looks for the span"},
	HistoryRing:          {"history.ring", "payments", "a history in chronological order has more matches than its limit"},
	BalanceInBlock:       {"history.balance_in_block", "payments", "a balance of the block being executed is read"},
	ScanBlock:            {"query.scans_block", "payments", "a query reads the block being executed"},
	QueryFull:            {"query.full", "payments", "a query of transfers reaches its limit or the end of its span"},
	TimeBehind:           {"block.time_behind", "payments", "the proposed time is behind the last block: time goes on by one nanosecond"},
	RestoreTimeline:      {"restore.timeline", "payments", "a state image with samples of the timeline is loaded"},
	RestorePendings:      {"restore.pendings", "payments", "a state image with open pending transfers is loaded"},
	RestoreFreeSlots:     {"restore.free_slots", "payments", "a state image with free slots among the pending transfers is loaded"},
}
