package scheme

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"quorate/cluster"
	"quorate/sigagg"
)

// ErrOtherSecret says that a secret is not the one whose public key genesis lists
// for this replica (KEY-02).
var ErrOtherSecret = errors.New("it is not the secret whose public key genesis lists for this replica")

// NewSigners makes the signers of one replica from its key file, and holds each
// secret against genesis. An error starts with the secret's key in the file.
func NewSigners(g *cluster.Genesis, keys *cluster.NodeKeys) (*Signers, error) {
	m, ok := g.Replica(keys.Replica)
	if !ok {
		return nil, fmt.Errorf("replica: %w", ErrOtherSecret)
	}
	switch g.Scheme {
	case cluster.MultiBLS:
		s, err := blsSigner(keys.VoteSecret, m.VoteKey, int(keys.Replica))
		if err != nil {
			return nil, fmt.Errorf("vote_secret: %w", err)
		}
		return &Signers{s, s, s}, nil
	case cluster.Ed25519:
		s, err := sigagg.NewEdSigner(keys.VoteSecret[:])
		if err == nil && !bytes.Equal(s.Public(), m.VoteKey) {
			err = ErrOtherSecret
		}
		if err != nil {
			return nil, fmt.Errorf("vote_secret: %w", err)
		}
		return &Signers{s, s, s}, nil
	}
	out := &Signers{}
	for _, k := range []struct {
		to     *Signer
		name   string
		secret [cluster.SecretBytes]byte
	}{{&out.Sigma, sigma, keys.SigmaShare}, {&out.Tau, tau, keys.TauShare}, {&out.Pi, pi, keys.PiShare}} {
		s, err := blsSigner(k.secret, shareKey(m, k.name)[:], int(keys.Replica))
		if err != nil {
			return nil, fmt.Errorf("%s_share: %w", k.name, err)
		}
		*k.to = s
	}
	return out, nil
}

// blsSigner makes a signer of a secret, if its public key is the one listed.
func blsSigner(secret [cluster.SecretBytes]byte, listed []byte, replica int) (Signer, error) {
	share, err := sigagg.ParseSecretShare(secret[:])
	if err != nil {
		return nil, err
	}
	s, err := sigagg.NewSigner(share, replica)
	if err != nil {
		return nil, err
	}
	if public := s.Public().Bytes(); !bytes.Equal(public[:], listed) {
		return nil, ErrOtherSecret
	}
	return sigagg.BLSSigner{Signer: s}, nil
}

// Deal draws the keys of g.Scheme from random, or from the operating system if
// it is nil, and puts the public ones into g and the secret ones into nodes,
// which have one entry for each member of g. g is not sealed yet.
func Deal(g *cluster.Genesis, nodes []*cluster.NodeKeys, random io.Reader) error {
	q, err := cluster.NewQuorums(len(nodes), g.F, g.C)
	if err != nil {
		return err
	}
	if random == nil {
		random = rand.Reader
	}
	switch g.Scheme {
	case cluster.MultiBLS:
		return dealMulti(g, nodes, random)
	case cluster.Ed25519:
		return dealEd(g, nodes, random)
	}
	for _, k := range []struct {
		name      string
		threshold int
		place     func(n *cluster.NodeKeys) *[cluster.SecretBytes]byte
	}{
		{sigma, q.Sigma, func(n *cluster.NodeKeys) *[cluster.SecretBytes]byte { return &n.SigmaShare }},
		{tau, q.Tau, func(n *cluster.NodeKeys) *[cluster.SecretBytes]byte { return &n.TauShare }},
		{pi, q.Pi, func(n *cluster.NodeKeys) *[cluster.SecretBytes]byte { return &n.PiShare }},
	} {
		dealing, err := sigagg.Deal(k.threshold, q.N, random)
		if err != nil {
			return fmt.Errorf("deal %d of %d: %w", k.threshold, q.N, err)
		}
		*groupKey(g, k.name) = dealing.Group.Bytes()
		for i, n := range nodes {
			*k.place(n) = dealing.Shares[i].Bytes()
			*shareKey(&g.Members[i], k.name) = dealing.SharePublics[i].Bytes()
		}
	}
	return nil
}

func dealMulti(g *cluster.Genesis, nodes []*cluster.NodeKeys, random io.Reader) error {
	for i, n := range nodes {
		secret, err := sigagg.DrawSecret(random)
		if err != nil {
			return err
		}
		public, err := secret.Public()
		if err != nil {
			return err
		}
		proof, err := secret.Possession()
		if err != nil {
			return err
		}
		key := public.Bytes()
		n.VoteSecret = secret.Bytes()
		g.Members[i].VoteKey, g.Members[i].Possession = key[:], proof[:]
	}
	return nil
}

func dealEd(g *cluster.Genesis, nodes []*cluster.NodeKeys, random io.Reader) error {
	for i, n := range nodes {
		if _, err := io.ReadFull(random, n.VoteSecret[:]); err != nil {
			return fmt.Errorf("deal: read randomness: %w", err)
		}
		s, err := sigagg.NewEdSigner(n.VoteSecret[:])
		if err != nil {
			return err
		}
		g.Members[i].VoteKey = s.Public()
	}
	return nil
}
