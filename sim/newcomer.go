package sim

import (
	"bytes"

	"quorate/client"
	"quorate/payments"
	"quorate/wire"
)

// A newcomer is a client that genesis does not know. The first client registers
// it, and as soon as that is answered the newcomer asks: of replicas that may not
// have executed its registration yet. Whoever does not know it must have it try
// again, hold its requests back, or catch up in pieces, and never end one.

// newcomerAfter is how many requests the first client makes before that.
const newcomerAfter = 3

// newNewcomer makes the user, without anything to do yet.
func newNewcomer(w *world) *user {
	u := newUser(w, w.opt.Load.Clients)
	u.left, u.absent = 0, true
	return u
}

// introduces is the first client's registration of the newcomer.
func (u *user) introduces() bool {
	return u.w.opt.Load.Odd.Newcomer && u.id == 0 && u.asked == newcomerAfter
}

func (u *user) introduction() (wire.Op, []byte) {
	u.introduced = u.session.NextSeq()
	id := u.w.opt.Load.Clients
	c := payments.ClientRecord{ID: wire.ClientID(id + 1), Key: clientKey(id), Roles: payments.RolesAll}
	return wire.OpRegisterClient, c.Append(nil)
}

// welcome lets the newcomer begin once it is registered. Full tables refuse it.
func (u *user) welcome(r *client.Result) {
	if u.introduced == 0 || r.Request.Seq != u.introduced || r.Err != nil || !bytes.Equal(r.Reply.Result, []byte{0, 0, 0, 0}) {
		return
	}
	next := u.w.users[u.w.opt.Load.Clients]
	next.absent, next.left = false, u.w.opt.Load.Ops
	u.w.say("client %d is registered", next.id+1)
	next.begin()
}
