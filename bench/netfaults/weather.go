package main

import (
	"fmt"
	"net/netip"
	"strings"
)

// weather is the state of the network. Its places are the replicas 0..n−1 and
// the clients, n.
type weather struct {
	n       int
	blocked map[[2]int]bool // what the first sends never reaches the second
	loss    []int           // by place: percent of what arrives there that is dropped
	rate    []int           // by replica: bits it may send per second, in thousands; 0: no limit
}

// fair is the weather without faults.
func fair(n int) *weather {
	return &weather{n: n, blocked: map[[2]int]bool{}, loss: make([]int, n+1), rate: make([]int, n)}
}

// clients is their place.
func (w *weather) clients() int { return w.n }

// mute stops everything from one place to another, and not the way back.
func (w *weather) mute(from, to int) { w.blocked[[2]int{from, to}] = true }

// cut stops everything between each of some places and each of others.
func (w *weather) cut(some, others []int) {
	for _, a := range some {
		for _, b := range others {
			if a != b {
				w.mute(a, b)
				w.mute(b, a)
			}
		}
	}
}

// linked reports whether two places hear each other.
func (w *weather) linked(a, b int) bool {
	return !w.blocked[[2]int{a, b}] && !w.blocked[[2]int{b, a}]
}

// serving reports whether at least quorum replicas are all linked with each
// other and the clients with one of them: then payments must go on. Loss and
// narrow links slow them down and stop nobody.
func (w *weather) serving(quorum int) bool {
	for set := range 1 << w.n {
		members, reached, whole := 0, false, true
		for a := range w.n {
			if set>>a&1 == 0 {
				continue
			}
			members++
			reached = reached || w.linked(a, w.clients())
			for b := range a {
				whole = whole && (set>>b&1 == 0 || w.linked(a, b))
			}
		}
		if whole && reached && members >= quorum {
			return true
		}
	}
	return false
}

// silent reports whether no payment can be acknowledged: wherever a client may
// send to or hear from, fewer than quorum replicas have any path between them,
// be it one way. Between silent and serving nothing is demanded of the cluster.
func (w *weather) silent(quorum int) bool {
	for a := range w.n {
		group := w.around(a)
		if len(group) < quorum {
			continue
		}
		for _, b := range group {
			if w.heard(w.clients(), b) || w.heard(b, w.clients()) {
				return false
			}
		}
	}
	return true
}

// heard reports whether what a sends arrives at b.
func (w *weather) heard(a, b int) bool { return !w.blocked[[2]int{a, b}] }

// around gives the replicas to or from which anything can come from a, over
// others too.
func (w *weather) around(a int) []int {
	group, in := []int{a}, map[int]bool{a: true}
	for k := 0; k < len(group); k++ {
		for b := range w.n {
			if !in[b] && (w.heard(group[k], b) || w.heard(b, group[k])) {
				group, in[b] = append(group, b), true
			}
		}
	}
	return group
}

// address is where a place is on the bridge.
func (w *weather) address(place int) netip.Addr {
	if place == w.clients() {
		return netip.AddrFrom4([4]byte{10, 99, 0, 254})
	}
	return netip.AddrFrom4([4]byte{10, 99, 0, byte(place + 1)})
}

// rules is the nftables script of one place: it replaces what was in place in
// one transaction.
func (w *weather) rules(place int) string {
	var b strings.Builder
	b.WriteString("table ip faults {}\ndelete table ip faults\ntable ip faults {\n\tchain arriving {\n")
	b.WriteString("\t\ttype filter hook input priority 0; policy accept;\n\t\tiif lo accept\n")
	for from := range w.n + 1 {
		if !w.heard(from, place) {
			fmt.Fprintf(&b, "\t\tip saddr %s drop\n", w.address(from))
		}
	}
	if w.loss[place] > 0 {
		fmt.Fprintf(&b, "\t\tnumgen random mod 100 < %d drop\n", w.loss[place])
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}
