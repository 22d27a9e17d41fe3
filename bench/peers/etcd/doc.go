// Package etcd runs etcd as a peer: three members as three processes of this
// program, embedded as etcd's own main does it, and a client process that puts
// 128-byte values.
//
// etcd survives crashes and no liars, and a put is no payment: a transfer reads
// and writes two balances and a record, so it is about three of these. What a
// row counts as a payment here is one put, which favours etcd.
//
// Invariants:
//
//	E1  A put counts when its answer came, and every put that was sent is either
//	    answered or fails the run; so at the end the keys are exactly those that
//	    were sent, and all are read back.
package etcd
