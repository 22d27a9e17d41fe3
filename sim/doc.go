// Package sim is a whole cluster in one thread from one seed, with faults and
// checkers.
//
// It runs the program itself: the stages of package pipeline, the core, the
// payments machine, the vote journal and the client's session. What it replaces
// are the edges: the network, the clock, the disk below the journal, the ledger's
// database, chance, and (in most seeds) the cryptography. The seed decides who
// steps next, what is lost, and who dies where; so a run can be repeated exactly.
//
// It is not a test of goroutines, sockets, real disks or Pebble: tests in
// pipeline, netio, storage and bench do that.
//
// Thread: everything happens in the goroutine that calls Run.
//
// # One run
//
// Options are drawn from the seed and printed with a failure. Phases of faults
// follow one another (weather.go); then faults stop, everyone is started again,
// and within a bound the cluster must answer every request and come to rest
// (run.go). In some runs all replicas then crash at once and must come back
// with everything that was acknowledged.
//
// # Scenarios
//
// Whatever the code under test does not decide is a choice with a name
// (choice.go). A run can be written down as a list of choices and replayed
// (scenario.go), as a text of one line each (entry.go), and be made small
// (shrink.go). The weather acts through choices as well (action.go), and the
// timeline tells of both (timeline.go).
//
// What outlives the program's changes is in testdata/regress: every scenario
// there once failed, and is replayed by each run of the tests.
//
// # Checkers
//
//	C1  agreement      one block per seq, at all honest replicas, over restarts
//	C2  state          equal checkpoints; a ledger verifies from genesis on its own
//	C3  exactly once   every executed request was signed by its client, never
//	                   altered, and executed once
//	C4  serializability  the order of blocks contains that of real time, and a model
//	                   that executes them gives every client what it was told; in
//	                   some runs Porcupine finds an order by itself
//	C5  conservation   debits equal credits in every ledger at checkpoints and at
//	                   the end, and equal what the results say was moved
//	C6  durability     every answered request exists, also after all crash at once
//	C7  no equivocation  over a replica's life, one value per (view, seq, kind)
//	                   leaves it, never before its record is on disk
//	C8  certificates   what committed a block verifies on its own, at each replica
//	C9  liveness       after faults stop, within a bound of ticks
//	C10 bounds         no queue grows over its bound
//	C11 blame          nobody but a liar is called faulty, banned, or named by a
//	                   proof; an equivocation in calm times that two honest replicas
//	                   voted for is proven
//	C15 idempotence    a repeated request gets the same reply
//	C16 no silent corruption  damage to a journal is noticed, or changes nothing
//	C17 time           the ledger's clock never goes back, nor ahead of the bound
//
// Numbers are those of the project's simulation page.
package sim
