// Command upper measures what our own executor, journal and ledger do on one
// machine when nothing is replicated: the bound that a cluster of ours is
// compared with, by payments per CPU second.
//
// It is the stages of a replica (pipeline.Alone) behind a client in the same
// process: requests are decoded, their signatures verified, journaled with one
// fdatasync per group, executed, staged and committed to the ledger with its
// checkpoints, and answered with their Merkle paths. There is no consensus, no
// BLS, no network and no TLS. A payment counts when its answer came, and that is
// when it is durable.
//
// The client has one thread of its own, whose CPU time is told apart; what its
// garbage costs falls to the server's. At the end everything is opened again
// from the disk, as after a restart, and the balance of every account is
// compared with what the acknowledged payments make.
//
// It stands in the product's module because it is made of the product's rooms,
// and is linted and tested with them; bench/peers, a module of its own, runs it
// as a process, as it runs replica and loadgen.
package main
