package netio

import (
	"fmt"
	"time"

	"quorate/wire"
)

// The life of connections and of the transport: who is up, on which loop, and
// in what order all of it ends.

// newConn makes a connection of a young one. The caller fills in who it is.
func (t *Transport) newConn(r role, y *young) *conn {
	c := &conn{
		id: ConnID(lastConnID.Add(1)), role: r, born: time.Now(), gone: make(chan struct{}),
		t: t, tls: y.tls, carrier: y.carrier,
	}
	c.out.queued = &t.count.queued
	c.frames.deliver = c.deliver
	return c
}

// peerLoop is the loop of all links of a replica. The first half of the loops
// serves replicas, the second clients, so that no crowd of clients delays a
// vote; with one loop they share it.
func (t *Transport) peerLoop(id wire.ReplicaID) *loop {
	return t.loops[int(id)%((len(t.loops)+1)/2)]
}

func (t *Transport) clientLoop(id ConnID) *loop {
	first := (len(t.loops) + 1) / 2
	if len(t.loops) == 1 {
		first = 0
	}
	return t.loops[first+int(id%ConnID(len(t.loops)-first))]
}

// adopt gives an authenticated connection to its loop, for life. It reports
// whether the loop took it; if not, all is undone.
func (t *Transport) adopt(c *conn, y *young) bool {
	l := c.loop
	c.frames.arena = &l.arena
	_ = y.tc.SetDeadline(time.Time{})
	*y.carrier = carrier{out: &l.sealed}
	t.count.handshakes.Add(1)
	// Enroll duplicates the descriptor, closes y.tc, and waits for OnOpen.
	if _, err := l.cli.EnrollContext(y.tc, c); err == nil && c.opened {
		return true
	}
	c.out.close()
	t.connGone(c)
	close(c.gone)
	return false
}

// connUp is called on the connection's loop when it opens.
func (t *Transport) connUp(c *conn) {
	switch c.role {
	case roleOut:
		p := t.peers[c.peer]
		p.out[c.link].Store(c)
		if p.up++; p.up == links {
			p.connected.Store(true)
			t.count.peersUp.Add(1)
			t.cfg.Logger.Info("replica up", "peer", c.peer)
			t.h.PeerUp(c.peer)
		}
	case roleClient:
		t.count.clients.Add(1)
		t.clientMu.Lock()
		t.clients[c.id] = c
		t.clientMu.Unlock()
	case roleIn:
		// takeOver has put it in its place.
	}
}

// connDown is called on the connection's loop when it is closed, once for every
// connUp.
func (t *Transport) connDown(c *conn) {
	switch c.role {
	case roleOut:
		p := t.peers[c.peer]
		p.out[c.link].CompareAndSwap(c, nil)
		if p.up--; p.up == links-1 {
			p.connected.Store(false)
			t.count.peersUp.Add(-1)
			t.cfg.Logger.Info("replica down", "peer", c.peer)
			t.h.PeerDown(c.peer)
		}
	case roleClient:
		t.count.clients.Add(-1)
		t.clientMu.Lock()
		delete(t.clients, c.id)
		t.clientMu.Unlock()
		t.h.ClientDown(c.id)
	case roleIn:
	}
	t.connGone(c)
}

// connGone gives back what a connection had before it was open.
func (t *Transport) connGone(c *conn) {
	switch c.role {
	case roleIn:
		t.leaveInbound(c)
		t.peerDoor.left(c.from, false)
	case roleClient:
		t.uncountClient(c.client)
		t.cliDoor.left(c.from, false)
	case roleOut:
	}
}

// countClient counts a connection of a client in, or refuses it.
func (t *Transport) countClient(id wire.ClientID) bool {
	t.clientMu.Lock()
	defer t.clientMu.Unlock()
	if t.perClient[id] >= t.cfg.Limits.ConnsPerClient {
		return false
	}
	t.perClient[id]++
	return true
}

func (t *Transport) uncountClient(id wire.ClientID) {
	t.clientMu.Lock()
	defer t.clientMu.Unlock()
	if t.perClient[id]--; t.perClient[id] <= 0 {
		delete(t.perClient, id)
	}
}

// tick gives every loop a tick, four to a PingInterval, and looks whether it
// took the last one: gnet does not say when a loop of a client ends.
func (t *Transport) tick() {
	defer t.wg.Done()
	ticker := time.NewTicker(t.ticks.every)
	defer ticker.Stop()
	asked := make([]time.Time, len(t.loops)) // when the tick that is still due was given
	for {
		select {
		case <-t.done:
			return
		case now := <-ticker.C:
			t.peerDoor.sweep(now)
			t.cliDoor.sweep(now)
			for i, l := range t.loops {
				if !l.due.Swap(true) {
					asked[i] = now
				} else if now.Sub(asked[i]) > t.cfg.Limits.LoopStallMax {
					t.die(fmt.Errorf("%w: loop %d did not turn for %v", ErrLoopDied, i, now.Sub(asked[i])))
					asked[i] = now
				}
				l.bell.ring()
			}
		}
	}
}

// die tells Err, once.
func (t *Transport) die(err error) {
	select {
	case t.fatal <- err:
	default:
	}
}

func (t *Transport) closing() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// sleep waits, or until Close.
func (t *Transport) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.done:
	}
}

// shutDown ends everything, once. Doors first, then the young, who may be on
// their way onto a loop and need it alive; then the loops; then what loops use.
func (t *Transport) shutDown() {
	close(t.done)
	t.cancel()
	if t.peerLn != nil {
		_ = t.peerLn.Close()
	}
	if t.clientLn != nil {
		_ = t.clientLn.Close()
	}
	t.nursery.close()
	t.wg.Wait()
	for _, l := range t.loops {
		l.stop()
	}
	if t.watch != nil {
		t.watch.close()
	}
	close(t.ended)
}

// Stats counts since Listen.
func (t *Transport) Stats() Stats {
	c := &t.count
	loops := c.loops.Read()
	s := Stats{
		Loops: len(t.loops), CPUSeconds: loops.CPU.Seconds(), BusySeconds: loops.Busy.Seconds(), Turns: loops.Steps,
		FramesIn: c.framesIn.Load(), FramesOut: c.framesOut.Load(),
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
		Handshakes: c.handshakes.Load(), Writes: c.writes.Load(),
		PeersUp: int(c.peersUp.Load()), Clients: int(c.clients.Load()),
		Young:       t.peerDoor.youngNow() + t.cliDoor.youngNow(),
		QueuedBytes: c.queued.Load(), GatheredBytes: c.gathered.Load(),
	}
	for i := range s.Rejects {
		s.Rejects[i] = c.rejects[i].Load()
	}
	return s
}
