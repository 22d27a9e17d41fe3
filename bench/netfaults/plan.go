package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// fault is what a round does to the network. Victims are drawn by role when the
// round comes, since who is primary shows only then.
type fault uint8

const (
	faultHalves          fault = iota // two halves, none of them a quorum
	faultScattered                    // nobody hears anybody
	faultBackupAlone                  // one backup hears nobody, clients neither
	faultPrimaryAlone                 // the same for the primary
	faultPrimaryClients               // the primary and the clients do not hear each other
	faultPrimaryPeers                 // the primary hears clients alone
	faultPrimaryMute                  // the primary hears all, and no peer hears it
	faultPrimaryDeaf                  // the primary hears no peer, and all hear it
	faultBackupMute                   // the same for a backup
	faultBackupDeaf                   // the same for a backup
	faultBridge                       // two parts of the others, and one replica in both
	faultMinorityClients              // clients hear one replica alone, which hears no peer
	faultLoss                         // packets are lost at random everywhere
	faultNarrow                       // all links are narrow
	faultFlapPrimary                  // the primary's cable goes in and out
	faultFlapBackup                   // a backup's cable does
	faultAloneKilled                  // one replica is alone, and is killed and started there
	faults                            // how many there are
)

var faultNames = [faults]string{"two halves", "all scattered", "a backup alone", "the primary alone", "the primary without clients",
	"the primary without peers", "the primary mute", "the primary deaf", "a backup mute", "a backup deaf", "a bridge between halves",
	"clients with a minority", "loss", "narrow links", "the primary's link flaps", "a backup's link flaps", "a replica alone is killed"}

func (f fault) String() string { return faultNames[f] }

// plan is one round.
type plan struct {
	fault  fault
	lasts  time.Duration // at least; longer until progress is seen where it must be
	backup int           // which one, counted from the primary, 1..n−1
	part   []int         // of halves and bridge: replicas counted from the primary
	loss   int           // percent
	rate   int           // thousand bits per second
}

// Bounds of what is drawn.
const (
	lastsMin, lastsMax = 2 * time.Second, 10 * time.Second
	longMax            = 40 * time.Second // one round of eight
	lossMin, lossMax   = 1, 15
	rateMin, rateMax   = 2_000, 20_000
	flapEvery          = 100 * time.Millisecond
)

// draw makes round number of a seed. Faults come as from a deck of cards that is
// shuffled when it is through, so that so many rounds have them all.
func draw(seed, number uint64, n, f int) plan {
	deck := rand.New(rand.NewPCG(seed, number/uint64(faults))).Perm(int(faults))
	r := rand.New(rand.NewPCG(seed^0x6e657473, number))
	p := plan{fault: fault(deck[number%uint64(faults)]), backup: 1 + r.IntN(n-1), loss: lossMin + r.IntN(lossMax-lossMin+1),
		rate: rateMin + r.IntN(rateMax-rateMin+1)}
	p.lasts = lastsMin + time.Duration(r.Int64N(int64(lastsMax-lastsMin)))
	if r.IntN(8) == 0 {
		p.lasts = lastsMax + time.Duration(r.Int64N(int64(longMax-lastsMax)))
	}
	size := n / 2 // of halves: with n−f > n/2 rounded up, neither is a quorum
	if p.fault == faultBridge {
		size = f // the others and the bridge are n−f
	}
	p.part = r.Perm(n)[:size]
	return p
}

// weather turns a plan into who hears whom, with this primary.
func (p *plan) weather(n, primary int) *weather {
	w := fair(n)
	backup := (primary + p.backup) % n
	var all, part, rest []int
	inPart := map[int]bool{}
	for _, i := range p.part {
		inPart[(primary+i)%n] = true
	}
	for i := range n {
		all = append(all, i)
		if inPart[i] {
			part = append(part, i)
		} else {
			rest = append(rest, i)
		}
	}
	peersAndClients := append(append([]int{}, all...), w.clients())
	switch p.fault {
	case faultHalves:
		w.cut(part, rest)
	case faultBridge:
		w.cut(part, rest[1:]) // rest[0] is in both
	case faultScattered:
		w.cut(all, all)
	case faultBackupAlone, faultAloneKilled:
		w.cut([]int{backup}, peersAndClients)
	case faultPrimaryAlone:
		w.cut([]int{primary}, peersAndClients)
	case faultPrimaryClients:
		w.cut([]int{primary}, []int{w.clients()})
	case faultPrimaryPeers:
		w.cut([]int{primary}, all)
	case faultMinorityClients:
		w.cut([]int{backup}, all)
		for _, i := range all {
			if i != backup {
				w.cut([]int{i}, []int{w.clients()})
			}
		}
	case faultPrimaryMute, faultPrimaryDeaf, faultBackupMute, faultBackupDeaf:
		p.oneWay(w, primary, backup)
	case faultLoss:
		for i := range w.loss {
			w.loss[i] = p.loss
		}
	case faultNarrow:
		for i := range w.rate {
			w.rate[i] = p.rate
		}
	}
	return w
}

// oneWay stops one direction between one replica and its peers.
func (p *plan) oneWay(w *weather, primary, backup int) {
	victim := backup
	if p.fault == faultPrimaryMute || p.fault == faultPrimaryDeaf {
		victim = primary
	}
	for i := range w.n {
		switch {
		case i == victim:
		case p.fault == faultPrimaryMute || p.fault == faultBackupMute:
			w.mute(victim, i)
		default:
			w.mute(i, victim)
		}
	}
}

// describe tells what the round does to whom.
func (p *plan) describe(n, primary int) string {
	s := fmt.Sprintf("%v, primary %d", p.fault, primary)
	switch p.fault {
	case faultHalves, faultBridge:
		s += ", one part is"
		for _, i := range p.part {
			s += fmt.Sprintf(" %d", (primary+i)%n)
		}
	case faultBackupAlone, faultBackupMute, faultBackupDeaf, faultMinorityClients, faultFlapBackup, faultAloneKilled:
		s += fmt.Sprintf(", backup %d", (primary+p.backup)%n)
	case faultLoss:
		s += fmt.Sprintf(", %d %%", p.loss)
	case faultNarrow:
		s += fmt.Sprintf(", %d kbit/s", p.rate)
	}
	return s + fmt.Sprintf(", %v", p.lasts.Round(time.Millisecond))
}
