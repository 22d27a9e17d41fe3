// Package e2e tests whole clusters: the replica and loadgen binaries as
// processes on loopback, with TLS, real disks and fsync, as a user runs them.
//
// It has no production code. What the rooms promise one by one is tested in the
// rooms; here is what only all of them together can break: kill -9, restarts,
// a full disk, hostile bytes at the real ports, exit codes.
//
// harness_test.go makes and ends clusters, raw_test.go speaks to a port byte by
// byte, bank_test.go replays real data. Each other file is one kind of trouble.
//
// Thread: one test at a time. A cluster is four processes, and two of them at
// once on a small machine would time each other out.
//
// Invariants:
//
//	E1  Every wait has a deadline, and every process ends with its test: by
//	    Cleanup, or by Pdeathsig if the test binary is killed.
//	E2  A process is ended by the handle that started it, never by a name.
//	E3  When a test fails, the ends of all logs are in its output.
package e2e
