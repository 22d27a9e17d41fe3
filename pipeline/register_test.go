package pipeline

import (
	"encoding/binary"
	"testing"

	"quorate/payments"
	"quorate/wire"
)

// Aim: what an admin registers, a restart takes. Method: keys that are no points
// are sent through real replicas, all of which are then stopped and started.

func TestBadKeyIsRefusedAndARestartWorks(t *testing.T) {
	c := newTestCluster(t, 1)
	for i, key := range [][32]byte{{2}, {3, 7}} {
		r := payments.ClientRecord{ID: wire.ClientID(50 + i), Key: key, Roles: payments.RoleQueries}
		reply := c.do(0, wire.OpRegisterClient, r.Append(nil), 0)
		if len(reply.Result) != 4 || binary.LittleEndian.Uint32(reply.Result) == uint32(payments.RegisterOK) {
			t.Fatalf("key %x: status %d, result %x; want a refusal", key[:2], reply.Status, reply.Result)
		}
	}
	before, at := c.settle(), c.nodes[0].replica.Status().Executed
	for i := range 4 {
		c.kill(i)
	}
	for i := range 4 {
		c.start(i, false)
	}
	c.waitExecuted(at) // before, all four may be equal at an earlier slot
	if after := c.settle(); after != before {
		t.Fatalf("state after restart %v, before %v", after, before)
	}
}
