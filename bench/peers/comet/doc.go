// Package comet runs CometBFT as a peer: four validators as four processes, each
// with a payments application in the same process, and a client process that
// speaks JSON-RPC.
//
// The application does what a payment of ours does in its simplest form: it moves
// an amount between two balances in a flat table and refuses an overdraft. What
// it leaves out favours CometBFT: it keeps no transfers, no ids and no sessions
// (a payment sent twice is caught by the mempool's cache alone), proves nothing
// to clients, and has no disk of its own: what CometBFT syncs is its block store,
// its state store and its consensus log, all at their defaults.
//
// Invariants:
//
//	B1  A payment counts when the client has read it in a committed block.
//	B2  Every payment that was sent is committed at the end, or the run fails; so
//	    the balances of every validator are known, and all are read back.
//	B3  With signatures, every validator checks each payment's own Ed25519
//	    signature before it moves money: alone in CheckTx, or together with the
//	    rest of the block in FinalizeBlock; never twice.
package comet
