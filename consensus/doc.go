// Package consensus is the SBFT state machine: one event in, effects out.
//
// It decides which value each slot of the ledger's order gets. It does not
// carry, hash, sign, store or execute anything: it says what shall be carried,
// signed, stored and executed, and is told when that has happened. It sees
// digests, never payloads, so its cost is per batch and not per payment.
//
// Thread: whoever calls Step owns the Core; it has no lock and no goroutine.
//
// In: Event (event.go). Out: Effect (effect.go). Time is the number of Tick
// events. The package never reads a clock, never ranges over a map and uses no
// randomness, so equal events give equal effects, and a run can be replayed.
//
// Invariants:
//
//	I1  At most one value is accepted for one (view, seq), over restarts too.
//	I2  What promises something leaves only behind the record of the promise:
//	    every such Send names in After the Persist that it waits for.
//	I3  vote[s] and lock[s] are never forgotten before slot s is at or below a
//	    stable checkpoint; entering a view does not clear them.
//	I4  In a view, slots that its NewView decided take that value and no other.
//	I5  A slot commits only on σ(h), or on τ(τ(h)), verified here or combined and
//	    verified here. Which signatures a certificate holds, no decision depends
//	    on: two replicas may hold different ones for one statement.
//	I6  Slots are executed in order, each once.
//	I7  Nothing is collected behind anything weaker than a stable checkpoint of
//	    2f+c+1 signatures.
//	I8  A replica in amnesia neither votes nor reports votes.
//	I9  Step is total: no event that decodes makes it panic.
//	I10 Every buffer is bounded by the window, by n, or by a constant.
//	I11 A slot is executed only inside the window: executed ≤ stable + window, and
//	    a checkpoint share leaves only behind the record of the stable checkpoint.
//	I12 A body is given back (Forget) only when no slot and no fetched block
//	    needs it. The pipeline must put a verified body into its store on the
//	    core's thread, right before it steps Verified: the core may have given
//	    the same digest back in between.
//	I13 What a checkpoint covers, from the stable one below it on, is in the
//	    signer's journal or ledger, durably, before its share leaves: a certified
//	    block can be had again after all crash at once.
//
// Source: Golan Gueta et al., "SBFT: a Scalable and Decentralized Trust
// Infrastructure", DSN 2019; docs/protocol.md states every rule with its number.
package consensus
