package client

import (
	"context"
	"crypto/ed25519"

	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"quorate/payments"
	"quorate/wire"
)

// SignedTransfer is a transfer with the seal of whom it debits.
type SignedTransfer struct {
	payments.Transfer
	wire.Seal
}

// SignTransfer signs t as the owner of an account, for one cluster, named by its
// genesis' hash. The ledger takes the signature for a transfer that debits
// payments.KeyAccount of the key, or for one that posts or voids a pending
// transfer of that account. It needs no connection: a payer signs wherever its
// key is, and whoever submits the transfer cannot change it.
func SignTransfer(cluster wire.Digest, key ed25519.PrivateKey, t payments.Transfer) SignedTransfer {
	return SignedTransfer{t, SealTransfer(cluster, key, t.Append(nil))}
}

// SealTransfer is SignTransfer of an encoded transfer.
func SealTransfer(cluster wire.Digest, key ed25519.PrivateKey, event []byte) (s wire.Seal) {
	d := wire.TransferDigest(cluster, event)
	copy(s.Key[:], key.Public().(ed25519.PublicKey))
	copy(s.Signature[:], voi.Sign(voi.PrivateKey(key), d[:]))
	return s
}

// SignedBody is the body of a request of signed transfers.
func SignedBody(transfers []SignedTransfer) []byte {
	events := make([]byte, 0, len(transfers)*wire.EventBytes)
	seals := make([]wire.Seal, len(transfers))
	for i := range transfers {
		events = transfers[i].Transfer.Append(events)
		seals[i] = transfers[i].Seal
	}
	return wire.AppendSigned(make([]byte, 0, len(transfers)*wire.SignedEventBytes), events, seals)
}

// CreateSignedTransfers creates up to wire.SignedEventsMax transfers that were
// signed one by one, and gives one code per transfer, in order. A bad signature
// refuses its own transfer alone. An error says nothing about single transfers.
func (c *Client) CreateSignedTransfers(ctx context.Context, transfers []SignedTransfer) ([]payments.TransferCode, error) {
	return create[payments.TransferCode](ctx, c, wire.OpCreateSignedTransfers, SignedBody(transfers), len(transfers))
}
