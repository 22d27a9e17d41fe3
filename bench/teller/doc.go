// Package teller pays without end, remembers what was acknowledged, and audits
// it against the ledger as often as it is asked to.
//
// It is no load generator for measuring speed (cmd/loadgen is, with an open loop
// and one audit at the end): a teller lives through an experiment of many
// rounds, each with an audit of its own payments that costs no more than they
// did. It breaks nothing and knows no process.
//
// # An audit
//
// Settle closes the gate and waits until every request has an answer. Then,
// since nobody else pays on the teller's ledger,
//
//   - every payment that was acknowledged since the last audit is looked up by
//     its id and compared field by field: nothing is lost;
//   - the ledger must have grown by exactly as many transfers and as much money
//     as was acknowledged since the beginning: nothing came twice, nothing came
//     that nobody was told of, and nothing of earlier rounds was lost;
//   - debits are credits.
//
// # Threads
//
// One goroutine per client sends; answers come on the client's loop. Resume,
// Settle, Redial and the audits belong to the experiment's goroutine; everything
// else may be called from anywhere.
//
// # Invariants
//
//	T1  A payment is made from its number alone, so an audit needs no copy of it.
//	T2  A request is sent under one seq and never again by the teller: all
//	    repeating is the client's, as in any program that uses it.
//	T3  What a closed client leaves without an answer is looked up only after its
//	    successor was dialed: then it cannot be executed any more (client C7).
package teller
