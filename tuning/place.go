package tuning

import (
	"cmp"
	"slices"
)

// Role is a kind of thread of a replica. The names are those of the pipeline's
// stages, and Loop for the network's event loops.
type Role string

// The roles that are worth a place of their own. All other threads, the
// garbage collector's among them, run where the kernel likes.
const (
	RoleOrder   Role = "order"
	RoleExecute Role = "execute"
	RoleJournal Role = "journal"
	RoleCrypto  Role = "crypto"
	RoleVerify  Role = "verify"
	RoleCommit  Role = "commit"
	RoleServe   Role = "serve"
	RoleLoop    Role = "loop"
)

// Thread is one thread of a role, numbered from 0.
type Thread struct {
	Role  Role `json:"role"`
	Index int  `json:"index"`
}

// Seat is a thread and the processor that it is pinned to.
type Seat struct {
	Thread
	CPU int `json:"cpu"`
	// Shared is the number of pinned threads on this core.
	Shared int `json:"shared"`
}

// weights are the parts of a backup's CPU time at the highest rate, percent, by
// the profile in docs/PERFORMANCE.md. Only their order and rough size matter:
// the heaviest threads get cores of their own, the rest share.
var weights = map[Role]int{
	RoleExecute: 35, RoleCrypto: 20, RoleVerify: 10, RoleLoop: 10, RoleCommit: 10, RoleJournal: 8, RoleOrder: 6, RoleServe: 1,
}

// pinCoresMin is the number of physical cores from which pinning pays by
// itself: each of the stages and one core for the rest of the process. With
// fewer, a pinned thread waits for its core while another stands idle; four
// replicas on one small machine would all choose the same cores.
const pinCoresMin = 8

// Values of Profile.PinThreads.
const (
	PinNever  = 0
	PinAuto   = 1 // if the host has pinCoresMin physical cores for this process
	PinAlways = 2
)

// Pins reports whether threads are to be pinned on this host.
func (p *Profile) Pins(h *Host) bool {
	switch p.PinThreads {
	case PinAlways:
		return len(h.CPUs) > 0
	case PinAuto:
		return h.PhysicalCores() >= pinCoresMin && (h.QuotaCores == 0 || h.QuotaCores >= pinCoresMin)
	}
	return false
}

// Threads lists the threads of a replica with this profile, for loops event
// loops of the network.
func (p *Profile) Threads(cores, loops int) []Thread {
	threads := []Thread{{RoleOrder, 0}, {RoleExecute, 0}, {RoleJournal, 0}, {RoleCommit, 0}, {RoleServe, 0}}
	for _, many := range []struct {
		role  Role
		count int
	}{{RoleCrypto, p.SignThreads(cores)}, {RoleVerify, p.VerifyThreads(cores)}, {RoleLoop, loops}} {
		for i := range many.count {
			threads = append(threads, Thread{many.role, i})
		}
	}
	return threads
}

// Place gives each thread a processor, heaviest thread first, each time on the
// core that carries least. It fills one NUMA node before the next, so that rings
// and tables stay near, and takes one hardware thread of each core: the sibling
// is left to threads that are not pinned. One core is left free of pinned
// threads when there are more than two, for the collector and the kernel. The
// result is sorted by processor; nil without a known processor.
func Place(h *Host, threads []Thread) []Seat {
	cores := coresInOrder(h)
	if len(cores) == 0 {
		return nil
	}
	if len(cores) > 2 {
		cores = cores[:len(cores)-1]
	}
	order := slices.Clone(threads)
	slices.SortStableFunc(order, func(a, b Thread) int { return cmp.Compare(weights[b.Role], weights[a.Role]) })
	load, count := make([]int, len(cores)), make([]int, len(cores))
	chosen := make([]int, len(order))
	for i, t := range order {
		best := 0
		for c := range load {
			if load[c] < load[best] {
				best = c
			}
		}
		load[best] += weights[t.Role]
		count[best]++
		chosen[i] = best
	}
	seats := make([]Seat, len(order))
	for i, t := range order {
		seats[i] = Seat{Thread: t, CPU: cores[chosen[i]].ID, Shared: count[chosen[i]]}
	}
	slices.SortStableFunc(seats, func(a, b Seat) int { return cmp.Compare(a.CPU, b.CPU) })
	return seats
}

// coresInOrder gives one processor of each core: the NUMA node with most cores
// first, and within a node those that share a last cache together. Processor 0
// goes last in its node: the kernel's own work tends to run there.
func coresInOrder(h *Host) []CPU {
	var cores []CPU
	perNode := map[int]int{}
	seen := map[int]bool{}
	for _, c := range h.CPUs {
		if !seen[c.Core] {
			seen[c.Core] = true
			cores = append(cores, c)
			perNode[c.Node]++
		}
	}
	slices.SortStableFunc(cores, func(a, b CPU) int {
		first := func(c CPU) int {
			if c.ID == 0 {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(perNode[b.Node], perNode[a.Node]), cmp.Compare(a.Node, b.Node),
			cmp.Compare(first(a), first(b)), cmp.Compare(a.L3, b.L3), cmp.Compare(a.ID, b.ID))
	})
	return cores
}
