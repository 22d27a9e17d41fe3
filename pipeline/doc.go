// Package pipeline is the stages and rings that carry a request through a
// replica.
//
// It decides nothing that others must agree on (consensus and payments do) and
// does no input or output of its own (netio and storage do): it moves values
// between them, in batches, and holds each back until what it waits for is
// done.
//
//	ingress   frames in; cheap checks, cheapest first      event loops
//	verify    client signatures of requests                verify workers
//	order     batcher and core: one event in, effects out  order thread
//	journal   records to disk, one sync per group; sends   journal thread
//	          wait here for their records
//	crypto    shares, combinations, certificates           sign workers
//	execute   blocks in order; replies once certified      execute thread
//	commit    blocks and state pages to the ledger         commit thread
//	serve     blocks and bodies for laggards               serve thread
//	payers    signatures of signed transfers, in parts,    payer workers
//	          between a batch's coming and its execution
//
// Each stage is a plain object with a Step method that does what is waiting and
// returns. In production Run lends each a goroutine; a simulator steps them
// itself. Every struct has one writer: the stage that owns it; what is shared
// (client table, bodies, rings) says so and locks for a batch, not a payment.
//
// Invariants:
//
//	L1  A Send leaves the journal stage only after every record that was pushed
//	    before it is synced; only a Send whose record is known to be durable
//	    takes the short way.
//	L2  Blocks reach payments in order of seq, each once.
//	L3  A client is answered only with a result that π certifies.
//	L4  Every ring is bounded. What comes from outside is refused with a typed
//	    error when a ring is full; what the core emits is bounded by its window.
//	L5  The journal is truncated only behind what the ledger holds durably.
//	L6  A failure of disk or a divergence ends the replica; nothing is retried
//	    that could hide it.
//	L7  A block is executed with verdicts on its payers' signatures that this
//	    replica found itself: by verifying, or from the results that the same block
//	    had here before. The verdict on one does not hang on the others.
package pipeline
