package pipeline

import (
	"quorate/consensus"
	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/payments"
	"quorate/wire"
)

// ingress is the first stage. Its methods run on the transport's event loops
// and never block: each frame is judged by its cheapest checks and put on a
// ring, or refused with a typed error.
type ingress struct {
	r *Replica
}

// inbound is a request on its way to its signature's check.
type inbound struct {
	request wire.Request
	client  *clientEntry
	conn    ConnID         // 0: forwarded
	from    wire.ReplicaID // who forwarded it
	arrived uint64         // when, for traces; 0 without
}

// PeerFrame takes a frame of a replica; body is the pipeline's from now on.
func (g *ingress) PeerFrame(from wire.ReplicaID, kind wire.Kind, body []byte) {
	var err error
	if kind == wire.KindPacked {
		kind, body, err = unpackFrame(body)
	}
	if err == nil {
		switch kind {
		case wire.KindForward:
			g.forwarded(from, body)
			return
		case wire.KindAskStanding:
			g.r.standingAsked(from, body)
			return
		case wire.KindStanding:
			g.r.standingTold(from, body)
			return
		}
	}
	var msg wire.Message
	if err == nil {
		msg, err = wire.DecodeMessage(kind, body)
	}
	if err != nil {
		mark.Hit(mark.PeerMalformed)
		g.r.stats.PeerMalformed.Add(1)
		return
	}
	if !g.r.order.events.offer(consensus.Received{From: from, Msg: msg}) {
		mark.Hit(mark.PeerDropped)
		g.r.stats.PeerDropped.Add(1)
	}
}

// PeerUp and PeerDown tell the core about links.
func (g *ingress) PeerUp(id wire.ReplicaID) {
	g.r.peersUp.Add(1)
	g.r.order.events.put(consensus.Link{Peer: id, Up: true})
}

// PeerDown is the end of a link.
func (g *ingress) PeerDown(id wire.ReplicaID) {
	g.r.peersUp.Add(-1)
	g.r.order.events.put(consensus.Link{Peer: id, Up: false})
}

// forwarded takes a client's request that another replica passed on.
func (g *ingress) forwarded(from wire.ReplicaID, body []byte) {
	q, err := wire.DecodeRequest(body)
	if err != nil {
		mark.Hit(mark.ForwardMalformed)
		g.r.stats.PeerMalformed.Add(1)
		return
	}
	e := g.r.clients.get(q.Client)
	if e == nil {
		mark.Hit(mark.ForwardStranger)
		g.r.stats.PeerMalformed.Add(1)
		return
	}
	if !payments.WholeBody(q.Op, len(q.Body)) {
		g.r.stats.PeerMalformed.Add(1) // an honest replica refused it by the same check
		return
	}
	if !e.open(q.Seq) && !plant.On(plant.OldForwardsOrdered) {
		// Executed or too old: a late copy, or a liar who would have every old
		// request of everyone ordered again.
		mark.Hit(mark.ForwardStale)
		g.r.stats.PeerStale.Add(1)
		return
	}
	if !g.r.verify.offer(inbound{request: q, client: e, from: from, arrived: g.r.cfg.Trace.now()}) {
		mark.Hit(mark.ForwardDropped)
		g.r.stats.PeerDropped.Add(1)
	}
}

// ClientFrame takes a frame of an authenticated client.
func (g *ingress) ClientFrame(conn ConnID, client wire.ClientID, kind wire.Kind, body []byte) {
	switch kind {
	case wire.KindRequest:
		g.r.stats.RequestsReceived.Add(1)
		if seq, code, waitMilli := g.request(conn, client, body); code != 0 {
			g.r.rejectClientFor(conn, seq, code, waitMilli)
		}
	case wire.KindStatusRequest:
		if len(body) > 0 {
			g.r.rejectClient(conn, 0, wire.RejectMalformed) // it has one encoding: nothing
			return
		}
		g.r.reply(conn, wire.KindStatusReply, g.r.Status().Append(nil))
	case wire.KindClientPing:
		g.r.reply(conn, wire.KindClientPong, body)
	default:
		g.r.rejectClient(conn, 0, wire.RejectMalformed)
	}
}

// ClientDown forgets a connection. The client's id is not known here; waiters
// whose connection is gone are answered into the void and then dropped.
func (g *ingress) ClientDown(ConnID) {}

// request admits a client's request: cheapest check first. A refusal for now
// comes with the time to wait.
func (g *ingress) request(conn ConnID, client wire.ClientID, body []byte) (seq uint64, code wire.RejectCode, waitMilli uint32) {
	q, err := wire.DecodeRequest(body)
	switch {
	case err != nil:
		return 0, wire.RejectMalformed, g.r.hintMilli()
	case q.Client != client:
		return q.Seq, wire.RejectWrongClient, g.r.hintMilli()
	case !payments.WholeBody(q.Op, len(q.Body)):
		return q.Seq, wire.RejectOperation, g.r.hintMilli()
	}
	e := g.r.clients.get(client)
	if e == nil {
		return q.Seq, wire.RejectUnknownClient, g.r.hintMilli()
	}
	if g.r.stopping.Load() {
		return q.Seq, wire.RejectShutdown, g.r.hintMilli()
	}
	if g.r.diskLow.Load() {
		return q.Seq, wire.RejectDiskLow, g.r.hintMilli()
	}
	if g.r.crowded() || q.Op == wire.OpCreateSignedTransfers && g.r.payers.crowded() {
		return q.Seq, wire.RejectOverload, g.r.hintMilli()
	}
	if wait := e.spend(g.r.ticks.Load(), &g.r.quota); wait > 0 {
		return q.Seq, wire.RejectOverload, wait
	}
	what, code := e.admit(q.Seq, conn, g.r.ticks.Load(), g.r.quota.queueMax)
	switch what {
	case admitNew:
		if !g.r.verify.offer(inbound{request: q, client: e, conn: conn, arrived: g.r.cfg.Trace.now()}) {
			e.answer(q.Seq) // it is not under way: the next copy is to be taken
			return q.Seq, wire.RejectOverload, g.r.hintMilli()
		}
	case admitDone:
		again := repeat{client: e, seq: q.Seq, digest: q.Digest(g.r.cfg.Cluster), conn: conn}
		if !g.r.execute.repeats.offer(again) {
			return q.Seq, wire.RejectOverload, g.r.hintMilli()
		}
	}
	return q.Seq, code, g.r.hintMilli()
}
