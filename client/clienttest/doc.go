// Package clienttest is a cluster for tests of clients: real TLS, real keys of
// genesis, real certificates, the real payments machine, and replicas in one
// process that lie on demand. There is no consensus: one mutex orders.
//
// It is for tests only, and a room of its own so that the commands' tests can use
// it too. Any goroutine may call its methods.
//
// Invariants:
//
//	T1  Without a Tamper or Intercept every reply proves itself.
//	T2  A request is executed at most once per (client, seq).
package clienttest
