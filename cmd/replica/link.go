package main

import (
	"sync/atomic"

	"quorate/netio"
	"quorate/pipeline"
	"quorate/wire"
)

// transportLink joins netio and the pipeline, which do not know each other. The
// pipeline exists before the ports are open: what it sends till then is lost
// like on any link that is down.
type transportLink struct {
	net atomic.Pointer[netio.Transport]
}

func (l *transportLink) open(t *netio.Transport) { l.net.Store(t) }

// Send implements pipeline.Transport.
func (l *transportLink) Send(to wire.ReplicaID, lane wire.Lane, kind wire.Kind, body []byte) error {
	if t := l.net.Load(); t != nil {
		return t.Send(to, lane, kind, body)
	}
	return netio.ErrDown
}

// Reply implements pipeline.Transport.
func (l *transportLink) Reply(conn pipeline.ConnID, kind wire.Kind, body []byte) error {
	if t := l.net.Load(); t != nil {
		return t.Reply(netio.ConnID(conn), kind, body)
	}
	return netio.ErrDown
}

// handler gives netio's frames to the pipeline.
type handler struct{ in pipeline.Ingress }

func (l *transportLink) to(r *pipeline.Replica) netio.Handler { return handler{r.Ingress()} }

func (h handler) PeerFrame(from wire.ReplicaID, kind wire.Kind, body []byte) {
	h.in.PeerFrame(from, kind, body)
}
func (h handler) PeerUp(id wire.ReplicaID)   { h.in.PeerUp(id) }
func (h handler) PeerDown(id wire.ReplicaID) { h.in.PeerDown(id) }
func (h handler) ClientFrame(conn netio.ConnID, client wire.ClientID, kind wire.Kind, body []byte) {
	h.in.ClientFrame(pipeline.ConnID(conn), client, kind, body)
}
func (h handler) ClientDown(conn netio.ConnID) { h.in.ClientDown(pipeline.ConnID(conn)) }
