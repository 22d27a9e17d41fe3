package sim

import (
	"quorate/cluster"
	"quorate/consensus"
	"quorate/payments"
	"quorate/pipeline"
	"quorate/wire"
)

// Keys is the ideal cryptography of one cluster for the packages below this one.
type Keys struct{ ring *keyring }

// IdealKeys makes keys from a seed.
func IdealKeys(seed uint64, q cluster.Quorums) *Keys { return &Keys{idealKeys(seed, q, false)} }

// Cluster is the cluster's id.
func (k *Keys) Cluster() wire.Digest { return k.ring.cluster }

// Suite is what replica id signs and verifies with.
func (k *Keys) Suite(id wire.ReplicaID) pipeline.Suite { return k.ring.suites[id] }

// Sign signs as a client, numbered from 1.
func (k *Keys) Sign(client wire.ClientID, message []byte) wire.Signature {
	return k.ring.sign(int(client)-1, message)
}

// Group gives what enough shares combine to, as only the judge of a test may.
func (k *Keys) Group(p consensus.Purpose, hash wire.Digest) wire.Certificate {
	return k.ring.oracle.group(p, hash)
}

// Genesis is the state machine's start with so many clients, who may do all.
func (k *Keys) Genesis(clients int) payments.Config {
	c := payments.Config{Ledgers: []payments.Ledger{{Number: 1, Currency: [8]byte{'E', 'U', 'R'}, Scale: 2}}}
	for i := range clients {
		c.Clients = append(c.Clients, payments.ClientRecord{ID: wire.ClientID(i + 1), Key: clientKey(i), Roles: payments.RolesAll})
	}
	return c
}
