package client

import (
	"fmt"
	"sync"

	"quorate/cluster"
	"quorate/internal/scheme"
	"quorate/sigagg"
	"quorate/wire"
)

// verifiedMax is the number of checked certificates that a Verifier remembers:
// 30–60 blocks a second for the ten seconds in which a late duplicate may come.
// An entry takes about 200 bytes.
const verifiedMax = 512

// Verifier checks π of blocks against genesis. A certificate costs about 1 ms
// to check and answers many requests, so good ones are remembered. Bad ones are
// not: they would push the good ones out. It is safe for concurrent use; share
// one among all sessions of a process.
type Verifier struct {
	scope wire.Scope
	group scheme.Group

	mu    sync.Mutex
	known map[certificate]*verdict
	order [verifiedMax]certificate // ring of the checked keys of known
	next  int
	count int
}

// certificate names a block and the signature over it.
type certificate struct {
	seq   wire.SeqNum
	block wire.Digest
	pi    wire.Certificate
}

// verdict is one certificate's check; done is closed when it is over. Sessions
// that get the same block at the same time wait for one check.
type verdict struct {
	done chan struct{}
	err  error
}

// NewVerifier builds the group of π from genesis, which must be sealed. It
// returns ErrGenesis for keys that are no group.
func NewVerifier(g *cluster.Genesis) (*Verifier, error) {
	group, err := scheme.OpenPi(g)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGenesis, err)
	}
	return &Verifier{
		scope: wire.Scope{Cluster: g.Hash(), Epoch: g.Epoch},
		group: group,
		known: make(map[certificate]*verdict),
	}, nil
}

// Scope is what the cluster's signatures are bound to.
func (v *Verifier) Scope() wire.Scope { return v.scope }

// Check returns nil if pi certifies the block with this header, else
// ErrCertificate.
func (v *Verifier) Check(h *wire.BlockHeader, pi wire.Certificate) error {
	key := certificate{h.Seq, h.Hash(), pi}
	v.mu.Lock()
	if known := v.known[key]; known != nil {
		v.mu.Unlock()
		<-known.done
		return known.err
	}
	mine := &verdict{done: make(chan struct{})}
	v.known[key] = mine
	v.mu.Unlock()

	digest := v.scope.ExecuteHash(h.Seq, key.block)
	if err := v.group.Verify(sigagg.ExecState, digest, pi.Bytes()); err != nil {
		mine.err = fmt.Errorf("%w: block %d: %w", ErrCertificate, h.Seq, err)
	}
	v.mu.Lock()
	v.settle(key, mine)
	v.mu.Unlock()
	close(mine.done)
	return mine.err
}

// settle remembers a good certificate in the place of the oldest and forgets a
// bad one. Between the two calls of Check known holds one more entry per
// goroutine that checks.
func (v *Verifier) settle(key certificate, mine *verdict) {
	if mine.err != nil {
		delete(v.known, key)
		return
	}
	if v.count == verifiedMax {
		delete(v.known, v.order[v.next])
	} else {
		v.count++
	}
	v.order[v.next] = key
	v.next = (v.next + 1) % verifiedMax
}
