// Package payments is the replicated state machine: it applies a batch of
// requests to accounts and gives results, the write set and digests.
//
// It is not the store: it holds accounts, open pending transfers, sessions and
// indexes in memory, hands out what has to be stored, and reads history back
// through an Archive. It is not consensus: it takes blocks in order and trusts
// that their requests were signed, and what it is told of payers' signatures.
//
// # Data model
//
// Records, flags, result codes and their precedence are TigerBeetle's, after
// its public reference and source of 2026. Taken over: linked chains, pending
// transfers with timeouts, balancing and closing transfers, closed accounts,
// balance limits, history, imported events, id_already_failed, lookups and
// queries. What differs:
//
//   - A success is code 0 (TigerBeetle gives 2^32−1 in newer versions, 0 before).
//   - An account on a ledger outside the registry is refused
//     (ledger_not_registered), and three bounds have codes of their own.
//   - An imported account must be younger than every transfer so far; there it
//     must only not share its timestamp with one. The exact rule would read
//     history for each account.
//   - A query that would take too much work is cut and says where to go on
//     (DecodeQueryResult); there all results come from indexes.
//   - One filter per query request. get_change_events is not here: storage has
//     the blocks.
//
// # Ordinals and timestamps
//
// Each event of a create request gets the next ordinal (from 1) and its own
// timestamp, whether it succeeds or not. A block's time is max(proposed, last
// timestamp + 1); proposals above ProposedTimeMax are ignored.
//
// # Thread
//
// A Machine belongs to one thread. Slices in an Outcome belong to the Outcome
// until the next Apply with it; page bytes given to a Dirty callback are valid
// during the call.
//
// # Invariants
//
//	P1  Determinism: results, outcome and pages follow from the configuration
//	    and the blocks alone. No clock, randomness, goroutine, map order, float.
//	P2  Conservation: per ledger Σ debits_posted = Σ credits_posted and
//	    Σ debits_pending = Σ credits_pending, after every event.
//	P3  All or nothing: an event, a linked chain or a request that is refused
//	    leaves accounts, heads, pendings, indexes and totals as they were. Only
//	    its ordinal, its timestamp and, for a transient failure, its id are used.
//	P4  Exactly once: a request takes effect at most once per (client, seq); the
//	    window and the digests that decide it are part of the state.
//	P5  An id names one transfer event for ever (executed, or failed by a
//	    transient code), and one account for ever.
//	P6  Timestamps of accounts grow with their slots, those of executed
//	    transfers with their ordinals; so both can be searched by bisection.
//	P7  Equal state, equal pages: pages hold every agreed bit and no other.
//	    Unused bytes are zero. Indexes are rebuilt from pages.
//	P8  Bounds: tables, the events and expiries of a block and the work and bytes
//	    of its queries are limited by Limits; growth of a table moves one shard
//	    at a time.
//	P9  An archive error stops the machine; it never changes a result.
//	P10 An account with debits_must_be_signed is debited by a transfer that its
//	    own key signed, or by a post of one, and by nothing else. A bad signature
//	    refuses its transfer (and its chain), and changes nothing.
//
// Sources: TigerBeetle's docs/reference and src/state_machine.zig (semantics,
// not code); Aumasson and Bernstein, "SipHash", 2012 (id hashes); RFC 6962
// (page tree); RFC 8032 and Chalkias et al., "Taming the many EdDSAs", 2020
// (client keys).
package payments
