// Package storage keeps the vote journal and the ledger state on disk, with
// group commit. It stores bytes; what they mean is known above: which record
// must be durable before which message leaves is consensus, what a block does
// to an account is payments.
//
// # The vote journal
//
// Journal is an append-only chain of records in preallocated, recycled segment
// files, made durable in groups by one write and one fdatasync each. It is the
// one thing that is synced before a vote leaves a replica.
//
// Thread: one thread owns a Journal, the journal thread. In: Append, Sync,
// Truncate, marks. Out: LSNs that are durable; Recovery and Replay after a
// start.
//
//	J1  Nothing is given back that was not verified: sector sum, record sum,
//	    number and chain. Owner (cluster, replica, incarnation, nonce) is in the
//	    seed of the chain and in every segment header.
//	J2  A group is written only after the group before it was synced, and a
//	    block that was synced is never written again except with the same bytes.
//	J3  After a failed write or sync the journal is dead for ever.
//	J4  What is cut at a start in silence is at most the newest group, if it is
//	    torn: no later group exists, the superblock does not know of it, and each
//	    of its sectors is whole or was never written. All else is amnesia.
//	J5  Amnesia stands, over any number of starts, until Healed.
//	J6  A segment is recycled only when a durable superblock starts behind it.
//	J7  A superblock is durable before any group names its number.
//
// What one disk cannot see: the newest group lost or rolled back as a whole
// before anything else was written (Seal narrows it), a superblock rolled back
// with nothing written after it, and the whole disk rolled back to an old
// image. Peers hold proofs of later signatures against that (DSK-03).
//
// # The ledger
//
// Ledger keeps blocks, what is read of them by ordinal, and checkpoint pages in
// Pebble, and those not yet committed in an overlay in memory.
//
// Threads: one stages, one commits (they may be two), any may read. In: blocks
// from the execute stage, certificates, pages. Out: events, statuses, blocks
// for peers, the checkpoint image.
//
//	L1  Pebble runs without its write-ahead log: v2.1.7 was measured to drop
//	    acknowledged records behind a flipped bit in it. What is not flushed is
//	    derived again from the journal.
//	L2  Blocks become durable in order: a crash leaves a prefix of them, each
//	    whole, with exactly its statuses, and no image above it. Applied names
//	    only what is flushed or a table that Pebble took over.
//	L3  Staged blocks are visible at once; a block leaves the overlay only after
//	    it is in Pebble. A reader looks in that order and never misses one.
//	L4  Every value carries a checksum over its key and itself, and is checked
//	    when read.
//	L5  Keys of blocks grow strictly; no payment writes a random key.
//	L6  A hole in the newest blocks is found at open, one further back by
//	    Verify, lost newest blocks by CheckApplied with the journal's mark. Pebble
//	    itself was seen to open without an error after damage to its manifest,
//	    and to lack tables then: always call CheckApplied.
//
// Sources: Golan Gueta et al., "SBFT", DSN 2019 (what must be durable);
// TigerBeetle's superblock (copies and quorum); etcd's WAL (torn or corrupt);
// Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020
// (J3, and rewriting the newest group at a start). docs/decisions/0005 and 0006
// say what was weighed and measured.
package storage
