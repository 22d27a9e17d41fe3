package netio

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// gatherBudget bounds the memory of many readers' unfinished frames together.
// A nil budget bounds nothing: replicas are few, and each of their links is
// bounded by itself.
type gatherBudget struct {
	max  int64
	used *atomic.Int64
}

func (b *gatherBudget) take(n int) bool {
	if b == nil || b.used.Add(int64(n)) <= b.max {
		return true
	}
	b.used.Add(-int64(n))
	return false
}

func (b *gatherBudget) give(n int) {
	if b != nil {
		b.used.Add(-int64(n))
	}
}

// visitorsMax bounds the addresses that a door remembers: 65,536 × about 100 B.
const visitorsMax = 1 << 16

// door decides who may come in at one port: how many connections there are, how
// many of them are young, the same per address, and how often one address may
// knock. Any goroutine may use it.
type door struct {
	openMax, youngMax     int // connections; of them young
	openPerIP, youngPerIP int
	knocksPerSec          int           // per address; openPerIP at once
	slots                 chan struct{} // handshakes that may compute now

	mu       sync.Mutex
	open     int // young ones included
	young    int
	visitors map[netip.Prefix]*visitor
}

type visitor struct {
	open, young int
	knocks      float64 // token bucket
	at          time.Time
}

func newDoor(openMax, openPerIP, youngMax, knocksPerSec, slots int) *door {
	return &door{
		openMax: openMax, openPerIP: openPerIP,
		youngMax: youngMax, youngPerIP: max(1, youngMax/4),
		knocksPerSec: knocksPerSec,
		slots:        make(chan struct{}, slots),
		visitors:     make(map[netip.Prefix]*visitor),
	}
}

// addressOf is what one holder of addresses is counted as: an IPv4 address or
// an IPv6 /64.
func addressOf(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits)
	return p
}

// admit counts a young connection in, or refuses it.
func (d *door) admit(from netip.Prefix, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.visitors[from]
	if v == nil {
		if len(d.visitors) >= visitorsMax {
			return false
		}
		v = &visitor{knocks: float64(d.openPerIP), at: now}
		d.visitors[from] = v
	}
	v.knocks = min(float64(d.openPerIP), v.knocks+now.Sub(v.at).Seconds()*float64(d.knocksPerSec))
	v.at = now
	if v.knocks < 1 || d.open >= d.openMax || d.young >= d.youngMax ||
		v.open >= d.openPerIP || v.young >= d.youngPerIP {
		return false
	}
	v.knocks--
	v.open, v.young = v.open+1, v.young+1
	d.open, d.young = d.open+1, d.young+1
	return true
}

// grown says that a young connection is authenticated.
func (d *door) grown(from netip.Prefix) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.young--
	if v := d.visitors[from]; v != nil {
		v.young--
	}
}

// left counts a connection out.
func (d *door) left(from netip.Prefix, young bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	v := d.visitors[from]
	if v != nil {
		v.open--
	}
	if young {
		d.young--
		if v != nil {
			v.young--
		}
	}
}

// sweep forgets addresses that have nothing open and a full bucket.
func (d *door) sweep(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for p, v := range d.visitors {
		if v.open == 0 && v.knocks+now.Sub(v.at).Seconds()*float64(d.knocksPerSec) >= float64(d.openPerIP) {
			delete(d.visitors, p)
		}
	}
}

func (d *door) youngNow() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.young
}

// enter waits for a slot to compute in, until the deadline.
func (d *door) enter(deadline time.Time) bool {
	select {
	case d.slots <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case d.slots <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

func (d *door) leave() { <-d.slots }
