// Package twins plays Byzantine behaviour out of honest parts: two instances of
// one replica with one identity and one set of keys, each with a part of the
// cluster that the other does not hear (Bano et al., "Twins: BFT Systems Made
// Robust", OPODIS 2021). Together they equivocate, forget, and vote twice,
// without a line of attack code.
//
// A Scenario is a list of rounds. A round says who leads the view that is
// aimed at, which instances hear each other, how far the view's slots get (fast,
// slow, locks only, votes only, proofs lost), and whether a disk is lost. Then
// the network heals: every honest replica must execute one last batch within a
// bound, whatever happened before.
//
// The cores are consensus.Core itself. What stands around them is as little as
// can be: ideal signatures, a journal that is a slice, batches that are their
// own digest. Nothing is left to chance: messages arrive in the order in which
// they were sent, or in an order that Scenario.Order draws.
//
// It is not the simulator: no losses but those of partitions and paths, no
// slow disks, no clients, no wire format. Package sim has these, and a fraction
// of the speed.
//
// Thread: everything happens in the goroutine that calls Play or Explore.
//
// # Checkers
//
//	agreement     one value per seq at all honest replicas
//	equivocation  an honest replica says one thing per (view, seq, kind)
//	certificates  what an honest replica executes is proven
//	halt          no honest replica stops itself
//	blame         no honest replica is banned, accused with evidence, or made to
//	              distrust its own journal
//	bodies        none is executed, served or recorded without being held
//	liveness      after healing, within boundTicks (a scenario is stuck otherwise)
//
// Durable before sent holds by construction: a record is on disk at once.
package twins
